"""Beats in a sidecar: what a person corrected is kept, and a file spoilt by hand says what is wrong."""

import json
from pathlib import Path

import pytest

from structure.beats import BeatsFieldError, BeatTimes, read_beats
from structure.sidecar import read_sidecar, save_sidecar, with_fields

BEATS = BeatTimes((0.5, 1.0, 1.5, 2.0, 2.5), (1,))


def test_what_is_written_is_read_again_and_stands_in_one_line(tmp_path: Path):
    song = tmp_path / "song.wav"
    said = "[\n1,\n2\n]"  # as text it has no line breaks in JSON
    save_sidecar(with_fields(read_sidecar(song), caption=said, beats=BEATS.to_dict(), mixed=[1, {"a": [2, 3]}, []]))
    text = song.with_suffix(".json").read_text()
    assert '"times": [0.5, 1.0, 1.5, 2.0, 2.5],' in text
    kept = read_sidecar(song)
    assert kept.beats == BEATS
    assert kept.data == json.loads(text) and kept.get("caption") == said and kept.get("mixed") == [1, {"a": [2, 3]}, []]
    assert read_beats(None) is None


def test_allin1s_beats_are_read_and_downbeats_find_theirs(tmp_path: Path):
    song = tmp_path / "song.wav"
    song.with_suffix(".json").write_text('{"beats": [0.5, 1.0, 1.5, 2.0, 2.5], "downbeats": [0.51, 2.49]}')
    assert read_sidecar(song).beats == BeatTimes((0.5, 1.0, 1.5, 2.0, 2.5), (0, 4))
    assert read_beats([]) is None and read_beats([0.5, 1.0]) == BeatTimes((0.5, 1.0), ())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("fast", "no list of times"),
        ({"times": [0.5, 0.5]}, r"time 2 \(0.5 s\) does not come after"),
        ({"times": [0.5, "x"]}, "time 2 is 'x'"),
        ({"times": [float("nan")]}, "time 1 is nan"),
        ({"times": [0.5], "ones": [1]}, "places in `times`"),
        ({"times": [0.5], "ones": [True]}, "places in `times`"),
    ],
)
def test_beats_that_are_none_say_why(raw: object, message: str):
    with pytest.raises(BeatsFieldError, match=message):
        read_beats(raw)


def test_a_sidecar_names_its_spoilt_beats_and_keeps_them(tmp_path: Path):
    song = tmp_path / "song.wav"
    song.with_suffix(".json").write_text('{"beats": {"times": [2, 1]}}')
    sidecar = read_sidecar(song)
    assert sidecar.beats is None
    assert "`song.json`: `beats`: time 2 (1 s) does not come after the one before it." in sidecar.problems()
    assert save_sidecar(with_fields(sidecar, caption="new")).get("beats") == {"times": [2, 1]}
