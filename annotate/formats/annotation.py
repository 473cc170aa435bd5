"""What every format is read to and written from, and what a format is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from structure.errors import StudioError
from structure.events import Event, moments, sections

DESCRIPTION = frozenset({"points", "spans", "label", "intensity", "family"})
"""What a format can carry whose labels are free text, since the structure language fits into it."""


class FormatError(StudioError):
    """A file that is not what its format asks for; names the line, or the entry, and what to do."""


@dataclass(frozen=True)
class Annotation:
    """One song's annotation, whatever file it came from.

    Attributes:
        events: sections and moments, times in seconds from the start of the audio.
        duration: length of the song in seconds, where the file says it.
        title: the song's name, for formats that have a place for one.
        extras: what else belongs to the song under a sidecar's keys: `bpm`, `beats`, `downbeats`, `beat_positions`.
        notes: one sentence each on what was left out while reading.
    """

    events: list[Event]
    duration: float | None = None
    title: str = ""
    extras: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """What a reader may be told beside the text.

    Attributes:
        duration: length of the song in seconds, where it is known: the last boundary's section ends there.
        layer: which of several layers of one file to read; None for the most telling one.
    """

    duration: float | None = None
    layer: str | None = None


@dataclass(frozen=True)
class Format:
    """One annotation format.

    Attributes:
        name: what `--from` and `--to` call it.
        title: what a sentence calls it.
        extensions: lower case, with the dot.
        recognise: whether a text looks like this format. Only its beginning counts, so that a slip further down
            reaches the reader, which names the line.
        read: text to annotation; raises `FormatError`.
        write: annotation to text, of events that `carried` has passed; None for the sidecar, which is saved, not
            written.
        carries: what it keeps of an event beyond type and times: `points` and `spans` (moments without and with a
            length), `label`, `intensity`, `family` (a section named crash, a moment named verse), `lyrics`
            (words sung in a section).
        layered: whether a file may hold several annotations of one song.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    recognise: Callable[[str], bool]
    read: Callable[[str, Asked], Annotation]
    write: Callable[[Annotation], str] | None
    carries: frozenset[str] = frozenset()
    layered: bool = False


def carried(form: Format, events: Iterable[Event]) -> list[Event]:
    """What of the events a format can hold: sections, then moments, each as it will be read back.

    Names lose their line breaks, a `family` that only repeats what the type says goes, and so do unknown keys.
    """
    listed = list(events)
    return [_stripped(form, e) for e in sections(listed) + moments(listed) if _fits(form, e)]


def lost(form: Format, events: Iterable[Event]) -> str:
    """One sentence on what `carried` leaves out; empty where it is nothing."""
    listed = list(events)
    kept = [e for e in listed if _fits(form, e)]
    counts = {
        "moment": sum(e.is_moment for e in listed) - sum(e.is_moment for e in kept),
        "section named like a moment": sum(e.is_section for e in listed) - sum(e.is_section for e in kept),
        "label": 0 if "label" in form.carries else sum(e.label is not None for e in kept),
        "intensity": 0 if "intensity" in form.carries else sum(e.intensity is not None for e in kept),
        "other value": sum(len(set(e.model_extra or {}) - {"text", *form.carries}) for e in kept),
    }
    parts = [f"{n} {what if n == 1 else _PLURALS.get(what, what + 's')}" for what, n in counts.items() if n]
    if not parts:
        return ""
    listing = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    verb = "was" if sum(counts.values()) == 1 else "were"
    return f"{form.title} cannot hold everything: {listing} {verb} left out."


_PLURALS = {"intensity": "intensities", "section named like a moment": "sections named like moments"}


def _fits(form: Format, event: Event) -> bool:
    if _overrides(event) and "family" not in form.carries:
        return False
    return event.is_section or ("points" if event.start == event.end else "spans") in form.carries


def _overrides(event: Event) -> bool:
    """Whether the type alone would say the other family."""
    return Event(type=event.type, start=0, end=0).kind != event.kind


def _stripped(form: Format, event: Event) -> Event:
    fields = {key: getattr(event, key) for key in ("label", "intensity") if key in form.carries}
    family = event.kind if _overrides(event) else None
    if "lyrics" in form.carries and event.sung.strip():
        fields["lyrics"] = "\n".join(line.strip() for line in event.sung.splitlines() if line.strip())
    return Event(type=" ".join(event.name.split()), start=event.start, end=event.end, family=family, **fields)
