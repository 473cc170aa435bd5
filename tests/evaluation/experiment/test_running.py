"""A whole experiment by its command, cut to seconds: stopped, gone on with, read."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from acestep.starter.songs import make_song
from annotate.audio import write_audio
from evaluation.__main__ import main
from evaluation.experiment.progress import STOP_FILE, read_state
from evaluation.experiment.running import plan, run_experiment
from evaluation.experiment.settings import ExperimentError, make_settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine songs of twelve seconds: six to learn from, three whose structures are asked for."""
    folder = tmp_path_factory.mktemp("songs")
    for number in range(9):
        song = make_song(2_000 + number, 12.0)
        write_audio(folder / f"song-{number}.wav", song.samples, song.sample_rate)
        (folder / f"song-{number}.json").write_text(json.dumps(song.sidecar), "utf-8")
    return folder


@pytest.mark.training
def test_an_experiment_stops_goes_on_and_ends_in_one_file(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "experiment"
    arguments = ["experiment", "--dataset", str(songs), "--output", str(folder), "--arms", "baseline", "events"]
    arguments += ["--steps", "4", "--free", "1", "--varied", "1", "--takes", "2", "--curve-songs", "4"]

    def stop_after_the_first_adapter() -> None:
        while not (folder / "baseline" / "seed-1" / "asked").exists():
            time.sleep(0.1)
        (folder / STOP_FILE).touch()

    watcher = threading.Thread(target=stop_after_the_first_adapter)
    watcher.start()
    assert main(arguments) == 2
    watcher.join()
    assert "goes on where it was" in capsys.readouterr().err
    assert read_state(folder)["status"] == "stopped"
    kept = (folder / "baseline" / "seed-1" / "adapter" / "adapter.json").stat().st_mtime_ns

    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert str(folder / "report.html") in printed
    assert (folder / "baseline" / "seed-1" / "adapter" / "adapter.json").stat().st_mtime_ns == kept
    assert read_state(folder)["status"] == "done"
    results = json.loads((folder / "results.json").read_text("utf-8"))
    assert results["answer"]["verdict"] == "undecided"  # of three structures nothing is claimed
    assert [point["x"] for point in results["curves"]["songs"]] == [4, 6]
    assert len(results["arms"]) == 2
    assert "experiment" in (folder / "report.html").read_text("utf-8")

    assert main([*arguments, "--seeds", "2"]) == 2
    assert "another seeds" in capsys.readouterr().err


@pytest.mark.training
def test_a_command_that_fails_is_told_in_its_own_words(songs: Path, tmp_path: Path):
    settings = make_settings(dataset=songs, model=str(tmp_path / "no-model"), arms=("baseline",), steps=2)
    with pytest.raises(ExperimentError, match="no-model"):
        run_experiment(settings, tmp_path / "experiment", say=lambda words: None)
    assert read_state(tmp_path / "experiment")["status"] == "failed"


def test_what_would_be_useless_is_refused_before_anything_is_written(songs: Path, tmp_path: Path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").touch()
    with pytest.raises(ExperimentError, match="holds other files"):
        run_experiment(make_settings(dataset=songs), tmp_path / "full")
    with pytest.raises(ExperimentError, match="needs 4"):
        run_experiment(make_settings(dataset=songs, held_out=7), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_plan_has_every_arm_of_a_seed_before_the_next_and_curves_last(songs: Path):
    settings = make_settings(dataset=songs, seeds=2, arms=("none", "events"), curve_songs=(2, 99), curve_steps=(50,))
    assert [sitting.name for sitting in plan(settings, 6)] == [
        "none/seed-1",
        "events/seed-1",
        "none/seed-2",
        "events/seed-2",
        "events-songs-2/seed-1",
        "events-steps-50/seed-1",
    ]


def test_no_torch_in_the_process_that_judges():
    code = "import evaluation.experiment.running, evaluation.experiment.results, sys; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
