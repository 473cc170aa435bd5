"""What the line under the player asks for, as an edit."""

import numpy as np
import pytest

from annotate.audio import write_audio
from generation.history import Take, find_take
from generation.rework_panel import AGAIN, LONGER, ON, OUT, SHORTER, SWAP, TWICE, edit_for
from structure.errors import StudioError
from structure.events import Event, sections
from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields


@pytest.fixture
def take(tmp_path) -> Take:
    audio = tmp_path / "song.wav"
    write_audio(audio, np.zeros((1600, 1)), 100)
    events = [Event(type="verse", start=0, end=8, lyrics="La"), Event(type="chorus", start=8, end=16, label="wide")]
    sidecar = with_fields(read_sidecar(audio), duration=16.0, bpm=120, generation={"seed": 1, "gain_db": 0.0})
    save_sidecar(with_events(sidecar, events))
    return find_take(tmp_path, "song")


def shape(edit) -> list[tuple[str, float, float]]:
    return [(e.type, e.start, e.end) for e in sections(edit.events)]


def test_each_way_changes_the_part_that_is_chosen(take):
    assert shape(edit_for(take, AGAIN, 1, "")) == [("verse", 0, 8), ("chorus", 8, 16)]
    assert shape(edit_for(take, LONGER, 0, "2 bars")) == [("verse", 0, 12), ("chorus", 12, 20)]
    assert shape(edit_for(take, SHORTER, 0, "3s")) == [("verse", 0, 5), ("chorus", 5, 13)]
    assert shape(edit_for(take, TWICE, 0, "")) == [("verse", 0, 8), ("verse", 8, 16), ("chorus", 16, 24)]
    assert shape(edit_for(take, SWAP, 0, "")) == [("chorus", 0, 8), ("verse", 8, 16)]
    assert shape(edit_for(take, OUT, 0, "")) == [("chorus", 0, 8)]
    assert shape(edit_for(take, ON, 0, "outro 1 bar"))[-1] == ("outro", 16, 18)


def test_a_part_made_again_may_become_another(take):
    new = edit_for(take, AGAIN, 1, 'bridge "strings only" intensity=0.4').events[1]
    assert (new.type, new.label, new.intensity) == ("bridge", "strings only", 0.4)
    same = edit_for(take, AGAIN, 1, '"thin"').events[1]
    assert (same.type, same.label) == ("chorus", "thin")


@pytest.mark.parametrize(
    ("way", "how", "told"),
    [
        (LONGER, "", "Say by how much"),
        (LONGER, "a lot", "is nothing that|did not understand|has no"),
        (SHORTER, "9s", "cannot be cut from it"),
        (ON, "", "Say how the song goes on"),
        ("fly", "", "is nothing that can be done"),
    ],
)
def test_what_cannot_be_meant_is_said(take, way, how, told):
    with pytest.raises(StudioError, match=told):
        edit_for(take, way, 0, how)
