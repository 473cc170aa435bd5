"""The points of a run as lines to draw: read on from where the last look ended, thinned as they are read.

A long run writes a hundred thousand points, and the page looks every second: what it keeps in memory is about what a
picture shows, however many there are. The running mean is taken over all points that are read.
"""

import copy
import math
import os
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from structure.json_reading import parse_json
from training.run_folder import METRICS_FILE

MOST_POINTS = 500  # of a line: its picture is hardly wider
SMOOTHING = 0.95  # share of the old value that is left in the running mean after one step
RUNS_KEPT = 8  # whose lines stay in memory
_BLOCK = 2**20  # bytes read at once
_PARSED_WHOLE = 2**18  # bytes; of what is longer, as many lines of training are parsed as fit into it

Points = list[tuple[float, float]]


class Line:
    """One value over steps, at most about `MOST_POINTS` points of it, evenly spread.

    Attributes:
        latest: step, value and running mean of the newest point; None before the first.
        lowest: step and value of the lowest point, thinned away or not.
    """

    def __init__(self) -> None:
        self.latest: tuple[float, float, float] | None = None
        self.lowest: tuple[float, float] | None = None
        self._kept: list[tuple[float, float, float]] = []
        self._every, self._seen = 1, 0
        self._mean, self._weight = 0.0, 0.0

    def add(self, step: float, value: float) -> None:
        """Add the next point; `step` counts up."""
        gap = max(1.0, step - self.latest[0]) if self.latest else 1.0
        left = SMOOTHING**gap
        self._mean = left * self._mean + (1 - left) * value
        self._weight = left * self._weight + (1 - left)
        self.latest = (step, value, self._mean / self._weight)  # without the pull towards zero at the beginning
        if self.lowest is None or value < self.lowest[1]:
            self.lowest = (step, value)
        if self._seen % self._every == 0:
            self._kept.append(self.latest)
            if len(self._kept) > MOST_POINTS:
                del self._kept[1::2]
                self._every *= 2
        self._seen += 1

    @property
    def values(self) -> Points:
        """(step, value) of the points that are left, the newest among them."""
        return [(step, value) for step, value, _ in self._drawn()]

    @property
    def means(self) -> Points:
        """(step, running mean) of the same points."""
        return [(step, mean) for step, _, mean in self._drawn()]

    def __bool__(self) -> bool:
        """Whether there is any point."""
        return self.latest is not None

    def __copy__(self) -> "Line":
        other = Line.__new__(Line)
        other.__dict__.update(self.__dict__, _kept=list(self._kept))
        return other

    def _drawn(self) -> list[tuple[float, float, float]]:
        missing = self.latest is not None and self._kept[-1] != self.latest
        return [*self._kept, self.latest] if missing and self.latest is not None else self._kept


class Curves:
    """Every value of `metrics.jsonl` by its name; a name that has no point yet is an empty line."""

    def __init__(self, points: Iterable[Mapping[str, Any]] = ()) -> None:
        self._lines: dict[str, Line] = {}
        for point in points:
            self.add(point)

    def __getitem__(self, name: str) -> Line:
        return self._lines.get(name) or Line()

    def add(self, point: Mapping[str, Any]) -> None:
        """Add one line of `metrics.jsonl`; what is no number in it is left out."""
        step = point.get("step")
        if not _is_number(step):
            return
        for name, value in point.items():
            if name != "step" and _is_number(value):
                line = self._lines.get(name)
                if line is None:
                    line = self._lines[name] = Line()
                line.add(float(step), float(value))

    def __copy__(self) -> "Curves":
        other = Curves()
        other._lines = {name: copy.copy(line) for name, line in self._lines.items()}
        return other


def read_curves(folder: Path) -> Curves:
    """The lines of a run as they stand now; only what was appended since the last look is read."""
    return _growing(Path(folder) / METRICS_FILE).read()


@lru_cache(maxsize=RUNS_KEPT)
def _growing(path: Path) -> "_GrowingFile":
    return _GrowingFile(path)


class _GrowingFile:
    """A `metrics.jsonl` that others append to; begun anew where it was replaced by another file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._file, self._read_to, self._begun = 0, 0, b""
        self._curves = Curves()

    def read(self) -> Curves:
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    self._read_on(file)
            except OSError:  # none yet, or gone with its run
                self._forget()
            return copy.copy(self._curves)

    def _read_on(self, file: Any) -> None:
        status = os.fstat(file.fileno())
        if status.st_ino != self._file or status.st_size < self._read_to:
            self._forget()
            self._file = status.st_ino
        every = max(1, (status.st_size - self._read_to) // _PARSED_WHOLE)
        file.seek(self._read_to)
        number, passed_over = 0, b""
        while block := file.read(min(_BLOCK, status.st_size - self._read_to)):
            self._read_to += len(block)
            *lines, self._begun = (self._begun + block).split(b"\n")  # the last one may be half written
            for line in lines:
                if b'"loss"' in line:  # a step of training: there are enough of them
                    passed_over = line if number % every else b""
                    number += 1
                    if passed_over:
                        continue
                self._add(line)
        if passed_over:  # the newest point always shows
            self._add(passed_over)

    def _add(self, line: bytes) -> None:
        try:
            point = parse_json(line)
        except ValueError:  # cut off by a crash
            return
        if isinstance(point, dict):
            self._curves.add(point)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
