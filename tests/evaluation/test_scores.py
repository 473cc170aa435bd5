"""Scores against hand-worked truth, and against mir_eval itself."""

import math

import numpy as np
import pytest

from evaluation.scores import (
    SHARES,
    confusion,
    edit_distance,
    frame_accuracy,
    longest_run,
    merge_repeats,
    score_structure,
    section_order,
    timing_summary,
    transition_errors,
    transitions,
)
from evaluation.segments import ScoreError, boundary_f
from structure.events import Event

SONG = [
    Event(type="intro", start=0, end=4),
    Event(type="verse", start=4, end=12),
    Event(type="chorus", start=12, end=20),
]


def shifted(events: list[Event], seconds: float) -> list[Event]:
    """Every inner boundary later by `seconds`; the ends of the song stay."""
    edges = [events[0].start, *(e.start + seconds for e in events[1:]), events[-1].end]
    return [Event(type=e.type, start=edges[i], end=edges[i + 1]) for i, e in enumerate(events)]


def test_a_perfect_estimate_scores_one_everywhere():
    score = score_structure(SONG, SONG)
    assert score.to_dict() == dict.fromkeys(SHARES, 1.0) | {
        "median_error": 0.0,
        "median_error_back": 0.0,
        "within": {"0.25": 1.0, "0.5": 1.0, "1": 1.0, "3": 1.0},
    }


def test_an_empty_estimate_scores_nothing():
    score = score_structure(SONG, [])
    assert (score.frame_accuracy, score.boundary_f_500ms, score.boundary_f_3s, score.section_order) == (0, 0, 0, 0)
    assert score.to_dict()["median_error"] is None
    assert score.to_dict()["within"]["3"] == 0.0


def test_a_shift_costs_the_frames_it_moves_and_the_boundaries_past_the_tolerance():
    late = shifted(SONG, 1.0)
    assert frame_accuracy(SONG, late) == pytest.approx(18 / 20)  # one second lost at each of two transitions
    assert boundary_f(SONG, late, 0.5).f == pytest.approx(2 / 4)  # the song's two ends still hit
    assert boundary_f(SONG, late, 0.5, trim=True).f == 0.0
    assert boundary_f(SONG, late, 3.0).f == 1.0
    np.testing.assert_allclose(transition_errors(SONG, late), [1.0, 1.0])
    assert timing_summary(transition_errors(SONG, late))["within"] == {"0.25": 0, "0.5": 0, "1": 1, "3": 1}


def test_a_boundary_is_matched_once_and_recall_tells_it_from_precision():
    halves = [Event(type="verse", start=4 * i, end=4 * i + 4) for i in range(5)]  # 0 4 8 12 16 20
    score = boundary_f(SONG, halves, 0.5)
    assert (score.precision, score.recall) == pytest.approx((4 / 6, 1.0))


def test_frames_that_the_reference_leaves_open_count_for_nothing():
    gappy = [SONG[0], SONG[2]]
    wrong_in_the_gap = [SONG[0], Event(type="solo", start=4, end=12), SONG[2]]
    assert frame_accuracy(gappy, wrong_in_the_gap) == 1.0
    assert frame_accuracy([Event(type="crash", start=3, end=3)], SONG) is None


def test_moments_stay_outside_the_scores():
    with_moments = [*SONG, Event(type="riser", start=10, end=12), Event(type="crash", start=12, end=12)]
    assert score_structure(with_moments, SONG).to_dict() == score_structure(SONG, with_moments).to_dict()
    assert transitions(with_moments).tolist() == [4.0, 12.0]


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)],
)
def test_edit_distance_is_levenshteins(first: str, second: str, distance: int):
    assert edit_distance(list(first), list(second)) == distance
    assert edit_distance(list(second), list(first)) == distance


def test_order_ignores_times_and_counts_each_slip_once():
    assert section_order(SONG, shifted(SONG, 2.5)) == 1.0
    assert section_order(SONG, SONG[:2]) == pytest.approx(2 / 3)
    assert section_order(SONG, [SONG[0], SONG[2]]) == pytest.approx(2 / 3)


def test_the_longest_run_counts_neighbours_only():
    assert longest_run(SONG, shifted(SONG, 2.5)) == 1.0
    apart = [SONG[0], Event(type="solo", start=4, end=6), Event(type="verse", start=6, end=12), SONG[2]]
    assert longest_run(SONG, apart) == pytest.approx(2 / 3)
    assert longest_run(SONG, []) == 0.0


def test_confusion_gives_the_seconds_of_each_mistake_and_of_silence():
    heard = [SONG[0], Event(type="chorus", start=4, end=18)]
    found = confusion(SONG, heard)
    assert found["verse"] == {"chorus": pytest.approx(8)}
    assert found["chorus"] == {"chorus": pytest.approx(6), "": pytest.approx(2)}


def test_the_nearest_transition_is_measured_and_the_songs_ends_are_not():
    heard = [Event(type="a", start=0, end=6), Event(type="b", start=6, end=11.5), Event(type="c", start=11.5, end=20)]
    np.testing.assert_allclose(transition_errors(SONG, heard), [2.0, 0.5])
    whole = [Event(type="verse", start=0, end=20)]
    assert transition_errors(SONG, whole).tolist() == [math.inf, math.inf]
    assert timing_summary(transition_errors(whole, SONG))["median_error"] is None


def test_neighbours_of_one_type_merge_and_gaps_keep_them_apart():
    events = [
        Event(type="verse", start=0, end=4, label="first"),
        Event(type="verse", start=4, end=8),
        Event(type="chorus", start=8, end=12),
        Event(type="chorus", start=14, end=16),
    ]
    assert [(e.type, e.start, e.end) for e in merge_repeats(events)] == [
        ("verse", 0, 8),
        ("chorus", 8, 12),
        ("chorus", 14, 16),
    ]


def test_bad_input_is_named():
    with pytest.raises(ScoreError, match="no section"):
        boundary_f([], SONG)
    with pytest.raises(ScoreError, match="no section"):
        score_structure([Event(type="riser", start=1, end=2)], SONG)
    with pytest.raises(ScoreError, match="must be positive, got 0"):
        boundary_f(SONG, SONG, 0)
