"""Fréchet distance against its closed forms."""

import numpy as np
import pytest

from evaluation.distance import frechet_distance


def test_equal_sets_are_at_distance_zero():
    sound = np.random.default_rng(0).normal(size=(200, 5))
    assert frechet_distance(sound, sound) == pytest.approx(0, abs=1e-9)


def test_a_shift_costs_its_squared_length_and_a_stretch_the_difference_of_deviations():
    sound = np.random.default_rng(1).normal(size=(300, 3))
    assert frechet_distance(sound, sound + np.array([3.0, 0, 4.0])) == pytest.approx(25)
    centred = sound - sound.mean(axis=0)
    expected = np.trace(np.cov(centred, rowvar=False))  # (2 - 1)² times the variance of each direction
    assert frechet_distance(centred, 2 * centred) == pytest.approx(expected)


def test_order_does_not_matter():
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(100, 4)), rng.normal(size=(80, 4)) @ rng.normal(size=(4, 4))
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first))
