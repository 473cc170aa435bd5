"""What the Train tab's form says, as the settings of a run. Nothing here knows of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from structure.errors import StudioError
from training.again import settings_like
from training.fitting import composed
from training.flags import read_flags
from training.machine import find_device
from training.presets import AIMS, preset_for
from training.runs import find_run
from training.settings import TrainingSettings, make_settings


@dataclass(frozen=True)
class Told:
    """A run or a preset, the memory to fit a real checkpoint into, and fields of `TrainingSettings` on top."""

    like: str
    preset: str | None
    memory_gb: float | None
    given: dict[str, Any]


def told(
    like: str,
    preset: str,
    memory_gb: float | None,
    steps: float | None,
    seed: float,
    rank: float | None,
    songs: float | None,
    events: bool,
    batch: float | None,
    optimizer: str,
    adapter: str,
    thrift: Sequence[str],
    other: str | None,
) -> Told:
    """The form's values as what they mean.

    Raises:
        SettingsError: the line of other settings cannot be read.
    """
    given: dict[str, Any] = {
        "max_steps": steps or None,
        "seed": seed,
        "lora_rank": rank,
        "sample_every_steps": songs,
        "events": events,
        "batch_size": batch,
        "optimizer": optimizer,
        "adapter": adapter,
        "gradient_checkpointing": "gradient_checkpointing" in thrift,
        "quantise": "int8" if "quantise" in thrift else "none",
        "compile": "compile" in thrift,
    }
    whole = {name: int(value) if isinstance(value, float) else value for name, value in given.items()}
    return Told(like, preset, memory_gb, {**whole, **read_flags(other or "")})


def settings_told(form: Told, runs_root: Path, model: str, dataset_dir: Path, output_dir: Path) -> TrainingSettings:
    """The settings of the run that the form describes.

    Raises:
        StudioError: a value that is not allowed, a run that is gone, a model that does not fit the memory.
    """
    if form.like:
        return settings_like(find_run(runs_root, form.like), dataset_dir, output_dir, model, **form.given)
    places = {"dataset_dir": dataset_dir, "output_dir": output_dir, "base_model": model}
    settings = _of_preset(model, form.preset, form.memory_gb, {**places, **form.given})
    if form.given.get("max_steps", 0) is None:  # not "as the preset": the form shows that number, and 0 asks for passes
        return settings.model_copy(update={"max_steps": None})
    return settings


def shown_settings(model: str, preset: str, memory_gb: float | None) -> TrainingSettings:
    """What the form shows of a preset; the model's own where the memory is too small, and the page says so."""
    places = {"dataset_dir": "", "base_model": model}
    try:
        return _of_preset(model, preset, memory_gb, places)
    except StudioError:
        return make_settings(**places)


def _of_preset(model: str, preset: str | None, memory_gb: float | None, given: dict[str, Any]) -> TrainingSettings:
    """Of a preset by its name, or of an aim in this much memory."""
    if preset not in AIMS or preset_for(model).name == "starter":
        return make_settings(preset, **given)
    values = composed(model, preset, memory_gb, find_device())
    return make_settings(**{**values, **{name: value for name, value in given.items() if value is not None}})
