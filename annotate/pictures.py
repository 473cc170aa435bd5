"""Pictures of a track that help to see its parts: a spectrogram, and how like one part each moment sounds.

A row of likeness says more to an eye than the square of a self-similarity matrix: where the part comes back, the row is
bright, and it lies on the same time axis as everything else on the page.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from annotate.track import is_track, track_audio, track_spectrogram_path, why_no_sound
from structure.errors import StudioError
from structure.files import unfinished

if TYPE_CHECKING:
    from annotate.beats import Beats

RATE = 50.0  # columns a second that are kept
BANDS = 64
WINDOW = 2048  # samples
RANGE_DB = 70.0  # below the song's loudest band; what is lower is black
MOST_COLUMNS = 2000  # of one answer
_BLOCK = 3000  # columns worked on at a time: a minute
_AROUND = 4  # beats that are listened to together: one alone is a drum, not a part


class PictureError(StudioError):
    """A picture that cannot be drawn."""


def spectrogram(track: str, start: float, end: float, columns: int) -> np.ndarray:
    """Levels of 64 mel bands, low to high, over a stretch of a track.

    Args:
        track: one that `is_track`.
        start, end: seconds.
        columns: how many there is room for; fewer come where no more are known.

    Returns:
        uint8 (bands, columns), 255 at the song's loudest.
    """
    kept = _kept(track)
    first, last = (min(max(round(t * RATE), 0), kept.shape[1]) for t in (start, end))
    if last <= first:
        return np.zeros((BANDS, 1), np.uint8)
    stretch = kept[:, first:last]
    edges = np.unique(np.linspace(0, stretch.shape[1], min(columns, stretch.shape[1]) + 1).astype(int))
    return np.maximum.reduceat(stretch, edges[:-1], axis=1)


def likeness(beats: Beats, start: float, end: float) -> np.ndarray:
    """How like the stretch from `start` to `end` (seconds) each beat of a song sounds: float (beats,), 0 to 1."""
    from annotate.proposals import sound_of

    rows = sound_of(beats)
    inside = (beats.edges[:-1] >= start - 0.05) & (beats.edges[:-1] < end - 0.05)
    if not inside.any():
        return np.zeros(len(rows))
    total = np.cumsum(np.vstack([np.zeros_like(rows[:1]), rows]), axis=0)
    low = np.clip(np.arange(len(rows)) - _AROUND // 2, 0, None)
    high = np.clip(low + _AROUND, None, len(rows))
    means = (total[high] - total[low]) / (high - low)[:, None]
    wanted = rows[inside].mean(axis=0)
    alike = means @ wanted / (np.linalg.norm(means, axis=1) * np.linalg.norm(wanted) + 1e-9)
    return np.clip(alike, 0, 1)


def picture(asked: Any) -> dict[str, Any]:
    """For the browser: `{"kind": "spectrogram" | "likeness", "track": …, "start": seconds, "end": seconds}`, with
    `columns` for a spectrogram.

    Returns:
        `ok`; then `rows`, `columns` and `cells` (base64 of uint8 (rows, columns)); for a likeness `edges` too, the
        seconds between which each column lies. Else `error`, a sentence.
    """
    try:
        return {"ok": True, **_picture(asked)}
    except (StudioError, OSError) as problem:
        return {"ok": False, "error": str(problem)}


def _picture(asked: Any) -> dict[str, Any]:
    asked = asked if isinstance(asked, Mapping) else {}
    track, start, end = asked.get("track"), _seconds(asked, "start"), _seconds(asked, "end")
    if not isinstance(track, str) or not is_track(track):
        raise PictureError(why_no_sound(track))
    if asked.get("kind") == "likeness":
        from annotate.grid import track_beats

        beats = track_beats(track)
        if beats is None:
            raise PictureError("No beat can be heard in this song, so its parts cannot be compared.")
        cells = (255 * likeness(beats, start, end)).astype(np.uint8)[None]
        return {**_cells(cells), "edges": [round(float(t), 3) for t in beats.edges]}
    columns = asked.get("columns")
    columns = min(max(columns, 1), MOST_COLUMNS) if isinstance(columns, int) else MOST_COLUMNS
    return _cells(spectrogram(track, start, end, columns))


def _seconds(asked: Mapping[str, Any], key: str) -> float:
    value = asked.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise PictureError(f"`{key}` is no time in seconds.")
    return float(value)


def _cells(cells: np.ndarray) -> dict[str, Any]:
    rows, columns = cells.shape
    return {"rows": rows, "columns": columns, "cells": base64.b64encode(cells.tobytes()).decode("ascii")}


@lru_cache(maxsize=4)
def _kept(track: str) -> np.ndarray:
    """All columns of a track, read from the cache where they need not be read into memory."""
    path = track_spectrogram_path(track)
    if not path.is_file():
        partial = unfinished(path)
        try:
            with partial.open("wb") as file:
                np.save(file, _computed(track), allow_pickle=False)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _computed(track: str) -> np.ndarray:
    """uint8 (bands, columns), a minute at a time: an hour needs no more memory than its picture."""
    import librosa
    import soundfile

    with soundfile.SoundFile(str(track_audio(track))) as file:
        rate, hop = file.samplerate, round(file.samplerate / RATE)
        bank = librosa.filters.mel(sr=rate, n_fft=WINDOW, n_mels=BANDS)
        rows = []
        tail = np.zeros(WINDOW // 2, np.float32)
        while True:
            block = file.read(_BLOCK * hop, dtype="float32", always_2d=True).mean(axis=1)
            last = len(block) < _BLOCK * hop
            samples = np.concatenate([tail, block, np.zeros(WINDOW if last else 0, np.float32)])
            count = -(-len(block) // hop) if last else (len(samples) - WINDOW) // hop + 1
            if count > 0:
                frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[: count * hop : hop]
                power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2
                rows.append(bank @ power.T.astype(np.float32))
                tail = samples[count * hop :]
            if last:
                break
    levels = 10 * np.log10(np.concatenate(rows, axis=1) + 1e-10)
    return np.clip(255 * (1 + (levels - levels.max()) / RANGE_DB), 0, 255).astype(np.uint8)
