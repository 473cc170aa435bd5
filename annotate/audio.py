"""Reading and writing audio files: one reader for the page, the training set and the scores.

Whatever libsndfile reads is read by it (WAV, FLAC, OGG, MP3, AIFF …); PyAV
takes the rest (M4A, AAC, WMA …). Picture, sound and latents all come from
here, so that no two decoders disagree about where a song begins.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from structure.errors import StudioError
from structure.files import write_whole

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

_UNKNOWN_FRAMES = 1 << 40  # libsndfile says 2^63 - 1 where a header gives no length; this many would be nine months
BLOCK_FRAMES = 1 << 17  # about 3 s at 44.1 kHz: memory stays flat for an hour of music


class AudioError(StudioError):
    """An audio file that cannot be read, or holds nothing."""


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says: sample rate in Hz, frames of `channels` samples each, duration in seconds."""

    sample_rate: int
    channels: int
    frames: int
    duration: float


def audio_info(path: Path) -> AudioInfo:
    """The header of an audio file.

    Raises:
        AudioError: no such file, not audio, or empty.
    """
    _refuse_missing_or_empty(path)
    if file := _opened(path):
        with file:
            info = AudioInfo(file.samplerate, file.channels, file.frames, file.frames / file.samplerate)
    else:
        info = _av_info(path)
    if info.frames <= 0:
        raise AudioError(f"`{path.name}` holds no sound (0 samples). Export it again, or take it out of the folder.")
    return info


def audio_blocks(path: Path, block_frames: int = BLOCK_FRAMES) -> Iterator[np.ndarray]:
    """The file from start to end in float32 blocks (frames, channels), at the file's own rate.

    Raises:
        AudioError: no such file, or not audio.
    """
    _refuse_missing_or_empty(path)
    file = _opened(path)
    if file is None:
        yield from _av_blocks(path)
        return
    with file:
        while True:
            try:
                block = file.read(block_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as broken:
                raise AudioError(f"`{path.name}` is damaged: {broken.error_string} Convert it to WAV.") from broken
            if not len(block):
                return
            yield block


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
    _refuse_missing_or_empty(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def readable(text: str) -> str:
    """A name as it can be shown: bytes that are no UTF-8, as old archives leave them, become question marks."""
    return text.encode("utf-8", "replace").decode()


def _refuse_missing_or_empty(path: Path) -> None:
    if readable(str(path)) != str(path):
        raise AudioError(f"`{readable(path.name)}`: the file's name or its folder's is not UTF-8 text. Rename it.")
    if not path.is_file():
        raise AudioError(f"There is no file `{path}`. It may have been moved or renamed since the folder was read.")
    if path.stat().st_size == 0:
        raise AudioError(f"`{path.name}` is empty (0 bytes). Copy or export it again, or take it out of the folder.")


def _opened(path: Path) -> soundfile.SoundFile | None:
    """The file by libsndfile; None where PyAV has to read it.

    A FLAC that was written into a pipe does not say how long it is, and libsndfile then fails on its last samples.
    """
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError:
        return None
    if file.frames < _UNKNOWN_FRAMES:
        return file
    file.close()
    return None


def _unreadable(path: Path) -> AudioError:
    return AudioError(f"`{path.name}` is not audio that can be read here. Convert it to WAV, FLAC, OGG or MP3.")


def _av_info(path: Path) -> AudioInfo:
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            rate, channels = stream.rate, stream.channels
            if stream.duration is not None:
                duration = float(stream.duration * stream.time_base)
            elif container.duration:
                duration = container.duration / av.time_base
            else:  # nobody says: count
                duration = sum(map(len, _av_blocks(path))) / rate
            return AudioInfo(rate, channels, round(duration * rate), duration)
    except (av.FFmpegError, IndexError, OSError) as refused:
        raise _unreadable(path) from refused


def _av_blocks(path: Path) -> Iterator[np.ndarray]:
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            for frame in container.decode(stream):
                for piece in planar.resample(frame):
                    yield np.ascontiguousarray(piece.to_ndarray().T)
    except (av.FFmpegError, IndexError, OSError) as refused:
        raise _unreadable(path) from refused
