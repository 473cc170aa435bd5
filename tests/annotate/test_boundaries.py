"""The chain against an enumeration of every way to cut, and novelty against a change that is plain."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from annotate.beats import Beats
from annotate.boundaries import ANY_LENGTH, boundary_probabilities, forward_backward, log_lengths, novelty


def two_halves(n_beats: int, change: int) -> Beats:
    """Beats that all sound one way before `change` and another way after it."""
    rng = np.random.default_rng(0)

    def rows(width: int) -> np.ndarray:
        sides = rng.standard_normal((2, width))
        drawn = np.concatenate([np.tile(sides[0], (change, 1)), np.tile(sides[1], (n_beats - change, 1))])
        drawn = drawn + 0.05 * rng.standard_normal(drawn.shape)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    return Beats(np.arange(n_beats + 1) * 0.5, 120.0, rows(64), rows(13), rows(12))


def test_the_chain_sums_over_every_way_to_cut():
    heard = np.random.default_rng(1).normal(0, 3, 11)
    lengths, last = log_lengths(), len(heard) - 1
    weights, cuts_of = [], []
    for count in range(last):
        for cuts in combinations(range(1, last), count):
            edges = [0, *cuts, last]
            parts = [lengths[b - a] for a, b in pairwise(edges)]
            for end in {0, len(parts) - 1}:
                parts[end] = max(parts[end], ANY_LENGTH)
            weights.append(sum(parts) + sum(heard[cut] for cut in cuts))
            cuts_of.append(cuts)
    total = np.logaddexp.reduce(weights)
    share = np.exp(np.array(weights) - total)
    by_hand = [share[[edge in cuts for cuts in cuts_of]].sum() for edge in range(1, last)]
    found, evidence = forward_backward(heard)
    assert evidence == pytest.approx(total)
    assert found[1:-1] == pytest.approx(by_hand)
    assert found[[0, -1]] == pytest.approx([1, 1])


def test_a_song_longer_than_the_longest_part_still_has_probabilities():
    found, evidence = forward_backward(np.full(800, -50.0))
    assert np.isfinite(evidence)
    assert ((found >= 0) & (found <= 1 + 1e-9)).all()
    assert found[1:-1].sum() > 3  # 799 beats are five parts of 160 at least


@pytest.mark.parametrize("change", [32, 37])
def test_a_plain_change_is_the_most_novel_and_the_most_probable(change: int):
    beats = two_halves(64, change)
    assert novelty(beats).argmax() == change
    probability, phases = boundary_probabilities(beats)
    assert probability[1:-1].argmax() + 1 == change
    assert probability[change] > 0.7  # nine bars and a beat are an unlikely length, but the change is plain
    assert phases.argmax() == change % 4
    assert phases.sum() == pytest.approx(1)
