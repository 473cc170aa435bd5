"""How far a song's annotation is: new, in work or done; a doubt or a problem is told before these.

`song_states.js` says the same of a song while it is edited on the page.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

from annotate.dataset import Song
from structure.events import Event, sections

State = Literal["new", "work", "done", "unsure", "problem"]
STATES: tuple[State, ...] = ("problem", "unsure", "new", "work", "done")
"""What asks for attention comes first."""

ONE_IN = 10
LOOSE = 1.0  # seconds that may belong to no section, at the song's ends and between sections


def state_of(song: Song) -> State:
    """One word for a song; of several that fit, the first of `STATES`."""
    if song.problems:
        return "problem"
    if any(event.is_unsure for event in song.events):
        return "unsure"
    if not any(is_told(event) for event in song.events):
        return "new"
    return "done" if is_marked(song) else "work"


def is_marked(song: Song) -> bool:
    """Whether nothing is left to mark: its sections cover it, a person has seen each, and there is no problem."""
    parts = sections(song.events)
    whole = bool(parts) and not uncovered(parts, song.duration or 0.0, LOOSE)
    return whole and all(map(is_told, parts)) and not song.problems


def is_told(event: Event) -> bool:
    """Whether a person marked it, or changed or accepted what a machine proposed."""
    return (event.model_extra or {}).get("source") != "machine"


def is_blind(name: str) -> bool:
    """Whether a song is one of every ten that are to be marked without proposals, so that their bias can be measured.

    The name alone decides, so that two people at copies of a dataset leave out the same songs.
    """
    return hashlib.sha256(name.encode()).digest()[0] % ONE_IN == 0


def uncovered(parts: Sequence[Event], duration: float, most: float) -> list[tuple[float, float]]:
    """Stretches that belong to no section.

    Args:
        parts: sections by start.
        duration: length of the song in seconds.
        most: seconds that a stretch may last and not count.

    Returns:
        start and end of each, in seconds, ascending.
    """
    found, reach = [], 0.0
    for start, end in [*((part.start, part.end) for part in parts), (duration, duration)]:
        if start - reach > most:
            found.append((reach, start))
        reach = max(reach, end)
    return found
