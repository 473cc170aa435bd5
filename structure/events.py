"""Events: a song's structure as a list of timed, typed spans.

Two families share one type. *Sections* (verse, chorus …) follow one another
and never overlap; frames that no section covers are unknown. *Moments*
(crash, riser …) lie on top of them, may overlap, and may be points in time.

Times are seconds from the start of the audio. An `Event` may hold impossible
times (backwards, negative): a page must be able to draw what has to be put
right, and a crop shifts events below zero. `problems` says what is wrong.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from structure.errors import StudioError
from structure.sendable import sendable

SECTION_TYPES: tuple[str, ...] = (
    "intro",
    "verse",
    "pre-chorus",
    "chorus",
    "post-chorus",
    "bridge",
    "instrumental",
    "solo",
    "breakdown",
    "build-up",
    "drop",
    "interlude",
    "outro",
    "silence",
)
MOMENT_TYPES: tuple[str, ...] = ("riser", "fill", "drop-out", "filter sweep", "key change", "crash")

TOUCHING = 0.001
"""Sections that overlap by no more than this many seconds only touch: editors round."""

OVERRUN = 0.05
"""An event may end this many seconds after the song does: codecs pad, and durations are rounded."""

_ALIASES: dict[str, str] = {
    "opening": "intro",
    "introduction": "intro",
    "strophe": "verse",
    "vers": "verse",
    "pre": "pre-chorus",
    "prechorus": "pre-chorus",
    "pre refrain": "pre-chorus",
    "refrain": "chorus",
    "hook": "chorus",
    "postchorus": "post-chorus",
    "middle 8": "bridge",
    "middle eight": "bridge",
    "inst": "instrumental",
    "instr": "instrumental",
    "instrumental break": "instrumental",
    "guitar solo": "solo",
    "break": "breakdown",
    "break down": "breakdown",
    "build": "build-up",
    "buildup": "build-up",
    "ending": "outro",
    "coda": "outro",
    "fade out": "outro",
    "fadeout": "outro",
    "silent": "silence",
    "uplifter": "riser",
    "drum fill": "fill",
    "dropout": "drop-out",
    "sweep": "filter sweep",
    "modulation": "key change",
    "crash cymbal": "crash",
}


def _spelling(text: str) -> str:
    """`"Pre_Chorus"` and `"pre-chorus"` to one key."""
    return " ".join(re.split(r"[\s_\-]+", text.strip().lower())).strip()


_KNOWN = {_spelling(word): kind for word, kind in _ALIASES.items()}
_KNOWN |= {_spelling(kind): kind for kind in SECTION_TYPES + MOMENT_TYPES}
_BRACKETED = re.compile(r"^[\[({<]([^\[\](){}<>]*)[\])}>]$")
_ORDINAL = re.compile(r"(.*[^\W\d])\W*(?:#?\d+[a-z]?|\s[a-d]|\s[iv]+)$")


def normalise_type(text: str) -> str:
    """The vocabulary's word for what a person or another program wrote.

    `refrain`, `[Chorus]` and `Chorus 2` are all `chorus`. A word that is not known keeps its spelling, in lower case
    and with single spaces; a number after it stays, since only of a known type do we know what the number counts.
    """
    return _normalised(text) if len(text) <= 60 else _normalised.__wrapped__(text)


@lru_cache(4096)  # a song says the same few words again and again
def _normalised(text: str) -> str:
    plain = " ".join(text.lower().split()).strip(": ")
    plain = _BRACKETED.sub(r"\1", plain).strip(": ")
    key = _spelling(plain)
    if key in _KNOWN:
        return _KNOWN[key]
    numbered = _ORDINAL.match(key) if len(key) <= 40 else None  # the longest known word and its number fit easily
    if numbered and numbered[1].strip() in _KNOWN:
        return _KNOWN[numbered[1].strip()]
    return plain


class Event(BaseModel):
    """One section or moment. Unknown keys are kept; the type is normalised, and its first spelling kept as `text`.

    Attributes:
        type: a word of the vocabulary, or any other.
        start: seconds.
        end: seconds; a moment's may equal its start.
        label: free text about this event.
        intensity: 0 to 1.
        family: overrides the family that follows from `type`.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    type: str
    start: float
    end: float
    label: str | None = None
    intensity: float | None = None
    family: Literal["section", "moment"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("type"), str):
            word = normalise_type(data["type"])
            if word != data["type"]:
                data = {"text": data["type"], **data, "type": word}
        return data

    @property
    def kind(self) -> Literal["section", "moment"]:
        """`family` where given, else what the type says; a type of neither list is a section."""
        return self.family or ("moment" if self.type in MOMENT_TYPES else "section")

    @property
    def is_section(self) -> bool:
        return self.kind == "section"

    @property
    def is_moment(self) -> bool:
        return self.kind == "moment"

    @property
    def is_unsure(self) -> bool:
        """Whether somebody noted a doubt about it: `"unsure": true`."""
        return (self.model_extra or {}).get("unsure") is True

    @property
    def sung(self) -> str:
        """The words sung in it, in lines: `"lyrics": "…"`; empty where nobody wrote them down."""
        said = (self.model_extra or {}).get("lyrics")
        return said.strip("\n") if isinstance(said, str) else ""

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start

    @property
    def name(self) -> str:
        """What the person called it (`Chorus 2`), else the type."""
        text = (self.model_extra or {}).get("text")
        return text if isinstance(text, str) and normalise_type(text) == self.type else self.type

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a sidecar: optional fields only where they are set, unknown keys as they came."""
        own = {field: value for field in Event.model_fields if (value := getattr(self, field)) is not None}
        return own | (self.model_extra or {})


def sections(events: Iterable[Event]) -> list[Event]:
    """The sections among `events`, by start."""
    return sorted((e for e in events if e.is_section), key=lambda e: (e.start, e.end))


def moments(events: Iterable[Event]) -> list[Event]:
    """The moments among `events`, by start."""
    return sorted((e for e in events if e.is_moment), key=lambda e: (e.start, e.end))


def rebase(events: Iterable[Event], offset: float) -> list[Event]:
    """The same events heard from `offset` seconds into the song; those before it get negative times."""
    return [e.model_copy(update={"start": e.start - offset, "end": e.end - offset}) for e in events]


def clip(events: Iterable[Event], duration: float) -> list[Event]:
    """What of `events` lies in [0, duration): spans are cut at both ends, what lies outside is dropped."""
    inside = [e for e in events if (e.end > 0 or e.start == e.end == 0) and e.start < duration]
    return [e.model_copy(update={"start": max(e.start, 0.0), "end": min(e.end, duration)}) for e in inside]


def replace_sections(existing: Iterable[Event], imported: Iterable[Event]) -> list[Event]:
    """`imported` in place of the sections of `existing`, whose moments stay; a moment in both is kept once."""
    kept, new = moments(existing), list(imported)
    have = {(e.type, round(e.start, 3), round(e.end, 3)) for e in kept}
    added = [e for e in moments(new) if (e.type, round(e.start, 3), round(e.end, 3)) not in have]
    return sections(new) + moments(kept + added)


def label_at(events: Iterable[Event], times: np.ndarray) -> list[str | None]:
    """The type of the section at each time; None where no section is.

    Args:
        events: sections and moments; only sections count. They do not overlap.
        times: seconds, any shape (read flat). A boundary belongs to the section that begins there.

    Returns:
        one entry per time.
    """
    spans = sections(events)
    starts = np.array([e.start for e in spans])
    flat = np.asarray(times, dtype=float).ravel()
    at = np.searchsorted(starts, flat, side="right") - 1
    return [spans[i].type if i >= 0 and t < spans[i].end else None for i, t in zip(at, flat, strict=True)]


def overlapping(events: Sequence[Event]) -> list[tuple[int, int]]:
    """Pairs of sections that overlap by more than `TOUCHING`: indices into `events`, the earlier section first."""
    order = sorted((i for i, e in enumerate(events) if e.is_section), key=lambda i: (events[i].start, events[i].end))
    pairs, reach = [], None  # reach: the section so far that ends last
    for i in order:
        if reach is not None and events[i].start < events[reach].end - TOUCHING:
            pairs.append((reach, i))
        if reach is None or events[i].end > events[reach].end:
            reach = i
    return pairs


def show_seconds(t: float) -> str:
    """`48.0 s`, to the millisecond, as every message writes a time."""
    return f"{round(float(t), 3)} s"


def problems(events: Sequence[Mapping[str, Any] | Event], duration: float | None = None) -> list[str]:
    """What is wrong with a list of events, one sentence each, naming the event by number (from 1) and type.

    Args:
        events: as read from JSON, or built.
        duration: length of the song in seconds, where it is known.

    Returns:
        empty where the events can be saved, trained on and generated from.
    """
    found: list[str] = []
    sound: list[tuple[int, Event]] = []
    for number, raw in enumerate(events, start=1):
        unreadable = _unreadable(raw)
        if unreadable:
            found += [f"{_which(number, raw)} {what}" for what in unreadable]
            continue
        event = raw if isinstance(raw, Event) else Event.model_validate(raw)
        wrong = _impossible(event, duration)
        found += [f"{_which(number, event)} {what}" for what in wrong]
        if event.end >= event.start:
            sound.append((number, event))
    for i, j in overlapping([event for _, event in sound]):
        (n, one), (m, other) = sound[i], sound[j]
        found.append(
            f"{_which(m, other)} starts at {show_seconds(other.start)}, before event {n} ({one.type}) ends at "
            f"{show_seconds(one.end)}. Sections may not overlap: move one edge, or make one of them a moment."
        )
    return found


def read_events(
    raw: Sequence[Mapping[str, Any] | Event], duration: float | None = None, where: str = "events"
) -> list[Event]:
    """Events from JSON objects, all of them sound.

    Raises:
        StudioError: one line per problem; the first begins with `where`.
    """
    events = [e if isinstance(e, Event) else Event.model_validate(e) if is_readable(e) else e for e in raw]
    if found := problems(events, duration):
        raise StudioError(f"{where}: " + "\n".join(found))
    return [event for event in events if isinstance(event, Event)]


def is_readable(raw: object) -> bool:
    """Whether `Event.model_validate` takes it: type and times are there, whatever else may be wrong."""
    return not _unreadable(raw)


def _which(number: int, raw: object) -> str:
    kind = raw.type if isinstance(raw, Event) else raw.get("type") if isinstance(raw, Mapping) else None
    return f"event {number} ({kind[:40]})" if isinstance(kind, str) and kind.strip() else f"event {number}"


def _unreadable(raw: object) -> list[str]:
    """Why this is no event at all."""
    if isinstance(raw, Event):
        return []
    if not isinstance(raw, Mapping):
        return [f"is {_json_name(raw)}. Write an object with `type`, `start` and `end`."]
    found = []
    if any(sendable(key) != key for key in raw):
        found.append("has a key with half a character in it, such as `\\ud800`. Rename the key in a text editor.")
    kind = raw.get("type")
    if not isinstance(kind, str) or not normalise_type(kind):
        found.append("has no `type`. Give it one, such as verse or chorus.")
    for field in ("start", "end"):
        if raw.get(field) is None:
            found.append(f"has no `{field}`. Give the time in seconds.")
        elif not _is_finite(raw[field]):
            found.append(f"has {_json_name(raw[field])} as `{field}`. Give the time in seconds, as a number.")
    if raw.get("intensity") is not None and not _is_finite(raw["intensity"]):
        found.append(f"has {_json_name(raw['intensity'])} as `intensity`. Give a number from 0 to 1.")
    if not isinstance(raw.get("label"), str | None):
        found.append(f"has {_json_name(raw['label'])} as `label`. Write it as text in quotes.")
    if raw.get("family") not in (None, "section", "moment"):
        found.append(f'has {_json_name(raw["family"])} as `family`. Write "section" or "moment", or leave it out.')
    return found


def _impossible(event: Event, duration: float | None) -> list[str]:
    """What no song can have: times that run backwards, lie outside the song, or leave a section without length."""
    late = duration is not None and max(event.start, event.end) > duration + OVERRUN
    if event.type and 0 <= event.start < event.end and not late and event.intensity is None:
        return []  # nearly all of a hundred thousand
    found = []
    start, end = show_seconds(event.start), show_seconds(event.end)
    if not event.type:
        found.append("has no `type`. Give it one, such as verse or chorus.")
    if event.end < event.start:
        found.append(f"ends at {end}, before it starts at {start}. Swap the times or drag its edge on the waveform.")
    elif event.is_section and event.end == event.start:
        found.append(
            f"starts and ends at {start}. A section needs a length: move its end, or make it a moment "
            '(`"family": "moment"`).'
        )
    if event.start < 0:
        found.append(f"starts at {start}. Times count from the start of the audio: 0 is the earliest.")
    if duration is not None and late:
        found.append(f"ends at {end}, after the song does at {show_seconds(duration)}. Move its end, or delete it.")
    if event.intensity is not None and not 0 <= event.intensity <= 1:
        found.append(f"has intensity {event.intensity}. It goes from 0 (quietest) to 1 (fullest).")
    return found


def _is_finite(value: object) -> bool:
    """A number of JSON that a float holds: no bool, NaN, infinity, or integer of four hundred digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _json_name(value: object) -> str:
    if isinstance(value, str):
        return f'the text "{value[:40]}"'
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return f"the number {value}" if abs(value) < 1e15 or isinstance(value, float) else "a number that is too large"
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), f"a {type(value).__name__}")
