"""What the timeline's page may ask of Python, and what Python takes from it."""

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from annotate.colours import SECTION_COLOURS, section_colour
from annotate.timeline import Timeline, check_value, plan_picture, register_track, timeline_value, track_source
from structure.beats import BeatTimes
from structure.errors import StudioError
from structure.events import SECTION_TYPES, Event


def test_a_track_comes_with_sound_and_peaks(song: Callable[..., Path]):
    source = track_source(register_track(song(seconds=2.0)))
    rows = np.frombuffer(base64.b64decode(source["peaks"]), np.int8).reshape(-1, 3)
    assert (source["ok"], source["duration"], source["rate"], len(rows)) == (True, 2.0, 100, 200)
    assert Path(source["audio"]).is_file()


@pytest.mark.parametrize("asked", [None, "../../etc/passwd", "f" * 32, {"a": 1}])
def test_anything_else_gets_a_sentence(asked: object):
    source = track_source(asked)
    assert not source["ok"]
    assert source["error"].endswith(".")


def test_the_plan_picture_shows_each_event_where_it_is():
    events = [
        {"type": "verse", "start": 0, "end": 10},
        {"type": "chorus", "start": 10, "end": 20},
        {"type": "crash", "start": 10, "end": 10},
    ]
    plan = plan_picture({"events": events, "duration": 400.0})
    cells = np.frombuffer(base64.b64decode(plan["cells"]), np.uint8).reshape(len(plan["names"]), plan["columns"])
    row = dict(zip(plan["names"], cells, strict=True))
    column = 400 / plan["columns"]  # seconds
    np.testing.assert_allclose(np.flatnonzero(row["chorus"])[[0, -1]] * column, [10, 20], atol=2 * column)
    assert row["crash"].any()  # a moment without length is not lost when many frames share a column
    assert not row["known"][int(30 / column) :].any()


@pytest.mark.parametrize("asked", [None, {}, {"duration": -1, "events": []}, {"duration": 5, "events": "x"},
                                   {"duration": 5, "events": [{"type": "verse", "start": 3, "end": 1}]}])  # fmt: skip
def test_nonsense_is_answered_by_a_sentence(asked: object):
    with pytest.raises(StudioError):
        check_value(asked)
    assert not plan_picture(asked)["ok"]


def test_a_page_that_asks_for_a_century_gets_four_hours():
    assert plan_picture({"events": [], "duration": 1e15})["columns"] <= 1000


def test_the_component_is_a_template_that_never_changes():
    timeline = Timeline(timeline_value(8.0, [Event(type="verse", start=0, end=8)]))
    assert "${" not in timeline.html_template
    assert "{{" not in timeline.html_template
    assert "http" not in timeline.head  # scripts come from this machine


def test_events_and_beats_travel_as_text_and_arrive_as_they_were():
    """Gradio walks through whatever is not a string: 5 000 events are seconds."""
    value = timeline_value(8.0, [Event(type="verse", start=0, end=8)], beats=BeatTimes((0.5, 1.0), (0,)))
    sent = Timeline().postprocess(value)
    assert all(isinstance(sent[part], str) for part in ("events", "beats"))
    assert Timeline().preprocess(sent) == value
    assert Timeline().preprocess(value) == value  # somebody's program sends it plain
    with pytest.raises(StudioError):
        check_value(Timeline().preprocess({**sent, "events": "[{"}))


def test_every_section_type_has_a_colour_of_its_own():
    assert set(SECTION_COLOURS) == set(SECTION_TYPES)
    assert len(set(SECTION_COLOURS.values())) == len(SECTION_TYPES)
    assert section_colour("my own word") not in SECTION_COLOURS.values()
