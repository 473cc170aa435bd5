"""The same run again with changes: another run's settings under what the person changed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from training.presets import Preset
from training.runs import Run, RunError
from training.settings import TrainingSettings, change_settings


def settings_of(run: Run) -> TrainingSettings:
    """What a run was told.

    Raises:
        RunError: its config.json is of another version.
    """
    if run.settings is None:
        raise RunError(f"{run.name}: its settings are of another version, so they cannot be used again.")
    return run.settings


def settings_like(run: Run, dataset_dir: Path, output_dir: Path, base_model: str, **given: Any) -> TrainingSettings:
    """Settings of a new run that does what `run` did, but for what is given.

    Args:
        run: whose settings lie under it.
        dataset_dir: songs of the new run.
        output_dir: its folder.
        base_model: what it is trained on.
        given: fields of `TrainingSettings`; None leaves the run's value, but for `max_steps`, where passes are counted.

    Raises:
        RunError: the run's settings are of another version.
        SettingsError: a value that is not allowed.
    """
    places = {"dataset_dir": dataset_dir, "output_dir": output_dir, "base_model": base_model}
    steps = given.get("max_steps", settings_of(run).max_steps)
    bare = settings_of(run).model_copy(update={"resume_from": None, "max_steps": steps})
    return change_settings(bare, **places, **given)


def nearest_preset(settings: TrainingSettings, presets: Iterable[Preset]) -> Preset:
    """The preset that agrees most with a run's settings; of two that do, the one that says more.

    Args:
        settings: of a run, which does not keep the name of its preset.
        presets: at least one.
    """
    values = settings.to_dict()

    def agreeing(preset: Preset) -> tuple[float, int]:
        same = sum(values[name] == value for name, value in preset.values.items())
        return same / len(preset.values), same

    return max(presets, key=agreeing)
