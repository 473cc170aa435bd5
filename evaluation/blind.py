"""Copies of songs for somebody who shall annotate them without knowing what was asked for."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from annotate.dataset import scan
from evaluation.segments import ScoreError


def blind_copies(folder: Path, target: Path, seed: int | None = None) -> list[Path]:
    """Copy the audio of a folder in random order, numbered, without sidecars.

    `listeners.FileListener` finds each copy's song again by its content, so no list of names is kept.

    Args:
        folder: songs, with or without sidecars.
        target: a folder that is empty or not there yet.
        seed: of the order; None for one that nobody knows.

    Returns:
        the copies.

    Raises:
        ScoreError: the target holds something already.
        DatasetError: no such folder, or no audio in it.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ScoreError(f"{target} is not empty. Name a new folder for the copies.")
    songs = [song.audio for song in scan(folder)]
    random.Random(seed).shuffle(songs)
    target.mkdir(parents=True, exist_ok=True)
    copies = [target / f"song-{number:03d}{audio.suffix.lower()}" for number, audio in enumerate(songs, start=1)]
    for audio, copy in zip(songs, copies, strict=True):
        shutil.copyfile(audio, copy)
    return copies
