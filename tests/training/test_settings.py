"""Settings: presets, what a person gives on top, and the file in the run folder."""

import json
from pathlib import Path

import pytest

from training.settings import SettingsError, make_settings, read_settings


def test_the_starter_gets_its_recipe_and_another_model_the_values_of_the_original_trainer():
    starter = make_settings(dataset_dir="songs")
    real = make_settings(dataset_dir="songs", base_model="someone/ace-step")
    assert (starter.lora_rank, starter.batch_size, starter.max_steps) == (16, 8, 600)
    assert (real.lora_rank, real.lora_alpha, real.learning_rate, real.num_epochs) == (64, 64, 1e-4, 50)


def test_what_is_given_wins_over_the_preset_and_none_means_not_given():
    settings = make_settings(dataset_dir="songs", max_steps=7, lora_rank=None)
    assert (settings.max_steps, settings.lora_rank) == (7, 16)


def test_epochs_become_steps():
    settings = make_settings("real", dataset_dir="songs", num_epochs=3, batch_size=2, grad_accum=2, save_every=2)
    assert settings.total_steps(n_songs=9) == 9
    assert settings.checkpoint_interval(n_songs=9) == 6


def test_a_run_folder_gives_back_what_was_written(tmp_path: Path):
    settings = make_settings(dataset_dir=tmp_path, seed=5)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(settings.to_dict()))
    assert read_settings(path) == settings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lora_rank": 0}, "lora_rank"),
        ({"event_dropout": 1.5}, "event_dropout"),
        ({"crop_min_sec": 20, "crop_max_sec": 10}, "shorter first"),
        ({"preset": "fast"}, "no preset 'fast'"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(wrong: dict, message: str):
    with pytest.raises(SettingsError, match=message):
        make_settings(**{"dataset_dir": "songs", **wrong})


def test_a_folder_without_a_run_is_said_to_be_none(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "config.json")
