"""What the fields of the page ask for, as one structure: text, length, tempo and meter together.

The page's text and its timeline are two views of it; here nothing knows of the page.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.timeline import timeline_value
from generation.jobs import make_job
from generation.templates import fitted, template_events, written
from structure.beats import BeatTimes
from structure.errors import StudioError
from structure.events import Event, read_events, sections
from structure.language import parse_structure
from structure.rewriting import carry_asides, rewrite_structure
from structure.sidecar import read_sidecar
from structure.tempo import Tempo, read_meter

EMPTY_SECONDS = 20.0  # of a timeline on which nothing stands yet
MOST_BEATS = 4000  # drawn on it


@dataclass(frozen=True)
class Frame:
    """What surrounds the structure: its song's length in seconds, where it is asked for, and its tempo."""

    duration: float | None = None
    tempo: Tempo | None = None


@dataclass(frozen=True)
class Structure:
    """A structure as text and as events."""

    text: str
    events: list[Event]
    frame: Frame

    def on_timeline(self) -> dict[str, Any]:
        """The timeline's value: a song without sound, with bar lines where there is a tempo."""
        duration = self.frame.duration or max((event.end for event in self.events), default=EMPTY_SECONDS)
        return timeline_value(
            duration,
            self.events,
            song=f"structure of {duration:g} s",
            beats=bar_grid(self.frame.tempo, duration),
            meter=self.frame.tempo.beats_per_bar if self.frame.tempo else 4,
            mode="compose",
        )


def read_frame(length: str | None, bpm: str | None, meter: str | None) -> Frame:
    """Length, tempo and meter as they are typed; each may be left empty.

    Raises:
        StudioError: one of them is no number, or out of range.
    """
    asked = {"duration": given(length), "bpm": given(bpm), "timesignature": given(meter) or "4"}
    job = make_job({name: value for name, value in asked.items() if value is not None})
    return Frame(job.duration, job.tempo())


def read_typed(text: str, frame: Frame, drawn: Mapping[str, Any] | None = None) -> Structure:
    """The structure that somebody types, with what the timeline knew of its parts.

    Raises:
        PromptError: an item cannot be meant.
    """
    events = parse_structure(text, frame.duration, frame.tempo)
    return Structure(text, carry_asides(events, drawn_events(drawn)), frame)


def read_drawn(drawn: Mapping[str, Any], text: str, frame: Frame) -> Structure:
    """The structure that somebody draws; the text says it, and keeps what need not change.

    Raises:
        StudioError: what came from the browser is no timeline.
    """
    events = [
        e.model_copy(update={"start": round(e.start, 2), "end": round(e.end, 2)})
        if frame.tempo is None
        else e.model_copy(update={"start": round(e.start, 6), "end": round(e.end, 6)})
        for e in drawn_events(drawn)
    ]
    return Structure(rewrite_structure(text, events, frame.duration, frame.tempo), events, frame)


def from_template(name: str, frame: Frame) -> Structure:
    """A template, as long as is asked for and in bars where there is a tempo.

    Raises:
        StudioError: no such template, or it has more parts than the song has bars.
    """
    try:
        events = template_events(name, frame.duration, frame.tempo)
    except KeyError:
        raise StudioError(f"There is no template `{name[:40]}`.") from None
    return Structure(written(events, frame.tempo), events, frame)


def from_song(song: Path, frame: Frame) -> Structure:
    """The structure of an annotated song, in its own seconds, or stretched to the length and tempo asked for.

    Raises:
        StudioError: its sidecar cannot be read, or it has no sections.
    """
    sidecar = read_sidecar(song)
    if not sections(sidecar.events):
        raise StudioError(f"`{song.name}` has no sections. Annotate it first, or choose another song.")
    events = [
        Event.model_validate({key: e.to_dict()[key] for key in _TAKEN if key in e.to_dict()}) for e in sidecar.events
    ]
    bpm = sidecar.get("bpm")
    own = None
    if isinstance(bpm, int | float) and not isinstance(bpm, bool) and 20 <= bpm <= 400:
        own = Tempo(float(bpm), read_meter(str(sidecar.get("timesignature") or "4")))
    if frame.duration or frame.tempo:
        events = fitted(events, frame.duration, frame.tempo, own)
    return Structure(written(events, frame.tempo), events, frame)


def fit(structure: Structure) -> Structure:
    """The same structure stretched to the length that is asked for, and on bar lines where there is a tempo.

    Raises:
        StudioError: neither is asked for, or there are more parts than bars.
    """
    frame = structure.frame
    if frame.duration is None and frame.tempo is None:
        raise StudioError("Give a length in seconds to stretch the structure to, or a BPM to put its parts on bars.")
    events = fitted(structure.events, frame.duration, frame.tempo)
    return Structure(written(events, frame.tempo), events, frame)


def bar_grid(tempo: Tempo | None, duration: float) -> BeatTimes | None:
    """The beats of a song of one tempo, for the timeline to draw and to snap to; None where there is none."""
    if tempo is None or duration / tempo.beat > MOST_BEATS:
        return None
    n_beats = int(duration / tempo.beat + 1e-6) + 1
    times = tuple(round(n * tempo.beat, 6) for n in range(n_beats))
    return BeatTimes(times, tuple(range(0, n_beats, tempo.beats_per_bar)))


def drawn_events(drawn: Mapping[str, Any] | None) -> list[Event]:
    """The events of a timeline's value.

    Raises:
        StudioError: it is none.
    """
    events = (drawn or {}).get("events", [])
    if not isinstance(events, list):
        raise StudioError("The timeline holds no list of events. Reload the page.")
    return read_events(events, where="timeline")


def given(text: str | None) -> str | None:
    """What was typed into a field that may stay empty; `12,5` is the number 12.5."""
    return re.sub(r"^(\d+),(\d+)$", r"\1.\2", (text or "").strip()) or None


_TAKEN = ("type", "start", "end", "text", "label", "intensity", "family")  # of a song's events: not who sang what
