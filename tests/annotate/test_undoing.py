"""What undo reaches after a reload."""

import json
from pathlib import Path

from annotate.undoing import MOST_BYTES, STEPS, undo_steps
from structure.sidecar import Sidecar, read_sidecar, save_sidecar, with_fields


def edit(path: Path, **fields: object) -> Sidecar:
    return save_sidecar(with_fields(read_sidecar(path), **fields))


def verse(end: float) -> list[dict[str, object]]:
    return [{"type": "verse", "start": 0.0, "end": end}]


def test_steps_are_the_states_before_oldest_first_without_those_that_changed_no_event(tmp_path: Path):
    path = tmp_path / "song.json"
    for end in (1.0, 2.0):
        edit(path, events=verse(end))
    edit(path, caption="warm")
    now = edit(path, events=verse(3.0), beats={"times": [1.0, 2.0], "ones": [0]})
    steps = json.loads(undo_steps(now))
    assert steps == [{"events": verse(1.0), "beats": None}, {"events": verse(2.0), "beats": None}]
    assert undo_steps(read_sidecar(tmp_path / "other.json")) == "[]"


def test_a_damaged_state_is_left_out_and_there_is_an_end_to_them(tmp_path: Path):
    path = tmp_path / "song.json"
    edit(path, events=verse(1.0))
    path.write_text("oops")
    path.write_text(json.dumps({"events": verse(2.0)}))
    for end in range(3, 50):
        now = edit(path, events=verse(end))
    assert len(json.loads(undo_steps(now))) <= STEPS
    edit(path, padding="x" * MOST_BYTES)
    assert undo_steps(edit(path, events=verse(60.0))) == "[]"  # nothing that a page would have to wait for
