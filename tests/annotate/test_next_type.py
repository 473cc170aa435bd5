"""What a part probably is: by its like in the song, else by what songs are like."""

from pathlib import Path

import pytest

from annotate.beats import find_beats
from annotate.next_type import likely_types, parts_alike
from structure.events import Event


def parts(*kinds: str, source: str = "person") -> list[Event]:
    """Of 16 s each."""
    return [Event(type=kind, start=16 * i, end=16 * i + 16, source=source) for i, kind in enumerate(kinds)]


def test_songs_begin_with_an_intro_and_a_pre_chorus_leads_to_a_chorus():
    assert likely_types(parts("verse"), 0)[0][0] == "intro"
    kind, share = likely_types(parts("intro", "verse", "pre-chorus", "verse"), 3)[0]
    assert kind == "chorus" and share > 0.8
    assert likely_types(parts("a word of one's own", "verse"), 1) == []


def test_a_part_is_named_like_the_one_that_it_sounds_like(five_parts: Path):
    beats = find_beats(five_parts)
    song = parts("drop", "bridge", "verse", "verse", "verse")
    assert parts_alike(beats, song, 3) == [1, 3]
    assert parts_alike(beats, song, 4) == [4]
    assert likely_types(song, 3, parts_alike(beats, song, 3))[0] == ("bridge", pytest.approx(0.8, abs=0.1))
    assert likely_types(song, 2, parts_alike(beats, song, 2))[0][0] == "drop"
    assert sum(share for _, share in likely_types(song, 3, parts_alike(beats, song, 3))) <= 1.001


def test_a_machines_own_guesses_are_no_evidence(five_parts: Path):
    beats = find_beats(five_parts)
    song = parts("drop", "bridge", "verse", "verse", "verse", source="machine")
    assert likely_types(song, 3, parts_alike(beats, song, 3)) == likely_types(song, 3)


def test_a_part_too_short_to_be_heard_is_like_itself_alone(five_parts: Path):
    song = [Event(type="verse", start=0, end=16), Event(type="verse", start=16, end=16.01)]
    assert parts_alike(find_beats(five_parts), song, 1) == [1]
