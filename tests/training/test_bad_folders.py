"""Runs as real life leaves them: copied from elsewhere, by half, of another version, shared, on a device that broke."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import lora_train as program
from training import __main__ as training_command
from training.checkpoint import find_checkpoint, is_whole, step_of
from training.comparing import comparison_card
from training.loop import TrainingError, train
from training.pictures import command_of, progress_card, run_rows
from training.run_folder import (
    CONFIG_FILE,
    LAUNCH_FILE,
    LOG_FILE,
    METRICS_FILE,
    RunState,
    read_metrics,
    read_state,
    write_config,
    write_json,
    write_state,
)
from training.runs import TICKET_FILE, RunError, list_runs, new_run_folder, read_run, resume_run
from training.settings import make_settings
from training.shelf import delete_run, size_of

LOST = (
    "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported at some other API call"
)


def make_run(folder: Path, status: str = "stopped", **settings: object) -> Path:
    folder.mkdir(parents=True)
    write_config(folder, make_settings(**{"dataset_dir": folder, "output_dir": folder, **settings}))
    write_state(folder, RunState(status=status, step=3, max_steps=9, started=1.0, pid=2**22 + 1, pid_started=1.0))
    (folder / METRICS_FILE).write_text('{"step": 1, "loss": 2.0}\n')
    (folder / LOG_FILE).write_text("12:00:00  Step 1\n")
    return folder


def no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00\x81" * 9)


def of_before(path: Path) -> None:
    write_json(path, {**json.loads(path.read_text()), "teach_times": True})


DAMAGES = {
    "no state": lambda run: (run / "state.json").unlink(),
    "half a state": lambda run: (run / "state.json").write_text('{"status": "trai'),
    "a state that is no text": lambda run: no_text(run / "state.json"),
    "a status of another version": lambda run: (run / "state.json").write_text('{"status": "dreaming"}'),
    "an empty config": lambda run: (run / CONFIG_FILE).write_text(""),
    "a config that is no text": lambda run: no_text(run / CONFIG_FILE),
    "a config that is a list": lambda run: (run / CONFIG_FILE).write_text("[1, 2]"),
    "a config of another version": lambda run: of_before(run / CONFIG_FILE),
    "no curve": lambda run: (run / METRICS_FILE).unlink(),
    "a curve that is no text": lambda run: no_text(run / METRICS_FILE),
    "a curve of other things": lambda run: (run / METRICS_FILE).write_text(
        '7\n[1]\n{"loss": 1}\n{"step": "x"}\nnull\n'
    ),
    "a log that is no text": lambda run: no_text(run / LOG_FILE),
    "a launch that is a list": lambda run: (
        (run / LAUNCH_FILE).write_text("[1]"),
        write_json(run / "state.json", {"status": "starting", "updated": 1.0}),
    ),
    "a ticket of other things": lambda run: (run / TICKET_FILE).write_text("[]"),
    "half an adapter": lambda run: (run / "adapter.json").write_text('{"base_mo'),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_listed_beside_a_sound_one_and_can_be_thrown_away(name: str, tmp_path: Path, capsys):
    damaged, sound = make_run(tmp_path / "damaged"), make_run(tmp_path / "sound")
    DAMAGES[name](damaged)
    runs = {run.name: run for run in list_runs(tmp_path)}
    assert set(runs) == {"damaged", "sound"}
    assert len(run_rows(list(runs.values()))) == 2
    card = progress_card(runs["damaged"])
    assert "damaged" in card and "Traceback" not in card
    assert "damaged" in comparison_card(runs["damaged"], read_run(sound)) and "damaged" in command_of(runs["damaged"])
    assert training_command.main(["runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("\n") == 2
    delete_run(damaged)
    assert [run.name for run in list_runs(tmp_path)] == ["sound"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("an empty config", "is not JSON"),
        ("a config that is no text", "is not JSON"),
        ("a config that is a list", "holds no settings"),
        ("a config of another version", r"another version wrote it.*Setting teach_times"),
    ],
)
def test_settings_that_cannot_be_gone_by_are_a_sentence_on_the_page_and_in_the_shell(
    damage: str, said: str, tmp_path: Path, capsys
):
    run = make_run(tmp_path / "run")
    DAMAGES[damage](run)
    with pytest.raises(RunError, match="cannot go on; start a new run"):
        resume_run(run)
    for command in (["--resume-from", str(run)], ["--config", str(run / CONFIG_FILE)]):
        assert program.main(command) == 2
        told = capsys.readouterr().err
        assert len(told.splitlines()) == 1
        assert re.search(said, told), told


def test_a_run_without_its_checkpoints_does_not_begin_anew_over_its_adapter(songs: Path, tmp_path: Path, capsys):
    run = make_run(tmp_path / "run", dataset_dir=songs)
    (run / "adapter.json").write_text("{}")
    with pytest.raises(RunError, match="its checkpoints are gone"):
        resume_run(run)
    assert program.main(["--resume-from", str(run)]) == 2
    assert "begun anew it would replace" in capsys.readouterr().err
    assert read_state(run).status == "stopped"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dataset_dir": Path("/home/somebody/songs")}, "/home/somebody/songs"),
        ({"base_model": "/home/somebody/models/base"}, "/home/somebody/models/base: there is no such folder"),
        ({"device": "cuda:7"}, "cuda:7"),
    ],
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="speaks of a device that is not here")
def test_a_run_of_another_machine_says_what_is_not_here(
    settings: dict, said: str, songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None, capsys
):
    here = {"dataset_dir": songs, "base_model": str(tiny_model), "device": "cpu", "preset": "starter"}
    run = make_run(tmp_path / "copied", status="training", **{**here, **settings})  # its process is of over there
    assert read_state(run).status == "died" and "of it is of" in progress_card(read_run(run))
    assert program.main(["--resume-from", str(run)]) == 2
    told = capsys.readouterr().err
    assert said in told and len(told.splitlines()) == 1
    assert read_run(run).state.ended


def test_two_apps_that_start_at_once_get_folders_of_their_own(tmp_path: Path):
    made: list[Path] = []
    together = threading.Barrier(8)

    def start() -> None:
        together.wait()
        made.append(new_run_folder(tmp_path / "runs", "songs"))

    apps = [threading.Thread(target=start) for _ in range(8)]
    for app in apps:
        app.start()
    for app in apps:
        app.join()
    assert len(set(made)) == 8 and all(folder.is_dir() for folder in made)
    assert list_runs(tmp_path / "runs") == []  # folders without a run are none


def test_what_one_app_deletes_is_a_sentence_in_the_other(tmp_path: Path):
    run = make_run(tmp_path / "run")
    delete_run(run)
    for action in (delete_run, resume_run):
        with pytest.raises(RunError, match="holds no run"):
            action(run)
    assert size_of(run) == 0


@contextlib.contextmanager
def device_lost_in(call: int, problem: Exception) -> Iterator[None]:
    """Within the block, the transformer's n-th call in training mode raises what torch raises when a device is gone."""
    from diffusers import AceStepTransformer1DModel
    from torch.nn.modules.module import register_module_forward_pre_hook

    calls = 0

    def fail(module: object, inputs: object) -> None:
        nonlocal calls
        if isinstance(module, AceStepTransformer1DModel) and module.training and torch.is_grad_enabled():
            calls += 1
            if calls == call:
                raise problem

    handle = register_module_forward_pre_hook(fail)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.training
@pytest.mark.parametrize("problem", [torch.AcceleratorError(LOST), RuntimeError(LOST)], ids=["accelerator", "runtime"])
def test_a_device_that_breaks_in_a_step_costs_no_checkpoint(
    problem: Exception, songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None
):
    short = {"device": "cpu", "lora_rank": 2, "batch_size": 1, "max_steps": 4, "save_every_steps": 2, "held_out": 0}
    settings = make_settings(
        "starter", **short, dataset_dir=songs, base_model=str(tiny_model), output_dir=tmp_path / "r"
    )
    sentence = r"The device cpu failed \(CUDA error: unspecified launch failure\)\. .*--resume-from"
    with device_lost_in(4, problem), pytest.raises(TrainingError, match=sentence):
        train(settings)
    state = read_state(settings.output_dir)
    assert (state.status, "\n" in state.message) == ("failed", False)
    newest, damaged = find_checkpoint(settings.output_dir)
    assert step_of(newest) == 2 and is_whole(newest) and damaged == []
    done = train(settings.model_copy(update={"resume_from": settings.output_dir}))
    assert (done.status, done.step) == ("done", 4)
    assert [point["step"] for point in read_metrics(settings.output_dir) if "loss" in point] == [1, 2, 3, 4]
