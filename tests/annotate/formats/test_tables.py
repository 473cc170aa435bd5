"""Plain CSV, Sonic Visualiser, Reaper."""

from collections.abc import Callable

import pytest

from annotate.formats.annotation import Annotation, Asked, FormatError
from annotate.formats.tables import read_csv, read_reaper, read_sonic_visualiser, write_reaper, write_sonic_visualiser
from structure.events import Event

Reader = Callable[[str, Asked], Annotation]


def told(annotation: Annotation) -> list[tuple[str, float, float]]:
    return [(e.type, e.start, e.end) for e in annotation.events]


@pytest.mark.parametrize(
    "text",
    [
        "0,8,Intro\n8,16.5,Verse 1\n",
        "start,end,label\n0,8,intro\n8,16.5,verse\n",
        "Label;Duration;Start\nintro;8;0\nverse;8,5;8\n",
        "start_sec\tend_sec\tsection\n0\t8\tintro\n0:08\t0:16.5\tverse\n",
        '"0","0:08","intro"\n8,16.5,"verse"\n\n',
    ],
)
def test_plain_tables(text: str) -> None:
    assert told(read_csv(text, Asked())) == [("intro", 0, 8), ("verse", 8, 16.5)]


def test_points_of_a_plain_table() -> None:
    found = told(read_csv("start,end,label\n0,,intro\n3,,crash\n4,4,drop\n9,,end\n", Asked()))
    assert found == [("intro", 0, 4), ("crash", 3, 3), ("drop", 4, 9)]


def test_a_label_says_more_than_its_type() -> None:
    one, two, three = read_csv('0,8,"Verse 1: sparse, quiet"\n8,9,Chorus - loud\n9,10,Rock: part 2\n', Asked()).events
    assert (one.type, one.name, one.label) == ("verse", "Verse 1", "sparse, quiet")
    assert (two.type, two.label) == ("chorus", "loud")
    assert (three.type, three.label) == ("rock: part 2", None)


def test_sonic_visualiser_instants_and_regions() -> None:
    instants = "0.000000000,Intro\n8.500000000,Verse\n9,crash\n20,end\n"
    assert told(read_sonic_visualiser(instants, Asked())) == [("intro", 0, 8.5), ("verse", 8.5, 20), ("crash", 9, 9)]
    for regions in (
        "0,1,8.5,Intro\n8.5,2,11.5,Verse\n",
        "0,8.5,Intro\n8.5,11.5,Verse\n",
        "TIME,VALUE,DURATION,LABEL\n0,1,8.5,Intro\n8.5,2,11.5,Verse\n",
        "start,value,duration,label\n0,1,8.5,Intro\n8.5,2,11.5,Verse\n",
    ):
        assert told(read_sonic_visualiser(regions, Asked())) == [("intro", 0, 8.5), ("verse", 8.5, 20)]


def test_sonic_visualiser_gives_each_type_a_height() -> None:
    spans = [("verse", 0, 8), ("chorus", 8, 16), ("verse", 16, 20)]
    text = write_sonic_visualiser(Annotation([Event(type=k, start=a, end=b) for k, a, b in spans]))
    assert [line.split(",")[1] for line in text.splitlines()] == ["1", "2", "1"]


@pytest.mark.parametrize(
    "text",
    [
        "#,Name,Start,End,Length\nR1,Intro,0:00.000,0:08.500,0:08.500\nR2,Verse,0:08.500,1:04.000,0:55.500\n"
        "M1,crash,0:08.500,,\n",
        "#,Name,Start,End,Length,Color\nR1,Intro,0,8.5,8.5,\nR2,Verse,8.5,64,55.5,FF0000\nM1,crash,8.5,,,\n",
        "#,Name,Start,End,Length\nM2,Intro,0:00,,\nM3,Verse,0:08.5,,\nM1,crash,0:08.5,,\nM4,end,0:01:04,,\n",
    ],
)
def test_reaper(text: str) -> None:
    assert told(read_reaper(text, Asked())) == [("intro", 0, 8.5), ("verse", 8.5, 64), ("crash", 8.5, 8.5)]


def test_reaper_rows_as_it_writes_them() -> None:
    events = [Event(type="Verse 1", start=59.9996, end=125.25), Event(type="crash", start=60, end=60)]
    assert write_reaper(Annotation(events)) == (
        "#,Name,Start,End,Length\nR1,Verse 1,1:00.000,2:05.250,1:05.250\nM1,crash,1:00.000,,\n"
    )


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (read_csv, "0,8,intro\n8,verse\n", "Line 2: expected start,end,label, got `8,verse`. Put a label that holds"),
        (read_csv, "start,stopp,label\n0,8,intro\n", "Line 1: the header is `start,stopp,label`. Name the columns"),
        (read_csv, "0,8,intro\n8,x,verse\n", "Line 2: `x` is no time. Give seconds or m:ss.mmm."),
        (read_csv, "0,8,intro\n8,1:75,verse\n", "Line 2: `1:75` is no time."),
        (read_csv, '0,8,intro\n8,9,"verse\n', "Line 2: this is no table that can be read"),
        (read_csv, "0,8,intro\n8,9,\n", "Line 2: the section at 8.0 s has no label."),
        (read_sonic_visualiser, "0,1,8,intro\n8,1,x,verse\n", "Line 2: `x` is no time."),
        (read_sonic_visualiser, "0,1,8,intro\n8\n", "Line 2: expected `time,label`"),
        (read_sonic_visualiser, "FRAME,LABEL\n44100,intro\n", "The times are in audio frames."),
        (read_reaper, "#,Name,Start,End,Length\nR1,Intro,1.1.00,5.1.00,4.0.00\n", "Line 2: `1.1.00` is in bars"),
        (read_reaper, "#,Name,Start,End,Length\nR1,Intro,0:00:00:00,0:00:08:12,\n", "Line 2: `0:00:00:00` counts fr"),
        (read_reaper, "#,Name,Start,End,Length\nR1,Intro,0,352800,352800\n", "Line 2: the times are whole numbers"),
        (read_reaper, "#,Name,Start,End,Length\nintro,0,8\n", "Line 2: expected a region (R1) or a marker (M1)"),
        (read_reaper, "#,Name,Start,End,Length\nR1,Intro\n", "Line 2: `` is no time."),
        (read_reaper, "Name,Start\n", "Line 1: expected Reaper's header"),
    ],
)
def test_a_line_that_does_not_fit_is_named(read: Reader, text: str, sentence: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(text, Asked())
    assert str(caught.value).startswith(sentence)
