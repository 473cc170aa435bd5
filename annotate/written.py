"""A structure as words: what a person reads, edits and pastes beside the picture."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from annotate.formats.annotation import Asked, FormatError
from annotate.formats.registry import find_formats, read_annotation
from structure.errors import StudioError
from structure.events import Event, read_events
from structure.language import format_structure, parse_structure

_ALL = {"type", "start", "end", "label", "intensity", "family", "text"}  # what the structure language can say


def write_structure(events: Sequence[Event]) -> str:
    """One event a line, in the structure language."""
    return "\n".join(format_structure([event]) for event in events)


def read_structure(text: str, duration: float, known: Sequence[Event] = ()) -> list[Event]:
    """Events from what somebody typed or pasted: the structure language; a spreadsheet's rows of start, end and name;
    or any format that `annotate convert` reads.

    Args:
        text: as typed.
        duration: length of the song in seconds; no event may end after it.
        known: the song's events. What the language cannot say of one (who made it, a comment) stays with the event
            that has its type and times.

    Raises:
        StudioError: it can be read in no way; names the item or the line.
    """
    if not text.strip():
        return []
    try:
        events = parse_structure(text, duration)
    except StudioError:
        if re.match(r"\s*[^\W\d]", text) and not _is_known_format(text):
            raise
        asked = Asked(duration=duration)
        try:  # rows of a spreadsheet first: other formats would read the same cells otherwise
            events = read_annotation(text, "", asked, "csv").events
        except FormatError:
            events = read_annotation(text, "", asked).events
    before = {(event.type, round(event.start, 3), round(event.end, 3)): event for event in known}
    return [
        _with_asides(event, before.get((event.type, round(event.start, 3), round(event.end, 3)))) for event in events
    ]


def written_structure(asked: Any) -> dict[str, Any]:
    """For the browser: `{"events": […]}` in words.

    Returns:
        `ok`; then `text`, else `error`, a sentence.
    """
    try:
        return {"ok": True, "text": write_structure(_asked_events(asked, "events"))}
    except StudioError as problem:
        return {"ok": False, "error": str(problem)}


def structure_read(asked: Any) -> dict[str, Any]:
    """For the browser: what `{"text": …, "duration": seconds, "events": those there are}` says.

    Returns:
        `ok`; then `events`, as a sidecar has them, else `error`, a sentence.
    """
    try:
        known = _asked_events(asked, "events")
        text, duration = asked.get("text"), asked.get("duration")
        if not isinstance(text, str) or isinstance(duration, bool) or not isinstance(duration, int | float):
            raise StudioError("Give `text` and the song's `duration` in seconds.")
        events = read_events(read_structure(text, float(duration), known), float(duration))
    except StudioError as problem:
        return {"ok": False, "error": str(problem)}
    return {"ok": True, "events": [event.to_dict() for event in events]}


def _asked_events(asked: Any, key: str) -> list[Event]:
    events = asked.get(key) if isinstance(asked, Mapping) else None
    if not isinstance(events, list):
        raise StudioError(f"`{key}` is no list of events.")
    return read_events(events)


def _is_known_format(text: str) -> bool:
    try:
        return bool(find_formats(text, ""))
    except StudioError:
        return False


def _with_asides(event: Event, before: Event | None) -> Event:
    if before is None:
        return event
    asides = {key: value for key, value in before.to_dict().items() if key not in _ALL}
    return Event.model_validate(asides | event.to_dict())
