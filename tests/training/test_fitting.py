"""Aims and memory: what fits is chosen, what does not is said, and both ways to ask agree."""

import pytest

from lora_train import _settings, get_parser, main
from training.asked import Told, settings_told, told
from training.estimate import ON_CUDA, memory_needed
from training.fitting import FOUR_MINUTES, DoesNotFit, composed, fitted, nearest_memory
from training.flags import read_flags
from training.machine import Device
from training.presets import AIMS, MEMORY_GB, PRESETS, THRIFT
from training.settings import SettingsError, make_settings
from training.sizes import LAYOUTS, of_layout


@pytest.mark.parametrize("memory_gb", MEMORY_GB)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_tier_fits_its_memory_or_says_that_it_cannot(layout: str, memory_gb: int):
    sizes = of_layout(layout)
    if (layout, memory_gb) in (("XL", 8), ("XL", 12)):
        with pytest.raises(DoesNotFit, match="choose a GPU of 16 GB or more, or a smaller model"):
            fitted("some/model", memory_gb, "standard", sizes)
        return
    found = fitted("some/model", memory_gb, "standard", sizes)
    settings = make_settings(dataset_dir="", base_model="some/model", **found.values)
    assert memory_needed(sizes, settings, FOUR_MINUTES, "cuda") + ON_CUDA <= 0.95e9 * memory_gb
    assert settings.max_steps == AIMS["standard"].steps
    if found.rung:  # the one above would not have
        above = make_settings(
            dataset_dir="", **{"base_model": "some/model", **PRESETS["real"].values, **THRIFT[found.rung - 1]}
        )
        assert memory_needed(sizes, above, FOUR_MINUTES, "cuda") + ON_CUDA > 0.95e9 * memory_gb


def test_an_aim_changes_how_long_and_nothing_else():
    quick, thorough = (fitted("some/model", 24, aim, of_layout("2 B")).values for aim in ("quick", "thorough"))
    assert {name for name in quick if quick[name] != thorough[name]} == {"max_steps", "save_every_steps"}


def test_a_turbo_checkpoint_keeps_its_timesteps():
    assert fitted("some/turbo", 24, "quick", of_layout("2 B")).values["timesteps"] == "schedule"


def test_the_starter_keeps_its_two_recipes():
    device = Device("cpu", "this machine", 8_000_000_000, 8_000_000_000)
    assert composed("starter", "quick", None, device) == PRESETS["quick"].values
    assert composed("starter", "standard", None, device) == PRESETS["starter"].values
    with pytest.raises(SettingsError, match="no aim 'thorough': choose one of quick, standard"):
        composed("starter", "thorough", None, device)


@pytest.mark.parametrize(("have", "size"), [(25.3e9, 24), (23.6e9, 24), (84.9e9, 80), (7.5e9, 8), (4e9, 8)])
def test_a_device_comes_nearest_to_a_size(have: float, size: int):
    assert nearest_memory(Device("cuda", "GPU", int(have), int(have))) == size


def test_command_line_and_page_mean_the_same(tmp_path):
    given = {"dataset_dir": tmp_path, "base_model": "some/xl", "output_dir": tmp_path / "run", "resume_from": None}
    line = _settings(None, "quick", 24, {**given, "device": None})
    page = settings_told(Told("", "quick", 24, {}), tmp_path, "some/xl", tmp_path, tmp_path / "run")
    assert line == page and line.max_steps == AIMS["quick"].steps
    assert get_parser().parse_args(["--aim", "quick", "--memory-gb", "24"]).memory_gb == 24
    with pytest.raises(SettingsError, match="--preset names a whole set of values"):
        _settings("real", "quick", None, {**given, "device": None})


def asked(**values: object) -> list[object]:
    form = {
        "like": "", "preset": "starter", "memory": None, "steps": 7.0, "seed": 3.0, "rank": 8.0, "songs": 5.0,
        "events": True, "batch": 2.0, "optimizer": "prodigy", "adapter": "lora",
        "thrift": ["gradient_checkpointing"], "other": "",
    }  # fmt: skip
    return list({**form, **values}.values())


def test_the_form_and_its_line_of_other_settings_become_a_run_s(tmp_path):
    form = told(*asked(other="--learning-rate 3e-4 --lora-dora"))
    settings = settings_told(form, tmp_path, "starter", tmp_path, tmp_path / "run")
    assert (settings.max_steps, settings.seed, settings.lora_rank, settings.batch_size) == (7, 3, 8, 2)
    assert (settings.optimizer, settings.gradient_checkpointing, settings.quantise) == ("prodigy", True, "none")
    assert (settings.learning_rate, settings.lora_dora, settings.max_duration_sec) == (3e-4, True, 240.0)
    assert settings.sample_every_steps == 5


def test_no_number_of_steps_means_passes_over_the_songs(tmp_path):
    form = told(*asked(steps=0))
    assert settings_told(form, tmp_path, "starter", tmp_path, tmp_path / "run").max_steps is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset-dir", "songs", "--memory-gb", "24"], "for real checkpoints"),
        (["--resume-from", "runs/one", "--aim", "thorough"], "goes on as the run began"),
        (["--resume-from", "runs/one", "--memory-gb", "24"], "goes on as the run began"),
        (["--dataset-dir", "songs", "--device", "cuda:one"], "There is no device 'cuda:one'"),
    ],
)
def test_what_would_be_overlooked_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert main([*words]) != 0
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--fast", "unrecognized arguments: --fast"),
        ("--optimizer sgd", "invalid choice: 'sgd'"),
        ("--output-dir /", "output_dir cannot be set here"),
        ('--license "mine', "No closing quotation"),
    ],
)
def test_a_line_that_cannot_be_read_is_said(line: str, message: str):
    with pytest.raises(SettingsError, match=message):
        read_flags(line)
