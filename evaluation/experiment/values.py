"""Figures of an experiment's results as words: whatever is missing or not a number reads "-"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.intervals import Interval
from structure.json_reading import number

NOTHING = "-"


def interval(value: Any) -> Interval | None:
    """`{"mean", "low", "high", "n"}` as an interval; None where there is no mean."""
    if not isinstance(value, Mapping) or (mean := number(value.get("mean"))) is None:
        return None
    low, high = number(value.get("low")), number(value.get("high"))
    bounded = low is not None and high is not None
    return Interval(mean, low if bounded else None, high if bounded else None, int(number(value.get("n")) or 0))


def part(owner: Any, key: str) -> Mapping[str, Any]:
    """A dictionary inside a dictionary; empty where it is missing."""
    found = owner.get(key) if isinstance(owner, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def listed(owner: Any, key: str) -> list[Any]:
    """A list inside a dictionary; empty where it is missing."""
    found = owner.get(key) if isinstance(owner, Mapping) else None
    return found if isinstance(found, list) else []


def items(owner: Any, key: str) -> list[Mapping[str, Any]]:
    """A list of dictionaries inside a dictionary; what is no dictionary is left out."""
    return [item for item in listed(owner, key) if isinstance(item, Mapping)]


def word(owner: Mapping[str, Any], key: str) -> str:
    """A text inside a dictionary, as one finds others by it; empty where it is missing."""
    found = owner.get(key)
    return found if isinstance(found, str) else ""


def name_of(owner: Mapping[str, Any]) -> str:
    """What an arm or a measure is called: its name, or else its key."""
    return str(owner.get("name") or owner.get("key") or NOTHING)


def show(value: float | None, unit: str = "", signed: bool = False) -> str:
    """`0.93`, `+0.62` or `0.04 s`; large figures with fewer places."""
    if value is None:
        return NOTHING
    places = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:{'+' if signed else ''}.{places}f}{f' {unit}' if unit else ''}"


def show_bounds(value: Interval | None, signed: bool = False) -> str:
    """`0.90 to 0.96`; empty where the interval is unknown."""
    if value is None or value.low is None:
        return ""
    return f"{show(value.low, signed=signed)} to {show(value.high, signed=signed)}"


def show_p(value: Any) -> str:
    """A p-value with three places."""
    p = number(value)
    return NOTHING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def show_span(seconds: Any) -> str:
    """How long something took: `4 min 41 s`."""
    whole = number(seconds)
    if whole is None:
        return NOTHING
    if whole < 60:
        return f"{whole:.1f} s"
    minutes, left = divmod(round(whole), 60)
    return f"{minutes} min {left:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def show_clock(seconds: float) -> str:
    """A place in a song: `0:08.25`."""
    minutes, left = divmod(round(seconds * 100), 6000)
    return f"{minutes}:{left / 100:05.2f}"
