"""Variety and near copies: worked by hand on vectors, then heard on procedural songs."""

import numpy as np
import pytest
from scipy.signal import lfilter

from acestep.starter.songs import make_song, render
from evaluation.variety import NEAR_COPY, Ear, VarietyError, fit_ear, near_copies, sound_cells, variety
from structure.events import Event

RATE = 24_000  # Hz, of procedural songs


@pytest.fixture(scope="module")
def songs() -> list[np.ndarray]:
    """The samples of 24 songs."""
    return [make_song(6_000 + number, 12.0).samples for number in range(24)]


@pytest.fixture(scope="module")
def ear(songs: list[np.ndarray]) -> Ear:
    return fit_ear([sound_cells(samples, RATE) for samples in songs])


@pytest.fixture(scope="module")
def heard(ear: Ear, songs: list[np.ndarray]) -> list[np.ndarray]:
    return [ear.windows(sound_cells(samples, RATE)) for samples in songs]


def at(*degrees: float) -> np.ndarray:
    """Unit vectors in the plane, one a window."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_variety_is_the_mean_distance_of_nearest_windows():
    assert variety([at(0, 90), at(90, 0)]) == pytest.approx(0)
    assert variety([at(0), at(60)]) == pytest.approx(0.5)
    assert variety([at(0), at(90), at(180)]) == pytest.approx((1 + 2 + 1) / 3)
    # 0° finds 0°; of the other's, 0° finds 0° and 60° finds 0°: 1 - (1 + (1 + 0.5) / 2) / 2
    assert variety([at(0), at(0, 60)]) == pytest.approx(0.125)


def test_copies_are_counted_in_songs_and_in_windows():
    training = [at(0, 10), at(120)]
    found = near_copies([at(0, 40, 90), at(121), at(200)], training, threshold=0.95)
    assert found.songs == pytest.approx(2 / 3)
    assert found.windows == pytest.approx(2 / 5)
    np.testing.assert_array_equal(found.nearest, [0, 1, 1])
    np.testing.assert_allclose(found.similarity, np.cos(np.radians([0, 1, 80])))


def test_songs_that_share_no_seed_are_no_copies(heard: list[np.ndarray]):
    strangers = near_copies(heard[12:], heard[:12])
    assert strangers.songs == 0
    assert np.median(strangers.similarity) < 0.85
    assert variety(heard[:8]) > 0.6


def test_a_song_slightly_changed_is_a_copy_of_itself(songs: list[np.ndarray], heard: list[np.ndarray], ear: Ear):
    rng = np.random.default_rng(0)
    for number, samples in enumerate(songs[:4]):
        hiss = 0.01 * samples.std() * rng.normal(size=len(samples))
        for changed in (
            samples * 10 ** (1 / 20),
            samples + hiss,
            np.concatenate([np.zeros(RATE // 50), samples]),
            lfilter([1.3, -0.3], [1.0], samples),
            lfilter([0.7, 0.3], [1.0], samples),
        ):
            again = ear.windows(sound_cells(changed.astype(np.float32), RATE))
            found = near_copies([again], heard)
            assert found.windows == 1
            assert found.nearest[0] == number
            assert variety([again, heard[number]]) < 0.03


def test_songs_of_one_style_and_key_differ_clearly(ear: Ear):
    bar = 4 * 60 / 100
    parts = [Event(type=kind, start=i * bar, end=(i + 2) * bar) for kind, i in (("verse", 0), ("chorus", 2))]
    other = [Event(type=kind, start=i * bar, end=(i + 2) * bar) for kind, i in (("solo", 0), ("drop", 2))]
    one, two = (
        ear.windows(sound_cells(render(events, 4 * bar, 100, "A minor", "synthwave", seed), RATE))
        for events, seed in ((parts, 1), (other, 2))
    )
    assert near_copies([one], [two]).similarity[0] < NEAR_COPY - 0.05
    assert variety([one, two]) > 0.15


def test_a_passage_taken_from_training_is_found_inside_a_new_song(
    songs: list[np.ndarray], heard: list[np.ndarray], ear: Ear
):
    stolen = np.concatenate([songs[20][: 4 * RATE], songs[3][2 * RATE : 9 * RATE]])
    found = near_copies([ear.windows(sound_cells(stolen, RATE))], heard[:12])
    assert found.songs == 1
    assert found.nearest[0] == 3
    assert 0.2 < found.windows < 0.6  # windows of 5 s start between 4 and 6 s of 6 s


def test_silence_copies_nothing(heard: list[np.ndarray], ear: Ear):
    silent = ear.windows(sound_cells(np.zeros(8 * RATE, np.float32), RATE))
    assert silent.shape == (0, ear.axes.shape[1])
    found = near_copies([silent, heard[0]], [heard[0], silent])
    assert (found.songs, found.windows) == (0.5, 1.0)
    np.testing.assert_array_equal(found.nearest, [-1, 0])


def test_mistakes_get_a_sentence(songs: list[np.ndarray], heard: list[np.ndarray]):
    with pytest.raises(VarietyError, match="The song lasts 4.0 s, and songs are compared in windows of 5 s."):
        sound_cells(songs[0][: 4 * RATE], RATE)
    with pytest.raises(VarietyError, match="at least 8 real songs, got 7."):
        fit_ear([sound_cells(samples, RATE) for samples in songs[:7]])
    with pytest.raises(VarietyError, match="1 of 2 can be heard"):
        variety([heard[0], heard[0][:0]])
    with pytest.raises(VarietyError, match="in 0 generated and 1 training songs"):
        near_copies([], heard[:1])
