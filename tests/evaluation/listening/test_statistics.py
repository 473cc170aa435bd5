"""The exact test, its power, and Bradley-Terry against hand-worked truth."""

import numpy as np
import pytest
from scipy.stats import binomtest

from evaluation.listening.binomial import exact_share, trials_needed
from evaluation.listening.bradley_terry import fit, strengths


def test_the_exact_test_and_interval_are_those_of_the_textbook():
    share = exact_share(9, 10)
    assert share.p == pytest.approx(22 / 1024)  # two tails of 10 + 1
    assert (share.low, share.high) == pytest.approx((0.55498, 0.99747), abs=1e-5)
    assert exact_share(9, 10, one_sided=True).p == pytest.approx(11 / 1024)
    assert exact_share(10, 10).high == 1
    assert exact_share(0, 0) is None


@pytest.mark.parametrize("share, one_sided", [(0.75, False), (0.75, True), (0.3, False), (0.9, False)])
def test_the_trials_needed_are_the_first_that_reach_the_power(share, one_sided):
    def power(n: int) -> float:  # the slow way: every outcome, weighed
        side = "greater" if one_sided else "two-sided"
        significant = [k for k in range(n + 1) if binomtest(k, n, alternative=side).pvalue <= 0.05]
        from scipy.stats import binom

        return sum(binom.pmf(k, n, share) for k in significant)

    needed = trials_needed(share, one_sided)
    assert power(needed) >= 0.8
    assert all(power(n) < 0.8 for n in range(1, needed))


def test_no_effect_needs_more_trials_than_anybody_hears():
    assert trials_needed(0.5) is None
    assert trials_needed(0.4, one_sided=True) is None
    assert trials_needed(1.0) == 6


def test_two_arms_differ_by_the_log_of_their_wins():
    p, q = fit(np.array([[0, 30.0], [10, 0]]))
    assert p - q == pytest.approx(np.log(30.5 / 10.5))
    assert p + q == pytest.approx(0)


def test_known_strengths_of_four_arms_come_back():
    truth = np.array([0.8, 0.3, -0.2, -0.9])
    p = 1 / (1 + np.exp(truth[None] - truth[:, None]))
    assert fit(4_000 * p) == pytest.approx(truth, abs=2e-3)


def test_many_tables_at_once_are_fitted_as_one_by_one():
    tables = np.random.default_rng(0).integers(0, 9, (20, 3, 3)).astype(float) * (1 - np.eye(3))
    assert fit(tables) == pytest.approx(np.stack([fit(table) for table in tables]), abs=1e-8)


def test_who_wins_everything_stays_finite():
    wins = np.zeros((3, 2, 2))
    wins[:, 0, 1] = 200
    first, second = strengths(["p", "q"], wins)
    assert first.arm == "p" and first.strength - second.strength == pytest.approx(np.log(600.5 / 0.5), abs=1e-6)
    assert first.low < first.strength < first.high


def test_strength_intervals_hold_the_truth_about_as_often_as_they_say():
    truth, rng, held = np.array([0.5, 0.0, -0.5]), np.random.default_rng(1), []
    p = 1 / (1 + np.exp(truth[None] - truth[:, None]))
    for _ in range(200):
        drawn = np.triu(rng.binomial(40, p), 1)
        table = drawn + np.tril(40 - drawn.T, -1)
        found = {s.arm: s for s in strengths(list("pqr"), table[None].astype(float))}
        held += [found[arm].low <= t <= found[arm].high for arm, t in zip("pqr", truth, strict=True)]
    assert 0.92 <= np.mean(held) <= 0.98
