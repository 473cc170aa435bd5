"""The command line: what it leaves behind, how it stops and goes on, and what it says when something is wrong."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from training.checkpoint import find_checkpoint, step_of
from training.device_lock import try_lock
from training.run_folder import STOP_FILE, has_adapter, read_metrics, read_state, write_config
from training.runs import list_runs, read_run, start_run, stop_run
from training.settings import make_settings

PROGRAM = Path(__file__).parents[2] / "lora_train.py"
SHORT = ("--preset", "starter", "--device", "cpu", "--log-every", "3", "--rank", "2", "--batch-size", "2")
SHORT += ("--lora-dropout", "0.1", "--ema-decay", "0.9", "--rearrange", "0.5")  # all that a resumed run has to repeat
SHORT_VALUES = {"preset": "starter", "device": "cpu", "log_every": 1, "lora_rank": 2, "batch_size": 2}


def arguments(songs: Path, model: Path, output: Path, *more: object) -> list[object]:
    return ["--dataset-dir", songs, "--model-config", model, "--output-dir", output, *SHORT, *more]


def wait_until(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, songs: Path, tiny_model: Path, machine: dict) -> Path:
    """A run of four steps that nobody disturbed, with checkpoints after each second one."""
    output = tmp_path_factory.mktemp("finished") / "run"
    command = arguments(songs, tiny_model, output, "--max-steps", 4, "--save-every-steps", 2)
    subprocess.run([sys.executable, PROGRAM, *map(str, command)], env=machine, check=True, capture_output=True)
    return output


@pytest.mark.training
def test_a_run_leaves_an_adapter_that_loads_and_changes_the_song(finished: Path, tiny_model: Path):
    from acestep.loading import load_pipeline
    from acestep.pipeline import SongRequest
    from structure.events import Event

    state = read_state(finished)
    assert (state.status, state.step, state.max_steps) == ("done", 4, 4)
    saved = sorted(path.name for path in (finished / "checkpoints").iterdir())
    assert saved == ["step-000000", "step-000002", "step-000004"]
    request = SongRequest(
        events=[Event(type="intro", start=0, end=1), Event(type="verse", start=1, end=2)], seed=1, steps=2
    )
    pipeline = load_pipeline(str(tiny_model), device="cpu")
    bare = pipeline.generate(request).samples
    for folder in (finished, finished / "checkpoints" / "step-000002"):
        pipeline.load_adapter(folder)
        changed = pipeline.generate(request).samples
        assert changed.shape == bare.shape
        assert not np.allclose(changed, bare)


@pytest.mark.training
def test_the_curve_has_a_point_per_step_with_rate_and_time(finished: Path):
    points = [point for point in read_metrics(finished) if "loss" in point]
    assert [point["step"] for point in points] == [1, 2, 3, 4]
    assert all(point["seconds"] > 0 and point["lr"] > 0 and np.isfinite(point["loss"]) for point in points)
    assert points[-1]["eta"] == 0 and points[1]["seconds"] > 0
    assert all(point["grad_norm"] > 0 and point["memory_mb"] > 50 for point in points)
    assert all(point["crops_a_second"] * point["seconds"] == pytest.approx(2) for point in points)  # its batches hold 2
    rates = [point["lr"] for point in points]
    assert len(set(rates)) == 4  # of each step, not of the look
    assert all(any(name.startswith("loss_") for name in point) for point in points)


@pytest.mark.training
def test_a_run_that_goes_on_ends_with_the_same_weights_as_one_never_interrupted(
    finished: Path, tmp_path: Path, lora_train
):
    again = tmp_path / "again"
    lora_train("--resume-from", finished / "checkpoints" / "step-000002", "--output-dir", again)
    assert read_state(again).status == "done"
    whole, resumed = (
        load_file(folder / "checkpoints" / "step-000004" / "trainer.safetensors") for folder in (finished, again)
    )
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    losses = [[p["loss"] for p in read_metrics(folder) if "loss" in p] for folder in (finished, again)]
    assert losses[0] == losses[1]


@pytest.mark.training
def test_without_events_there_is_a_lora_and_no_event_encoder(songs: Path, tiny_model: Path, tmp_path: Path, lora_train):
    done = lora_train(*arguments(songs, tiny_model, tmp_path / "run", "--max-steps", 1, "--no-events"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "pytorch_lora_weights.safetensors").exists()
    assert not (tmp_path / "run" / "event_encoder.safetensors").exists()
    assert json.loads((tmp_path / "run" / "adapter.json").read_text())["has_events"] is False


@pytest.mark.training
def test_the_stop_file_ends_a_detached_run_with_a_loadable_adapter(
    songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None
):
    settings = make_settings(
        **SHORT_VALUES, dataset_dir=songs, base_model=str(tiny_model), output_dir=tmp_path / "run", max_steps=100_000
    )
    run = start_run(settings)
    assert run.running
    wait_until(lambda: read_state(run.folder).step > 1 or read_state(run.folder).ended)
    assert [found.folder for found in list_runs(tmp_path)] == [run.folder]
    stop_run(run.folder)
    wait_until(lambda: read_state(run.folder).ended)
    ended = read_run(run.folder)
    assert (ended.state.status, ended.has_adapter) == ("stopped", True), (run.folder / "log.txt").read_text()
    assert (run.folder / STOP_FILE).exists()
    from acestep.loading import load_pipeline

    load_pipeline(str(tiny_model), device="cpu").load_adapter(run.folder)


@pytest.mark.training
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process can answer; it has the stop file")
def test_sigterm_ends_a_run_with_an_adapter_and_sigkill_leaves_its_checkpoints(
    songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None
):
    common = {**SHORT_VALUES, "dataset_dir": songs, "base_model": str(tiny_model), "max_steps": 100_000}
    for number, status, kept in ((signal.SIGTERM, "stopped", True), (signal.SIGKILL, "died", False)):
        run = start_run(make_settings(**common, output_dir=tmp_path / status, save_every_steps=1))
        wait_until(lambda run=run: (run.folder / "checkpoints" / "step-000002").exists())
        os.kill(read_state(run.folder).pid, number)
        wait_until(lambda run=run: read_state(run.folder).ended)
        assert (read_state(run.folder).status, has_adapter(run.folder)) == (status, kept)
        assert any((path / "adapter.json").exists() for path in (run.folder / "checkpoints").glob("step-*"))


@pytest.mark.training
def test_a_device_that_another_run_holds_is_named(songs: Path, tiny_model: Path, tmp_path: Path, lora_train, machine):
    locks = Path(machine["STRUCTURE_STUDIO_LOCK_DIR"])
    with try_lock("cpu", "training other", folder=locks, lasting=True):
        done = lora_train(*arguments(songs, tiny_model, tmp_path / "run", "--max-steps", 1))
    assert done.returncode == 2
    assert "training other" in done.stderr and "Traceback" not in done.stderr
    assert "training other" in read_state(tmp_path / "run").message


def test_help_brings_no_torch():
    code = "import sys, lora_train; lora_train.get_parser().format_help(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_what_another_run_has_learned_is_not_replaced(finished: Path, songs: Path, tiny_model: Path, lora_train):
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    done = lora_train(*arguments(songs, tiny_model, finished, "--max-steps", 1))
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "choose another --output-dir" in done.stderr
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of a file")
def test_a_cache_that_finds_no_room_ends_the_run_in_one_sentence(
    songs: Path, tiny_model: Path, tmp_path: Path, machine: dict
):
    import resource

    cache = tmp_path / "cache"
    command = arguments(songs, tiny_model, tmp_path / "run", "--max-steps", 1, "--cache-dir", cache)
    done = subprocess.run(
        [sys.executable, PROGRAM, *map(str, command)],
        env=machine,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert str(cache) in done.stderr and "Make room" in done.stderr
    assert read_state(tmp_path / "run").status == "failed"
    assert not [path for path in cache.iterdir() if path.is_file()]


@pytest.mark.training
def test_a_run_that_was_ended_before_it_had_saved_anything_begins_anew(
    songs: Path, tiny_model: Path, tmp_path: Path, finished: Path, lora_train
):
    settings = read_run(finished).settings.model_copy(update={"output_dir": tmp_path / "run", "max_steps": 2})
    (tmp_path / "run").mkdir()
    write_config(tmp_path / "run", settings)
    done = lora_train("--resume-from", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "begins anew" in done.stdout
    assert read_state(tmp_path / "run").status == "done"


@pytest.mark.training
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_gone_on_from(finished: Path, tmp_path: Path, lora_train):
    broken = Path(shutil.copytree(finished, tmp_path / "run"))
    newest = broken / "checkpoints" / "step-000004" / "trainer.safetensors"
    newest.write_bytes(newest.read_bytes()[:-10])
    expected = (finished / "checkpoints" / "step-000004" / "trainer.safetensors").read_bytes()
    done = lora_train("--resume-from", broken, "--output-dir", broken)
    assert done.returncode == 0, done.stderr
    assert "step-000004 is damaged" in done.stdout and "step-000002, step 2" in done.stdout
    assert newest.read_bytes() == expected


@pytest.mark.training
def test_a_run_that_was_moved_goes_on_where_it_is_with_its_own_settings(finished: Path, tmp_path: Path, lora_train):
    moved = Path(shutil.copytree(finished, tmp_path / "moved"))
    before = read_run(moved).settings
    nothing = dict.fromkeys(("crop_min_sec", "crop_max_sec", "save_every_steps"))
    write_config(moved, before.model_copy(update=nothing))
    done = lora_train("--resume-from", moved, "--max-steps", 5)
    assert done.returncode == 0, done.stderr
    after = read_run(moved).settings
    assert (after.output_dir, after.max_steps) == (moved, 5)
    assert (after.crops, after.save_every_steps) == (None, None)  # no preset fills in what its maker left open
    assert read_state(moved).step == 5 and read_state(finished).step == 4


@pytest.mark.training
def test_going_on_from_an_older_checkpoint_leaves_the_later_ones_behind(finished: Path, tmp_path: Path, lora_train):
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    done = lora_train("--resume-from", run / "checkpoints" / "step-000000", "--max-steps", 1)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-000000", "step-000001"]
    assert [point["step"] for point in read_metrics(run) if "loss" in point] == [1]


@pytest.mark.training
def test_stop_pressed_while_a_run_still_starts_is_not_forgotten(
    songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None
):
    common = {**SHORT_VALUES, "dataset_dir": songs, "base_model": str(tiny_model), "max_steps": 100_000}
    run = start_run(make_settings(**common, output_dir=tmp_path / "run"))
    stop_run(run.folder)
    wait_until(lambda: read_state(run.folder).ended)
    state = read_state(run.folder)
    assert (state.status, state.step) == ("stopped", 0)


@pytest.mark.training
def test_in_bf16_a_run_goes_on_as_if_never_stopped_too(songs: Path, tiny_model: Path, tmp_path: Path, lora_train):
    options = ["--precision", "bf16", "--held-out", 1, "--save-every-steps", 1]
    for name, steps in (("whole", 2), ("parted", 1)):
        command = arguments(songs, tiny_model, tmp_path / name, "--scheduler", "constant_with_warmup", *options)
        assert lora_train(*command, "--warmup-ratio", 0, "--max-steps", steps).returncode == 0
    assert lora_train("--resume-from", tmp_path / "parted", "--max-steps", 2).returncode == 0
    whole, parted = (tmp_path / name / "checkpoints/step-000002/trainer.safetensors" for name in ("whole", "parted"))
    assert whole.read_bytes() == parted.read_bytes()
    assert {tensor.dtype for tensor in load_file(whole).values()} == {torch.float32}


@pytest.mark.training
def test_a_folder_where_a_run_is_going_on_takes_no_second_one(
    songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None, lora_train
):
    common = {**SHORT_VALUES, "dataset_dir": songs, "base_model": str(tiny_model), "max_steps": 100_000}
    run = start_run(make_settings(**common, output_dir=tmp_path / "run"))
    wait_until(lambda: read_state(run.folder).step > 1 or read_state(run.folder).ended)
    done = lora_train("--resume-from", run.folder)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "a run is going on there" in done.stderr
    assert read_state(run.folder).status == "training"
    stop_run(run.folder)
    wait_until(lambda: read_state(run.folder).ended)
    assert read_state(run.folder).status == "stopped"


@pytest.mark.training
@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space of a process")
def test_a_run_that_finds_no_memory_says_what_to_lower(songs: Path, tiny_model: Path, tmp_path: Path, machine: dict):
    import resource

    command = arguments(songs, tiny_model, tmp_path / "run", "--max-steps", 1, "--no-memory-check")
    command[command.index("--batch-size") + 1] = 1500
    done = subprocess.run(
        [sys.executable, PROGRAM, *map(str, command)],
        env=machine,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30)),
    )
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert "Out of memory" in done.stderr and "--batch-size (now 1500)" in done.stderr
    assert read_state(tmp_path / "run").status == "failed"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", disk], capture_output=True)
    if made.returncode:
        pytest.skip("only the superuser of a Linux machine can make a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.training
@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_a_disk_that_fills_up_costs_no_more_than_the_steps_since_the_last_checkpoint(
    finished: Path, small_disk: Path, tmp_path: Path, machine: dict, lora_train
):
    constant = {"scheduler": "constant_with_warmup", "warmup_ratio": 0.0}  # so that the end need not be known
    settings = read_run(finished).settings.model_copy(update={**constant, "keep_checkpoints": 20})

    def write(folder: Path, max_steps: int) -> Path:
        folder.mkdir(exist_ok=True)
        write_config(folder, settings.model_copy(update={"output_dir": folder, "max_steps": max_steps}))
        return folder

    full, alone = write(small_disk / "run", 4000), tmp_path / "alone"
    run = subprocess.Popen(
        [sys.executable, PROGRAM, "--config", full / "config.json"],
        env=machine, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: (full / "checkpoints" / "step-000002").exists() or run.poll() is not None)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(2**16))
            file.flush()
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 2 and len(said.strip().splitlines()) == 1, said
    assert "disk is full" in said or "Make room" in said
    filler.unlink()

    newest, damaged = find_checkpoint(full)
    assert newest is not None and damaged == []
    write(full, step_of(newest) + 2)
    assert lora_train("--resume-from", full).returncode == 0
    assert lora_train("--config", write(alone, step_of(newest) + 2) / "config.json").returncode == 0
    weights = f"checkpoints/step-{step_of(newest) + 2:06d}/trainer.safetensors"
    assert (full / weights).read_bytes() == (alone / weights).read_bytes()


@pytest.mark.training
def test_every_option_together_makes_an_adapter_that_loads(songs: Path, tiny_model: Path, tmp_path: Path, lora_train):
    options = ["--lora-dora", "--lora-rslora", "--lora-targets", "self,cross,mlp", "--lora-dropout", 0.1]
    options += ["--cache-dir", tmp_path / "cache"]
    options += ["--ema-decay", 0.9, "--rearrange", 0.5, "--quieter-db", 6, "--whole-songs", "--grad-accum", 2]
    options += ["--timesteps", "schedule", "--shift", 3, "--held-out", 1, "--gradient-checkpointing", "--deterministic"]
    done = lora_train(*arguments(songs, tiny_model, tmp_path / "run", "--max-steps", 2, *options))
    assert done.returncode == 0, done.stderr
    assert "3 songs encoded" in done.stdout
    assert len(list((tmp_path / "cache").glob("*.safetensors"))) == 7  # two songs at three gains, one held out
    from acestep.loading import load_pipeline

    pipeline = load_pipeline(str(tiny_model), device="cpu")
    pipeline.load_adapter(tmp_path / "run")
    assert (pipeline.card.dora, pipeline.card.rslora, pipeline.card.targets) == (True, True, ("self", "cross", "mlp"))


def silent_song(folder: Path, sidecar: dict) -> Path:
    soundfile.write(folder / "song.wav", np.zeros(8000), 8000)
    (folder / "song.json").write_text(json.dumps(sidecar))
    return folder


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no folder", "nowhere"),
        ("no audio", "holds no audio"),
        ("no events", "Mark sections"),
        ("no json", "song.json"),
        ("bad value", "lora_rank"),
        ("no dataset", "--dataset-dir is missing"),
        ("no run", "config.json"),
    ],
)
def test_a_slip_is_one_sentence_and_status_two(tmp_path: Path, lora_train, what: str, message: str):
    given: list[object] = ["--dataset-dir", tmp_path, "--output-dir", tmp_path / "run"]
    if what == "no folder":
        given[1] = tmp_path / "nowhere"
    elif what == "no events":
        silent_song(tmp_path, {"caption": "Rock"})
    elif what == "no json":
        silent_song(tmp_path, {})
        (tmp_path / "song.json").write_text("{oops")
    elif what == "bad value":
        given += ["--rank", 0]
    elif what == "no dataset":
        given = []
    elif what == "no run":
        given = ["--resume-from", tmp_path / "run" / "checkpoints" / "step-000001"]
    done = lora_train(*given)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
