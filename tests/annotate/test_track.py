"""Decoded copies: one for each content, playable, and nothing else can be asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from annotate.audio import AudioError, read_audio
from annotate.track import CACHE_DIR, is_track, register_track, sweep, track_audio, track_envelope


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
