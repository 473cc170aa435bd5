"""JSON that somebody else may have written: whatever is wrong with it is a `ValueError`."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEEPEST = 100  # lists and objects in one another
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def parse_json(
    text: str | bytes,
    parse_float: Callable[[str], float] | None = None,
    parse_object: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None,
) -> Any:
    """What a text holds.

    `json` itself ends by a `RecursionError` in a few kilobytes of brackets, and what it just manages ends so where it
    is shown or written.

    Args:
        text: JSON; bytes in UTF-8.
        parse_float: reads a number with a point or an exponent, and NaN and the infinities; None lets all be.
        parse_object: makes an object of its pairs; None takes the last value of a key that stands twice.

    Raises:
        ValueError: no JSON, nested too deeply, or a whole number that no float can hold.
    """
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    _refuse_deep(text)
    more = {"parse_float": parse_float, "parse_constant": parse_float} if parse_float else {}
    return json.loads(text, parse_int=_whole, object_pairs_hook=parse_object, **more)


def read_json(path: Path) -> Any:
    """What a file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: as `parse_json`, or it is not UTF-8.
    """
    return parse_json(path.read_text(encoding="utf-8"))


def number(value: object) -> float | None:
    """A number of JSON as a float; None for anything else, and for what is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _refuse_deep(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:  # nearly every text
        return
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")


def _whole(literal: str) -> int:
    if len(literal) > 300:
        raise ValueError(f"a number of {len(literal)} digits is too large")
    return int(literal)
