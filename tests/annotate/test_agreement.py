"""Two people's annotations: figures equal to mir_eval's, differences in sentences, and both in one."""

from itertools import pairwise

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.agreement import AgreementError, agreement, differences, mean_agreement, merge, merge_changes
from structure.events import Event, problems


def song(*spans: tuple[str, float, float]) -> list[Event]:
    return [Event(type=kind, start=start, end=end) for kind, start, end in spans]


MINE = song(("intro", 0, 10), ("verse", 10, 30), ("chorus", 30, 50), ("verse", 50, 60), ("crash", 30, 30))
THEIRS = song(("intro", 0, 10.3), ("verse", 10.3, 32), ("chorus", 32, 49.8), ("bridge", 49.8, 60), ("riser", 20, 24))


def test_one_annotation_agrees_with_itself_in_everything():
    found = agreement(MINE, MINE)
    assert set(found.to_dict().values()) == {1.0, 0.0}
    assert found.to_dict()["precision_3s_untrimmed"] == 1
    assert (found.deviation, found.deviation_back) == (0, 0)
    assert differences(MINE, MINE) == []


def test_figures_are_those_of_mir_eval():
    found = agreement(MINE, THEIRS)
    a, b = (np.array([(e.start, e.end) for e in events if e.is_section]) for events in (MINE, THEIRS))
    names = [[e.type for e in events if e.is_section] for events in (MINE, THEIRS)]
    for hits, window, trim in (
        (found.within_500ms, 0.5, True),
        (found.within_3s, 3, True),
        (found.within_500ms_untrimmed, 0.5, False),
        (found.within_3s_untrimmed, 3, False),
    ):
        expected = mir_eval.segment.detection(a, b, window, trim=trim)
        assert (hits.precision, hits.recall, hits.f) == pytest.approx(expected)
    back, there = mir_eval.segment.deviation(a, b, trim=True)
    assert (found.deviation_back, found.deviation) == (pytest.approx(back), pytest.approx(there))
    together = mir_eval.segment.pairwise(a, names[0], b, names[1], frame_size=0.01)[2]
    assert found.pairwise_f == pytest.approx(together, abs=0.005)
    assert found.same_type == pytest.approx((10 + 19.7 + 17.8) / 60, abs=1e-6)


def test_what_differs_is_said_in_the_order_of_the_song():
    said = differences(MINE, THEIRS, names=("Ada", "Ben"))
    assert said == [
        "20.0 s: only Ben has this riser.",
        "30.0 s: only Ada has a boundary here.",
        "30.0 s to 32.0 s: Ada says chorus, Ben says verse.",
        "30.0 s: only Ada has this crash.",
        "32.0 s: only Ben has a boundary here.",
        "50.0 s to 60.0 s: Ada says verse, Ben says bridge.",
    ]  # 10.3 s is within half a second


def test_neighbours_that_touch_share_a_boundary_whatever_editors_round():
    found = agreement(song(("verse", 0, 10.0004), ("solo", 10, 20)), song(("verse", 0, 10), ("solo", 10, 20)))
    assert (found.within_500ms.recall, found.within_500ms.precision) == (1, 1)


def test_the_median_distance_is_told_both_ways():
    found = agreement(
        song(("verse", 0, 10), ("solo", 10, 30)), song(("verse", 0, 10), ("solo", 10, 14), ("verse", 14, 30))
    )
    assert (found.deviation, found.deviation_back) == (2, 0)  # of 0 and 4 s, and of 0 s


def test_two_parts_in_a_row_that_are_called_otherwise_are_one_difference():
    split = song(("chorus", 0, 8), ("chorus", 8, 20))
    assert (
        differences(song(("verse", 0, 20)), split)[0]
        == "0.0 s to 20.0 s: the first says verse, the second says chorus."
    )


def test_what_only_one_has_named_counts_neither_way():
    found = agreement(song(("verse", 0, 10), ("chorus", 20, 30)), song(("verse", 0, 10), ("solo", 10, 20)))
    assert (found.same_type, found.pairwise_f) == (1, 1)
    nothing = agreement(song(("verse", 0, 10)), song(("verse", 10, 20)))
    assert (nothing.same_type, nothing.pairwise_f) == (None, None)


def test_both_in_one_takes_what_does_not_collide():
    mine, theirs = (
        song(("intro", 0, 10), ("crash", 10, 10)),
        song(("intro", 0, 10), ("verse", 10, 30), ("crash", 10.03, 10.03)),
    )
    events, left = merge(mine, theirs)
    assert [(e.type, e.start, e.end) for e in events] == [("intro", 0, 10), ("verse", 10, 30), ("crash", 10, 10)]
    assert left == []
    events, left = merge(song(("solo", 5, 20)), theirs)
    assert [e.type for e in events] == ["solo", "crash"]
    assert len(left) == 2 and "verse" in left[1] and "solo" in left[1]


def test_boundaries_that_no_ear_tells_apart_do_not_collide():
    mine, theirs = song(("intro", 0, 10), ("chorus", 30, 50)), song(("verse", 9.93, 30.05), ("chorus", 30.05, 50.2))
    events, left = merge(mine, theirs)
    assert [(e.type, e.start, e.end) for e in events] == [("intro", 0, 10), ("verse", 10, 30), ("chorus", 30, 50)]
    assert left == ["chorus 30.0 s to 50.2 s was left out: chorus is there."]
    assert merge(mine, song(("chorus", 30.05, 49.95))) == (mine, [])


def test_theirs_replaces_all_of_mine_that_it_collides_with():
    mine = song(("intro", 0, 10), ("verse", 10, 30), ("chorus", 30, 50))
    events, left = merge(mine, song(("solo", 25, 40)), prefer_theirs=True)
    assert [e.type for e in events] == ["intro", "solo"]
    assert left == [
        "verse 10.0 s to 30.0 s was left out: solo is there.",
        "chorus 30.0 s to 50.0 s was left out: solo is there.",
    ]


def test_a_part_that_both_have_keeps_what_either_says_of_it():
    mine = [Event(type="verse", start=0, end=10, label="soft", comment="mine")]
    theirs = [Event(type="verse", start=0.02, end=10, label="loud", intensity=0.2, source="machine")]
    (event,), left = merge(mine, theirs)
    assert event.to_dict() == {
        "type": "verse",
        "start": 0,
        "end": 10,
        "label": "soft",
        "intensity": 0.2,
        "comment": "mine",
    }
    assert left == ["verse 0.0 s to 10.0 s: the label 'loud' was left out, 'soft' is there."]
    assert merge(mine, theirs, prefer_theirs=True)[0][0].label == "loud"


def annotations(seconds: st.SearchStrategy[float] | None = None) -> st.SearchStrategy[list[Event]]:
    times = st.lists(seconds or st.floats(0, 60), min_size=2, max_size=12, unique_by=lambda t: round(t, 2))
    kinds = st.lists(st.sampled_from(["verse", "chorus", "solo", None]), min_size=11, max_size=11)
    return st.builds(
        lambda edges, names: song(*((n, a, b) for n, (a, b) in zip(names, pairwise(sorted(edges)), strict=False) if n)),
        times,
        kinds,
    )


@given(annotations(), annotations(), st.booleans())
def test_a_merge_is_always_an_annotation_that_can_be_saved(mine: list[Event], theirs: list[Event], prefer: bool):
    events, left = merge(mine, theirs, prefer)
    assert problems(events) == []
    assert merge(events, theirs)[0] == events or left  # what was taken collides with nothing
    if not prefer:
        assert [e for e in mine if e not in events] == []


def test_one_without_sections_cannot_be_compared_and_a_single_part_has_no_boundary_inside():
    with pytest.raises(AgreementError):
        agreement(MINE, song(("crash", 1, 1)))
    one = agreement(song(("verse", 0, 60)), song(("chorus", 0, 60)))
    assert (one.within_500ms, one.deviation, one.same_type, one.within_500ms_untrimmed.f) == (None, None, 0, 1)
    assert mean_agreement([one, agreement(MINE, MINE)])["f_500ms"] == 1


def test_two_people_who_change_different_things_lose_nothing():
    base = song(("intro", 0, 10), ("verse", 10, 30), ("chorus", 30, 50), ("outro", 50, 60), ("crash", 30, 30))
    renamed = song(("intro", 0, 10), ("bridge", 10, 30), ("chorus", 30, 50), ("outro", 50, 60), ("crash", 30, 30))
    moved = song(("intro", 0, 10), ("verse", 10, 30), ("chorus", 30, 48), ("outro", 48, 60), ("riser", 28, 30))
    wanted = song(("intro", 0, 10), ("bridge", 10, 30), ("chorus", 30, 48), ("outro", 48, 60), ("riser", 28, 30))
    for mine, theirs in ((renamed, moved), (moved, renamed)):
        assert merge_changes(base, mine, theirs) == (wanted, [])
    # without knowing what both began with, what one took away or moved comes back
    assert merge(renamed, moved)[0] != wanted


def test_two_people_who_say_different_things_of_one_part_are_both_heard():
    def verse(**details: object) -> list[Event]:
        return [Event(type="verse", start=0, end=8, **details)]

    base = verse(label="sparse", comment="look again")
    found, said = merge_changes(base, verse(label="full"), verse(label="sparse", comment="look again", intensity=0.4))
    assert (found, said) == (verse(label="full", intensity=0.4), [])
    found, said = merge_changes(base, verse(label="full"), verse(label="loud"))
    assert found == verse(label="full") and "the label 'loud' was left out" in said[0]


@given(annotations(st.integers(0, 60)), annotations(st.integers(0, 60)))
def test_who_changed_nothing_gets_all_that_the_other_did(base: list[Event], changed: list[Event]):
    def told(events: list[Event]) -> list[dict]:
        return sorted((event.to_dict() for event in events), key=str)

    for mine, theirs in ((base, changed), (changed, base)):
        merged, left = merge_changes(base, mine, theirs)
        assert (told(merged), left) == (told(changed), [])
