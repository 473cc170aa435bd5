"""Earlier states of a file: what is kept, for how long, and in which order."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from structure.history import FOLDER, LEAST, MOST, MOST_BYTES, RECENT, keep_content, keep_state, states


def write(path: Path, content: bytes, saved: float = 1e9) -> None:
    """A new file in its place, as every save makes one."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    os.utime(path, (saved, saved))


def test_states_come_newest_first_with_what_they_held_and_when(tmp_path: Path):
    path = tmp_path / "song.json"
    keep_state(path)
    assert states(path) == [] and not (tmp_path / FOLDER).exists()
    for n, saved in enumerate((50.0, 40.0, 60.0)):  # the clock was set back
        write(path, b"%d" % n, saved)
        keep_state(path)
    assert [(s.number, s.saved, s.path.read_bytes()) for s in states(path)] == [
        (3, 60.0, b"2"), (2, 40.0, b"1"), (1, 50.0, b"0"),
    ]  # fmt: skip
    assert states(tmp_path / "other.json") == []


def test_a_long_evening_leaves_what_was_there_in_the_morning(tmp_path: Path):
    path = tmp_path / "song.json"
    for n in range(330):  # an edit a minute
        write(path, b"%d" % n, 1e9 + 60 * n)
        keep_state(path)
    kept = states(path)
    assert [state.number for state in kept[:RECENT]] == list(range(330, 330 - RECENT, -1))
    older = [state.saved - 1e9 for state in kept[RECENT:]]
    assert 30 <= len(older) <= MOST - RECENT and older[-1] < 900
    assert max(a - b for a, b in pairwise(older)) <= 1200


def test_large_states_are_few_but_never_none(tmp_path: Path):
    path = tmp_path / "song.json"
    for n in range(12):
        write(path, b"x" * (MOST_BYTES // 2 + n))
        keep_state(path)
    assert [state.number for state in states(path)] == list(range(12, 12 - LEAST, -1))


def test_what_was_never_written_is_kept_too_and_nothing_lies_about(tmp_path: Path):
    path = tmp_path / "song.json"
    write(path, b"on disk")
    keep_content(path, b"given up")
    assert [state.path.read_bytes() for state in states(path)] == [b"given up"]
    assert path.read_bytes() == b"on disk" and sorted(os.listdir(tmp_path)) == [FOLDER, "song.json"]


def test_a_disk_without_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError("no links on this disk")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "song.json"
    write(path, b"first", 77.0)
    keep_state(path)
    (state,) = states(path)
    assert (state.path.read_bytes(), state.saved) == (b"first", 77.0)


def test_files_of_others_in_the_folder_are_no_states(tmp_path: Path):
    path = tmp_path / "song.json"
    write(path, b"first")
    keep_state(path)
    for name in ("notes.txt", "²³.json", ".00000001.json.tmp"):
        (tmp_path / FOLDER / "song.json" / name).write_text("")
    assert len(states(path)) == 1
