"""Beats, and what each of them sounds like: the grid that proposals are made on.

A song becomes one row per beat, so that four minutes are some five hundred
rows whatever the tempo. Beats are librosa's (Ellis, 2007), carried on to both
ends of the song: a song does not begin at its first loud note. Which beat of
the bar each one is, librosa does not say; `annotate.boundaries` weighs that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotate.audio import audio_blocks_at, audio_info
from structure.errors import StudioError

SAMPLE_RATE = 22_050  # Hz
HOP = 512  # samples: 23 ms, a third of what counts as a hit
WINDOW = 2048  # samples
_BANDS = 64
RANGE_DB = 80.0  # below the song's loudest band; what is lower is as good as silent
_STRETCH_FRAMES = 4096  # frames that librosa gets at once: a minute and a half
_TEMPO_FRAMES = 512  # frames whose tempo is looked for at once: each takes twenty kilobytes meanwhile
_LONGEST_PROMISED = 6 * 3600.0  # seconds that room is made for at once: a FLAC written to a pipe promises 2^63 samples
_BLOCK_FRAMES = 512  # spectra at a time: an hour of music needs no more memory than its samples


class BeatsError(StudioError):
    """A song in which no beat can be heard."""


@dataclass(frozen=True)
class Beats:
    """A song beat by beat.

    Attributes:
        edges: float (n + 1,), seconds: beat i lasts from edges[i] to edges[i + 1]; the first is 0, the last the end.
        tempo: beats per minute.
        bands: float32 (n, 64): level of the mel bands, dB, standardised over the song.
        timbre: float32 (n, 13): MFCC without level, rows of unit length.
        harmony: float32 (n, 12): chroma without the song's mean, rows of unit length.
    """

    edges: np.ndarray
    tempo: float
    bands: np.ndarray
    timbre: np.ndarray
    harmony: np.ndarray

    def __len__(self) -> int:
        return len(self.bands)

    @property
    def views(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bands, timbre and harmony, each with rows of about unit length, so that they can be weighed together."""
        return self.bands / np.sqrt(self.bands.shape[1]), self.timbre, self.harmony


def find_beats(audio: Path) -> Beats:
    """Listen to a song.

    Raises:
        AudioError: not audio, or empty.
        BeatsError: fewer than four beats: silence, a single sound, a second of music.
    """
    import librosa

    blocks = (block.mean(axis=1) for block in audio_blocks_at(audio, SAMPLE_RATE))
    level, chroma, n_samples = _spectra(blocks, audio_info(audio).duration)
    too_little = BeatsError(
        f"No beat can be heard in `{audio.name}`, so nothing can be proposed. Mark its parts by ear: play, and tap B."
    )
    if n_samples < 2 * SAMPLE_RATE:
        raise too_little
    np.maximum(level, level.max() - RANGE_DB, out=level)
    onsets = _onsets(level)
    tempo = _tempo(onsets)
    _, found = librosa.beat.beat_track(onset_envelope=onsets, sr=SAMPLE_RATE, hop_length=HOP, trim=False, bpm=tempo)
    if len(found) < 4:
        raise too_little
    frames = _to_both_ends(found, level.shape[1])
    bands = _standardised(_mean_of_beats(level, frames))
    timbre = _standardised(librosa.feature.mfcc(S=bands.T, n_mfcc=14).T[:, 1:])
    harmony = _standardised(_mean_of_beats(chroma, frames))
    edges = frames * HOP / SAMPLE_RATE
    edges[0], edges[-1] = 0.0, n_samples / SAMPLE_RATE
    return Beats(edges, tempo, bands, _unit(timbre), _unit(harmony))


def _spectra(blocks: Iterable[np.ndarray], duration: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Level of 64 mel bands, dB, and chroma, of samples in blocks: (64, frames), (12, frames), how many samples.

    Frame i is centred on sample i * HOP. Samples are let go as soon as they were heard, and what was heard of them has
    its place from the start: an hour, or half of one twice, would not fit into what a page may take. `duration`
    (seconds) is what the file's header promises, and may be wrong.
    """
    import librosa

    rows = np.empty((_BANDS + 12, 2 + int(min(duration, _LONGEST_PROMISED) * SAMPLE_RATE / HOP)), np.float32)
    heard = 0  # frames

    def hear(samples: np.ndarray) -> None:
        nonlocal rows, heard
        power = np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=HOP, center=False)) ** 2
        first, heard = heard, heard + power.shape[1]
        if heard > rows.shape[1]:
            rows = np.concatenate([rows, np.empty((len(rows), heard), np.float32)], axis=1)
        mel = librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE, n_mels=_BANDS)
        rows[:_BANDS, first:heard] = librosa.power_to_db(mel, top_db=None)
        rows[_BANDS:, first:heard] = librosa.feature.chroma_stft(S=power, sr=SAMPLE_RATE, tuning=0.0)

    waiting, n_samples = [np.zeros(WINDOW // 2, np.float32)], 0
    for block in blocks:
        waiting.append(block)
        n_samples += len(block)
        if sum(map(len, waiting)) >= _BLOCK_FRAMES * HOP + WINDOW:
            samples = np.concatenate(waiting)
            n_frames = (len(samples) - WINDOW) // HOP + 1
            hear(samples[: (n_frames - 1) * HOP + WINDOW])
            waiting = [samples[n_frames * HOP :]]
    hear(np.concatenate([*waiting, np.zeros(WINDOW // 2, np.float32)]))
    return rows[:_BANDS, :heard], rows[_BANDS:, :heard], n_samples


def _onsets(level: np.ndarray) -> np.ndarray:
    """librosa's onset strength of levels (bands, frames): (frames,)."""
    import librosa

    found = []
    for start in range(0, level.shape[1], _STRETCH_FRAMES):
        before = min(start, 1)  # each frame is compared with the one before it
        stretch = level[:, start - before : start + _STRETCH_FRAMES]
        # `center` would move onsets by half a window, which the padding of `_spectra` has done: 46 ms too late
        strength = librosa.onset.onset_strength(S=stretch, sr=SAMPLE_RATE, hop_length=HOP, center=False)
        found.append(strength[before:])
    return np.concatenate(found)


def _tempo(onsets: np.ndarray) -> float:
    """Beats per minute, from the autocorrelation of onset strengths (frames,).

    As `librosa.beat.beat_track` asks for it, but a few seconds at a time: at once, an hour takes two gigabytes.
    """
    import librosa

    window = int(librosa.time_to_frames(8.0, sr=SAMPLE_RATE, hop_length=HOP))  # librosa's own choice
    padded = np.pad(onsets, window // 2, mode="linear_ramp", end_values=0)  # as librosa pads
    total = np.zeros((window, 1))
    for start in range(0, len(onsets), _TEMPO_FRAMES):
        frames = min(_TEMPO_FRAMES, len(onsets) - start)
        total += librosa.feature.tempogram(
            onset_envelope=padded[start : start + frames + window - 1],
            sr=SAMPLE_RATE,
            hop_length=HOP,
            win_length=window,
            center=False,
        ).sum(axis=1, keepdims=True)
    return float(librosa.feature.tempo(tg=total / len(onsets), sr=SAMPLE_RATE, hop_length=HOP)[0])


def _to_both_ends(beats: np.ndarray, n_frames: int) -> np.ndarray:
    """Edges of beats in frames, from 0 to `n_frames`: beats go on at the median pace where none was found."""
    pace = float(np.median(np.diff(beats)))
    before = np.arange(beats[0] - pace, pace / 2, -pace)[::-1]
    after = np.arange(beats[-1] + pace, n_frames - pace / 2, pace)
    inside = np.concatenate([before, beats[beats > pace / 2], after])
    return np.concatenate([[0.0], inside[inside < n_frames - pace / 2], [n_frames]])


def _mean_of_beats(rows: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(features, frames) to (beats, features)."""
    starts = np.minimum(np.round(edges[:-1]).astype(int), rows.shape[1] - 1)
    sums = np.add.reduceat(rows, starts, axis=1)
    return (sums / np.diff(np.append(starts, rows.shape[1]))).T


def _standardised(rows: np.ndarray) -> np.ndarray:
    """Without the song's mean; one scale for all columns, so that what varies most still weighs most."""
    centred = rows - rows.mean(axis=0)
    return (centred / (centred.std() + 1e-9)).astype(np.float32)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)
