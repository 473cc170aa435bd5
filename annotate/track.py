"""Tracks: decoded copies of songs that the page plays and draws.

A song is decoded once, to a 16-bit WAV beside its envelope, in the cache
folder: the only folder of audio that the server serves. The name is a hash of
the song's content, so a page names a track without naming a file of the
person's, and two visitors with one song share the copy. What the browser
plays is what the envelope was drawn from: they cannot drift apart.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from annotate.audio import AudioError, AudioInfo, audio_blocks, audio_info, content_hash
from annotate.envelope import EnvelopeBuilder
from structure.files import unfinished

HIGHEST_RATE = 48_000  # Hz that every browser plays
CACHE_LIMIT = 4 * 1024**3  # bytes; the copies that were opened longest ago go first
_TRACK_ID = re.compile(r"[0-9a-f]{32}")


def _cache_dir() -> Path:
    """`STRUCTURE_STUDIO_CACHE`, else the place that the system has for caches, else a temporary folder."""
    import platformdirs

    chosen = os.environ.get("STRUCTURE_STUDIO_CACHE")
    folder = Path(chosen) if chosen else platformdirs.user_cache_path("structure-studio")
    try:
        (folder / "tracks").mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / "structure-studio"
        (folder / "tracks").mkdir(parents=True, exist_ok=True)
    return (folder / "tracks").resolve()


CACHE_DIR: Path = _cache_dir()


def register_track(audio: Path) -> str:
    """Decode a song into the cache, unless it is there, and return its track id.

    Raises:
        AudioError: the file is missing, unreadable or empty.
    """
    track = content_hash(audio)
    wav, peaks = track_audio(track), _peaks_path(track)
    if wav.is_file() and peaks.is_file():
        os.utime(wav)  # opened now: the last to be swept away
        return track
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    partial_wav, partial_peaks = unfinished(wav), unfinished(peaks)  # two visitors may decode a song at once
    try:
        rows = _decode(audio, partial_wav)
        with partial_peaks.open("wb") as file:
            np.save(file, rows, allow_pickle=False)
        os.replace(partial_wav, wav)
        os.replace(partial_peaks, peaks)
    finally:
        partial_wav.unlink(missing_ok=True)
        partial_peaks.unlink(missing_ok=True)
    sweep(keep=track)
    return track


def is_track(track: object) -> bool:
    """Whether this is the id of a track in the cache. Anything may come from a browser."""
    return isinstance(track, str) and _TRACK_ID.fullmatch(track) is not None and track_audio(track).is_file()


def track_audio(track: str) -> Path:
    """The WAV file that the page plays."""
    return CACHE_DIR / f"{track}.wav"


def track_grid_path(track: str) -> Path:
    """Where the beats of a track are kept, once somebody asked for them."""
    return CACHE_DIR / f"{track}.beats.json"


def track_spectrogram_path(track: str) -> Path:
    """Where the spectrogram of a track is kept, once somebody asked for it."""
    return CACHE_DIR / f"{track}.mel.npy"


def track_envelope(track: str) -> tuple[np.ndarray, float]:
    """The envelope, int8 (buckets, 3), and the duration in seconds of a track that `is_track`."""
    header = soundfile.info(str(track_audio(track)))
    return np.load(_peaks_path(track), allow_pickle=False), header.frames / header.samplerate


def sweep(keep: str = "", limit: int = CACHE_LIMIT) -> None:
    """Delete the tracks opened longest ago until the cache holds `limit` bytes at most; `keep` stays."""
    copies = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in CACHE_DIR.glob("*.wav")), reverse=True)
    total = 0
    for _, size, wav in copies:
        total += size
        if total > limit and wav.stem != keep:
            wav.unlink(missing_ok=True)
            _peaks_path(wav.stem).unlink(missing_ok=True)
            track_grid_path(wav.stem).unlink(missing_ok=True)
            track_spectrogram_path(wav.stem).unlink(missing_ok=True)


def _peaks_path(track: str) -> Path:
    return CACHE_DIR / f"{track}.npy"


def _decode(audio: Path, wav: Path) -> np.ndarray:
    """Write the playable copy and return its envelope, in one pass over the file."""
    info = audio_info(audio)
    rate, channels = min(info.sample_rate, HIGHEST_RATE), min(info.channels, 2)
    builder = EnvelopeBuilder(rate)
    with (
        soundfile.SoundFile(str(wav), "w", rate, channels, subtype="PCM_16", format="WAV") as copy,
        ThreadPoolExecutor(max_workers=1) as second,  # writes and draws one block while the next is decoded
    ):

        def put(block: np.ndarray) -> None:
            copy.write(block)
            builder.add(block)

        pending = second.submit(lambda: None)
        written = 0
        for block in _playable(audio_blocks(audio), info, rate, channels):
            pending.result()
            pending = second.submit(put, block)
            written += len(block)
        pending.result()
    if not written:
        raise AudioError(f"`{audio.name}` holds no sound. Export it again, or take it out of the folder.")
    return builder.finish()


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
