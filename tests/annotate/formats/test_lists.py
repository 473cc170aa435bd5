"""SALAMI, Harmonix and Isophonics."""

from collections.abc import Callable

import pytest

from annotate.formats.annotation import Annotation, Asked, FormatError
from annotate.formats.lists import HARMONIX, ISOPHONICS, SALAMI, read_harmonix, read_lab, read_salami
from structure.events import Event

ANNOTATOR = (
    "0.000000000\tSilence\n"
    "0.464399092\tA, a, Intro, (guitar)\n"
    "14.379863945\tb, (voice\n"
    "20.500000000\tB, c, Verse 1, voice)\n"
    "40.000000000\tc'\n"
    "60.000000000\tA, a', Solo, Outro\n"
    "80.000000000\tEnd\n"
)

Reader = Callable[[str, Asked], Annotation]


def told(events: list[Event]) -> list[tuple[str, float, float]]:
    return [(e.type, e.start, e.end) for e in events]


def test_a_list_of_functions() -> None:
    found = read_salami("0.0\tSilence\n0.5\tIntro\n10\tno_function\n20.25\tPre-Chorus\n30\tEnd\n", Asked()).events
    assert told(found) == [("silence", 0, 0.5), ("intro", 0.5, 10), ("pre-chorus", 20.25, 30)]
    assert found[2].name == "Pre-Chorus"


def test_letters_keep_their_case() -> None:
    found = read_salami("0\tA\n8\tA'\n16\tB\n24\tEnd\n", Asked()).events
    assert [e.name for e in found] == ["A", "A'", "B"]
    assert [e.name for e in read_salami("0\ta\n8\tend\n", Asked()).events] == ["a"]


def test_an_annotators_file_has_three_layers() -> None:
    functions = read_salami(ANNOTATOR, Asked())
    assert told(functions.events) == [
        ("silence", 0, 0.464399092),
        ("intro", 0.464399092, 20.5),
        ("verse", 20.5, 60),
        ("solo", 60, 80),
    ]
    assert functions.events[3].label == "Outro"
    assert functions.notes == ["Only the layer `functions` was read; --layer reads `upper` or `lower` instead."]
    upper = read_salami(ANNOTATOR, Asked(layer="upper"))
    assert [(e.name, e.start) for e in upper.events[1:]] == [("A", 0.464399092), ("B", 20.5), ("A", 60)]
    assert upper.notes == []
    lower = [e.name for e in read_salami(ANNOTATOR, Asked(layer="Lower")).events]
    assert lower == ["Silence", "a", "b", "c", "c'", "a'"]
    with pytest.raises(FormatError, match="There is no layer `bass`. There is `functions`, `upper` or `lower`."):
        read_salami(ANNOTATOR, Asked(layer="bass"))


def test_harmonix() -> None:
    found = read_harmonix("0.0 intro\n8.5 verse\n17 instrumental break\n20 fill\n24 end\n", Asked()).events
    assert told(found) == [("intro", 0, 8.5), ("verse", 8.5, 17), ("instrumental", 17, 20), ("fill", 20, 24)]
    assert all(e.is_section for e in found)


def test_the_song_ends_a_list_that_does_not() -> None:
    assert read_harmonix("0 intro\n8 verse\n", Asked(duration=12.5)).events[1].end == 12.5
    with pytest.raises(FormatError, match="Line 2: nothing says where the section `verse` at 8.0 s ends"):
        read_harmonix("0 intro\n8 verse\n", Asked())


def test_isophonics() -> None:
    found = read_lab("0.000 0.500 silence\n0.500\t20.25\tverse (part)\n20.25 30 guitar solo\n", Asked()).events
    assert told(found) == [("silence", 0, 0.5), ("verse", 0.5, 20.25), ("solo", 20.25, 30)]
    assert (found[1].label, found[2].name) == ("part", "guitar solo")


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (read_salami, "0\tIntro\nChorus\n", "Line 2: expected a time, a tab and a label, got `Chorus`."),
        (read_harmonix, "0 intro\n8\n", "Line 2: expected a time, a space and a label, got `8`."),
        (read_harmonix, "0 intro\n0 verse\n9 end\n", "Line 2: `verse` starts at 0.0 s, before `intro` (line 1) ends"),
        (read_lab, "0 8 intro\n8 verse\n", "Line 2: expected start, end and label"),
        (read_lab, "0 8 intro\n8 8 verse\n", "Line 2: `verse` starts and ends at 8.0 s. A section needs a length"),
        (read_lab, "0 8\n", "Line 1: the section at 0.0 s has no label."),
    ],
)
def test_a_line_that_does_not_fit_is_named(read: Reader, text: str, sentence: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(text, Asked())
    assert str(caught.value).startswith(sentence)


def test_each_knows_its_own() -> None:
    texts = {"0\tIntro\n": SALAMI, "0 intro\n": HARMONIX, "0 8 intro\n": ISOPHONICS, "0\t8\tintro\n": ISOPHONICS}
    for text, form in texts.items():
        assert [f.name for f in (SALAMI, HARMONIX, ISOPHONICS) if f.recognise(text)] == [form.name]
