"""Structures as words: what is written is read back, and what people paste is understood or refused in a sentence."""

import pytest

from annotate.written import read_structure, structure_read, write_structure, written_structure
from structure.errors import StudioError
from structure.events import Event

SONG = [
    Event(type="verse", start=0, end=8.123, source="machine", probability=0.7, comment="hm"),
    Event(type="crash", start=8, end=8),
    Event(type="chorus", start=8.123, end=20, label="full", intensity=0.9, unsure=True),
]


def shape(text: str, duration: float = 30.0) -> list[tuple[str, float, float]]:
    return [(e.type, e.start, e.end) for e in read_structure(text, duration)]


def test_what_is_written_is_read_back_with_all_that_words_cannot_say():
    assert write_structure(SONG).splitlines()[1] == "crash @8"
    assert read_structure(write_structure(SONG), 30, SONG) == SONG
    other = read_structure(write_structure(SONG).replace("verse 0", "intro 0"), 30, SONG)
    assert (other[0].type, other[0].model_extra) == ("intro", {})  # another event: nobody said that of it


@pytest.mark.parametrize(
    "pasted",
    [
        "verse 0-8, chorus 8-30",
        "0\t8\tverse\n8\t30\tchorus",
        "0:00;0:08;Verse 1\n0:08;0:30;Refrain",
        "Name\tStart\tEnd\nverse\t0\t8\nchorus\t0:08\t0:30",
        "0:00 Verse\n0:08 - Chorus",
        '[{"type": "verse", "start": 0, "end": 8}, {"type": "chorus", "start": 8, "end": 30}]',
    ],
)
def test_what_people_paste(pasted: str):
    assert shape(pasted) == [("verse", 0, 8), ("chorus", 8, 30)]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("verse 8-", "after `8-`"),
        ("verse 0-99", "the song is 30"),
        ("0\t8\tverse\n8\tx\tchorus", "Line 2"),
        ("zzz @8", "only a moment is a point"),
    ],
)
def test_a_slip_is_named(typed: str, told: str):
    with pytest.raises(StudioError, match=told):
        read_structure(typed, 30)


def test_a_browser_is_answered_in_sentences_only():
    asked = {"text": "0:20 verse\n0:10 chorus", "duration": 30, "events": []}
    assert "ends before" in structure_read(asked)["error"] or not structure_read(asked)["ok"]
    for wrong in (None, [], {"events": 3}, {"events": [], "text": 1, "duration": 3}, {"events": [{"type": "a"}]}):
        assert structure_read(wrong)["ok"] is False
        if not (isinstance(wrong, dict) and wrong.get("events") == []):
            assert written_structure(wrong)["ok"] is False
    assert structure_read({"text": "", "duration": 30, "events": []}) == {"ok": True, "events": []}
