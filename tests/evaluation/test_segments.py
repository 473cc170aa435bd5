"""Segmentation scores: equal to mir_eval, and open stretches left out."""

import warnings

import mir_eval
import numpy as np
import pytest

from evaluation.segments import ScoreError, boundary_f, deviation, pairwise_f, v_measure
from structure.events import Event


def random_song(rng: np.random.Generator) -> list[Event]:
    edges = np.concatenate([[0.0], np.cumsum(rng.uniform(0.3, 6.0, rng.integers(2, 12)))])
    types = rng.choice(["intro", "verse", "chorus", "bridge"], len(edges) - 1)
    pairs = zip(types, edges[:-1], edges[1:], strict=True)
    return [Event(type=str(t), start=float(a), end=float(b)) for t, a, b in pairs]


def for_mir_eval(song: list[Event]) -> tuple[np.ndarray, list[str]]:
    return np.array([(event.start, event.end) for event in song]), [event.type for event in song]


def test_label_scores_equal_mir_evals_own_on_200_random_pairs():
    rng = np.random.default_rng(7)
    for _ in range(200):
        reference, estimate = random_song(rng), random_song(rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of songs with two boundaries
            theirs = mir_eval.segment.evaluate(*for_mir_eval(reference), *for_mir_eval(estimate))
        pairs, entropy = pairwise_f(reference, estimate), v_measure(reference, estimate)
        ours = [pairs.precision, pairs.recall, pairs.f, entropy.precision, entropy.recall, entropy.f]
        names = ("Pairwise Precision", "Pairwise Recall", "Pairwise F-measure", "V Precision", "V Recall", "V-measure")
        np.testing.assert_allclose(ours, [theirs[name] for name in names], rtol=0, atol=1e-9)


def test_boundary_scores_equal_mir_evals_own_on_200_random_pairs():
    rng = np.random.default_rng(3)
    for _ in range(200):
        reference, estimate = random_song(rng), random_song(rng)
        tolerance, trim = float(rng.choice([0.25, 0.5, 1.7, 3.0])), bool(rng.integers(2))
        arrays = [for_mir_eval(song)[0] for song in (reference, estimate)]
        hits = boundary_f(reference, estimate, tolerance, trim)
        distances = deviation(reference, estimate, trim)
        if trim and min(map(len, arrays)) < 2:
            assert (hits.f, distances) == (0.0, (None, None))  # mir_eval only warns there
            continue
        theirs = mir_eval.segment.detection(*arrays, window=tolerance, trim=trim)
        np.testing.assert_allclose((hits.precision, hits.recall, hits.f), theirs, rtol=0, atol=1e-9)
        np.testing.assert_allclose(distances, mir_eval.segment.deviation(*arrays, trim=trim), rtol=0, atol=1e-9)


def test_labels_are_compared_where_the_reference_has_any():
    whole = [Event(type="verse", start=0, end=10), Event(type="chorus", start=10, end=20)]
    gappy = [Event(type="verse", start=2, end=10), Event(type="chorus", start=12, end=20)]
    wrong_in_the_gaps = [
        Event(type="solo", start=0, end=2),
        Event(type="verse", start=2, end=10),
        Event(type="solo", start=10, end=12),
        Event(type="chorus", start=12, end=20),
    ]
    assert pairwise_f(gappy, wrong_in_the_gaps).f == v_measure(gappy, wrong_in_the_gaps).f == 1.0
    assert pairwise_f(whole, wrong_in_the_gaps).recall < 1.0
    assert v_measure(whole, []).f == 0.0
    half = [Event(type="verse", start=0, end=10)]  # the rest is another kind of nothing, so the split is right
    assert pairwise_f(whole, half).f == 1.0


def test_names_do_not_matter_and_splits_do():
    song = [Event(type=t, start=i * 5, end=i * 5 + 5) for i, t in enumerate(["verse", "chorus", "verse", "chorus"])]
    renamed = [Event(type={"verse": "a", "chorus": "b"}[e.type], start=e.start, end=e.end) for e in song]
    split = [Event(type=f"part {i}", start=e.start, end=e.end) for i, e in enumerate(song)]
    assert pairwise_f(song, renamed).f == 1.0
    over = pairwise_f(song, split)
    assert over.precision == 1.0
    assert over.recall == pytest.approx(49 / 99, abs=1e-9)  # two runs of 50 frames, of 100, stay together


def test_bad_tolerances_are_named():
    song = [Event(type="verse", start=0, end=10)]
    for tolerance in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ScoreError, match="must be positive"):
            boundary_f(song, song, tolerance)
