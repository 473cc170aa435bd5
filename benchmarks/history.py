"""What moved since the last run? Each run's bars are kept, small and dated, and compared with those before it.

Machines are noisy, so a figure has moved only where it changed by more than what changes by itself: `NOISE` of it for a
ratio of two things measured in one run, and for what is no time at all; `TIMES` for a time, which the machine's other
work lengthens. Of a figure with a limit the table says which way it went, by the side on which the limit lies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.record import Bar, table
from structure.files import write_whole

HISTORY = Path(__file__).resolve().parent / "history"
NOISE = 0.10  # share of the value before
TIMES = 0.25  # the same, for seconds and milliseconds
_UNITS_OF_TIME = ("s", "ms", "min", "h")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-(\d+))?")

Bars = Mapping[str, Sequence[Mapping[str, Any]]]
"""Bars as a result file has them, by benchmark."""


def change(bar: Bar, before: float) -> float | None:
    """How much a figure changed, as a share of what it was; None where it was 0 and is not."""
    if before == 0:
        return 0.0 if bar.value == 0 else None
    return (bar.value - before) / abs(before)


def verdict_of_change(bar: Bar, before: float) -> str:
    """`better`, `WORSE` or `moved` (no limit says which), empty where it changed by no more than noise."""
    changed = change(bar, before)
    if changed is not None and abs(changed) <= (TIMES if bar.unit in _UNITS_OF_TIME else NOISE):
        return ""
    if (bar.least is None) == (bar.most is None):
        return "moved"
    worse = bar.value > before if bar.least is None else bar.value < before
    return "WORSE" if worse else "better"


def keep_day(results: Path, folder: Path, names: Collection[str], now: datetime | None = None) -> Path:
    """Write the bars of a run to `YYYY-MM-DD.json`; a later run of the day gets a number, so that none is lost.

    Args:
        results: where result files lie.
        folder: of the history.
        names: of the benchmarks that were run.
        now: its date; None: today.
    """
    day = f"{now or datetime.now(UTC):%Y-%m-%d}"
    bars = {path.stem: read_result(path)["bars"] for path in _results_of(results, names)}
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + sum(1 for path in _days(folder) if path.stem.startswith(day))
    path = folder / (f"{day}.json" if number == 1 else f"{day}-{number}.json")
    write_whole(path, (json.dumps({"date": day, "bars": bars}, indent=1, ensure_ascii=False) + "\n").encode())
    return path


def last_day(folder: Path) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """The newest value that the history has of each figure: `benchmark: what` to its date and its bar."""
    known: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for path in _days(folder):
        kept = json.loads(path.read_text(encoding="utf-8"))
        for name, bars in kept["bars"].items():
            known |= {_key(name, bar["what"]): (kept["date"], bar) for bar in bars}
    return known


def summary(
    results: Path, before: Mapping[str, tuple[str, Mapping[str, Any]]], names: Collection[str] | None = None
) -> str:
    """One table: what, measured, limit, verdict, when, what it was before, the change, and whether that is one.

    Args:
        results: where result files lie.
        before: as `last_day` gives it.
        names: of the benchmarks to tell of; None: all that have a result.
    """
    rows = [["what", "measured", "bar", "", "when", "before", "change", "moved"]]
    for path in _results_of(results, names):
        result = read_result(path)
        for raw in result["bars"]:
            bar = Bar(**{key: raw[key] for key in ("what", "value", "unit", "least", "most")})
            rows.append([*bar.row(), result["date"][:10], *_against(bar, before.get(_key(path.stem, bar.what)))])
    if len(rows) == 1:
        return "Nothing has been measured yet: run `python -m benchmarks`."
    moved = [f"{row[7]}: {row[0]}" for row in rows[1:] if row[7]]
    return "\n".join([table(rows), "", *(moved or ["Nothing moved."])])


def read_result(path: Path) -> dict[str, Any]:
    """A benchmark's result file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _against(bar: Bar, last: tuple[str, Mapping[str, Any]] | None) -> list[str]:
    if last is None:
        return ["", "", ""]
    date, old = last
    changed = change(bar, old["value"])
    share = "from 0" if changed is None else f"{100 * changed:+.0f} %"
    return [f"{old['value']:.3g} ({date})", share, verdict_of_change(bar, old["value"])]


def _results_of(results: Path, names: Collection[str] | None) -> list[Path]:
    """Result files, by name: `sizes-starter.json` is of `sizes`; None: of all benchmarks."""
    found = sorted(results.glob("*.json"))
    return [path for path in found if names is None or path.stem in names or path.stem.partition("-")[0] in names]


def _key(name: str, what: str) -> str:
    return f"{name}: {what}"


def _days(folder: Path) -> list[Path]:
    """The kept runs, oldest first."""
    found = [(match, path) for path in folder.glob("*.json") if (match := _DAY.fullmatch(path.stem))]
    return [path for _, path in sorted(found, key=lambda one: (one[0][1], int(one[0][2] or 1)))]
