"""Structures to start from: each can be asked for, and is fitted to lengths and tempi without losing a part."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.templates import TEMPLATES, fitted, template_events, written
from structure.errors import StudioError
from structure.events import Event, problems, sections
from structure.language import parse_structure
from structure.tempo import Tempo


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_can_be_asked_for_and_written_in_bars(name: str):
    tempo = Tempo(97)
    events = template_events(name, None, tempo)
    assert problems(events) == []
    text = written(events, tempo)
    assert "bars" in text and [(e.type, round(e.start, 3)) for e in parse_structure(text, tempo=tempo)] == [
        (e.type, round(e.start, 3)) for e in events
    ]


def test_a_template_takes_the_length_that_is_asked_for():
    assert written(template_events("Short song", 30), None) == "intro 0-6, verse 6-18, chorus 18-30"
    assert written(template_events("Build and drop", 60, Tempo(120)), Tempo(120)).startswith("intro 4 bars, build-up 5")


def test_moments_keep_their_place_between_the_boundaries():
    events = parse_structure("intro 0-10, drop 10-20, riser 5-10, crash @10")
    assert [(e.start, e.end) for e in fitted(events, 30, Tempo(120))] == [(0, 16), (16, 30), (8, 16), (16, 16)]


def test_an_annotated_song_keeps_its_bars_at_another_tempo():
    events = parse_structure("verse 4.02-12, chorus 12.01-20.03")  # a person's marks, at 120 BPM
    played = fitted(events, None, Tempo(60), own=Tempo(120))
    assert [(e.start, e.end) for e in sections(played)] == [(8, 24), (24, 40)]


def test_more_parts_than_bars_are_refused_in_a_sentence():
    with pytest.raises(StudioError, match=r"10.0 s hold 4 bars at 97 BPM, but the structure has 11 parts"):
        template_events("Pop song", 10, Tempo(97))


@given(
    st.lists(st.floats(0.5, 60), min_size=1, max_size=8),
    st.floats(40, 300),
    st.floats(60, 200),
)
def test_fitted_parts_follow_one_another_on_bar_lines(lengths: list[float], duration: float, bpm: float):
    events, at = [], 0.0
    for length in lengths:
        events.append(Event(type="verse", start=at, end=at + length))
        at += length
    tempo = Tempo(bpm)
    found = fitted(events, duration, tempo)
    assert problems(found, duration) == []
    assert all(abs(e.start / tempo.bar - round(e.start / tempo.bar)) < 1e-4 for e in found)
    assert all(a.end == b.start for a, b in pairwise(found))
    assert duration - found[-1].end < tempo.bar + 1e-6
