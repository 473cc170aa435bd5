"""Decoded copies: one for each content, playable, and nothing else can be asked for."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from annotate.apart import Decoders
from annotate.audio import AudioError, read_audio
from annotate.track import (
    CACHE_DIR,
    is_track,
    register_track,
    sweep,
    track_audio,
    track_duration,
    track_envelope,
    track_reading,
    why_no_sound,
)


def test_the_copy_sounds_like_the_song_and_its_envelope_is_of_the_same_length(song: Callable[..., Path]):
    path = song("a.flac", seconds=3.0)
    track = register_track(path)
    original, _ = read_audio(path)
    copy, _ = read_audio(track_audio(track))
    np.testing.assert_allclose(copy, original, atol=2 / 32768)
    rows, duration = track_envelope(track)
    assert (len(rows), duration) == (300, 3.0)


def test_one_song_under_two_names_is_decoded_once(song: Callable[..., Path]):
    one, two = song("a.wav"), song("b.wav")
    track = register_track(one)
    stamp = track_audio(track).stat().st_ino
    assert register_track(two) == track
    assert track_audio(track).stat().st_ino == stamp


def test_surround_at_a_high_rate_becomes_what_a_browser_plays(tmp_path: Path):
    path = tmp_path / "studio.wav"
    t = np.arange(192_000) / 192_000
    samples = np.zeros((192_000, 8), np.float32)
    samples[:, 5] = 0.8 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(path, samples, 192_000, subtype="FLOAT")
    copy, rate = read_audio(track_audio(register_track(path)))
    assert (rate, copy.shape[1]) == (48_000, 2)
    assert len(copy) == pytest.approx(48_000, abs=100)
    assert np.argmax(np.abs(np.fft.rfft(copy[:48_000, 0], 48_000))) == 440


def test_a_broken_song_leaves_nothing_behind(tmp_path: Path):
    path = tmp_path / "noise.mp3"
    path.write_bytes(b"not music at all" * 99)
    before = set(CACHE_DIR.iterdir())
    with pytest.raises(AudioError, match=r"`noise\.mp3`"):
        register_track(path)
    assert set(CACHE_DIR.iterdir()) == before


@pytest.mark.parametrize("asked", [None, 3, "", "../secret", "0" * 32, "a" * 31, "A" * 32, ["a"]])
def test_only_ids_of_decoded_songs_are_tracks(asked: object):
    assert not is_track(asked)


def test_the_cache_gives_up_what_was_opened_longest_ago(song: Callable[..., Path]):
    tracks = [register_track(song(f"{hertz}.wav", hertz=hertz)) for hertz in (301.0, 302.0, 303.0)]
    sweep(keep=tracks[2], limit=track_audio(tracks[2]).stat().st_size)
    assert [is_track(track) for track in tracks] == [False, False, True]


@pytest.fixture
def long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything above a second counts as a long recording, everything above 4 kB as a large file."""
    monkeypatch.setattr("annotate.track.LONG", 1.0)
    monkeypatch.setattr("annotate.track.LARGE", 4096)


def read_to_the_end(track: str) -> str:
    """Wait until a recording is there; why it is not, else."""
    deadline = time.monotonic() + 30
    while (reading := track_reading(track)) and not reading.trouble:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return reading.trouble if reading else ""


def make_long(path: Path, seconds: int = 600) -> Path:
    """A tone that gets louder from second to second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.9 * np.sin(2 * np.pi * 220 * np.arange(8000) / 8000)
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        for second in range(seconds):
            file.write(tone * second / seconds)
    return path


def test_a_long_recording_is_sketched_first_and_read_behind_it(tmp_path: Path, long_ones: None):
    track = register_track(make_long(tmp_path / "long.flac"))
    reading = track_reading(track)
    assert reading is not None and not is_track(track)
    assert track_duration(track) == 600.0
    high = reading.sketch[:, 1].astype(float)
    np.testing.assert_allclose(high, np.linspace(0, 0.9 * 127, len(high)), atol=4)  # its outline already
    assert "still being read" in why_no_sound(track)
    assert read_to_the_end(track) == ""
    rows, duration = track_envelope(track)
    assert (len(rows), duration) == (60_000, 600.0)
    fine = rows[:, 1].reshape(600, 100).max(axis=1)
    np.testing.assert_allclose(fine, np.arange(600) / 600 * 0.9 * 127, atol=2)


def test_two_visitors_share_one_reading_and_its_copy(tmp_path: Path, long_ones: None):
    path = make_long(tmp_path / "shared.wav")
    track = register_track(path)
    assert register_track(path) == track
    assert read_to_the_end(track) == ""
    stamp = track_audio(track).stat().st_ino
    assert register_track(path) == track
    assert track_reading(track) is None and track_audio(track).stat().st_ino == stamp


def test_a_large_file_that_was_written_anew_is_another_track(tmp_path: Path, long_ones: None):
    first, path = register_track(make_long(tmp_path / "a.wav", 30)), tmp_path / "a.wav"
    read_to_the_end(first)
    os.utime(path, ns=(1, 1))
    second = register_track(path)
    assert first != second
    assert read_to_the_end(second) == ""


def test_a_long_recording_that_breaks_off_says_so_and_can_be_opened_again(tmp_path: Path, long_ones: None):
    path = make_long(tmp_path / "torn.flac")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))
    track = register_track(path)
    assert "`torn.flac` is damaged" in read_to_the_end(track)
    assert why_no_sound(track) == track_reading(track).trouble
    assert not is_track(track) and not list(CACHE_DIR.glob("*.tmp"))
    assert register_track(path) == track
    assert "`torn.flac` is damaged" in read_to_the_end(track)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of a file")
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import resource

    path, small = make_long(tmp_path / "big.flac", 60), Decoders()
    monkeypatch.setattr("annotate.track.page_decoders", lambda: small)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        with pytest.raises(AudioError, match="There is no room for a decoded copy of `big.flac`"):
            register_track(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        small.close()
    assert not list(CACHE_DIR.glob("*.tmp"))
