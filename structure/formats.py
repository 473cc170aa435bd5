"""Other programs' section labels to events and back: Audacity label tracks, machine-made timelines."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from structure.errors import StudioError
from structure.events import MOMENT_TYPES, SECTION_TYPES, Event, moments, normalise_type, sections, show_seconds
from structure.language import format_description, split_description

_CLOSING = ("", "end")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


class FormatError(StudioError):
    """A label file that is not what its format asks for; names the line."""


def read_audacity(text: str, duration: float | None = None) -> list[Event]:
    r"""Events of an Audacity label track: `start⇥end⇥label` in each line.

    A region becomes an event of that type. A point label (start = end) that names a moment is that moment; any other
    is a boundary, where a section of that name begins; it lasts until the next section or boundary. A point called
    `end`, or without a name, closes the section before it and begins none. The text after the type may describe the
    event as in the structure language: `chorus "full drums" intensity=0.9`. Lines that begin with a backslash (the
    frequency range of a spectral selection) are skipped.

    Args:
        text: the file's content; decimal commas are read too.
        duration: length of the song in seconds; the last boundary's section ends there.

    Returns:
        events by line, a boundary's section in its place. They are not checked for overlaps: saving does that.

    Raises:
        FormatError: a line without two times, a region without a label, or a last boundary with no known end.
    """
    rows = [
        (n, *_audacity_row(n, line)) for n, line in enumerate(text.lstrip("\ufeff").splitlines(), 1) if _counts(line)
    ]
    points = [row[1] for row in rows if row[1] == row[2] and _family(row[3]) != "moment"]
    stops = sorted({*points, *(row[1] for row in rows if row[1] != row[2] and _family(row[3]) != "moment")})
    events = []
    for number, start, end, label in rows:
        kind, fields = split_description(label)
        if start == end and _family(label) != "moment":
            if normalise_type(kind) in _CLOSING:
                continue
            end = min((t for t in stops if t > start), default=duration if duration is not None else start)
            if end <= start:
                raise FormatError(
                    f"Line {number}: nothing says where the section `{kind}` at {show_seconds(start)} ends. Add a "
                    "point label `end` after it, or drag it to a region in Audacity."
                )
        elif not normalise_type(kind):
            raise FormatError(f"Line {number}: the region at {show_seconds(start)} has no label. Name it in Audacity.")
        events.append(Event(type=kind, start=start, end=end, **fields))
    return events


def write_audacity(events: Iterable[Event]) -> str:
    """Sections, then moments, as an Audacity label track; `read_audacity` reads the same events back.

    Times are written to the microsecond, as Audacity does.
    """
    listed = list(events)
    rows = [f"{e.start:.6f}\t{e.end:.6f}\t{format_description(e)}\n" for e in sections(listed) + moments(listed)]
    return "".join(rows)


def read_machine_timeline(data: Mapping[str, Any]) -> list[Event]:
    """Sections of the timelines that the ancestor's captioning tools left in a sidecar.

    Two layouts: `music_analysis.timeline[]` with `start_sec`, `end_sec`, `section_label`, and Audio Flamingo's
    `sections[]`, which has a summary and no label. The type is the label, else the first section type that the summary
    begins with, else `section`; the summary becomes the label. Those tools analyse windows that overlap: each section
    ends where the next begins. Entries without usable times are left out: these are proposals, not annotations.
    """
    analysis = data.get("music_analysis")
    for rows in (analysis.get("timeline") if isinstance(analysis, Mapping) else None, data.get("sections")):
        found = [e for row in rows if (e := _machine_section(row))] if isinstance(rows, list) else []
        if found:
            ordered = sections(found)
            followers = [*(e.start for e in ordered[1:]), float("inf")]
            cut = [e.model_copy(update={"end": min(e.end, stop)}) for e, stop in zip(ordered, followers, strict=True)]
            return [e for e in cut if e.end > e.start]
    return []


def _machine_section(row: object) -> Event | None:
    if not isinstance(row, Mapping):
        return None
    start, end = row.get("start_sec"), row.get("end_sec")
    numbers = all(isinstance(t, int | float) and not isinstance(t, bool) and abs(t) < 1e9 for t in (start, end))
    if not numbers or not 0 <= start < end:
        return None
    summary = next((str(row[k]).strip() for k in ("segment_summary", "summary") if isinstance(row.get(k), str)), "")
    named = row.get("section_label")
    kind = named if isinstance(named, str) and normalise_type(named) else _first_type(summary) or "section"
    return Event(
        type=kind, start=start, end=end, label=summary or None, family="section" if _family(kind) == "moment" else None
    )


def _first_type(summary: str) -> str | None:
    """A section type among the first words of a sentence such as `Verse 1: sparse drums`."""
    words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", summary)[:3]
    return next((kind for word in words if (kind := normalise_type(word)) in SECTION_TYPES), None)


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("\\")


def _audacity_row(number: int, line: str) -> tuple[float, float, str]:
    cells = line.split("\t", 2)
    if len(cells) < 2 or not all(_NUMBER.fullmatch(cell.strip()) for cell in cells[:2]):
        raise FormatError(
            f"Line {number}: expected start, end and label with tabs between them, as Audacity exports labels, got "
            f"`{line.strip()[:60]}`."
        )
    start, end = (float(cell.strip().replace(",", ".")) for cell in cells[:2])
    if end < start:
        raise FormatError(
            f"Line {number}: ends at {show_seconds(end)}, before it starts at {show_seconds(start)}. Swap them."
        )
    return start, end, cells[2].strip() if len(cells) == 3 else ""


def _family(label: str) -> str:
    kind, fields = split_description(label)
    return fields.get("family") or ("moment" if normalise_type(kind) in MOMENT_TYPES else "section")
