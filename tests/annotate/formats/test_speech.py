"""RTTM, LRC and Praat TextGrids."""

from collections.abc import Callable

import pytest

from annotate.formats import lrc, rttm, textgrid
from annotate.formats.annotation import Annotation, Asked, FormatError
from structure.events import Event

SPEAKERS = (
    ";; made by hand\n"
    "SPKR-INFO song 1 <NA> <NA> <NA> unknown verse <NA>\n"
    "SPEAKER song 1 0.00 8.50 <NA> <NA> intro <NA> <NA>\n"
    "SPEAKER song 1 8.50 11.50 <NA> <NA> Guitar_Solo <NA> <NA>\n"
    "SPEAKER song 1 9.00 0.00 <NA> <NA> crash <NA>\n"
)
LYRICS = (
    "[ti:A song]\n[ar:Somebody]\n[length:01:20.00]\n"
    "[00:00.00][Intro]\n"
    "[00:08.50] [Verse 1: quiet]\n"
    "[00:09.00]<00:09.00>Words <00:09.50>here\n"
    "[00:12.00]\n"
    "[Chorus]\n"
    "[00:20.00][01:00.00]La la\n"
    "[00:40.00][Bridge]sung at once\n"
    "[00:50:50][End]\n"
)

Reader = Callable[[str, Asked], Annotation]
LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 30
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 30
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 30
            text = ""
    item [2]:
        class = "IntervalTier"
        name = "form"
        xmin = 0
        xmax = 30
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 8.5
            text = "Intro"
        intervals [2]:
            xmin = 8.5
            xmax = 12
            text = ""
        intervals [3]:
            xmin = 12
            xmax = 30
            text = "chorus ""full"" x"
    item [3]:
        class = "TextTier"
        name = "hits"
        xmin = 0
        xmax = 30
        points: size = 1
        points [1]:
            number = 12
            mark = "crash"
"""
SHORT = (
    '"ooTextFile"\n"TextGrid"\n\n0\n30\n<exists>\n2\n'
    '"TextTier"\n"marks"\n0\n30\n3\n0\n"intro"\n8.5\n"verse"\n20\n"end"\n'
    '"IntervalTier"\n"chords"\n0\n30\n1\n0\n30\n"C:maj ! no comment"\n'
)


def told(annotation: Annotation) -> list[tuple[str, float, float]]:
    return [(e.type, e.start, e.end) for e in annotation.events]


def test_rttm() -> None:
    found = rttm.read(SPEAKERS, Asked())
    assert told(found) == [("intro", 0, 8.5), ("solo", 8.5, 20), ("crash", 9, 9)]
    assert rttm.recognise(SPEAKERS) and not rttm.recognise("0\t8\tintro\n")


def test_rttm_of_two_songs_asks_which() -> None:
    two = SPEAKERS + "SPEAKER other 1 0 4 <NA> <NA> verse <NA> <NA>\n"
    with pytest.raises(FormatError, match="holds 2 songs \\(`song`, `other`\\). Say which one with --layer."):
        rttm.read(two, Asked())
    assert told(rttm.read(two, Asked(layer="other"))) == [("verse", 0, 4)]
    endless = SPEAKERS + f"SPEAKER {'x' * 40_000} 1 0 4 <NA> <NA> verse <NA> <NA>\n"
    with pytest.raises(FormatError, match=r"holds 2 songs.{,80}Say which one"):
        rttm.read(endless, Asked())


def test_lrc() -> None:
    found = lrc.read(LYRICS, Asked())
    assert told(found)[:4] == [("intro", 0, 8.5), ("verse", 8.5, 20), ("chorus", 20, 40), ("chorus", 60, 80)]
    assert told(found)[4:] == [("bridge", 40, 50.5)]
    assert (found.events[1].label, found.title, found.duration) == ("quiet", "A song", 80)
    assert [event.sung for event in found.events] == ["", "Words here", "La la", "La la", "sung at once"]
    assert found.notes == []


def test_lrc_words_outside_sections_are_counted_and_words_without_a_time_go_on() -> None:
    found = lrc.read("by me\n[00:01.00]la\n[00:04.00][Verse]\none\n[00:06.00]two\n[00:09.00][End]\n", Asked())
    assert [(event.type, event.sung) for event in found.events] == [("verse", "one\ntwo")]
    assert found.notes == ["2 lines of lyrics are in no section and left out."]


def test_lrc_offset_moves_all_times_earlier() -> None:
    text = "[offset:+500]\n[00:00.00][Intro]\n[00:08.00][Verse]\n[00:16.00][End]\n"
    assert told(lrc.read(text, Asked())) == [("intro", 0, 7.5), ("verse", 7.5, 15.5)]


def test_lrc_as_it_is_written() -> None:
    spans = [("Verse 2", 0, 8), ("chorus", 8, 20), ("bridge", 70.5, 80)]
    events = [Event(type=k, start=a, end=b) for k, a, b in spans]
    events[1] = Event(**events[1].to_dict(), lyrics="la\n\nlu")
    text = lrc.write(Annotation(events, 80, "x"))
    assert text.splitlines() == [
        "[ti:x]",
        "[length:01:20.00]",
        "[00:00.00][Verse 2]",
        "[00:08.00][chorus]",
        "[00:08.00]la",
        "[00:08.00]lu",
        "[00:20.00][End]",
        "[01:10.50][bridge]",
        "[01:20.00][End]",
    ]


def test_the_long_text_form() -> None:
    found = textgrid.read(LONG, Asked())
    assert told(found) == [("intro", 0, 8.5), ('chorus "full" x', 12, 30), ("crash", 12, 12)]
    assert (found.duration, found.notes) == (30, [])


def test_the_short_text_form_and_a_tier_of_boundaries() -> None:
    assert told(textgrid.read(SHORT, Asked(layer="marks"))) == [("intro", 0, 8.5), ("verse", 8.5, 20)]
    first = textgrid.read(SHORT, Asked())
    assert [e.name for e in first.events] == ["C:maj ! no comment"]
    assert first.notes == ["Only the layer `chords` was read; --layer reads `marks` instead."]


def test_moments_lie_in_as_many_tiers_as_they_need() -> None:
    given = [
        Event(type="verse", start=0, end=30),
        Event(type="riser", start=2, end=8),
        Event(type="fill", start=6, end=8),
        Event(type="crash", start=8, end=8),
        Event(type="drop", start=8, end=8, family="moment"),
    ]
    text = textgrid.write(Annotation(given, 30))
    assert text.count("Tier") == 5
    back = textgrid.read(text, Asked()).events
    assert sorted(back, key=lambda e: (e.start, e.name)) == sorted(given, key=lambda e: (e.start, e.name))


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (rttm.read, SPEAKERS + "verse 0 8\n", "Line 6: expected `SPEAKER song 1 start duration …`, got `verse 0 8`."),
        (rttm.read, "SPEAKER song 1 a 8 <NA> <NA> x <NA>\n", "Line 1: expected at least eight columns"),
        (rttm.read, "SPEAKER song 1 0 8 <NA> <NA> <NA> <NA>\n", "Line 1: the section at 0.0 s has no label."),
        (rttm.read, "SPEAKER s 1 0 -8 <NA> <NA> x <NA>\n", "Line 1: ends at -8.0 s, before it starts"),
        (lrc.read, "[00:01.00]la\n", "No section tag has a time. Write them as"),
        (lrc.read, "[00:00.00][Intro]\n[00:75.00][Verse]\n", "Line 2: `[00:75.00]` is no time: seconds go to 59."),
        (lrc.read, "[00:00.00][Intro]\n", "Line 1: nothing says where the section `Intro` at 0.0 s ends."),
        (textgrid.read, "hello", "The file breaks off: expected a text after line 1."),
        (textgrid.read, SHORT[:60], "The file breaks off"),
        (textgrid.read, SHORT.replace('3\n0\n"intro"', 'three\n"intro"'), 'Line 13: expected a number, got `"intro"`.'),
        (textgrid.read, SHORT.replace("3\n0", "9e9\n0"), "Line 12: expected how many follow"),
        (textgrid.read, SHORT.replace('"intro"', '"intro'), 'Line 16: expected a number, got `" 20 "`.'),
        (textgrid.read, LONG.replace('"TextTier"', '"Tier"'), "Line 38: expected an IntervalTier or a TextTier"),
        (textgrid.read, LONG.replace("xmax = 8.5", "xmax = 13"), "Line 34: `chorus"),
    ],
)
def test_a_line_that_does_not_fit_is_named(read: Reader, text: str, sentence: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(text, Asked())
    assert str(caught.value).startswith(sentence)
