"""Two people's annotations: figures equal to mir_eval's, differences in sentences, and both in one."""

import mir_eval
import numpy as np
import pytest

from annotate.agreement import AgreementError, agreement, differences, mean_agreement, merge
from structure.events import Event


def song(*spans: tuple[str, float, float]) -> list[Event]:
    return [Event(type=kind, start=start, end=end) for kind, start, end in spans]


MINE = song(("intro", 0, 10), ("verse", 10, 30), ("chorus", 30, 50), ("verse", 50, 60), ("crash", 30, 30))
THEIRS = song(("intro", 0, 10.3), ("verse", 10.3, 32), ("chorus", 32, 49.8), ("bridge", 49.8, 60), ("riser", 20, 24))


def test_one_annotation_agrees_with_itself_in_everything():
    found = agreement(MINE, MINE)
    assert set(found.to_dict().values()) == {1.0, 0.0}
    assert (found.deviation, found.deviation_back) == (0, 0)
    assert differences(MINE, MINE) == []


def test_figures_are_those_of_mir_eval():
    found = agreement(MINE, THEIRS)
    a, b = (np.array([(e.start, e.end) for e in events if e.is_section]) for events in (MINE, THEIRS))
    names = [[e.type for e in events if e.is_section] for events in (MINE, THEIRS)]
    assert found.f_500ms == pytest.approx(mir_eval.segment.detection(a, b, 0.5, trim=True)[2])
    assert found.f_3s == pytest.approx(mir_eval.segment.detection(a, b, 3, trim=True)[2])
    assert found.f_500ms_untrimmed == pytest.approx(mir_eval.segment.detection(a, b, 0.5)[2])
    back, there = mir_eval.segment.deviation(a, b, trim=True)
    assert (found.deviation_back, found.deviation) == (pytest.approx(back), pytest.approx(there))
    pairwise = mir_eval.segment.pairwise(a, names[0], b, names[1], frame_size=0.01)[2]
    assert found.pairwise_f == pytest.approx(pairwise, abs=0.01)
    assert found.same_type == pytest.approx((10 + 19.7 + 17.8) / 60, abs=1e-6)


def test_what_differs_is_said_in_the_order_of_the_song():
    said = differences(MINE, THEIRS)
    assert [line.split(":")[0] for line in said] == sorted(
        (line.split(":")[0] for line in said), key=lambda t: float(t.split()[0])
    )
    text = "\n".join(said)
    assert "20.0 s: only the second has this riser" in text
    assert "30.0 s: only the first has a boundary here" in text
    assert "30.0 s to 32.0 s: chorus in the first, verse in the second" in text
    assert "50.0 s to 60.0 s: verse in the first, bridge in the second" in text
    assert "10.3" not in text  # within half a second


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


def test_one_without_sections_cannot_be_compared_and_a_single_part_has_no_boundary_inside():
    with pytest.raises(AgreementError):
        agreement(MINE, song(("crash", 1, 1)))
    one = agreement(song(("verse", 0, 60)), song(("chorus", 0, 60)))
    assert (one.f_500ms, one.deviation, one.same_type, one.f_500ms_untrimmed) == (None, None, 0, 1)
    assert mean_agreement([one, agreement(MINE, MINE)])["f_500ms"] == 1
