"""Estimates: sizes from files against the real classes, peaks that were measured, and what a person is told."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from training.estimate import Estimate, Songs, activations, estimate, learned_parameters, memory_needed, step_work
from training.expecting import TooLarge, compared, expected, in_words, require_memory
from training.machine import Device, peak_memory
from training.run_folder import RunState, append_metrics, write_config, write_state
from training.runs import list_runs
from training.settings import make_settings
from training.sizes import LAYOUTS, of_layout, sizes_of, transformer_parameters

SONGS = Songs(one_pass=12, count=13, mean=28.0, longest=38.0)
FOUR_MINUTES = Songs(one_pass=1, count=1, mean=240.0, longest=240.0)
CPU = Device("cpu", "this machine", 16_000_000_000, 12_000_000_000)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parameters_by_formula_are_those_of_the_real_class(layout: str):
    import torch
    from diffusers import AceStepTransformer1DModel

    with torch.device("meta"):
        transformer = AceStepTransformer1DModel(**LAYOUTS[layout])
    assert of_layout(layout).parameters == sum(p.numel() for p in transformer.parameters())


def test_a_folder_tells_its_sizes_without_its_weights_being_read(tiny_model: Path):
    from acestep.loading import load_pipeline

    pipe, sizes = load_pipeline(str(tiny_model), device="cpu").pipe, sizes_of(str(tiny_model))
    around = (pipe.text_encoder, pipe.condition_encoder, pipe.vae)
    assert sizes.parameters == sum(p.numel() for p in pipe.transformer.parameters())
    assert sizes.parameters == transformer_parameters(pipe.transformer.config)
    assert sizes.around == sum(t.numel() for part in around for t in part.state_dict().values())
    assert (sizes.frame_rate, sizes.known) == (pipe.latents_per_second, True)


@pytest.mark.parametrize("missing", ["transformer", "vae"])
def test_of_a_download_that_was_cut_off_the_name_tells_the_size(missing: str, tiny_model: Path, tmp_path: Path):
    folder = tmp_path / "some-xl"
    shutil.copytree(tiny_model, folder)
    for weights in (folder / missing).glob("*.safetensors"):
        weights.unlink()
    assert sizes_of(str(folder)) == of_layout("XL")


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"lora_targets": "self,cross,mlp", "lora_dora": True},
        {"adapter": "lokr"},
        {"adapter": "lokr", "lora_rank": 64},
    ],
    ids=str,
)
def test_what_learns_is_counted_as_it_is_made(kind: dict, tiny_model: Path):
    from acestep.loading import load_pipeline
    from structure.plan import DEFAULT_VOCABULARY
    from training.model import make_trainable

    settings = make_settings("starter", dataset_dir="", **kind)
    learned = make_trainable(load_pipeline(str(tiny_model), device="cpu"), DEFAULT_VOCABULARY, settings)
    sums = [sum(p.numel() for name, p in learned.items() if name.startswith(part)) for part in ("lora.", "events.")]
    assert list(learned_parameters(sizes_of(str(tiny_model)), settings)) == sums


@pytest.mark.parametrize(("layout", "measured"), [("2 B", 5.247e9), ("XL", 11.805e9)])
def test_training_the_real_layouts_takes_what_a_gpu_measured(layout: str, measured: float):
    """benchmarks/layouts.py on an H200: bfloat16, plain AdamW, 240 s, nothing of size beside the transformer."""
    settings, sizes = make_settings("real", dataset_dir="", base_model="some/model"), of_layout(layout)
    learned = sum(learned_parameters(sizes, settings)) * (4 + 4 + 8)
    told = sizes.parameters * 2 + learned + activations(sizes, settings, FOUR_MINUTES, 2, "cuda")
    assert told == pytest.approx(measured, rel=0.05)


def test_more_takes_more():
    sizes = sizes_of("starter")

    def both(**values: object) -> tuple[float, float]:
        settings = make_settings("starter", dataset_dir="", **values)
        return memory_needed(sizes, settings, SONGS, "cpu"), step_work(sizes, settings, SONGS)

    usual = both()
    for more in ({"batch_size": 16}, {"crop_max_sec": 30.0}, {"lora_rank": 64}, {"lora_targets": "self,cross,mlp"}):
        assert all(larger > smaller for larger, smaller in zip(both(**more), usual, strict=True)), more
    memory, work = both(gradient_checkpointing=True)
    assert memory < usual[0] and work > usual[1]
    assert both(grad_accum=2)[0] == usual[0]


def write_run(root: Path, name: str, seconds: float, **values: object) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    write_config(folder, make_settings("starter", dataset_dir=root, output_dir=folder, **values))
    write_state(folder, RunState(status="done", step=9, songs=(12, 13, 28.0, 38.0), started=1.0))
    append_metrics(folder, [{"step": step, "loss": 1.0, "seconds": seconds} for step in range(1, 10)])


def test_a_run_before_on_this_machine_tells_the_time(tmp_path: Path):
    write_run(tmp_path, "before", seconds=0.5)
    settings = make_settings("starter", dataset_dir=tmp_path, max_steps=200)
    found = estimate(settings, SONGS, CPU, list_runs(tmp_path))
    assert found.like_before and found.seconds == pytest.approx(200 * 0.5, abs=5)
    twice = estimate(settings.model_copy(update={"max_steps": 400}), SONGS, CPU, list_runs(tmp_path))
    assert twice.seconds - found.seconds == pytest.approx(200 * 0.5, abs=0.1)
    write_run(tmp_path, "larger", seconds=2.0, batch_size=16)  # the run most like this one tells
    assert estimate(settings, SONGS, CPU, list_runs(tmp_path)).seconds == pytest.approx(found.seconds)


def test_without_a_run_before_a_trial_tells_the_time(tmp_path: Path, own_machine: None):
    settings = make_settings("starter", dataset_dir=tmp_path)
    found = estimate(settings, SONGS, CPU)
    assert not found.like_before and found.seconds is not None and found.seconds > 1
    assert "by a short trial of this machine" in in_words(found)


def test_a_run_that_cannot_fit_is_refused_and_may_be_tried_all_the_same():
    settings = make_settings(dataset_dir="", base_model="some/ace-xl", batch_size=4)
    small = Device("cuda", "Small GPU", 8_000_000_000, 8_000_000_000)
    found = Estimate(22e9, None, 100, small, like_before=False, known=True)
    with pytest.raises(TooLarge, match=r"needs about 23 GB, and Small GPU has 8.0 GB: lower --batch-size \(now 4\)"):
        require_memory(found, settings)
    require_memory(found, settings.model_copy(update={"memory_check": False}))
    require_memory(replace(found, known=False), settings)  # its size is a guess by its name
    assert "It does not fit" in in_words(found)
    close = Estimate(7.9e9, None, 100, small, like_before=False, known=True)
    require_memory(close, settings)
    assert "Only 8.0 GB are free" in in_words(close)


def test_an_ended_run_says_what_was_estimated_and_what_it_took():
    state = RunState(status="done", estimated_seconds=360, took=474, estimated_memory=1.2e9, peak_memory=1.1e9)
    assert compared(state) == "Estimated 6.0 min, took 7.9 min; 1.2 GB, used 1.1 GB."
    assert compared(state.model_copy(update={"estimated_seconds": None})).startswith("Took 7.9 min; ")
    assert compared(state.model_copy(update={"status": "stopped"})) == compared(RunState(status="done")) == ""


@pytest.mark.training
def test_a_run_keeps_its_estimate_and_what_it_used(lora_train, songs: Path, tiny_model: Path, tmp_path: Path):
    run = tmp_path / "run"
    told = (
        "--dataset-dir",
        songs,
        "--output-dir",
        run,
        "--model",
        tiny_model,
        "--preset",
        "starter",
        "--device",
        "cpu",
    )
    done = lora_train(*told, "--max-steps", 4, "--batch-size", 1)
    assert done.returncode == 0, done.stderr
    state = json.loads((run / "state.json").read_text())
    # `benchmarks.estimates` holds it to a fifth; a machine at its limits takes back pages that a program has not used
    assert state["peak_memory"] == pytest.approx(state["estimated_memory"], rel=0.5)
    assert state["took"] > 0 and state["estimated_seconds"] > 0
    assert "Estimate: about " in (run / "log.txt").read_text()
    refused = lora_train(*told[:2], "--output-dir", tmp_path / "no", *told[4:], "--batch-size", 10**6)
    assert refused.returncode == 2 and "--no-memory-check tries it all the same" in refused.stderr


def test_the_peak_is_this_process_s_own():
    before = peak_memory("cpu")
    block = bytearray(200_000_000)
    block[::4096] = b"x" * len(block[::4096])
    assert peak_memory("cpu") >= before
    assert peak_memory("cpu") > 200_000_000


def test_the_page_reckons_for_the_songs_that_are_there(songs: Path, tmp_path: Path, own_machine: None):
    from training.dataset import read_dataset

    report = read_dataset(songs, held_out=0)
    settings = make_settings("starter", dataset_dir=songs, num_epochs=2, batch_size=1)
    settings = settings.model_copy(update={"max_steps": None})
    found = expected(settings, report, [])
    assert found.steps == 2 * len(report.songs)


def test_a_trial_is_one_however_long_the_machine_is_away():
    from training.speed import _fastest

    calls: list[float] = []
    assert 0.1 <= _fastest(lambda: (calls.append(1.0), time.sleep(0.1))) < 60
    assert len(calls) == 5
