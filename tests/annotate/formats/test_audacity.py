"""Audacity label tracks."""

import pytest

from annotate.formats.annotation import Annotation, Asked, FormatError, carried
from annotate.formats.audacity import AUDACITY, read, write
from structure.events import Event, moments, problems, sections

EXPORTED = (
    "0.000000\t8.000000\tIntro\n"
    "8.000000\t24.500000\tVerse 1\n"
    "\\\t200.000000\t4000.000000\n"
    '24.500000\t40.000000\tchorus "full drums, wide pads" intensity=0.9\n'
    "24.500000\t24.500000\tcrash\n"
    "\n"
    "20.000000\t24.500000\triser\n"
)


def events(text: str, duration: float | None = None) -> list[Event]:
    return read(text, Asked(duration)).events


def test_regions_are_sections_and_point_labels_of_moments_are_moments() -> None:
    found = events(EXPORTED)
    assert [(e.type, e.name, e.start, e.end) for e in sections(found)] == [
        ("intro", "Intro", 0, 8),
        ("verse", "Verse 1", 8, 24.5),
        ("chorus", "chorus", 24.5, 40),
    ]
    assert [(e.type, e.start, e.end) for e in moments(found)] == [("riser", 20, 24.5), ("crash", 24.5, 24.5)]
    assert (found[2].label, found[2].intensity) == ("full drums, wide pads", 0.9)
    assert problems(found, duration=40) == []


def test_point_labels_of_sections_are_boundaries() -> None:
    points = "0\t0\tintro\n8\t8\tverse\n10\t10\tcrash\n16\t16\t\n20\t20\tchorus\n28\t30\tbridge\n30\t30\toutro\n"
    assert [(e.type, e.start, e.end) for e in sections(events(points + "40\t40\tEnd\n"))] == [
        ("intro", 0, 8),
        ("verse", 8, 16),
        ("chorus", 20, 28),
        ("bridge", 28, 30),
        ("outro", 30, 40),
    ]
    assert sections(events(points, 41.5))[-1].end == 41.5
    with pytest.raises(FormatError, match="Line 7: nothing says where the section `outro` at 30.0 s ends"):
        events(points)


def test_decimal_commas() -> None:
    found = events("0,5\t8,25\tintro\n8,25\t16\tverse\n")
    assert [(e.type, e.start, e.end) for e in found] == [("intro", 0.5, 8.25), ("verse", 8.25, 16)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0\t8\tintro\nverse 8-16\n", "Line 2: expected start, end and label with tabs between them"),
        ("0\tx\tintro\n", "Line 1: expected start, end and label"),
        ("nan\t8\tintro\n", "Line 1: expected start"),
        ("1e999\t1e999\tintro\n", "Line 1: expected start"),
        ("0\t8\t \n", "Line 1: the section at 0.0 s has no label. Give it one"),
        ("8\t0\tintro\n", "Line 1: ends at 0.0 s, before it starts at 8.0 s. Swap them."),
        ("-1\t8\tintro\n", "Line 1: starts at -1.0 s. Times count from the start of the audio"),
        ("0\t9e6\tintro\n", "Line 1: 9000000.0 s is too long for a song"),
        ("0\t8\tintro\n\n7\t9\tverse\n", "Line 3: `verse` starts at 7.0 s, before `intro` (line 1) ends at 8.0 s."),
    ],
)
def test_a_line_that_is_no_label_is_named(text: str, sentence: str) -> None:
    with pytest.raises(FormatError) as caught:
        events(text)
    assert str(caught.value).startswith(sentence)


def test_what_is_written_is_read_back() -> None:
    given = [
        Event(type="Verse 2", start=0.25, end=8, label='a\tb\n"c"', intensity=0.5),
        Event(type="end", start=8, end=9),
        Event(type="odd (type) 3", start=9, end=20),
        Event(type="drop", start=9, end=9, family="moment"),
        Event(type="crash", start=20, end=22, family="section"),
        Event(type="fill", start=7, end=8),
    ]
    text = write(Annotation(carried(AUDACITY, given)))
    assert text.splitlines()[0] == '0.250000\t8.000000\tVerse 2 "a\\tb\\n\\"c\\"" intensity=0.5'
    assert events(text) == sections(given) + moments(given)
