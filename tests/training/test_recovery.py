"""Runs that a crash ended go on by themselves: those, in their order, and not for ever."""

import os
import time
from pathlib import Path

import pytest

from structure.processes import process_start
from training.checkpoint import TRAINER_CARD, checkpoint_folder
from training.device_lock import try_lock
from training.line import ahead_of
from training.pictures import progress_card
from training.recovery import MOST_FROM_ONE_STEP, take_up, taken_up_in_words
from training.run_folder import (
    LAUNCH_FILE,
    LOG_FILE,
    RunState,
    ask_to_stop,
    read_state,
    write_config,
    write_json,
    write_launch,
    write_state,
)
from training.runs import TICKET_FILE, find_run, list_runs, read_run, resume_run
from training.settings import make_settings

GONE = {"pid": os.getpid(), "pid_started": 1.0}
SAID = "16:01:02  Step 3/9: loss 1.5\n"


def cut_off(folder: Path, status: str = "training", ticket: float | None = None, log: str = SAID, **told) -> Path:
    """A run as the page started it and the machine's crash left it."""
    (folder / "checkpoints" / ".step-000004.part").mkdir(parents=True)
    settings = {"dataset_dir": folder, "output_dir": folder, "device": "cpu", **told}
    write_config(folder, make_settings("starter", **settings))
    (folder / LOG_FILE).write_text(log)
    write_launch(folder, GONE["pid"], GONE["pid_started"])
    if ticket is not None:
        write_json(folder / TICKET_FILE, {"since": ticket})
    write_state(folder, RunState(status=status, step=3, max_steps=9, started=1.0, **GONE))
    return folder


def saved(folder: Path, step: int) -> None:
    """A checkpoint as far as going on asks for it before training begins."""
    place = checkpoint_folder(folder, step)
    place.mkdir(parents=True)
    (place / "weights").write_bytes(b"0")
    write_json(place / TRAINER_CARD, {"step": step, "files": {"weights": [1, "0"]}})


@pytest.fixture
def busy(machine: dict[str, str], own_machine: None):
    """The device belongs to somebody, so that whoever is taken up waits in line and can be looked at."""
    with try_lock("cpu", "training another", folder=Path(machine["STRUCTURE_STUDIO_LOCK_DIR"]), lasting=True):
        yield


def end_all(root: Path) -> None:
    for run in list_runs(root):
        ask_to_stop(run.folder)
    deadline = time.monotonic() + 60
    while any(run.running for run in list_runs(root)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_trained_goes_first_then_the_line_in_its_order(tmp_path: Path, busy: None):
    cut_off(tmp_path / "second", "waiting", ticket=2.0)
    cut_off(tmp_path / "first", "waiting", ticket=1.0)
    saved(cut_off(tmp_path / "trained"), 3)
    assert [run.name for run in take_up(tmp_path)] == ["trained", "first", "second"]
    runs = list_runs(tmp_path)
    assert all(run.running for run in runs)
    assert [run.name for run in ahead_of(find_run(tmp_path, "second"), runs)] == ["trained", "first"]
    trained = find_run(tmp_path, "trained")
    assert trained.settings.resume_from == trained.folder.resolve()
    assert "Taken up again at step 3 after a crash." in progress_card(trained)
    assert "Taken up again from its beginning after a crash." in progress_card(find_run(tmp_path, "first"))
    assert not list(tmp_path.glob("*/checkpoints/.step-*"))
    assert take_up(tmp_path) == []  # another page that starts now: they go on already
    end_all(tmp_path)
    assert take_up(tmp_path) == []  # stopped by a person


def test_what_was_stopped_failed_or_is_not_ours_stays_as_it_is(tmp_path: Path):
    ask_to_stop(cut_off(tmp_path / "stopped just before"))
    cut_off(tmp_path / "stopped", "stopped")
    cut_off(tmp_path / "failed", "failed")
    cut_off(tmp_path / "done", "done")
    cut_off(tmp_path / "raised", log="Traceback (most recent call last):\nMemoryError: no room for 3 GB\n")
    (cut_off(tmp_path / "by hand, perhaps with others") / LAUNCH_FILE).unlink()
    write_json(cut_off(tmp_path / "other version") / "config.json", {"something": "else"})
    (cut_off(tmp_path / "no state") / "state.json").unlink()
    alive = cut_off(tmp_path / "alive")
    write_state(alive, RunState(status="training", pid=os.getpid(), pid_started=process_start(os.getpid())))
    before = {run.name: read_state(run.folder) for run in list_runs(tmp_path)}
    assert take_up(tmp_path) == []
    assert {run.name: read_state(run.folder) for run in list_runs(tmp_path)} == before
    assert take_up(tmp_path / "nothing here") == []


def test_it_has_to_get_further_between_two_crashes(tmp_path: Path, busy: None):
    folder = cut_off(tmp_path / "runs" / "run")
    root, crash = folder.parent, RunState(status="training", step=3, **GONE)
    saved(folder, 2)
    for _ in range(MOST_FROM_ONE_STEP):
        assert len(take_up(root)) == 1
        end_all(root)
        (folder / "stop").unlink(missing_ok=True)
        write_state(folder, crash)
    assert take_up(root) == []
    assert "at step 2 2 times, and it died there each time" in taken_up_in_words(read_run(folder))
    saved(folder, 4)  # it had got further after all
    assert len(take_up(root)) == 1
    assert "at step 4 after a crash" in taken_up_in_words(read_run(folder))
    end_all(root)
    resume_run(folder)  # a person says so: counted anew
    assert taken_up_in_words(read_run(folder)) == ""
    end_all(root)


def test_a_run_that_began_with_anothers_checkpoint_still_does(tmp_path: Path, busy: None):
    saved(cut_off(tmp_path / "other" / "run"), 5)
    begun = checkpoint_folder(tmp_path / "other" / "run", 5)
    folder = cut_off(tmp_path / "runs" / "run", resume_from=begun)
    assert take_up(folder.parent)[0].settings.resume_from == begun
    end_all(folder.parent)
