"""Machine-made timelines that older programs left in a sidecar, as events."""

import re
from collections.abc import Mapping
from typing import Any

from structure.events import MOMENT_TYPES, SECTION_TYPES, Event, normalise_type, sections
from structure.prompt.fields import split_description


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


def _family(label: str) -> str:
    kind, fields = split_description(label)
    return fields.get("family") or ("moment" if normalise_type(kind) in MOMENT_TYPES else "section")
