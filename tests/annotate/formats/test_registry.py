"""Finding a file's format, and the round trip of every format."""

import random
from pathlib import Path

import pytest

from annotate.formats.annotation import Annotation, Asked, Format, FormatError, carried, lost
from annotate.formats.registry import FORMATS, find_formats, format_for, format_named, read_annotation
from structure.events import Event, moments, sections

SONG = [
    Event(type="Intro", start=0.5, end=8),
    Event(type="Verse 2", start=8, end=24.25, label="sparse, \"dry\" drums", intensity=0.25),
    Event(type="something new", start=30, end=40.13),
    Event(type="fill", start=40.13, end=42, family="section"),
    Event(type="Pre-Chorus", start=42, end=60.5, intensity=1.0),
    Event(type="chorus", start=60.5, end=3725.75),
    Event(type="riser", start=20, end=24.25, label="white noise"),
    Event(type="crash", start=24.25, end=24.25),
    Event(type="fill", start=24.25, end=24.25, intensity=0.5),
    Event(type="drop", start=61, end=61, family="moment"),
]  # fmt: skip
ALLIN1 = '{"segments": [{"start": 0, "end": 8, "label": "intro"}, {"start": 8, "end": 9, "label": "verse"}]}'
WRITTEN = [f for f in FORMATS if f.write is not None and f.name != "af3"]


def order(events: list[Event]) -> list[Event]:
    return sorted(sections(events) + moments(events), key=lambda e: (e.kind, e.start, e.end, e.type))


@pytest.mark.parametrize("form", WRITTEN, ids=lambda f: f.name)
def test_what_is_written_is_read_back(form: Format) -> None:
    kept = carried(form, SONG)
    assert len(sections(kept)) >= 5
    text = form.write(Annotation(kept, 3725.75, "a song"))
    assert form.recognise(text)
    back = form.read(text, Asked())
    assert order(back.events) == order(kept)
    assert form.write(Annotation(back.events, 3725.75, "a song")) == text
    assert form in find_formats(text, form.extensions[0])


@pytest.mark.parametrize("form", WRITTEN, ids=lambda f: f.name)
def test_what_is_lost_is_what_is_not_carried(form: Format) -> None:
    said = lost(form, SONG)
    assert bool(said) == (carried(form, SONG) != sections(SONG) + moments(SONG))
    assert ("4 moments" in said) == ("points" not in form.carries)


def test_the_sentence_on_what_is_lost() -> None:
    events = [
        Event(type="verse", start=0, end=8, label="x", intensity=0.5, by="me"),
        Event(type="crash", start=1, end=1),
    ]
    assert lost(format_named("harmonix"), events) == (
        "Harmonix cannot hold everything: 1 moment, 1 label, 1 intensity and 1 other value were left out."
    )
    assert lost(format_named("harmonix"), events[1:]) == "Harmonix cannot hold everything: 1 moment was left out."
    assert lost(format_named("harmonix"), [Event(type="Verse 1", start=0, end=8)]) == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "0\t8\tintro\n8\t9\tverse\n"),
        ("a.txt", "0\tintro\n8\tverse\n9\tEnd\n"),
        ("a.txt", "0 intro\n8 verse\n9 end\n"),
        ("a.txt", "0 8 intro\n8 9 verse\n"),
        ("a.lab", "0\t8\tintro\n8\t9\tverse\n"),
        ("a.csv", "0,0,8,intro\n8,1,1,verse\n"),
        ("a.csv", "0,8,intro\n8,1,verse\n"),  # as start and end the second runs backwards
        ("a.csv", "0,intro\n8,verse\n9,end\n"),
        ("a.csv", "#,Name,Start,End,Length\nR1,intro,0:00,0:08,0:08\nR2,verse,0:08,0:09,0:01\n"),
        ("a.tsv", "0\t8\tintro\n8\t9\tverse\n"),
        ("a.rttm", "SPEAKER x 1 0 8 <NA> <NA> intro <NA> <NA>\nSPEAKER x 1 8 1 <NA> <NA> verse <NA> <NA>\n"),
        ("a.lrc", "[00:00.00][Intro]\n[00:08.00][Verse]\n[00:09.00][End]\n"),
        ("a.txt", "[00:00.00][Intro]\n[00:08.00][Verse]\n[00:09.00][End]\n"),
        ("a.dat", "0 intro\n8 verse\n9 end\n"),
        ("a.json", ALLIN1),
    ],
)
def test_a_format_is_found_by_extension_and_content(name: str, text: str) -> None:
    events = read_annotation(text, Path(name).suffix, Asked()).events
    assert [(e.type, e.start, e.end) for e in events] == [("intro", 0, 8), ("verse", 8, 9)]


def test_a_reading_that_breaks_a_rule_is_no_reading() -> None:
    spans = read_annotation("0,8,intro\n8,16,verse\n16,20,chorus\n", ".csv", Asked()).events
    assert [(e.start, e.end) for e in spans] == [(0, 8), (8, 16), (16, 20)]  # as start and duration they overlap
    regions = read_annotation("0,8,intro\n8,8,verse\n16,4,chorus\n", ".csv", Asked()).events
    assert [(e.start, e.end) for e in regions] == [(0, 8), (8, 16), (16, 20)]  # as start and end they run backwards


def test_two_sound_readings_that_differ_are_refused() -> None:
    both = "0,8,intro\n16,20,verse\n40,50,chorus\n"
    with pytest.raises(FormatError, match="Plain CSV or Sonic Visualiser CSV, with different sections") as caught:
        read_annotation(both, ".csv", Asked())
    assert str(caught.value).endswith("Say which it is with --from csv or --from sonic-visualiser.")
    assert read_annotation(both, ".csv", Asked(), "csv").events[2].end == 50
    assert read_annotation(both, ".csv", Asked(), "sonic-visualiser").events[2].end == 90
    assert read_annotation(both, ".csv", Asked(duration=50)).events[2].end == 50  # the song is no longer than that


@pytest.mark.parametrize(
    ("text", "suffix", "sentence"),
    [
        (" \n", ".txt", "The file is empty."),
        ("zero to four\n", ".txt", "Line 1 `zero to four` does not begin Audacity labels, SALAMI, Harmonix or Isoph"),
        ("zero to four\n", ".xyz", "Line 1 `zero to four` does not begin"),
        ("zero to four\n", ".lab", "Line 1: expected start, end and label"),
        ("{oops", ".json", "Line 1, column 2: this is not JSON"),
        ("{}", ".json", "This JSON holds no `events`"),
        ('{"events": []}', ".json", "The file, read as sidecar, holds no sections and no moments."),
        ("0,8,intro\n4,9,verse\n", ".csv", "Line 2: `verse` starts at 4.0 s, before `intro` (line 1) ends at 8.0 s."),
    ],
)
def test_what_no_format_fits_is_refused(text: str, suffix: str, sentence: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_annotation(text, suffix, Asked())
    assert str(caught.value).startswith(sentence)


def test_a_target_is_found_by_its_extension_or_named() -> None:
    assert format_for(Path("a.JSON")).name == "sidecar"
    assert format_for(Path("a.TextGrid")).name == "textgrid"
    assert format_for(Path("a.json"), "allin1").name == "allin1"
    with pytest.raises(FormatError, match="SALAMI, Harmonix or Isophonics may be meant. Say which with --to audacity,"):
        format_for(Path("a.txt"))
    with pytest.raises(FormatError, match="no format is written to `.wav` files"):
        format_for(Path("a.wav"))
    with pytest.raises(FormatError, match="Audacity labels is written to .txt"):
        format_for(Path("a.wav"), "audacity")
    with pytest.raises(FormatError, match="There is no format `midi`. Known are sidecar, audacity"):
        format_for(Path("a.wav"), "midi")


def test_only_layered_formats_take_a_layer() -> None:
    with pytest.raises(FormatError, match="Harmonix holds one layer only. Leave --layer out."):
        read_annotation("0 intro\n8 end\n", ".txt", Asked(layer="x"))


def test_a_damaged_file_is_read_or_refused_and_nothing_else() -> None:
    chance = random.Random(0)
    pieces = ['"', "[", "]", "{", "}", ",", "\t", " ", "\n", ":", "-", "9" * 20, "1e400", "nan", "null", ".", "#"]
    texts = [(f.extensions[0], f.write(Annotation(carried(f, SONG), 3725.75, "a song"))) for f in WRITTEN]
    refused = 0
    for suffix, text in texts * 25:
        at = chance.randrange(len(text))
        for damaged in (text[:at] + chance.choice(pieces) + text[at:], text[:at], text[:at] + text[at + 7 :]):
            try:
                read_annotation(damaged, suffix, Asked())
            except FormatError as problem:
                refused += 1
                assert str(problem).rstrip().endswith((".", "instead."))
    assert refused > 300
