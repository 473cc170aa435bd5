"""Decoded copies: a song as a browser plays it, and what it looks like before all of it has been decoded."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import numpy as np
import soundfile

from annotate.decoding import AudioError, AudioInfo, read_blocks, read_excerpts, read_info
from annotate.envelope import EnvelopeBuilder, buckets

HIGHEST_RATE = 48_000  # Hz that every browser plays
LONGEST = 6 * 3600.0  # seconds: a WAV file holds no more than four gigabytes
SKETCH_CELLS = 1536  # about one for each pixel or two of a wide window
SKETCH_FRAMES = 1024  # samples heard for each
SKETCH_SECONDS = 0.8  # after which a sketch is as good as it gets
_PASSES = 16  # each hears cells that lie this far apart, in between those of the pass before


def write_copy(audio: Path, wav: Path, peaks: Path) -> Iterator[float]:
    """Write the playable copy of a song, and its envelope, in one pass over the file.

    Yields:
        the share that is done, after every few seconds of sound.

    Raises:
        AudioError: unreadable, empty, or longer than a WAV file can be; or the disk has no room for the copy.
    """
    info = read_info(audio)
    too_long = AudioError(f"`{audio.name}` lasts more than {LONGEST / 3600:.0f} hours. Cut it in parts.")
    if info.duration > LONGEST:
        raise too_long
    rate, channels = min(info.sample_rate, HIGHEST_RATE), min(info.channels, 2)
    expected = round(info.duration * rate)
    no_room = AudioError(f"There is no room for a decoded copy of `{audio.name}` in {wav.parent}. Make room there.")
    if shutil.disk_usage(wav.parent).free < 2 * channels * expected:
        raise no_room
    builder, written = EnvelopeBuilder(rate), 0
    try:
        with (
            soundfile.SoundFile(str(wav), "w", rate, channels, subtype="PCM_16", format="WAV") as copy,
            ThreadPoolExecutor(max_workers=1) as second,  # writes and draws one block while the next is decoded
        ):

            def put(block: np.ndarray) -> None:
                copy.write(block)
                builder.add(block)

            pending = second.submit(lambda: None)
            for block in _playable(read_blocks(audio), info, rate, channels):
                pending.result()
                pending = second.submit(put, block)
                written += len(block)
                if written > LONGEST * rate:
                    raise too_long
                yield min(written / expected, 1.0)
            pending.result()
        with peaks.open("wb") as file:
            np.save(file, builder.finish(), allow_pickle=False)
    except (soundfile.LibsndfileError, AssertionError, OSError) as problem:  # soundfile asserts that all was written
        raise no_room from problem
    if not written:
        raise AudioError(f"`{audio.name}` holds no sound. Export it again, or take it out of the folder.")


def sketch(audio: Path) -> np.ndarray:
    """The envelope of a long recording from short pieces of it: int8 (cells, 3), spread evenly over its length.

    Where a file is slow to search, fewer pieces are heard, and each stands for its neighbours.

    Raises:
        AudioError: no such file, or not audio.
    """
    info = read_info(audio)
    begun = monotonic()
    order = np.concatenate([np.arange(first, SKETCH_CELLS, _PASSES) for first in _halving(_PASSES)])
    starts = (order + 0.5) * info.duration / SKETCH_CELLS
    pieces: list[np.ndarray] = []
    for samples in read_excerpts(audio, starts, SKETCH_FRAMES):
        pieces.append(samples if len(samples) else np.zeros((1, info.channels), np.float32))
        if monotonic() - begun > SKETCH_SECONDS:
            break
    heard = order[: len(pieces)]
    rows = np.zeros((SKETCH_CELLS, 3), np.int8)
    rows[heard] = buckets(np.concatenate(pieces), np.cumsum([0, *map(len, pieces[:-1])]), info.sample_rate)
    known = np.sort(heard)
    between = (known[1:] + known[:-1] + 1) // 2
    return rows[known[np.searchsorted(between, np.arange(SKETCH_CELLS), side="right")]]


def _halving(count: int) -> list[int]:
    """0 to `count` - 1, a power of two, so that whatever comes first is spread most evenly: 0, 2, 1, 3."""
    return [0] if count == 1 else [2 * n + odd for odd in (0, 1) for n in _halving(count // 2)]


def _playable(blocks: Iterator[np.ndarray], info: AudioInfo, rate: int, channels: int) -> Iterator[np.ndarray]:
    """Blocks of at most two channels at a rate that every browser plays."""
    resampler = None
    if rate != info.sample_rate:
        import soxr

        resampler = soxr.ResampleStream(info.sample_rate, rate, channels, dtype="float32")
    for block in blocks:
        if info.channels > 2:  # surround: every channel heard equally on both sides
            block = np.repeat(block.mean(axis=1, keepdims=True), 2, axis=1)
        yield resampler.resample_chunk(block) if resampler else block
    if resampler:
        yield resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
