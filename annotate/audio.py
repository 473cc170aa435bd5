"""Reading and writing audio files: one reader for the page, the training set and the scores.

A process that asked for it with `annotate.apart.decode_apart`, as the page
does, has files read by processes of their own, which may die of a broken one;
any other reads them itself. The same code reads them either way.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from annotate import apart
from annotate.decoding import (
    BLOCK_FRAMES,
    AudioError,
    AudioInfo,
    read_blocks,
    read_info,
    readable,
    refuse_missing_or_empty,
)
from structure.files import write_whole

__all__ = [
    "AUDIO_SUFFIXES",
    "BLOCK_FRAMES",
    "SUBTYPES",
    "AudioError",
    "AudioInfo",
    "audio_blocks",
    "audio_blocks_at",
    "audio_info",
    "audio_infos",
    "content_hash",
    "encode_audio",
    "read_audio",
    "readable",
    "write_audio",
]

AUDIO_SUFFIXES: tuple[str, ...] = (
    ".aac",
    ".aif",
    ".aiff",
    ".flac",
    ".m4a",
    ".mp3",
    ".oga",
    ".ogg",
    ".opus",
    ".wav",
    ".wma",
)
SUBTYPES = {"WAV": "PCM_16", "FLAC": "PCM_16", "MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}
"""What `write_audio` writes, and how."""


def audio_info(path: Path) -> AudioInfo:
    """The header of an audio file.

    Raises:
        AudioError: no such file, not audio, empty, or a header that no song has.
    """
    (found,) = audio_infos([path])
    if isinstance(found, AudioError):
        raise found
    return found


def audio_infos(paths: Sequence[Path]) -> list[AudioInfo | AudioError]:
    """The headers of many files at once, which costs less than one by one; of a file that has none, why."""
    if decoders := apart.decoders():
        return decoders.infos(paths)
    return list(map(_info_or_error, paths))


def audio_blocks(path: Path, block_frames: int = BLOCK_FRAMES) -> Iterator[np.ndarray]:
    """The file from start to end in float32 blocks (frames, channels), at the file's own rate.

    Raises:
        AudioError: no such file, or not audio.
    """
    decoders = apart.decoders()
    yield from decoders.blocks(path, block_frames) if decoders else read_blocks(path, block_frames)


def audio_blocks_at(path: Path, sample_rate: int, block_frames: int = BLOCK_FRAMES) -> Iterator[np.ndarray]:
    """The file from start to end in float32 blocks (frames, channels), resampled to `sample_rate` Hz on the way.

    Raises:
        AudioError: no such file, or not audio.
    """
    info = audio_info(path)
    if info.sample_rate == sample_rate:
        yield from audio_blocks(path, block_frames)
        return
    import soxr

    stream = soxr.ResampleStream(info.sample_rate, sample_rate, info.channels, dtype="float32")
    for block in audio_blocks(path, block_frames):
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros((0, info.channels), np.float32), last=True)


def read_audio(path: Path, sample_rate: int | None = None, mono: bool = False) -> tuple[np.ndarray, int]:
    """The whole file.

    Args:
        path: any format of `AUDIO_SUFFIXES`.
        sample_rate: Hz to resample to; None keeps the file's own.
        mono: average the channels into one.

    Returns:
        float32 (frames, channels), nominally in [-1, 1], and its sample rate in Hz.

    Raises:
        AudioError: no such file, not audio, or empty.
    """
    info = audio_info(path)
    blocks = [b.mean(axis=1, keepdims=True) if mono else b for b in audio_blocks(path)]
    if not blocks:
        raise AudioError(f"`{path.name}` holds no sound. Export it again, or take it out of the folder.")
    samples = np.concatenate(blocks)
    if sample_rate is None or sample_rate == info.sample_rate:
        return samples, info.sample_rate
    import soxr

    return soxr.resample(samples, info.sample_rate, sample_rate).astype(np.float32, copy=False), sample_rate


def write_audio(
    path: Path, samples: np.ndarray, sample_rate: int, tags: Mapping[str, str] | None = None, form: str = "WAV"
) -> None:
    """An audio file of 16 bit, or lossy, written whole or not at all.

    Args:
        path: where to; its folder is made.
        samples: float (frames,) or (frames, channels), clipped beyond [-1, 1]; or int16, written as they are.
        sample_rate: Hz.
        tags: `title`, `artist`, `comment`, `software` and the like, as libsndfile names them.
        form: `WAV`, `FLAC`, `MP3` or `OGG`.

    Raises:
        OSError: the disk refuses; libsndfile itself would not say why.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, encode_audio(samples, sample_rate, tags, form))


def encode_audio(
    samples: np.ndarray, sample_rate: int, tags: Mapping[str, str] | None = None, form: str = "WAV"
) -> memoryview:
    """What an audio file would hold, in memory; arguments as for `write_audio`."""
    encoded = io.BytesIO()
    channels = 1 if np.ndim(samples) == 1 else np.shape(samples)[1]
    with soundfile.SoundFile(encoded, "w", sample_rate, channels, SUBTYPES[form], format=form) as file:
        for name, said in (tags or {}).items():
            if said:
                setattr(file, name, said)
        for begin in range(0, len(samples), BLOCK_FRAMES):
            block = np.asarray(samples[begin : begin + BLOCK_FRAMES])
            file.write(block if block.dtype == np.int16 else np.clip(block, -1, 1))
    return encoded.getbuffer()


def content_hash(path: Path) -> str:
    """32 hex digits that name the file's content, whatever the file is called.

    Raises:
        AudioError: no such file.
    """
    refuse_missing_or_empty(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _info_or_error(path: Path) -> AudioInfo | AudioError:
    try:
        return read_info(path)
    except AudioError as refused:
        return refused
