"""Songs as the judge needs them, read from a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotate.audio import AudioError, content_hash, read_audio
from annotate.dataset import scan
from evaluation.features import SAMPLE_RATE
from evaluation.probe import JudgedSong
from structure.events import clip, sections


@dataclass(frozen=True)
class JudgedFolder:
    """The songs of a folder that have sections, and why the others were left out.

    Attributes:
        songs: in order of name.
        left_out: one sentence per song left out.
    """

    songs: list[JudgedSong] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_folder(
    folder: Path, limit: int | None = None, on_song: Callable[[int, int], None] | None = None
) -> JudgedFolder:
    """Listen to every song of a folder that has sections.

    Args:
        folder: audio with sidecars; folders in it count too.
        limit: at most so many songs, evenly spread over the folder; None takes all.
        on_song: called with how many songs are read and how many there are.

    Raises:
        DatasetError: no such folder, or no audio in it.
    """
    read = JudgedFolder()
    found = [song for song in scan(folder)]
    usable = []
    for song in found:
        if song.problems:
            read.left_out.append(song.problems[0])
        elif not sections(song.events):
            read.left_out.append(
                f"`{song.name}` has no sections. Annotate it, or ask for a structure, to have it count."
            )
        else:
            usable.append(song)
    if limit is not None and len(usable) > limit:
        usable = [usable[i * len(usable) // limit] for i in range(limit)]
    for number, song in enumerate(usable, start=1):
        try:
            samples, _ = read_audio(song.audio, sample_rate=SAMPLE_RATE, mono=True)
        except AudioError as problem:  # the header was sound, the rest is not
            read.left_out.append(str(problem))
            continue
        duration = len(samples) / SAMPLE_RATE
        events = clip(song.events, duration)
        heard = JudgedSong.from_samples(song.name, samples, SAMPLE_RATE, events)
        read.songs.append(replace(heard, content=content_hash(song.audio)))
        if on_song:
            on_song(number, len(usable))
    return read
