"""Intervals hold the truth as often as they promise, and tests raise a false alarm no oftener."""

import numpy as np
import pytest

from evaluation.intervals import (
    FEWEST_PAIRS,
    IntervalError,
    bootstrap_interval,
    compare_pairs,
    holm,
    mean_interval,
    ratio_interval,
)


def test_intervals_of_eight_songs_hold_the_truth_in_about_95_of_100_cases():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        found = mean_interval(rng.normal(0.3, 1.0, 8))
        held += found.low <= 0.3 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_false_alarms_of_400_experiments_without_a_difference_stay_near_5_percent():
    rng = np.random.default_rng(1)
    # shares bunch up below 1, and structures differ more than arms: what two arms of one model look like
    alarms = 0
    for _ in range(400):
        structure = rng.beta(5, 2, 8)
        first, second = (np.clip(structure + rng.normal(0, 0.1, 8), 0, 1) for _ in range(2))
        alarms += compare_pairs(first, second).p < 0.05
    assert alarms / 400 <= 0.08


def test_a_difference_that_all_structures_share_is_found():
    rng = np.random.default_rng(2)
    first = rng.uniform(0.4, 0.6, 8)
    found = compare_pairs(first + 0.3, first)
    assert found.p == pytest.approx(2 / 2**8)
    assert found.difference.low > 0.29
    assert compare_pairs(first, first + 0.3).difference.mean == pytest.approx(-0.3)


def test_exact_and_drawn_flips_agree():
    rng = np.random.default_rng(3)
    few = rng.normal(0.3, 1, 14)
    exact = compare_pairs(few, np.zeros(14)).p
    drawn = compare_pairs(np.append(few, 0.0), np.zeros(15)).p  # a pair without a difference changes no sum
    assert drawn == pytest.approx(exact, abs=0.02)


def test_too_few_pairs_can_prove_nothing():
    assert compare_pairs(np.ones(FEWEST_PAIRS - 1), np.zeros(FEWEST_PAIRS - 1)).p > 0.05
    assert compare_pairs(np.ones(FEWEST_PAIRS), np.zeros(FEWEST_PAIRS)).p < 0.05
    assert compare_pairs([0.5, 0.7], [0.5, 0.7]).p == 1.0


def test_ratios_pool_and_one_song_has_no_interval():
    found = ratio_interval([1, 9], [10, 10])
    assert found.mean == 0.5
    assert (found.low, found.high) == (0.1, 0.9)
    alone = mean_interval([0.4])
    assert (alone.mean, alone.low, alone.high) == (0.4, None, None)
    assert alone.overlaps(mean_interval([9.0, 9.1, 9.2]))


def test_any_statistic_has_an_interval():
    values = np.arange(20.0)
    found = bootstrap_interval(20, lambda picked: float(np.median(values[picked])))
    assert found.low < found.mean == 9.5 < found.high


def test_holm_raises_each_p_as_published():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_bad_figures_are_named():
    with pytest.raises(IntervalError, match="finite"):
        mean_interval([0.1, float("nan")])
    with pytest.raises(IntervalError, match="finite"):
        mean_interval([])
    with pytest.raises(IntervalError, match="same|one figure"):
        compare_pairs([1, 2], [1])
