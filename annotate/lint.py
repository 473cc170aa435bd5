"""Lint: what can be meant so and is worth a second look, one sentence each.

`Sidecar.problems` tells what no song can have (sections that overlap, times outside the song), and such a song cannot
be trained on. What is told here can be right: a part may begin between beats, and last a single bar. A song with
problems is not linted, since what follows from a wrong time is no news.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

import numpy as np

from annotate.progress import LOOSE, uncovered
from structure.beats import BeatTimes
from structure.events import TOUCHING, Event, sections, show_seconds
from structure.sidecar import Sidecar

if TYPE_CHECKING:
    from annotate.beats import Beats

OFF_BEAT = 0.07  # seconds; what a listener takes for on the beat
OTHER_LENGTH = 0.1  # seconds: codecs pad by less, another cut of a song differs by more
_A_BAR = 1.5  # bars that count as one: played freely, cut at a pickup
_FEW = 3  # boundaries off the beat that are never blamed on the beats


@dataclass(frozen=True)
class Note:
    """Something to look at.

    Attributes:
        kind: what sort of thing it is.
        text: one sentence or two: what, where, and what to do.
        event: number of the event in the sidecar, from 1; None where it is about the song.
    """

    kind: Literal["off-beat", "one-bar", "unlike", "gap", "length"]
    text: str
    event: int | None = None


def lint_song(audio: Path | None, sidecar: Sidecar, duration: float | None) -> list[Note]:
    """Everything about one song, which is listened to for it: some seconds.

    Whether a boundary is on the beat is asked only of beats that the sidecar has. Those that a machine hears miss one
    exact boundary in five of made songs by more than `OFF_BEAT`, and would be noise here.

    Args:
        audio: the sound; None where only the sidecar is there.
        sidecar: what was marked.
        duration: of the audio in seconds; None where it is not known.
    """
    if sidecar.problems(duration):
        return []
    events, beats = sidecar.events, sidecar.beats
    sound = _heard(audio) if audio is not None and sections(events) else None
    found = wrong_length(sidecar.get("duration"), duration) + gaps(events, duration)
    if beats:
        found += off_the_beat(events, beats.times)
    if bar := bar_seconds(beats, sidecar.get("bpm") or (sound and sound.tempo), sidecar.get("timesignature")):
        found += one_bar_sections(events, bar)
    if sound:
        found += unlike_others(events, sound)
    return found


def off_the_beat(events: Sequence[Event], beats: Sequence[float]) -> list[Note]:
    """Boundaries more than `OFF_BEAT` from every beat. Before the first beat and after the last nothing is known.

    Where most boundaries are off, the beats are more likely wrong than the person: that is said once.

    Args:
        events: as they stand in the sidecar.
        beats: seconds, ascending.
    """
    times = np.asarray(beats)
    if not len(times):
        return []
    edges = [edge for edge in _edges(events) if times[0] <= edge[0] <= times[-1]]
    found = []
    for t, which, verb in edges:
        nearest = float(times[np.abs(times - t).argmin()])
        if abs(t - nearest) > OFF_BEAT:
            side = "after" if t > nearest else "before"
            text = (
                f"{_which(events, which)} {verb} at {show_seconds(t)}, {abs(t - nearest) * 1000:.0f} ms {side} the "
                f"nearest beat ({show_seconds(nearest)}). Move its edge there, unless the part begins between beats."
            )
            found.append(Note("off-beat", text, which + 1))
    if len(found) > max(_FEW, len(edges) / 2):
        text = (
            f"{len(found)} of {len(edges)} boundaries lie off the beat, so the beats may be what is wrong. "
            "Tap along with the song, or shift its beats."
        )
        return [Note("off-beat", text)]
    return found


def one_bar_sections(events: Sequence[Event], bar: float) -> list[Note]:
    """Sections that last a bar or less; silence may.

    Args:
        events: as they stand in the sidecar.
        bar: seconds.
    """
    return [
        Note(
            "one-bar",
            f"{_which(events, i)} at {show_seconds(event.start)} lasts {show_seconds(event.duration)}, a bar or less. "
            "Join it to a neighbour, or make it a moment.",
            i + 1,
        )
        for i, event in enumerate(events)
        if event.is_section and event.type != "silence" and event.duration < _A_BAR * bar
    ]


def unlike_others(events: Sequence[Event], sound: Beats) -> list[Note]:
    """Sections that sound like none of the others of their type.

    Where no two of a type are alike, the first says what the type sounds like, and the others are told.

    Args:
        events: as they stand in the sidecar.
        sound: the song beat by beat.
    """
    from annotate.next_type import parts_alike

    parts = sections(events)
    number = {id(event): i for i, event in enumerate(events)}
    places: dict[str, list[int]] = {}
    for place, part in enumerate(parts):
        places.setdefault(part.type, []).append(place)
    found = []
    for kind, these in places.items():
        if len(these) < 2:
            continue
        alike = {place: [i for i in parts_alike(sound, parts, place) if i != place] for place in these}
        alone = [place for place in these if not set(alike[place]) & set(these)]
        for place in alone[1:] if len(alone) == len(these) else alone:
            which = number[id(parts[place])]
            others = f"the other {kind}" if len(these) == 2 else f"any other {kind}"
            like = f" It sounds like {_which(events, number[id(parts[alike[place][0]])])}." if alike[place] else ""
            text = (
                f"{_which(events, which)} at {show_seconds(parts[place].start)} does not sound like {others}.{like} "
                "Name it otherwise, or leave it if it is a variation."
            )
            found.append(Note("unlike", text, which + 1))
    return sorted(found, key=lambda note: note.event or 0)


def gaps(events: Sequence[Event], duration: float | None) -> list[Note]:
    """Time that belongs to no section: between sections any, at the song's ends more than `LOOSE`.

    Args:
        events: as they stand in the sidecar; of a song without sections nothing is said.
        duration: of the song in seconds; None says nothing of its end.
    """
    parts = sections(events)
    if not parts:
        return []
    first, last = parts[0].start, max(part.end for part in parts)
    inside = [(start, end) for start, end in uncovered(parts, last, TOUCHING) if start >= first]
    outside = [
        (start, end) for start, end in uncovered(parts, duration or last, LOOSE) if end <= first or start >= last
    ]
    return [
        Note(
            "gap",
            f"From {show_seconds(start)} to {show_seconds(end)} there is no section, so nothing is known of "
            f"{show_seconds(end - start)}. Let a neighbour reach there, or name it (silence, if it is that).",
        )
        for start, end in sorted(inside + outside)
    ]


def wrong_length(written: float | None, duration: float | None) -> list[Note]:
    """Whether the sidecar's `duration` is another than the audio's, both in seconds; None where one is not known."""
    if written is None or duration is None or abs(written - duration) <= OTHER_LENGTH:
        return []
    text = (
        f"`duration` is {show_seconds(written)}, but the audio lasts {show_seconds(duration)}. The events may belong "
        "to another cut of the song: listen to a late boundary, then correct `duration`."
    )
    return [Note("length", text)]


def bar_seconds(beats: BeatTimes | None, tempo: float | None, meter: object) -> float | None:
    """How long a bar lasts: from one beat one to the next, else so many beats as `meter` says, else four.

    Args:
        beats: as the sidecar has them; None where it has none.
        tempo: beats per minute; None where it is not known.
        meter: the sidecar's `timesignature`: `3`, `"3"` or `"6/8"`.
    """
    if beats and len(beats.ones) > 1:
        return median(beats.times[b] - beats.times[a] for a, b in pairwise(beats.ones))
    counted = re.match(r"([2-9]|1[0-2])\b", str(meter or ""))
    in_a_bar = int(counted[1]) if counted else 4
    if beats and len(beats.times) > 1:
        return in_a_bar * median(b - a for a, b in pairwise(beats.times))
    return in_a_bar * 60 / tempo if tempo else None


def _heard(audio: Path) -> Beats | None:
    from annotate.beats import BeatsError, find_beats

    try:
        return find_beats(audio)
    except BeatsError:
        return None


def _edges(events: Sequence[Event]) -> list[tuple[float, int, str]]:
    """Each boundary once: its time, the event it is told of, and whether that starts or ends there."""
    parts = sorted((i for i, event in enumerate(events) if event.is_section), key=lambda i: events[i].start)
    starts = [events[i].start for i in parts]
    edges = [(events[i].start, i, "starts") for i in parts]
    edges += [(events[i].end, i, "ends") for i in parts if all(abs(events[i].end - t) > TOUCHING for t in starts)]
    return sorted(edges)


def _which(events: Sequence[Event], place: int) -> str:
    return f"event {place + 1} ({events[place].type[:40]})"
