"""Run folders and runs: what a reader sees of a run that goes on, ended, or died."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from structure.processes import process_start
from training.run_folder import (
    LOG_FILE,
    METRICS_FILE,
    RunState,
    append_metrics,
    read_log,
    read_metrics,
    read_state,
    take_over_metrics,
    write_config,
    write_launch,
    write_state,
)
from training.runs import RunError, list_runs, new_run_folder, read_run, start_run, stop_run
from training.settings import make_settings


def make_run(folder: Path, **state: object) -> Path:
    folder.mkdir(parents=True)
    write_config(folder, make_settings(dataset_dir=folder))
    write_state(folder, RunState(**state))
    return folder


def alive() -> dict[str, float]:
    return {"pid": os.getpid(), "pid_started": process_start(os.getpid())}


def test_a_run_whose_process_is_gone_has_died_and_an_ended_one_has_not(tmp_path: Path):
    gone = {"pid": os.getpid(), "pid_started": 1.0}
    assert read_state(make_run(tmp_path / "a", status="training", **gone)).status == "died"
    assert read_state(make_run(tmp_path / "b", status="done", **gone)).status == "done"
    assert read_state(make_run(tmp_path / "c", status="training", **alive())).status == "training"


def test_a_run_that_never_wrote_is_known_by_the_process_that_was_launched(tmp_path: Path):
    folder = make_run(tmp_path / "a", status="starting")
    assert read_state(folder).status == "starting"
    write_launch(folder, 2**22 + 1, 1.0)
    assert read_state(folder).status == "died"


def test_a_line_cut_off_by_a_crash_is_left_out_of_the_curve(tmp_path: Path):
    append_metrics(tmp_path, [{"step": 1, "loss": 2.0}])
    with (tmp_path / METRICS_FILE).open("a") as file:
        file.write('{"step": 2, "lo')
    assert read_metrics(tmp_path) == [{"step": 1, "loss": 2.0}]


def test_a_resumed_run_begins_with_the_curve_so_far(tmp_path: Path):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    for step in range(1, 6):
        append_metrics(tmp_path / "old", [{"step": step, "loss": 1.0 / step}])
    take_over_metrics(tmp_path / "new", tmp_path / "old", step=3)
    assert [point["step"] for point in read_metrics(tmp_path / "new")] == [1, 2, 3]


def test_the_log_gives_its_last_lines(tmp_path: Path):
    (tmp_path / LOG_FILE).write_text("\n".join(f"line {n}" for n in range(100)))
    assert read_log(tmp_path, lines=2) == "line 98\nline 99"
    assert read_log(tmp_path / "nowhere") == ""


def test_runs_are_listed_newest_first_and_other_folders_are_not(tmp_path: Path):
    make_run(tmp_path / "old", status="done", started=100.0)
    make_run(tmp_path / "new", status="done", started=200.0)
    (tmp_path / "notes").mkdir()
    assert [run.name for run in list_runs(tmp_path)] == ["new", "old"]
    assert list_runs(tmp_path / "nowhere") == []


def test_a_run_of_another_version_is_still_shown(tmp_path: Path):
    folder = make_run(tmp_path / "a", status="done")
    (folder / "config.json").write_text('{"something": "else"}')
    assert (read_run(folder).settings, read_run(folder).state.status) == (None, "done")


def test_a_folder_in_which_a_run_goes_on_is_refused(tmp_path: Path):
    folder = make_run(tmp_path / "a", status="training", **alive())
    with pytest.raises(RunError, match="going on"):
        start_run(make_settings(dataset_dir=tmp_path, output_dir=folder))
    with pytest.raises(RunError, match="holds no run"):
        stop_run(tmp_path / "nowhere")


def test_a_folder_in_which_a_run_has_ended_is_left_as_it_is(tmp_path: Path):
    folder = make_run(tmp_path / "a", status="done")
    (folder / "adapter.json").write_text("{}")
    with pytest.raises(RunError, match="another run has learned"):
        start_run(make_settings(dataset_dir=tmp_path, output_dir=folder))
    assert read_state(folder).status == "done"


def test_new_folders_never_meet(tmp_path: Path):
    first = new_run_folder(tmp_path, "My songs/..")
    assert first.parent == tmp_path
    assert new_run_folder(tmp_path, "My songs/..") != first


def test_a_dataset_that_cannot_be_trained_on_fails_in_the_run_folder_too(tmp_path: Path, own_machine: None):
    run = start_run(make_settings(dataset_dir=tmp_path / "nowhere", output_dir=tmp_path / "run"))
    deadline = time.monotonic() + 20
    while not read_state(run.folder).ended and time.monotonic() < deadline:
        time.sleep(0.1)
    state = read_state(run.folder)
    assert state.status == "failed"
    assert "nowhere" in state.message
    command = [sys.executable, "-m", "training", "runs", str(tmp_path)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert "run: failed" in listed.stdout
