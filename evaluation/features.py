"""What the judge hears: log-mel spectra, and their means and deviations over windows of any length.

Level and hiss tell sections apart in clean songs and mislead in others, so
spectra are relative to the song's own loud level and stop 35 dB below it.
"""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16_000  # Hz
FRAME_RATE = 50.0  # spectra per second
N_BANDS = 48
_N_FFT = 1024
_HOP = int(SAMPLE_RATE / FRAME_RATE)
_LOWEST, _HIGHEST = 30.0, 8_000.0  # Hz
_FLOOR = 8.0  # nepers of power below the loud level, 35 dB
_LOUD = 95  # percentile of the spectra's mean power
_BLOCK = 2048  # spectra computed at once: a song of an hour needs no more memory than one of a minute


def log_mel(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Log-mel power of a song relative to its own loud level.

    Args:
        samples: float (samples,) or (samples, channels).
        sample_rate: Hz.

    Returns:
        float32 (frames, N_BANDS), `FRAME_RATE` a second; frame i is centred on i / FRAME_RATE seconds.
    """
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    if sample_rate != SAMPLE_RATE:
        import soxr

        mono = soxr.resample(mono, sample_rate, SAMPLE_RATE)
    n_frames = max(1, round(len(mono) / _HOP))
    padded = np.zeros((n_frames - 1) * _HOP + _N_FFT, np.float32)
    padded[_N_FFT // 2 :][: len(mono)] = mono[: len(padded) - _N_FFT // 2]
    frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::_HOP]
    window, bands = np.hanning(_N_FFT).astype(np.float32), mel_bands().T
    power = np.concatenate(
        [np.abs(np.fft.rfft(frames[i : i + _BLOCK] * window)) ** 2 @ bands for i in range(0, n_frames, _BLOCK)]
    )
    loud = max(float(np.percentile(power.mean(axis=1), _LOUD)), 1e-12)
    return limit_range(np.log(power / loud + 1e-12).astype(np.float32))


def limit_range(mel: np.ndarray) -> np.ndarray:
    """Softly end the range of log-mel power at the floor."""
    return np.logaddexp(mel, np.float32(-_FLOOR))


def mel_bands() -> np.ndarray:
    """Triangular bands with even spacing on the mel scale, each of weight 1.

    Returns:
        float32 (N_BANDS, _N_FFT // 2 + 1).

    Source: mel = 2595 log10(1 + f / 700) (O'Shaughnessy, Speech Communication, 1987).
    """
    lowest, highest = 2595 * np.log10(1 + np.array([_LOWEST, _HIGHEST]) / 700)
    edges = 700 * (10 ** (np.linspace(lowest, highest, N_BANDS + 2) / 2595) - 1)  # Hz
    bins = np.fft.rfftfreq(_N_FFT, 1 / SAMPLE_RATE)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    bands = np.clip(np.minimum(rising, falling), 0, None)
    # the lowest bands are narrower than a bin: give each that catches none its nearest one
    empty = np.flatnonzero(bands.sum(axis=1) == 0)
    bands[empty, np.abs(bins - edges[empty + 1, None]).argmin(axis=1)] = 1
    return (bands / bands.sum(axis=1, keepdims=True)).astype(np.float32)


def window_stats(mel: np.ndarray, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of each band over windows of frames.

    Args:
        mel: float (frames, bands).
        first: int (windows,) first frame of each window; clipped to the song.
        stop: int (windows,) frame after its last; at least one frame is always used.

    Returns:
        float32 (windows, 2 * bands): means, then deviations.
    """
    first = np.clip(first, 0, len(mel) - 1)
    stop = np.clip(np.maximum(stop, first + 1), 1, len(mel))
    count = (stop - first)[:, None]
    mean, square = (_running(part)[stop] - _running(part)[first] for part in (mel, np.square(mel)))
    mean, square = mean / count, square / count
    return np.hstack([mean, np.sqrt(np.maximum(square - mean**2, 0))]).astype(np.float32)


def centred_stats(mel: np.ndarray, times: np.ndarray, reach: float = 0.5) -> np.ndarray:
    """`window_stats` over ±`reach` seconds around each time.

    Args:
        mel: float (frames, bands).
        times: float (windows,) seconds.
        reach: half of a window's length in seconds.

    Returns:
        float32 (windows, 2 * bands).
    """
    centre, half = np.round(np.asarray(times) * FRAME_RATE).astype(int), round(reach * FRAME_RATE)
    return window_stats(mel, centre - half, centre + half + 1)


def _running(values: np.ndarray) -> np.ndarray:
    """float64 (frames + 1, bands): sums of all rows before each."""
    return np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
