"""Do songs of one request still differ, and do any copy the training songs?

    ear = fit_ear([sound_cells(samples, sample_rate) for ... in real songs])
    generated = [ear.windows(sound_cells(samples, sample_rate)) for ...]
    variety(generated)                       # songs of one request, other seeds
    near_copies(generated, training).songs   # share, as SIM_AA@95 counts

CLAP's judgement cannot be had without its weights, so similarity is that of
*what sounds when*: windows of 5 s of log-mel and chroma, five times a second,
centred and whitened on real songs, compared by cosine. It is strict about
tune, harmony and rhythm, and forgiving about level, equaliser, a little noise,
and where in the song the window lies. A copy that is transposed, or played
5 % faster, is another song to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.adherence import CHROMA_RATE, chroma
from evaluation.features import FRAME_RATE, log_mel
from structure.errors import StudioError

WINDOW = 5.0  # seconds
FEWEST_SONGS = 8  # that an ear is fitted on: to one fitted on four, 2 % of strangers are copies

NEAR_COPY = 0.95
"""Cosine from which a window counts as copied.

Calibrated on procedural songs of 20 s. Of 100 songs against 400 others, 1 % have such a window, and 0.02 % of all
windows are; the nearest stranger's cosine has median 0.80 and 98th percentile 0.93. Of 24 songs against themselves, all
windows are found after 1 dB, hiss at -30 dB, 20 ms and a gentle equaliser, 87 % where windows fall between windows
(50 ms), 98 % through hiss at -20 dB, 64 % through the starter's codec, and some of every song each time.

Songs of one style, key, tempo *and* structure do share passages, at 0.97 the very notes: 43 % of songs and 9 % of
windows. Where requests repeat those of training songs, such songs are the chance to compare with.
"""

_CELLS = round(WINDOW * CHROMA_RATE)
_MEL_GROUPS = 16
_CHROMA_WEIGHT = 4.0  # below it, songs in other keys pass for copies; above it, a codec hides copies
_DIMENSIONS = 128
_SHRINKAGE = 1.0  # of the mean variance: what hardly varies among real songs must not be blown up
_SILENT = -7.0  # nepers: a window whose loudest cell lies below has nothing to compare


class VarietyError(StudioError):
    """Songs that cannot be compared."""


@dataclass(frozen=True)
class Ear:
    """What real songs vary in; of `fit_ear`.

    Attributes:
        mean: float (features,).
        axes: float (features, dimensions): whitening projection.
    """

    mean: np.ndarray
    axes: np.ndarray

    def windows(self, cells: np.ndarray) -> np.ndarray:
        """Embeddings of a song's windows, ten a second.

        Args:
            cells: float (cells, features) of `sound_cells`.

        Returns:
            float32 (windows, dimensions), each of length 1; silent windows are left out.
        """
        sounding = _windows(cells)[_sounds(cells)]
        embedded = (sounding - self.mean) @ self.axes
        return (embedded / np.maximum(np.linalg.norm(embedded, axis=1, keepdims=True), 1e-9)).astype(np.float32)


@dataclass(frozen=True)
class NearCopies:
    """How much of the generated songs was heard in training.

    Attributes:
        songs: share of songs with a window that nears a training song's; 0 to 1.
        windows: the same share of all windows.
        similarity: float (songs,) highest cosine of each song; -1 for a silent one.
        nearest: int (songs,) the training song in which it was found; -1 for a silent one.
    """

    songs: float
    windows: float
    similarity: np.ndarray
    nearest: np.ndarray


def sound_cells(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """What sounds when: log-mel and chroma of a song, relative to its own level.

    Args:
        samples: float (samples,) or (samples, channels), 5 s or longer.
        sample_rate: Hz.

    Returns:
        float32 (cells, 16 + 12), ten a second.

    Raises:
        VarietyError: the song is too short for one window.
    """
    mel, classes = log_mel(samples, sample_rate), chroma(samples, sample_rate)
    frames = round(FRAME_RATE / CHROMA_RATE)
    n = min(len(mel) // frames, len(classes))
    if n < _CELLS:
        raise VarietyError(
            f"The song lasts {len(samples) / sample_rate:.1f} s, and songs are compared in windows of {WINDOW:g} s. "
            "Take longer ones."
        )
    colour = mel[: n * frames].reshape(n, frames, _MEL_GROUPS, -1).mean(axis=(1, 3))
    pitch = np.log1p(classes[:n] / max(3 * float(classes.mean()), 1e-12))
    pitch -= pitch.mean(axis=1, keepdims=True)  # drums raise all classes alike
    return np.hstack([colour, _CHROMA_WEIGHT * pitch]).astype(np.float32)


def fit_ear(songs: Sequence[np.ndarray]) -> Ear:
    """Learn from real songs what songs vary in.

    Args:
        songs: `sound_cells` of each; the training songs will do.

    Raises:
        VarietyError: fewer than eight songs.
    """
    if len(songs) < FEWEST_SONGS:
        raise VarietyError(f"Similarity is measured against at least {FEWEST_SONGS} real songs, got {len(songs)}.")
    examples = np.vstack([_windows(cells)[:: round(CHROMA_RATE)] for cells in songs])  # one a second
    mean = examples.mean(axis=0)
    _, spread, axes = np.linalg.svd(examples - mean, full_matrices=False)
    variance = spread[:_DIMENSIONS] ** 2 / len(examples)
    return Ear(mean, axes[:_DIMENSIONS].T / np.sqrt(variance + _SHRINKAGE * variance.mean() + 1e-12))


def variety(songs: Sequence[np.ndarray]) -> float:
    """Mean distance between all pairs of songs made from one request.

    The distance of two songs is 1 - cos, where cos is the mean similarity of a window of either to the nearest of
    the other: 0 for a song and itself, whatever its offset.

    Args:
        songs: float (windows, dimensions) of `Ear.windows`, two or more songs.

    Returns:
        0 to 2. Procedural songs of one style, key, tempo and structure lie 0.25 apart, any two 0.75.

    Raises:
        VarietyError: fewer than two songs that sound.
    """
    sounding = [windows for windows in songs if len(windows)]
    if len(sounding) < 2:
        raise VarietyError(
            f"Variety is a distance between songs, and {len(sounding)} of {len(songs)} can be heard. "
            "Generate with two seeds or more."
        )
    distances = []
    for one, other in itertools.combinations(sounding, 2):
        cosines = one @ other.T
        distances.append(1 - (cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2)
    return float(np.mean(distances))


def near_copies(
    generated: Sequence[np.ndarray], training: Sequence[np.ndarray], threshold: float = NEAR_COPY
) -> NearCopies:
    """Share of generated songs that near a training song.

    Real songs the model never heard, taken as `generated`, give the share that is nobody's fault.

    Args:
        generated: float (windows, dimensions) of `Ear.windows`, one array a song.
        training: the same of the songs trained on.
        threshold: cosine from which a window counts as copied.

    Raises:
        VarietyError: no generated song, or none to compare with.

    Source: SIM_AA@95 of MusicLDM (Chen et al., ICASSP 2024), with an embedding of ours in place of CLAP's.
    """
    if not generated or not any(len(windows) for windows in training):
        raise VarietyError(
            f"Copies are looked for in {len(generated)} generated and {len(training)} training songs. "
            "Give at least one that sounds of each."
        )
    similarity, nearest = np.full(len(generated), -1.0), np.full(len(generated), -1)
    copied = []
    for i, windows in enumerate(generated):
        if not len(windows):
            continue
        best = np.stack([(windows @ song.T).max(axis=1, initial=-1.0) for song in training], axis=1)
        copied.append(best.max(axis=1) >= threshold)
        nearest[i] = best.max(axis=0).argmax()
        similarity[i] = best.max()
    return NearCopies(
        songs=float(np.mean(similarity >= threshold)),
        windows=float(np.mean(np.concatenate(copied))) if copied else 0.0,
        similarity=similarity,
        nearest=nearest,
    )


def _windows(cells: np.ndarray) -> np.ndarray:
    """float32 (windows, features): cells in pairs, a window's 25 one after the other, so that 50 ms matter little."""
    pairs = (cells[1:] + cells[:-1]) / 2
    windows = np.lib.stride_tricks.sliding_window_view(pairs, _CELLS - 1, axis=0)[:, :, ::2]
    return windows.reshape(len(windows), -1)


def _sounds(cells: np.ndarray) -> np.ndarray:
    """bool (windows,): whether anything sounds in each."""
    loudest = cells[:, :_MEL_GROUPS].max(axis=1)
    return np.lib.stride_tricks.sliding_window_view(loudest, _CELLS).max(axis=1) > _SILENT
