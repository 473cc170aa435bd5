"""What a sound file holds, read in this very process.

Whatever libsndfile reads is read by it (WAV, FLAC, OGG, MP3, AIFF …); PyAV
takes the rest (M4A, AAC, WMA …). Picture, sound and latents all come from
here, so that no two decoders disagree about where a song begins. A broken
file may take the process with it: the page reads through `annotate.apart`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from structure.errors import StudioError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

BLOCK_FRAMES = 1 << 17  # about 3 s at 44.1 kHz: memory stays flat for an hour of music
MOST_CHANNELS = 64  # a studio's surround mix has 24; a block of a thousand channels would be half a gigabyte
RATES = (1_000, 768_000)  # Hz: below speech on a telephone, above every converter
LONGEST_TOLD = 100 * 3600.0  # seconds that a header may claim
_UNKNOWN_FRAMES = 1 << 40  # libsndfile says 2^63 - 1 where a header gives no length; this many would be nine months


class AudioError(StudioError):
    """An audio file that cannot be read, or holds nothing."""


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says: sample rate in Hz, frames of `channels` samples each, duration in seconds."""

    sample_rate: int
    channels: int
    frames: int
    duration: float


def read_info(path: Path) -> AudioInfo:
    """The header of an audio file.

    Raises:
        AudioError: no such file, not audio, empty, or a header that no song has.
    """
    refuse_missing_or_empty(path)
    if file := _opened(path):
        with file:
            info = AudioInfo(file.samplerate, file.channels, file.frames, file.frames / max(file.samplerate, 1))
    else:
        info = _av_info(path)
    if info.frames <= 0:
        raise AudioError(f"`{path.name}` holds no sound (0 samples). Export it again, or take it out of the folder.")
    _refuse_absurd(path, info.sample_rate, info.channels, info.duration)
    return info


def read_blocks(path: Path, block_frames: int = BLOCK_FRAMES) -> Iterator[np.ndarray]:
    """The file from start to end in float32 blocks (frames, channels), at the file's own rate.

    Raises:
        AudioError: no such file, not audio, or a header that no song has.
    """
    refuse_missing_or_empty(path)
    file = _opened(path)
    if file is None:
        yield from _av_blocks(path)
        return
    with file:
        _refuse_absurd(path, file.samplerate, file.channels)
        while True:
            try:
                block = file.read(block_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as broken:
                raise AudioError(f"`{path.name}` is damaged: {broken.error_string} Convert it to WAV.") from broken
            if not len(block):
                return
            yield block


def read_excerpts(path: Path, starts: Iterable[float], frames: int) -> Iterator[np.ndarray]:
    """Short pieces of a file: float32 (at most `frames`, channels) from about each of `starts` (seconds).

    Where the file cannot be read, the piece is empty.

    Raises:
        AudioError: no such file, or not audio.
    """
    file = _opened(path)
    if file is None:
        yield from _av_excerpts(path, starts)
        return
    with file:
        for start in starts:
            try:
                file.seek(min(round(start * file.samplerate), file.frames))
                yield file.read(frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                yield np.zeros((0, file.channels), np.float32)


def readable(text: str) -> str:
    """A name as it can be shown: bytes that are no UTF-8, as old archives leave them, become question marks."""
    return text.encode("utf-8", "replace").decode()


def refuse_missing_or_empty(path: Path) -> None:
    """
    Raises:
        AudioError: no such file, or nothing in it.
    """
    if readable(str(path)) != str(path):
        raise AudioError(f"`{readable(path.name)}`: the file's name or its folder's is not UTF-8 text. Rename it.")
    if not path.is_file():
        raise AudioError(f"There is no file `{path}`. It may have been moved or renamed since the folder was read.")
    if path.stat().st_size == 0:
        raise AudioError(f"`{path.name}` is empty (0 bytes). Copy or export it again, or take it out of the folder.")


def _refuse_absurd(path: Path, sample_rate: int, channels: int, duration: float = 0.0) -> None:
    """A damaged header, before anything makes room for what it claims."""
    if not 1 <= channels <= MOST_CHANNELS:
        claimed = f"{channels} channels"
    elif not RATES[0] <= sample_rate <= RATES[1]:
        claimed = f"a sample rate of {sample_rate} Hz"
    elif duration > LONGEST_TOLD:
        claimed = f"a length of {duration / 3600:.0f} hours"
    else:
        return
    raise AudioError(f"`{path.name}` claims {claimed}: its header is damaged. Convert it to WAV.")


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


def _av_stream(container: "InputContainer", path: Path) -> "AudioStream":
    stream = container.streams.audio[0]
    if stream.codec_context is None:  # sound, but of a codec that FFmpeg does not know
        raise _unreadable(path)
    return stream


def _av_info(path: Path) -> AudioInfo:
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _av_stream(container, path)
            rate, channels = stream.rate or 0, stream.channels
            if stream.duration is not None:
                duration = float(stream.duration * stream.time_base)
            elif container.duration:
                duration = container.duration / av.time_base
            else:  # nobody says: count
                duration = sum(map(len, _av_blocks(path))) / max(rate, 1)
            return AudioInfo(rate, channels, round(duration * rate), duration)
    except (AudioError, MemoryError):  # FFmpeg's own lack of memory is one, too
        raise
    except (av.FFmpegError, IndexError, OSError, ValueError) as refused:
        raise _unreadable(path) from refused


def _av_blocks(path: Path) -> Iterator[np.ndarray]:
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _av_stream(container, path)
            _refuse_absurd(path, stream.rate or 0, stream.channels)
            planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            for frame in container.decode(stream):
                for piece in planar.resample(frame):
                    yield np.ascontiguousarray(piece.to_ndarray().T)
    except (AudioError, MemoryError):
        raise
    except (av.FFmpegError, IndexError, OSError, ValueError) as refused:
        raise _unreadable(path) from refused


def _av_excerpts(path: Path, starts: Iterable[float]) -> Iterator[np.ndarray]:
    """One frame of the codec from about each start."""
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _av_stream(container, path)
            planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            for start in starts:
                try:
                    container.seek(round(start * av.time_base))
                    pieces = planar.resample(next(container.decode(stream)))
                    yield np.concatenate([piece.to_ndarray().T for piece in pieces])
                except (av.FFmpegError, StopIteration, ValueError):
                    yield np.zeros((0, max(stream.channels, 1)), np.float32)
    except (AudioError, MemoryError):
        raise
    except (av.FFmpegError, IndexError, OSError, ValueError) as refused:
        raise _unreadable(path) from refused
