"""What each arm learns from: copies of the dataset that differ in nothing but how they tell time.

    plain      no events, no section tags in the lyrics
    tagged     the annotated events, and section tags in the lyrics
    shuffled   the same lyrics, and another song's events stretched to this song's length

Audio is linked, not copied, where the disk can.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.dataset import Song, scan
from evaluation.experiment.settings import ExperimentError, ExperimentSettings
from structure.events import Event, sections
from structure.lyrics import lyrics_with_tags, song_lyrics, without_section_tags
from structure.sidecar import read_sidecar

FEWEST_SONGS = 4
_MOST_HELD_OUT = 8
_TIMES_APART = 0.5  # seconds by which two structures must differ somewhere


@dataclass(frozen=True)
class Split:
    """Songs to learn from, and songs whose structures are asked for; no song is in both."""

    training: list[Song]
    held_out: list[Song]


def split_songs(settings: ExperimentSettings) -> Split:
    """Which songs train and which structures are asked for.

    Held-out songs of the dataset are spread evenly over it.

    Raises:
        ExperimentError: too few annotated songs, or all of one structure.
        DatasetError: a folder is missing or holds no audio.
    """
    songs = _annotated(settings.dataset)
    if settings.structures is not None:
        training, held_out = songs, _annotated(settings.structures)
        known = {_form(song.events) for song in training}
        held_out = [song for song in held_out if _form(song.events) not in known]
        if not held_out:
            raise ExperimentError(
                f"{settings.structures} has no annotated song whose structure is not in {settings.dataset} already."
            )
    else:
        count = settings.held_out or max(1, min(_MOST_HELD_OUT, len(songs) // 3))
        chosen = {(2 * i + 1) * len(songs) // (2 * count) for i in range(min(count, len(songs)))}
        training = [song for number, song in enumerate(songs) if number not in chosen]
        held_out = [song for number, song in enumerate(songs) if number in chosen]
    _check(settings, training)
    return Split(training, held_out)


def write_data(split: Split, folder: Path) -> None:
    """Write `plain`, `tagged` and `shuffled` into a folder, unless they are there."""
    songs = split.training
    others = shuffled_events([song.events for song in songs], [song.duration or 0.0 for song in songs])
    for name in ("plain", "tagged", "shuffled"):
        target = folder / name
        if (target / ".whole").exists():
            continue
        target.mkdir(parents=True, exist_ok=True)
        for number, song in enumerate(songs):
            stem = f"song-{number + 1:03d}"
            data = dict(read_sidecar(song.audio).data)
            plain, tagged = words(data, song.events)
            told = {"plain": [], "tagged": song.events, "shuffled": others[number]}[name]
            data |= {"lyrics": plain if name == "plain" else tagged, "events": [event.to_dict() for event in told]}
            _bring(song.audio, target / f"{stem}{song.audio.suffix.lower()}")
            (target / f"{stem}.json").write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
        (target / ".whole").touch()


def words(sidecar: Mapping[str, Any], events: Sequence[Event]) -> tuple[str, str]:
    """A song's lyrics without section tags, and with a tag for every section."""
    sung = song_lyrics(sidecar.get("lyrics") or "", events)
    bare = without_section_tags(sung)
    return bare, lyrics_with_tags(sung, events)


def shuffled_events(structures: Sequence[Sequence[Event]], durations: Sequence[float]) -> list[list[Event]]:
    """Each song's events replaced by those of the song half the list away, stretched to its own length.

    Args:
        structures: events of each song, in seconds.
        durations: of the songs, in seconds.
    """
    shift = len(structures) // 2
    stretched = []
    for number, duration in enumerate(durations):
        other = (number + shift) % len(structures)
        factor = duration / durations[other] if durations[other] else 1.0
        moved = [{"start": round(e.start * factor, 3), "end": round(e.end * factor, 3)} for e in structures[other]]
        stretched.append([e.model_copy(update=m) for e, m in zip(structures[other], moved, strict=True)])
    return stretched


def _annotated(folder: Path) -> list[Song]:
    return [song for song in scan(folder) if not song.problems and sections(song.events)]


def _check(settings: ExperimentSettings, training: Sequence[Song]) -> None:
    if len(training) < FEWEST_SONGS:
        raise ExperimentError(
            f"{settings.dataset} leaves {len(training)} annotated songs to learn from, and an experiment needs "
            f"{FEWEST_SONGS}. Annotate more songs, or hold fewer out."
        )
    if len({event.type for song in training for event in sections(song.events)}) < 2:
        raise ExperimentError(
            f"All sections in {settings.dataset} are of one type, so there is no structure to teach. "
            "Mark a second type."
        )
    if len({_form(song.events) for song in training}) < 2:
        raise ExperimentError(
            f"All songs in {settings.dataset} have the same structure, so nothing could tell what was learned from it. "
            "Add songs with other structures."
        )


def _form(events: Sequence[Event]) -> tuple[tuple[str, int], ...]:
    return tuple((event.type, round(event.start / _TIMES_APART)) for event in sections(events))


def _bring(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copyfile(source, target)
