"""The caption probe on procedural songs and on noises that differ in one thing."""

import numpy as np
import pytest

from acestep.starter.songs import make_song
from evaluation.adherence import AdherenceError
from evaluation.caption_probe import DescribedSong, fit_caption_probe, held_out_score, song_features

RATE = 16_000  # Hz


def pulses(label: str, per_second: float, seed: int) -> DescribedSong:
    """Noise that comes `per_second` times a second, four seconds long."""
    rng = np.random.default_rng(seed)
    t = np.arange(4 * RATE) / RATE + rng.uniform(0, 1)
    samples = rng.normal(size=len(t)) * np.exp(-12 * ((t * per_second) % 1) / per_second) * rng.uniform(0.1, 1)
    return DescribedSong.from_samples(f"{label} {seed}", samples.astype(np.float32), RATE, label)


@pytest.fixture(scope="module")
def reference() -> list[DescribedSong]:
    """Five songs of each of three labels."""
    return [pulses(label, rate, seed) for seed in range(5) for label, rate in (("slow", 2), ("mid", 3), ("fast", 4.5))]


def test_it_hears_in_new_songs_what_it_was_told_of_others(reference: list[DescribedSong]):
    assert held_out_score(reference).top == 1
    probe = fit_caption_probe(reference)
    assert probe.labels == ("fast", "mid", "slow")
    score = probe.score([pulses("fast", 4.5, 100), pulses("slow", 2, 101), pulses("slow", 4.5, 102)])
    assert score.heard == ("fast", "slow", "fast")
    assert score.top == pytest.approx(2 / 3)
    assert score.chance == pytest.approx(2 / 3)


def test_log_probabilities_are_of_one_distribution(reference: list[DescribedSong]):
    probe = fit_caption_probe(reference)
    song = pulses("mid", 3, 103)
    log_p = probe.log_probabilities(song.mel)
    assert np.exp(log_p).sum() == pytest.approx(1)
    assert probe.score([song]).log_probability == pytest.approx(log_p[probe.labels.index("mid")])


def test_styles_of_procedural_songs_are_told_apart():
    songs = []
    for number in range(64):
        song = make_song(8_000 + number, 16.0)
        songs.append(DescribedSong.from_samples(str(number), song.samples, song.sample_rate, song.sidecar["genre"]))
    score = held_out_score(songs)
    assert score.top > 2 * score.chance
    assert score.log_probability > np.log(1 / 8) + 0.3


def test_labels_that_do_not_fit_the_sound_score_as_chance(reference: list[DescribedSong]):
    labels = np.random.default_rng(3).permutation([song.label for song in reference])
    blind = [DescribedSong(s.name, s.mel, str(label)) for s, label in zip(reference, labels, strict=True)]
    assert held_out_score(blind).top < 0.6


def test_features_tell_songs_of_any_length_and_are_finite_in_silence():
    long, short = pulses("a", 2, 0).mel, pulses("a", 2, 0).mel[:150]
    assert song_features(long).shape == song_features(short).shape == (4 * 48 + 6 * 57,)
    assert np.isfinite(song_features(np.full((400, 48), -8.0, np.float32))).all()


def test_mistakes_get_a_sentence(reference: list[DescribedSong]):
    probe = fit_caption_probe(reference)
    with pytest.raises(AdherenceError, match='`odd 1` was described as "odd", of which the reference has no song.'):
        probe.score([pulses("odd", 2, 1)])
    with pytest.raises(AdherenceError, match="no song to be scored"):
        probe.score([])
    with pytest.raises(AdherenceError, match="have 1 label between them"):
        fit_caption_probe([song for song in reference if song.label == "slow"])
    with pytest.raises(AdherenceError, match='Only one reference song is described as "odd".'):
        held_out_score([*reference, pulses("odd", 2, 1)])
    with pytest.raises(AdherenceError, match="lasts 1.0 s"):
        DescribedSong.from_samples("short", np.zeros(RATE, np.float32), RATE, "slow")
