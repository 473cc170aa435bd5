"""Waveform envelope: what a song looks like, at 100 buckets a second.

Each bucket holds the lowest and the highest sample and how bright the sound
is, three bytes in all, so that five minutes are 90 kB. It is built block by
block in the same pass that decodes the file.
"""

import numpy as np

BUCKETS_PER_SECOND = 100
BLOCK_FRAMES = 1 << 16
DARK, BRIGHT = 150.0, 6000.0  # Hz: the mean frequencies drawn darkest and brightest


class EnvelopeBuilder:
    """Collects an envelope from blocks of samples of any length.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._rest: np.ndarray | None = None  # samples of the bucket that is not full yet
        self._before: np.ndarray | None = None  # the sample before them, so that a slope crosses blocks
        self._done = 0  # buckets so far
        self._rows: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> None:
        """Take the next samples: float32 (frames, channels)."""
        if self._rest is not None:
            block = np.concatenate([self._rest, block])
        first = self._edge(self._done)  # sample number at which `block` begins
        last = self._done
        while self._edge(last + 1) <= first + len(block):  # whole buckets within the block
            last += max(1, (first + len(block) - self._edge(last + 1)) * BUCKETS_PER_SECOND // self._rate)
        if last > self._done:
            edges = np.array([self._edge(i) - first for i in range(self._done, last + 1)])
            self._rows.append(buckets(block[: edges[-1]], edges[:-1], self._rate, self._before))
            self._before = block[edges[-1] - 1]
            block = block[edges[-1] :]
            self._done = last
        self._rest = block

    def finish(self) -> np.ndarray:
        """int8 (buckets, 3): lowest and highest sample in [-127, 127], brightness in [0, 127]."""
        if self._rest is not None and len(self._rest):
            self._rows.append(buckets(self._rest, np.array([0]), self._rate, self._before))
            self._rest = None
        return np.concatenate(self._rows) if self._rows else np.zeros((0, 3), np.int8)

    def _edge(self, bucket: int) -> int:
        return bucket * self._rate // BUCKETS_PER_SECOND


def envelope(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """The envelope of samples that are in memory: float32 (frames, channels) to int8 (buckets, 3)."""
    builder = EnvelopeBuilder(sample_rate)
    for start in range(0, len(samples), BLOCK_FRAMES):  # blocks that fit the processor's cache: several times faster
        builder.add(samples[start : start + BLOCK_FRAMES])
    return builder.finish()


def buckets(block: np.ndarray, starts: np.ndarray, sample_rate: int, before: np.ndarray | None = None) -> np.ndarray:
    """int8 (buckets, 3) of float32 (frames, channels), cut at the sample numbers `starts`; `before` precedes it."""
    channels = [np.ascontiguousarray(c) for c in block.T]
    low = np.min([np.minimum.reduceat(c, starts) for c in channels], axis=0)
    high = np.max([np.maximum.reduceat(c, starts) for c in channels], axis=0)
    mono = channels[0] if len(channels) == 1 else sum(channels[1:], channels[0])
    energy = np.add.reduceat(mono * mono, starts)
    steps = np.diff(mono, prepend=mono[0] if before is None else sum(before[1:], before[0]))
    # The slope's energy over the signal's is 4 sin²(pi f / rate) for one sine of f Hz: a centroid without a spectrum.
    ratio = np.add.reduceat(steps * steps, starts) / np.maximum(energy, 1e-9)
    hertz = np.arcsin(np.sqrt(np.clip(ratio / 4, 0, 1))) * sample_rate / np.pi
    bright = np.log(np.clip(hertz, DARK, BRIGHT) / DARK) / np.log(BRIGHT / DARK)
    rows = np.stack([np.clip(low, -1, 1), np.clip(high, -1, 1), bright], axis=1)
    return np.round(rows * 127).astype(np.int8)
