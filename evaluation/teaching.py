"""Judges taught on a reference, kept for as long as its songs and annotations stay what they are.

Teaching takes most of the time that a score takes. Who scores a second folder against the same dataset, in the page or
in one process, does not wait for it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from evaluation.moments import MomentProbe, fit_moment_probe
from evaluation.probe import JudgedSong, Probe, ProbeError, check_trust, fit_probe, held_out_labels
from structure.events import Event

_KEPT = 2  # references


@dataclass(frozen=True)
class Taught:
    """A judge of sections, and what one who was not taught on it hears in each song of the reference, by content."""

    probe: Probe
    held_out: dict[str, list[Event]]


@dataclass(frozen=True)
class TaughtMoments:
    """The same for moments."""

    probe: MomentProbe
    held_out: dict[str, list[Event]]


def teach(songs: Sequence[JudgedSong]) -> Taught:
    """The judge of sections for these songs.

    Raises:
        ProbeError: no judge can be fitted on them, or it is no better than a guess.
    """
    return _teach(_Reference(tuple(songs)))


def teach_moments(songs: Sequence[JudgedSong]) -> TaughtMoments | None:
    """The judge of moments; None where too few are marked for anybody to say whether any are there."""
    return _teach_moments(_Reference(tuple(songs)))


class _Reference:
    """Songs that are the same as others with the same sound and annotation."""

    def __init__(self, songs: tuple[JudgedSong, ...]) -> None:
        self.songs = songs
        self.key = tuple((s.content or id(s.mel), s.duration, str([e.to_dict() for e in s.events])) for s in songs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reference) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=_KEPT)
def _teach(reference: _Reference) -> Taught:
    held_out = held_out_labels(reference.songs)
    check_trust(reference.songs, held_out)
    return Taught(fit_probe(reference.songs), _by_content(reference.songs, held_out))


@lru_cache(maxsize=_KEPT)
def _teach_moments(reference: _Reference) -> TaughtMoments | None:
    try:
        probe = fit_moment_probe(reference.songs)
    except ProbeError:
        return None
    return TaughtMoments(probe, _by_content(reference.songs, probe.held_out))


def _by_content(songs: Sequence[JudgedSong], heard: Sequence[list[Event]]) -> dict[str, list[Event]]:
    return {song.content: events for song, events in zip(songs, heard, strict=True)}
