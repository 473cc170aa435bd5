"""What is worth a second look: each kind by hand, likeness on a song of which parts are alike, and the command."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from annotate.beats import find_beats
from annotate.lint import (
    bar_seconds,
    gaps,
    lint_song,
    off_the_beat,
    one_bar_sections,
    unlike_others,
    wrong_length,
)
from structure.beats import BeatTimes
from structure.events import Event
from structure.sidecar import read_sidecar

BEATS = np.arange(0.5, 60, 0.5).tolist()
CRASH = Event(type="crash", start=3.2, end=3.2)


def song(*edges: float, kinds: str = "verse chorus bridge outro verse chorus bridge outro") -> list[Event]:
    """Sections from one edge to the next, after a moment that nothing is said of."""
    spans = zip(kinds.split(), pairwise(edges), strict=False)
    return [CRASH] + [Event(type=kind, start=start, end=end) for kind, (start, end) in spans]


def test_a_boundary_is_on_the_beat_within_70_ms():
    assert off_the_beat(song(0, 10.069, 19.931, 60), BEATS) == []
    (note,) = off_the_beat(song(0, 10.08, 20, 60), BEATS)
    assert (note.kind, note.event) == ("off-beat", 3)
    assert note.text.startswith("event 3 (chorus) starts at 10.08 s, 80 ms after the nearest beat (10.0 s).")
    (note,) = off_the_beat([Event(type="verse", start=0, end=9.9)], BEATS)
    assert note.text.startswith("event 1 (verse) ends at 9.9 s, 100 ms before the nearest beat (10.0 s).")


def test_where_no_beat_is_known_nothing_is_off_it():
    assert off_the_beat(song(0.2, 10.2, 20.3), []) == []
    assert off_the_beat(song(0.2, 59.8), BEATS) == []  # before the first beat, after the last


def test_most_boundaries_off_the_beat_are_one_note_about_the_beats():
    (note,) = off_the_beat(song(0, 10.2, 20.2, 30.2, 40.2, 50, 60), BEATS)
    assert note.event is None
    assert note.text.startswith("4 of 5 boundaries lie off the beat")


def test_a_bar_or_less_is_short_for_a_section_but_not_for_silence():
    events = song(0, 10, 12, 15, 17, kinds="verse chorus bridge silence")
    assert [note.event for note in one_bar_sections(events, bar=2.0)] == [3]
    assert one_bar_sections(events, bar=1.0) == []


def test_a_bar_is_as_long_as_its_beats_say():
    threes = BeatTimes(tuple(BEATS), (0, 3, 6, 9))
    assert bar_seconds(threes, 60, "4/4") == 1.5
    assert bar_seconds(BeatTimes(tuple(BEATS), ()), 60, 3) == 1.5
    assert bar_seconds(None, 120, "6/8") == 3.0
    assert bar_seconds(None, 120, None) == 2.0
    assert bar_seconds(None, None, "4") is None


def test_gaps_are_told_between_sections_and_at_the_songs_ends():
    events = song(0, 10, 20)[:2] + song(10.5, 20, kinds="chorus")[1:]
    assert [note.text.split(" there")[0] for note in gaps(events, 24.0)] == [
        "From 10.0 s to 10.5 s",
        "From 20.0 s to 24.0 s",
    ]
    assert gaps(song(0.9, 10, 20), 20.9) == []  # a second at either end is silence or an echo
    assert gaps(song(0, 10.0005, 20), None) == gaps([CRASH], 20) == gaps([], 20) == []
    assert len(gaps(song(3, 10), 10.0)) == 1


def test_another_length_than_the_audios_is_told():
    assert wrong_length(60.0, 60.05) == wrong_length(None, 60.0) == wrong_length(60.0, None) == []
    assert "`duration` is 60.0 s, but the audio lasts 63.5 s" in wrong_length(60.0, 63.5)[0].text


@pytest.mark.parametrize(
    ("kinds", "unlike"),
    [
        ("verse chorus verse chorus outro", []),
        ("verse chorus verse chorus chorus", [6]),  # the first two choruses agree
        ("verse verse verse chorus outro", [3]),
        ("chorus verse drop bridge chorus", [6]),  # of two that differ the first is believed
        ("verse verse drop bridge verse", [3, 6]),
    ],
)
def test_a_part_unlike_the_others_of_its_name_is_told(five_parts: Path, kinds: str, unlike: list[int]):
    events = song(0, 16, 32, 48, 64, 80, kinds=kinds)
    assert [note.event for note in unlike_others(events, find_beats(five_parts))] == unlike


def test_what_it_sounds_like_is_told_too(five_parts: Path):
    events = song(0, 16, 32, 48, 64, 80, kinds="verse verse verse chorus outro")
    (note,) = unlike_others(events, find_beats(five_parts))
    assert "event 3 (verse) at 16.0 s does not sound like any other verse." in note.text
    assert "It sounds like event 5 (chorus)." in note.text


@pytest.fixture
def marked(five_parts: Path, tmp_path: Path) -> Path:
    """The band's song with all that lint tells of: beats that a person tapped, and a sidecar of another cut."""
    audio = tmp_path / "band.wav"
    audio.write_bytes(five_parts.read_bytes())
    events = [e.to_dict() for e in song(0, 16.2, 32, 34, 48, 64, 78, kinds="verse chorus drop verse chorus chorus")]
    beats = {"times": np.arange(0, 80, 0.5).tolist(), "ones": list(range(0, 160, 4))}
    audio.with_suffix(".json").write_text(json.dumps({"duration": 78.0, "beats": beats, "events": events}))
    return audio


def test_a_song_is_linted_as_a_whole(marked: Path):
    found = lint_song(marked, read_sidecar(marked), 80.0)
    assert [(note.kind, note.event) for note in found] == [
        ("length", None),
        ("gap", None),
        ("off-beat", 3),
        ("one-bar", 4),
        ("unlike", 7),
    ]
    without = lint_song(None, read_sidecar(marked), None)
    assert [note.kind for note in without] == ["off-beat", "one-bar"]


def test_a_song_with_problems_or_without_events_is_not_listened_to(marked: Path):
    wrong = marked.with_suffix(".json")
    wrong.write_text(json.dumps({"events": [{"type": "verse", "start": 4, "end": 3}]}))
    assert lint_song(marked, read_sidecar(wrong), 80.0) == []
    wrong.write_text("{}")
    assert lint_song(marked.with_name("gone.wav"), read_sidecar(wrong), 80.0) == []


def test_the_command_notes_and_keeps_its_exit_status(marked: Path):
    def check(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "annotate", "check", *map(str, arguments)]
        root = Path(__file__).resolve().parents[2]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=root, timeout=120)

    assert (check(marked).returncode, check(marked).stdout) == (0, "")
    for path in (marked.parent, marked, marked.with_suffix(".json")):
        done = check("--lint", path)
        assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 5)
        assert all(": note: " in line for line in done.stdout.splitlines())
    marked.with_suffix(".json").write_text('{"bpm": -1}')
    done = check("--lint", marked.parent)
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
