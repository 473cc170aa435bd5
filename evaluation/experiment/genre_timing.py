"""Genre timing in an experiment: are an arm's songs arranged as the songs that it learned from?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from annotate.audio import read_audio
from evaluation.arrangement import (
    FEWEST_SONGS,
    ArrangedSong,
    ArrangementError,
    ArrangementReport,
    arranged_song,
    compare_arrangements,
)
from evaluation.experiment.creativity import Take
from evaluation.experiment.data import Split
from evaluation.features import SAMPLE_RATE
from evaluation.listeners import Listener
from evaluation.probe import JudgedSong
from structure.events import Event
from structure.sidecar import read_sidecar


def hear_arrangements(takes: Sequence[Take], listener: Listener) -> list[ArrangedSong]:
    """Songs that nobody gave a structure, with the sections that are heard in them."""
    songs = []
    for take in takes:
        samples, _ = read_audio(take.audio, sample_rate=SAMPLE_RATE, mono=True)
        heard = listener.hear(JudgedSong.from_samples(take.audio.name, samples, SAMPLE_RATE, []))
        songs.append(as_heard(take, heard or []))
    return songs


def as_heard(take: Take, heard: Sequence[Event]) -> ArrangedSong:
    """A song of the genre it was asked to be, with the sections heard."""
    return replace(arranged_song(take.sidecar, heard), genre=take.genre)


def arrangement_distance(songs: Sequence[ArrangedSong], split: Split) -> dict[str, float]:
    """How far songs are arranged from those of their genre that were learned from; "all" pools the genres."""
    found = _compared([song for song in songs if song.parts], split)
    if found is None:
        return {}
    return {"all": found.distance} | {one.genre: one.distance for one in found.genres if one.genre}


def arrangement_reference(split: Split) -> tuple[dict[str, Any], list[str]]:
    """Ceiling and chance of genre timing: real songs held out, against those learned from; and what cannot be said."""
    found = _compared([arranged_song(read_sidecar(song.audio)) for song in split.held_out], split)
    if found is None:
        return {}, [f"Genre timing needs {FEWEST_SONGS} songs to learn from."]
    ceiling = {"all": found.ceiling} | {one.genre: one.ceiling for one in found.genres if one.genre}
    chance = {"all": found.chance} | {one.genre: one.chance for one in found.genres if one.genre}
    if any(one.genre for one in found.genres):
        return {"ceiling": ceiling, "chance": chance}, []
    said = (
        f"No genre has {FEWEST_SONGS} songs, so arrangements are compared whatever the genre, and there is no chance."
    )
    return {"ceiling": ceiling, "chance": chance}, [said]


def _compared(songs: Sequence[ArrangedSong], split: Split) -> ArrangementReport | None:
    """Songs against those learned from, genre by genre, or whatever the genre where each has too few songs."""
    learned = [arranged_song(read_sidecar(song.audio)) for song in split.training]
    for own, real in (
        (songs, learned),
        ([replace(s, genre="") for s in songs], [replace(s, genre="") for s in learned]),
    ):
        try:
            return compare_arrangements(own, real)
        except ArrangementError:
            continue
    return None
