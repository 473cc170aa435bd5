"""Timelines in JSON: sidecars, allin1's analyses, and the two that the ancestor's captioning tools left behind.

- sidecar: `events`, as this program saves them.
- allin1: `segments: [{start, end, label}]`, with `beats`, `downbeats` and `beat_positions` (seconds and counts) and
  `bpm`. Its segments `start` and `end` are what lies before and after the music; nothing is known there.
- music_analysis: `music_analysis.timeline: [{start_sec, end_sec, section_label, segment_summary}]`.
- Audio Flamingo 3: `sections: [{start_sec, end_sec, summary}]`; the type is the first word of the summary that is one.

Source: github.com/mir-aidj/all-in-one; sidecars of the ancestor.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotate.formats.annotation import Annotation, Asked, Format, FormatError
from annotate.formats.json_text import entries, json_object, recogniser, time_of, write_json
from annotate.formats.labels import plain_name
from annotate.formats.rows import Row, events_of
from structure.events import problems
from structure.formats import read_machine_timeline
from structure.json_reading import number
from structure.sidecar import Sidecar

EXTRAS = ("bpm", "beats", "downbeats", "beat_positions")
"""What of a song's analysis travels with its events, under the same key in a sidecar and in allin1's JSON."""


def extras_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Tempo and beats, where they are a positive number and lists of numbers that hold any."""
    found: dict[str, Any] = {}
    for key in EXTRAS:
        value = data.get(key)
        if key == "bpm":
            usable = (number(value) or 0) > 0
        else:
            usable = isinstance(value, list) and bool(value) and all(number(t) is not None for t in value)
        if usable:
            found[key] = value
    return found


def read_sidecar_text(text: str, asked: Asked) -> Annotation:
    """A sidecar's events.

    Raises:
        FormatError: an event is wrong.
    """
    data = json_object(text)
    raw = data.get("events")
    if raw is not None and not isinstance(raw, list):
        raise FormatError('`events` is no list. Write `[{"type": …, "start": …, "end": …}, …]`.')
    if wrong := problems(raw or []):
        more = f" ({len(wrong) - 1} more: `python -m annotate check` lists them.)" if wrong[1:] else ""
        raise FormatError(wrong[0] + more)
    duration = number(data.get("duration"))
    return Annotation(Sidecar(Path("song.json"), data).events, duration, extras=extras_of(data))


def read_allin1(text: str, asked: Asked) -> Annotation:
    """Sections, tempo and beats of an allin1 analysis.

    Raises:
        FormatError: a segment without times or label, or see `events_of`.
    """
    data = json_object(text)
    rows = []
    for i, segment in enumerate(entries(data.get("segments"), "segments"), start=1):
        where = f"Segment {i}"
        label = segment.get("label")
        if not isinstance(label, str):
            raise FormatError(f"{where} has no `label`. Give it one, such as verse.")
        row = Row(where, time_of(segment, "start", where), time_of(segment, "end", where), label)
        if label not in ("start", "end"):
            rows.append(row)
    return Annotation(events_of(rows, asked.duration, moments=False, points=False), extras=extras_of(data))


def write_allin1(annotation: Annotation) -> str:
    """allin1's own keys; those of which nothing is known are null or empty."""
    known = annotation.extras
    segments = [{"start": round(e.start, 6), "end": round(e.end, 6), "label": plain_name(e)} for e in annotation.events]
    lists = {key: known.get(key, []) for key in EXTRAS if key != "bpm"}
    return write_json({"path": annotation.title, "bpm": known.get("bpm"), **lists, "segments": segments})


def read_music_analysis(text: str, asked: Asked) -> Annotation:
    """Sections of the ancestor's timeline. Its windows overlap: each section ends where the next begins.

    Raises:
        FormatError: no timeline, or an entry without usable times.
    """
    data = json_object(text)
    analysis = data.get("music_analysis")
    _check(analysis.get("timeline") if isinstance(analysis, Mapping) else None, "music_analysis.timeline")
    return Annotation(read_machine_timeline({"music_analysis": analysis}), extras=extras_of(data))


def write_music_analysis(annotation: Annotation) -> str:
    """The timeline alone: labels as summaries."""
    timeline = [
        {
            "start_sec": round(e.start, 6),
            "end_sec": round(e.end, 6),
            "section_label": plain_name(e),
            "segment_summary": e.label or "",
        }
        for e in annotation.events
    ]
    return write_json({"music_analysis": {"timeline": timeline}})


def read_af3(text: str, asked: Asked) -> Annotation:
    """Sections of Audio Flamingo's analysis; the whole summary is the label.

    Raises:
        FormatError: no list of sections, or an entry without usable times.
    """
    data = json_object(text)
    _check(data.get("sections"), "sections")
    return Annotation(read_machine_timeline({"sections": data["sections"]}), extras=extras_of(data))


def write_af3(annotation: Annotation) -> str:
    """Summaries that begin with the section's name, so that it is found again."""
    rows = []
    for e in annotation.events:
        name = plain_name(e)
        told = e.label is not None and e.label.lower().startswith((name.lower(), e.type))
        summary = f"{name}: {e.label}" if e.label and not told else e.label or name
        rows.append({"start_sec": round(e.start, 6), "end_sec": round(e.end, 6), "summary": summary})
    return write_json({"sections": rows})


def _check(rows: object, name: str) -> None:
    """Refuse what `read_machine_timeline` would quietly leave out."""
    for i, row in enumerate(entries(rows, name), start=1):
        where = f"`{name}`, entry {i}"
        start, end = time_of(row, "start_sec", where), time_of(row, "end_sec", where)
        if not 0 <= start < end:
            raise FormatError(f"{where} goes from {start} s to {end} s. Give times from 0 that run forwards.")


SIDECAR = Format(
    "sidecar", "sidecar", (".json",), recogniser(lambda d: d.get("events") is not None), read_sidecar_text, None
)
ALLIN1 = Format(
    "allin1",
    "allin1",
    (".json",),
    recogniser(lambda d: "segments" in d),
    read_allin1,
    write_allin1,
    frozenset({"family"}),
)
MUSIC_ANALYSIS = Format(
    "music_analysis",
    "music_analysis",
    (".json",),
    recogniser(lambda d: isinstance(d.get("music_analysis"), dict)),
    read_music_analysis,
    write_music_analysis,
    frozenset({"family", "label"}),
)
AF3 = Format(
    "af3",
    "Audio Flamingo",
    (".json",),
    recogniser(lambda d: "sections" in d),
    read_af3,
    write_af3,
    frozenset({"label"}),
)
