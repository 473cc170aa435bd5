"""Songs made comparable: one rate, one number of channels, one length, one loudness; and clips that say nothing else.

Loudness is that of ITU-R BS.1770-4 with both gates, in LUFS.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from annotate.audio import read_audio
from evaluation.listening.store import SOUNDS, Clip, ListeningError

SHORTEST = 3.0  # seconds; nobody judges less
PEAK = -1.0  # dB true peak that nothing exceeds
LOUDEST = -14.0  # LUFS; a target above it would only hurt
_OVERSAMPLING = 4  # as BS.1770 has it for true peak
_FADE = 0.05  # seconds at both ends: a song cut to the length of its partner ends as softly as that one


def read_song(path: Path, sample_rate: int, channels: int, seconds: float) -> np.ndarray:
    """The first `seconds` of a song, faded at both ends.

    Args:
        path: any format that the studio reads.
        sample_rate: Hz.
        channels: 1 or 2; one channel becomes two alike, more than two become one or two by their mean.
        seconds: length to cut to; the file may be shorter by a sample or two.

    Returns:
        float32 (frames, channels), frames = round(seconds · sample_rate).

    Raises:
        AudioError: not audio.
    """
    samples, _ = read_audio(path, sample_rate)
    if samples.shape[1] != channels:
        samples = np.repeat(samples.mean(axis=1, keepdims=True), channels, axis=1)
    frames = round(seconds * sample_rate)
    samples = np.pad(samples[:frames], ((0, max(0, frames - len(samples))), (0, 0)))
    ramp = np.linspace(0, 1, round(_FADE * sample_rate), dtype=np.float32)[:, None]
    samples[: len(ramp)] *= ramp
    samples[-len(ramp) :] *= ramp[::-1]
    return samples


def loudness(samples: np.ndarray, sample_rate: int) -> float:
    """Integrated loudness in LUFS; -inf for silence.

    Args:
        samples: float (frames, channels), full scale 1, at least 0.4 s.
        sample_rate: Hz, at least 8000.

    Source: ITU-R BS.1770-4, by pyloudnorm (Steinmetz and Reiss, AES 150, 2021).
    """
    from pyloudnorm import Meter

    with np.errstate(divide="ignore"), warnings.catch_warnings():  # silence is -inf, and no mistake
        warnings.simplefilter("ignore")
        return float(Meter(sample_rate).integrated_loudness(samples.astype(float)))


def true_peak(samples: np.ndarray) -> float:
    """The highest value between the samples too, in dB of full scale."""
    import soxr

    between = soxr.resample(samples.astype(np.float32, copy=False), 1, _OVERSAMPLING, quality="MQ")
    return float(20 * np.log10(max(np.abs(between).max(), np.abs(samples).max(), 1e-9)))


def safe_target(levels: Sequence[tuple[float, float]]) -> float:
    """The loudness in LUFS that every song can be brought to without its peaks going over -1 dB.

    Args:
        levels: loudness (LUFS) and true peak (dB) of each song.
    """
    return min(LOUDEST, *(lufs + PEAK - peak for lufs, peak in levels))


def clip_bytes(folder: Path, clip: Clip) -> bytes:
    """A clip as the browser gets it: 16-bit WAV, without a tag.

    Each has triangular dither of its own, so that X of an ABX test and the clip it equals share no bytes. A machine
    that correlates the two would still find out, as it would in any ABX test: what can be heard can be computed.

    Args:
        folder: of the test.
        clip: of a trial.

    Raises:
        ListeningError: its sound is gone.
    """
    path = folder / SOUNDS / f"{clip.sound}.flac"
    if not path.is_file():
        raise ListeningError(f"`{path}` is gone. Restore it from a backup.")
    samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    rng = np.random.default_rng(clip.dither)
    uniform = rng.random((2, *samples.shape), dtype=np.float32)
    noise = uniform[0] - uniform[1]  # triangular, within one step of 16 bits
    steps = np.clip(np.rint(samples * 32767 + noise), -32768, 32767).astype(np.int16)
    encoded = io.BytesIO()
    soundfile.write(encoded, steps, sample_rate, format="WAV", subtype="PCM_16")
    return encoded.getvalue()
