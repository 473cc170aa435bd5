"""The plan: who hears what, on which side, and when again."""

import random
from collections import Counter

import pytest

from evaluation.listening.design import APART, DesignError, plan_trials

SONGS = [f"song{n}" for n in range(12)]


@pytest.mark.parametrize("kind", ["preference", "abx"])
@pytest.mark.parametrize("arms", [["p", "q"], ["p", "q", "r"]])
def test_pairs_and_sides_are_balanced_for_each_listener(kind, arms):
    plan = plan_trials(SONGS, arms, kind, trials=12, repeats=0, rng=random.Random(3))
    assert len(set(Counter(frozenset(t.sides) for t in plan).values())) == 1
    sides = Counter(t.sides for t in plan)
    assert set(sides.values()) == {12 // len(sides)}
    if kind == "abx":
        assert abs(sum(t.x == 0 for t in plan) - 6) <= len(arms)
        whose = Counter(t.sides[t.x] for t in plan)
        assert max(whose.values()) - min(whose.values()) <= len(arms)


def test_no_listener_is_asked_twice_for_one_preference_but_in_repeats():
    plan = plan_trials(SONGS, ["p", "q"], "preference", trials=12, repeats=4, rng=random.Random(0))
    assert len(plan) == 16
    assert len({(t.song, frozenset(t.sides)) for t in plan if t.repeats is None}) == 12


@pytest.mark.parametrize("kind", ["preference", "abx"])
def test_a_repeated_trial_comes_later_with_sides_swapped(kind):
    for seed in range(50):
        plan = plan_trials(SONGS, ["p", "q"], kind, trials=10, repeats=5, rng=random.Random(seed))
        repeated = [(place, trial) for place, trial in enumerate(plan) if trial.repeats is not None]
        assert len({trial.repeats for _, trial in repeated}) == 5
        for place, trial in repeated:
            first = plan[trial.repeats]
            assert place - trial.repeats > APART
            assert (trial.song, trial.sides) == (first.song, first.sides[::-1])
            if kind == "abx":
                assert trial.sides[trial.x] == first.sides[first.x]


def test_listeners_get_orders_of_their_own():
    rng = random.Random(0)
    first, second = (plan_trials(SONGS, ["p", "q"], "preference", 12, 4, rng) for _ in range(2))
    assert first != second


def test_abx_returns_to_a_song_where_a_preference_has_too_few():
    assert len(plan_trials(["only"], ["p", "q"], "abx", 16, 0, random.Random(0))) == 16
    with pytest.raises(DesignError, match="1 songs and 2 arms make 1 different pairs, too few for 16 trials."):
        plan_trials(["only"], ["p", "q"], "preference", 16, 0, random.Random(0))


@pytest.mark.parametrize(
    "songs, arms, trials, repeats, says",
    [
        (["a"], ["p"], 1, 0, "two or more ways"),
        ([], ["p", "q"], 1, 0, "no song to hear"),
        (["a"], ["p", "q"], 0, 0, "at least one trial"),
        (["a"], ["p", "q"], 1, 2, "0 to 1 can be repeated, got 2"),
    ],
)
def test_what_makes_no_test_is_refused(songs, arms, trials, repeats, says):
    with pytest.raises(DesignError, match=says):
        plan_trials(songs, arms, "preference", trials, repeats, random.Random(0))
