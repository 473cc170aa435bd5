"""Tracks: decoded copies of songs that the page plays and draws.

A song is decoded once, to a 16-bit WAV beside its envelope, in the cache
folder: the only folder of audio that the server serves. The name is a hash of
the song's content, so a page names a track without naming a file of the
person's, and two visitors with one song share the copy. What the browser
plays is what the envelope was drawn from: they cannot drift apart. A long
recording is shown as a sketch until its copy is there.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from annotate.apart import page_decoders
from annotate.audio import content_hash
from annotate.decoding import AudioError, refuse_missing_or_empty
from annotate.readings import Reading, Readings
from structure.files import unfinished

LONG = 900.0  # seconds above which a recording is shown before it is decoded
LARGE = 64 << 20  # bytes above which not all of a file is read to name it
_SAMPLES, _SAMPLE_BYTES = 64, 16_384
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

    A long recording is there later: until then `track_reading` has it.

    Raises:
        AudioError: the file is missing, unreadable or empty, or the cache has no room for it.
    """
    track = _track_id(audio)
    wav = track_audio(track)
    if wav.is_file() and _peaks_path(track).is_file():
        os.utime(wav)  # opened now: the last to be swept away
        return track
    if (reading := _readings.find(track)) and not reading.trouble:
        return track
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    info = page_decoders().infos([audio])[0]
    if isinstance(info, AudioError):
        raise info
    if info.duration <= LONG:
        for _ in _copied(audio, track):
            pass
    else:
        shown = page_decoders().sketch(audio)
        _readings.begin(track, Reading(info.duration, shown, partial(_copied, audio, track)))
    return track


def track_reading(track: object) -> Reading | None:
    """How far a long recording has come, while its copy is not there; anything may come from a browser."""
    return _readings.find(track) if isinstance(track, str) else None


def why_no_sound(track: object) -> str:
    """Why a track that is not `is_track` cannot be listened to, a sentence."""
    reading = track_reading(track)
    if reading is None:
        return "This song is no longer in the cache. Open it again from the list."
    return reading.trouble or f"The sound is still being read: {reading.share:.0%}. Ask again when it can be played."


def is_track(track: object) -> bool:
    """Whether this is the id of a track in the cache. Anything may come from a browser."""
    return isinstance(track, str) and _TRACK_ID.fullmatch(track) is not None and track_audio(track).is_file()


def track_audio(track: str) -> Path:
    """The WAV file that the page plays."""
    return CACHE_DIR / f"{track}.wav"


def track_grid_path(track: str) -> Path:
    """Where the beats of a track are kept, once somebody asked for them."""
    return CACHE_DIR / f"{track}.beats.json"


def track_beats_path(track: str) -> Path:
    """Where is kept what each beat of a track sounds like, once somebody asked for it."""
    return CACHE_DIR / f"{track}.beats.npz"


def track_spectrogram_path(track: str) -> Path:
    """Where the spectrogram of a track is kept, once somebody asked for it."""
    return CACHE_DIR / f"{track}.mel.npy"


def track_envelope(track: str) -> tuple[np.ndarray, float]:
    """The envelope, int8 (buckets, 3), and the duration in seconds of a track that `is_track`."""
    return np.load(_peaks_path(track), allow_pickle=False), track_duration(track)


def track_duration(track: str) -> float:
    """Seconds of a registered track; of one that is still being read, as its header has it."""
    if reading := _readings.find(track):
        return reading.duration
    header = soundfile.info(str(track_audio(track)))
    return header.frames / header.samplerate


def sweep(keep: str = "", limit: int = CACHE_LIMIT) -> None:
    """Delete the tracks opened longest ago until the cache holds `limit` bytes at most; `keep` stays."""
    copies = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in CACHE_DIR.glob("*.wav")), reverse=True)
    total = 0
    for _, size, wav in copies:
        total += size
        if total > limit and wav.stem != keep:
            wav.unlink(missing_ok=True)
            for kept in (_peaks_path, track_grid_path, track_beats_path, track_spectrogram_path):
                kept(wav.stem).unlink(missing_ok=True)


def _peaks_path(track: str) -> Path:
    return CACHE_DIR / f"{track}.npy"


def _track_id(audio: Path) -> str:
    """32 hex digits that name the file's content; of a large file, its size, when it was written, and samples of it.

    Raises:
        AudioError: no such file.
    """
    refuse_missing_or_empty(audio)
    now = audio.stat()
    if now.st_size <= LARGE:
        return content_hash(audio)
    digest = hashlib.blake2b(f"{now.st_size} {now.st_mtime_ns}".encode(), digest_size=16)
    with audio.open("rb") as file:
        for number in range(_SAMPLES):
            file.seek((now.st_size - _SAMPLE_BYTES) * number // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def _copied(audio: Path, track: str) -> Iterator[float]:
    """Write a track into the cache whole, or not at all; yields the share that is done."""
    partial_wav, partial_peaks = unfinished(track_audio(track)), unfinished(_peaks_path(track))
    try:
        yield from page_decoders().copy(audio, partial_wav, partial_peaks)
        os.replace(partial_peaks, _peaks_path(track))
        os.replace(partial_wav, track_audio(track))
    finally:
        partial_wav.unlink(missing_ok=True)
        partial_peaks.unlink(missing_ok=True)
    sweep(keep=track)


_readings = Readings()
