"""Tempo and key on clicks, chords and procedural songs, whose truth is exact."""

import numpy as np
import pytest

from acestep.starter.songs import StarterSong, make_song
from evaluation.adherence import (
    AdherenceError,
    chroma,
    heard_key,
    heard_tempo,
    key_agreement,
    key_right,
    key_score,
    parse_key,
    tempo_distance,
    tempo_error,
    tempo_right,
)

RATE = 16_000  # Hz


@pytest.fixture(scope="module")
def songs() -> list[StarterSong]:
    return [make_song(7_000 + number, 16.0) for number in range(24)]


def clicks(bpm: float, seconds: float) -> np.ndarray:
    """Short bursts on the beat."""
    samples = np.zeros(round(seconds * RATE), np.float32)
    burst = np.random.default_rng(0).normal(size=400).astype(np.float32) * np.linspace(1, 0, 400, dtype=np.float32)
    for beat in np.arange(0, seconds - 0.1, 60 / bpm):
        samples[round(beat * RATE) :][: len(burst)] += burst
    return samples


def chords(*triads: tuple[int, int, int]) -> np.ndarray:
    """A second of each triad of MIDI notes, every note with three partials."""
    t = np.arange(RATE) / RATE
    return np.concatenate(
        [
            sum(np.sin(2 * np.pi * k * 440 * 2 ** ((note - 69) / 12) * t) / k for note in triad for k in (1, 2, 3))
            for triad in triads
        ]
    ).astype(np.float32)


@pytest.mark.parametrize("bpm", [66.0, 97.5, 120.0, 171.0])
def test_clicks_have_their_tempo_and_its_double(bpm: float):
    for seconds in (5.0, 20.0):
        samples = clicks(bpm, seconds)
        assert tempo_error(samples, RATE, bpm) < 0.01
        assert tempo_error(samples, RATE, 2 * bpm) < 0.01
        assert not tempo_right(samples, RATE, 1.07 * bpm)
        assert not tempo_right(samples, RATE, 1.5 * bpm)


def test_tempi_are_compared_round_the_octave():
    assert tempo_distance(120, 60) == 0
    assert tempo_distance(107, 100) == pytest.approx(0.0976, abs=1e-4)
    assert tempo_distance(90, 120) == pytest.approx(0.4150, abs=1e-4)
    assert tempo_distance(60.5, 119.5) == pytest.approx(np.log2(121 / 119.5))
    assert tempo_distance(None, 100) == 0.5


def test_procedural_songs_have_the_tempo_of_their_sidecar_and_no_other(songs: list[StarterSong]):
    for song in songs[:12]:
        bpm = song.sidecar["bpm"]
        assert tempo_error(song.samples, song.sample_rate, bpm) < 0.01
        assert not tempo_right(song.samples, song.sample_rate, 0.93 * bpm)


def test_level_channels_and_sections_out_of_step_do_not_change_the_tempo(songs: list[StarterSong]):
    song = songs[0]
    bpm, rate = song.sidecar["bpm"], song.sample_rate
    stereo = np.stack([0.1 * song.samples, 0.05 * song.samples], axis=1)
    assert tempo_error(stereo, rate, bpm) < 0.01
    at = 8 * rate
    stumbling = np.concatenate([song.samples[:at], song.samples[at + round(0.37 * 60 / bpm * rate) :]])
    assert tempo_right(stumbling, rate, bpm)


def test_silence_has_no_tempo_and_no_key():
    silence = np.zeros(5 * RATE, np.float32)
    assert heard_tempo(silence, RATE) is None
    assert not tempo_right(silence, RATE, 120)
    assert heard_key(silence, RATE) is None
    assert key_score(silence, RATE, "C major") == 0


def test_a_tempo_that_cannot_be_is_refused():
    with pytest.raises(AdherenceError, match="must be positive, got 0."):
        tempo_distance(120, 0)
    with pytest.raises(
        AdherenceError, match="lasts 2.0 s, too short for a rhythm to be heard. Take one of 3 s or more."
    ):
        heard_tempo(np.zeros(2 * RATE, np.float32), RATE)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("A minor", "A minor"),
        ("a min", "A minor"),
        ("Am", "A minor"),
        ("AM", "A major"),
        ("Eb Major", "Eb major"),
        ("D#", "Eb major"),
        ("C#", "C# major"),
        ("D♭ major", "C# major"),
        ("bb minor", "Bb minor"),
        ("B", "B major"),
        ("Cb major", "B major"),
        ("B# minor", "C minor"),
    ],
)
def test_keys_are_read_as_people_write_them(written: str, read: str):
    assert parse_key(written) == read


@pytest.mark.parametrize("written", ["", "H major", "D dorian", "minor", "A minor key"])
def test_what_is_no_key_is_refused(written: str):
    with pytest.raises(AdherenceError, match='Write it like "A minor", "Eb major" or "C#".'):
        parse_key(written)


def test_near_keys_score_as_in_mirex():
    scores = {"C major": 1, "G major": 0.5, "A minor": 0.3, "C minor": 0.2, "F# major": 0, "E minor": 0}
    assert {heard: key_agreement(heard, "C major") for heard in scores} == scores
    assert key_agreement("C major", "A minor") == 0.3


def test_a_cadence_names_its_key():
    major = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67))
    minor = ((57, 60, 64), (62, 65, 69), (64, 68, 71), (57, 60, 64))
    for up, tonic in ((0, "C"), (3, "Eb"), (6, "F#")):
        assert heard_key(chords(*(tuple(note + up for note in triad) for triad in major)), RATE) == f"{tonic} major"
    assert heard_key(chords(*minor), RATE) == "A minor"


def test_procedural_songs_have_the_key_of_their_sidecar_and_no_other(songs: list[StarterSong]):
    keys = [song.sidecar["keyscale"] for song in songs]
    heard = [heard_key(song.samples, song.sample_rate) for song in songs]
    assert np.mean([key_agreement(h, k) for h, k in zip(heard, keys, strict=True)]) > 0.8
    assert np.mean([key_agreement(h, k) for h, k in zip(heard, np.roll(keys, 5), strict=True)]) < 0.25
    assert sum(key_right(song.samples, song.sample_rate, key) for song, key in zip(songs, keys, strict=True)) >= 18


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
def test_a_note_falls_in_its_pitch_class_at_any_rate(sample_rate: int):
    t = np.arange(3 * sample_rate) / sample_rate
    for note, pitch_class in ((45, 9), (60, 0), (75, 3)):
        classes = chroma(np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t), sample_rate)
        assert classes.shape == (30, 12)
        assert classes.sum(axis=0).argmax() == pitch_class
        assert classes[15, pitch_class] > 0.9 * classes[15].sum()
