"""Loudness against the standard's own figures, and clips that tell nothing but their sound."""

import io
import math

import numpy as np
import pytest
import soundfile

from evaluation.listening.sound import clip_bytes, loudness, read_song, safe_target, true_peak
from evaluation.listening.store import SOUNDS, Clip
from tests.evaluation.listening.people import write_song

RATE = 48_000


def tone(level_db: float, seconds: float = 5.0) -> np.ndarray:
    """A stereo sine of 997 Hz."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.repeat(10 ** (level_db / 20) * np.sin(2 * np.pi * 997 * t)[:, None], 2, axis=1)


def test_a_full_sine_on_one_channel_measures_what_the_standard_says():
    assert loudness(tone(0)[:, :1], RATE) == pytest.approx(-3.01, abs=0.05)  # BS.1770-4, annex 1


@pytest.mark.parametrize(
    "parts",  # EBU Tech 3341, cases 1, 3, 4 and 5: (dB, seconds), each -23 LUFS
    [
        [(-23, 20)],
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_the_gates_do_what_ebu_asks(parts):
    assert loudness(np.concatenate([tone(*part) for part in parts]), RATE) == pytest.approx(-23, abs=0.1)


def test_silence_has_no_loudness():
    assert loudness(np.zeros((RATE, 2)), RATE) == float("-inf")


def test_a_peak_between_samples_is_found():
    t = np.arange(RATE) / RATE
    hidden = np.sin(2 * np.pi * RATE / 4 * t + np.pi / 4)[:, None]  # samples at ±0.707 only
    assert true_peak(hidden) == pytest.approx(0, abs=0.2)
    assert 20 * math.log10(np.abs(hidden).max()) == pytest.approx(-3.01, abs=0.01)


def test_the_target_is_the_loudest_at_which_no_song_clips():
    levels = [(-20.0, -1.0), (-18.0, -12.0), (-30.0, -3.0)]
    target = safe_target(levels)
    assert target == -28
    assert all(peak + target - lufs <= -1 for lufs, peak in levels)
    assert safe_target([(-30.0, -40.0)]) == -14  # nobody is to be hurt


def test_songs_are_read_to_one_length_and_width(tmp_path):
    write_song(tmp_path / "song.flac", 1, rate=22_050, channels=2)
    assert read_song(tmp_path / "song.flac", 16_000, 1, 3.5).shape == (56_000, 1)
    assert read_song(tmp_path / "song.flac", 16_000, 2, 4.01).shape == (64_160, 2)


def test_the_same_sound_twice_differs_in_its_bytes_and_carries_no_tags(tmp_path):
    (tmp_path / SOUNDS).mkdir()
    song = 0.1 * tone(-6, 1.0)
    soundfile.write(tmp_path / SOUNDS / "s.flac", song, RATE, subtype="PCM_24")
    first, second = (clip_bytes(tmp_path, Clip(id="i", sound="s", dither=seed)) for seed in (1, 2))
    assert first == clip_bytes(tmp_path, Clip(id="i", sound="s", dither=1))  # a reload is no new clip
    assert len(first) == len(second) == 44 + 4 * RATE  # the plain header, and the samples
    assert first[:44] == second[:44]
    a, b = (soundfile.read(io.BytesIO(content), dtype="int16")[0].astype(int) for content in (first, second))
    assert np.mean(a != b) > 0.3
    error = a / 32767 - song
    assert np.abs(error).max() * 32767 <= 1.6
    assert np.std(error) * 32767 == pytest.approx(0.5, abs=0.02)  # triangular dither and rounding: √(1/6 + 1/12) steps
