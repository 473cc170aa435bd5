"""Rows: the lines of any annotation file as start, end and label, and the one way from them to events and back.

A row with a length is a section or a moment of that span. A row without one is a moment where its label names one;
any other is a boundary, where a section of that name begins: it lasts until the next section or boundary begins.
A boundary called `end` or `no_function`, or without a name, closes the section before it and begins none.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from annotate.formats.annotation import FormatError
from annotate.formats.labels import is_moment_word, names_nothing, read_label
from structure.events import TOUCHING, Event, overlapping, sections, show_seconds

LONGEST = 1e6  # seconds; as in the structure language, more is a slip (samples, milliseconds)
NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?"
_SECONDS = re.compile(NUMBER)
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}(?:[.,]\d*)?)")


@dataclass(frozen=True)
class Row:
    """One entry of a file.

    Attributes:
        where: what a message calls it: `Line 3`.
        start: seconds.
        end: seconds; None or `start` for a point.
        label: as it stands in the file.
    """

    where: str
    start: float
    end: float | None
    label: str

    @property
    def is_point(self) -> bool:
        return self.end is None or self.end == self.start


def seconds(text: str) -> float | None:
    """`8`, `8.5`, `8,5` or `1e-3` to seconds; None for anything else."""
    if not _SECONDS.fullmatch(text.strip()):
        return None
    value = float(text.strip().replace(",", "."))
    return value if math.isfinite(value) else None


def clock(text: str) -> float | None:
    """`1:04.250`, `1:02:03` or what `seconds` takes, to seconds; None for anything else."""
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        return seconds(text)
    hours, minutes, rest = found[1], float(found[2]), float(found[3].replace(",", "."))
    if rest >= 60 or (hours is not None and minutes >= 60):
        return None
    return round((float(hours or 0) * 60 + minutes) * 60 + rest, 6)


def lines_of(text: str) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers from 1: neither blank nor a `#` comment."""
    numbered = enumerate(text.split("\n"), start=1)
    return [(n, line) for n, line in numbered if line.strip() and not line.lstrip().startswith("#")]


def first_line(text: str) -> str:
    """The first line that says something, shortened for a message; empty where there is none."""
    return next((line.strip()[:60] for line in text.split("\n") if line.strip()), "")


def events_of(
    rows: Sequence[Row], duration: float | None = None, *, moments: bool = True, points: bool = True
) -> list[Event]:
    """Events of a file's rows, in their order, checked so that a message can name the line.

    Args:
        rows: in any order.
        duration: length of the song in seconds, where it is known; the last boundary's section ends there.
        moments: whether a row may be a moment. In lists of sections alone, a section called `fill` is a section.
        points: whether a row without a length may be a boundary; else it is a slip.

    Raises:
        FormatError: impossible times, a section without a name, sections that overlap, or a last boundary of which
            nothing says where its section ends.
    """
    drafts = [(row, *_typed(row, moments)) for row in rows]
    starts = sorted({row.start for row, _, fields in drafts if fields["family"] != "moment"})
    made: list[tuple[Row, Event]] = []
    for row, kind, fields in drafts:
        _refuse_impossible(row)
        end = row.start if row.end is None else row.end
        if fields["family"] != "moment" and row.is_point:
            if names_nothing(kind):
                continue
            if not points:
                raise FormatError(
                    f"{row.where}: `{kind[:40]}` starts and ends at {show_seconds(row.start)}. A section needs a "
                    "length: move its end, or delete it."
                )
            end = next((t for t in starts if t > row.start), duration if duration is not None else row.start)
            if end <= row.start:
                raise FormatError(
                    f"{row.where}: nothing says where the section `{kind[:40]}` at {show_seconds(row.start)} ends. Add "
                    "an entry `end` after it."
                )
        elif not kind.strip(" :"):
            raise FormatError(
                f"{row.where}: the section at {show_seconds(row.start)} has no label. Give it one, such as verse."
            )
        elif kind.strip().lower() in ("no_function", "no function"):
            continue
        family = fields["family"] if is_moment_word(kind) != (fields["family"] == "moment") else None
        made.append((row, Event(type=kind, start=row.start, end=end, **fields | {"family": family})))
    _refuse_overlaps(made)
    return [event for _, event in made]


def boundaries(events: Iterable[Event]) -> list[tuple[float, Event | None]]:
    """Sections as a list of boundaries: where each begins, and None where it ends with none after it.

    A gap is what no section covers; one shorter than `TOUCHING` is none.
    """
    spans = sections(events)
    listed: list[tuple[float, Event | None]] = []
    for one, other in pairwise([*spans, None]):
        if one is not None:
            listed.append((one.start, one))
            if other is None or other.start > one.end + TOUCHING:
                listed.append((one.end, None))
    return listed


def _typed(row: Row, moments: bool) -> tuple[str, dict[str, Any]]:
    """A row's name and fields; `family` is always among them."""
    kind, fields = read_label(row.label)
    natural = "moment" if is_moment_word(kind) else "section"
    return kind, fields | {"family": fields.get("family", natural) if moments else "section"}


def _refuse_impossible(row: Row) -> None:
    start, end = row.start, row.start if row.end is None else row.end
    if end < start:
        raise FormatError(
            f"{row.where}: ends at {show_seconds(end)}, before it starts at {show_seconds(start)}. Swap them."
        )
    if start < 0:
        raise FormatError(
            f"{row.where}: starts at {show_seconds(start)}. Times count from the start of the audio: 0 is the earliest."
        )
    if end > LONGEST:
        raise FormatError(
            f"{row.where}: {show_seconds(end)} is too long for a song. Give seconds, not samples or milliseconds."
        )


def _refuse_overlaps(made: Sequence[tuple[Row, Event]]) -> None:
    for i, j in overlapping([event for _, event in made]):
        (one_row, one), (row, event) = made[i], made[j]
        raise FormatError(
            f"{row.where}: `{event.name[:40]}` starts at {show_seconds(event.start)}, before `{one.name[:40]}` "
            f"({one_row.where[0].lower() + one_row.where[1:]}) ends at {show_seconds(one.end)}. Sections may not "
            "overlap: move one edge."
        )
