"""The part of the trial of hostile input that every test run makes, and that the trial notices what it counts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from structure.errors import StudioError
from trials.hostile import HostileTrial, Reader, all_kinds, no_sentence
from trials.hostile_kinds import Kind

QUICK = ("sidecar", "words beside a song", "archive", "format csv", "format jams", "structure language", "take", "run")


def kind_of(name: str) -> Kind:
    return next(kind for kind in all_kinds() if kind.name == name)


@pytest.mark.parametrize("name", QUICK)
def test_spoilt_files_end_as_data_or_as_a_sentence(tmp_path: Path, name: str):
    reader = Reader(kind_of(name), tmp_path, seed=1)
    numbers = [*range(0, len(reader.cuts), 97), *range(len(reader.cuts), len(reader.cuts) + 20)]
    outcomes = [reader.attempt(number) for number in numbers]
    assert [said for outcome, said in outcomes if outcome == "lost"] == []
    assert "read" in {outcome for outcome, _ in outcomes}


def leave_half(folder: Path) -> None:
    (folder / ".song.json.tmp").write_text("{")


def write_outside(folder: Path) -> None:
    (folder.parent / "outside.json").write_text("{}")


def change_song(folder: Path) -> None:
    (folder / "song.wav").write_bytes(b"")


def say_too_much(folder: Path) -> None:
    raise StudioError("1 validation error for Card")


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda folder: [][1], "IndexError"),
        (leave_half, "left .song.json.tmp"),
        (write_outside, "wrote outside.json outside"),
        (change_song, "changed song.wav"),
        (say_too_much, "words for programmers"),
    ],
)
def test_what_a_reading_must_not_do_is_noticed(tmp_path: Path, read: Callable[[Path], None], told: str):
    outcome, said = Reader(replace(kind_of("sidecar"), read=read), tmp_path, seed=1).attempt(0)
    assert outcome == "lost" and told in said


def test_attempts_are_made_in_a_process_of_their_own(tmp_path: Path):
    found = HostileTrial(tmp_path, seed=1).measure("structure language", count=200, every=60)
    assert found.tried >= 4 and found.lost == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "said", ["", "Traceback (most recent call last)", "[Errno 12] Cannot allocate memory", "x" * 9_999]
)
def test_words_for_programmers_are_no_sentence(said: str):
    assert no_sentence(said)
    assert not no_sentence("`song.json` is not JSON: expected a value at line 1, column 2. Repair it.")
