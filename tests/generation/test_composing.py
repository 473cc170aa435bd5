"""Text, timeline, length and tempo as one structure."""

import pytest

from annotate.audio import write_audio
from generation.composing import Frame, bar_grid, fit, from_song, from_template, read_drawn, read_frame, read_typed
from structure.errors import StudioError
from structure.events import Event
from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields
from structure.tempo import Tempo


def test_what_is_sung_survives_typing_and_drawing():
    frame = read_frame("", "120", "4")
    drawn = read_typed("verse 4 bars, chorus 4 bars", frame).on_timeline()
    drawn["events"][1]["lyrics"] = "All of us"
    typed = read_typed("intro 1 bar, verse 3 bars, chorus 5 bars", frame, drawn)
    assert [event.sung for event in typed.events] == ["", "", "All of us"]
    moved = typed.on_timeline()
    moved["events"][2]["end"] = 20.0
    back = read_drawn(moved, typed.text, frame)
    assert (back.text, back.events[2].sung) == ("intro 1 bar, verse 3 bars, chorus 6 bars", "All of us")


def test_the_timeline_has_bar_lines_where_there_is_a_tempo():
    shown = read_typed("verse 4 bars", read_frame("", "90", "3/4")).on_timeline()
    assert (shown["duration"], shown["meter"], shown["beats"]["ones"][:3]) == (8, 3, [0, 3, 6])
    assert shown["beats"]["times"][:3] == [0, 0.667, 1.333]
    assert read_typed("verse 0-8", Frame()).on_timeline()["beats"] is None
    assert bar_grid(Tempo(400), 10_000) is None


def test_length_and_tempo_are_checked_before_anything_is_drawn():
    assert read_frame(None, None, None) == Frame()
    for wrong in (("x", "", "4"), ("", "0", "4"), ("", "120", "waltz"), ("0.1", "", "4"), ("nan", "", "4")):
        with pytest.raises(StudioError):
            read_frame(*wrong)


def test_templates_and_songs_are_a_start(tmp_path):
    assert from_template("Short song", Frame()).text == "intro 0-4, verse 4-12, chorus 12-20"
    assert from_template("Short song", Frame(tempo=Tempo(90))).text == "intro 2 bars, verse 4 bars, chorus 4 bars"
    with pytest.raises(StudioError, match="no template"):
        from_template("<b>", Frame())
    song = tmp_path / "song.wav"
    write_audio(song, [[0.0]] * 800, 100)
    with pytest.raises(StudioError, match="has no sections"):
        from_song(song, Frame())
    events = [
        Event(type="Verse 1", start=0, end=4.02, lyrics="mine", comment="private"),
        Event(type="solo", start=4.02, end=8),
    ]
    save_sidecar(with_fields(with_events(read_sidecar(song), events), bpm=120))
    taken = from_song(song, Frame())
    assert (taken.text, taken.events[0].sung) == ("Verse 1 0-4.02, solo 4.02-8", "")
    assert from_song(song, Frame(tempo=Tempo(60))).text == "Verse 1 2 bars, solo 2 bars"


def test_a_structure_is_fitted_to_what_is_asked_for():
    structure = read_typed("verse 0-7.5, chorus 7.5-16", Frame())
    with pytest.raises(StudioError, match="Give a length in seconds"):
        fit(structure)
    fitted = fit(read_typed("verse 0-7.5, chorus 7.5-16", Frame(32, Tempo(120))))
    assert fitted.text == "verse 8 bars, chorus 8 bars"


def test_what_is_no_timeline_is_refused():
    for wrong in ({"events": 3}, {"events": [{"type": "verse"}]}, {"events": [{"type": "a", "start": 0, "end": "x"}]}):
        with pytest.raises(StudioError):
            read_drawn(wrong, "", Frame())
