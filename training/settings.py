"""What a training run is: one model that the command line, the page and the run folder all read.

Every field's description is its help text on the command line. What differs between base models, aims and sizes of
memory is in `presets.py`.
"""

import math
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from acestep.adapter import DEFAULT_TARGETS, LORA_TARGETS
from structure.errors import StudioError
from structure.json_reading import read_json
from training.presets import PRESETS, preset_for

PLACES = ("dataset_dir", "output_dir", "cache_dir", "resume_from")  # settings that are folders

Optimizer = Literal["adamw", "adamw_8bit", "prodigy"]
AdapterKind = Literal["lora", "lokr"]
Scheduler = Literal["constant_with_warmup", "linear", "cosine"]
BestBy = Literal["loss", "structure"]
TrackerName = Literal["none", "trackio", "tensorboard", "wandb"]


def _targets(text: str) -> str:
    """`mlp, self` to `self,mlp`."""
    given = {part.strip() for part in text.split(",")}
    if not given <= set(LORA_TARGETS):
        message = f"give one or more of {', '.join(LORA_TARGETS)}, with commas between"
        raise PydanticCustomError("lora_targets", message)
    return ",".join(part for part in LORA_TARGETS if part in given)


Targets = Annotated[str, AfterValidator(_targets)]


class SettingsError(StudioError):
    """A training setting that cannot be used; the message says which one and what is allowed."""


class TrainingSettings(BaseModel):
    """Settings of one run. Times in seconds, probabilities from 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    dataset_dir: Path = Field(description="folder with songs and their sidecars")
    output_dir: Path = Field(Path("lora_output"), description="run folder; holds the adapter when finished")
    base_model: str = Field("starter", description="starter, a diffusers-format ACE-Step folder, or a hub id")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="numbers of the frozen model; auto: bf16 on CUDA, fp32 elsewhere"
    )
    resume_from: Path | None = Field(None, description="run folder or checkpoint to go on from")
    seed: int = Field(42, ge=0, description="the same seed on the same device gives the same adapter")

    max_steps: int | None = Field(None, ge=1, description="optimizer steps; unset: counted from --num-epochs")
    num_epochs: int = Field(50, ge=1, description="passes over the songs when --max-steps is unset")
    batch_size: int = Field(1, ge=1, description="crops of one length a forward pass")
    grad_accum: int = Field(1, ge=1, description="forward passes an optimizer step")
    save_every: int = Field(10, ge=0, description="epochs between checkpoints; 0: only the last")
    save_every_steps: int | None = Field(None, ge=1, description="steps between checkpoints; replaces --save-every")
    keep_checkpoints: int = Field(3, ge=1, description="newest checkpoints kept")
    log_every: int = Field(5, ge=1, description="steps between two looks at the losses; each has a point of its own")

    sample_every_steps: int = Field(
        0, ge=0, description="steps between songs made with the weights so far, to hear; 0: none"
    )
    sample_structure: str = Field(
        "",
        description='what those songs are asked to be, as "intro 0-4, verse 4-12"; unset: a stretch of a song of yours',
    )
    sample_caption: str = Field("", description="caption of those songs; unset: that song's")
    best_by: BestBy = Field(
        "loss",
        description="what makes a checkpoint the best: the lowest loss on held-out songs, or the song that keeps to "
        "its structure best (one is then made at each checkpoint)",
    )

    max_duration_sec: float = Field(240.0, gt=0, description="seconds of a song used; the rest is left out")
    crop_min_sec: float | None = Field(None, gt=0, description="shortest crop in seconds; unset: whole songs")
    crop_max_sec: float | None = Field(None, gt=0, description="longest crop in seconds; unset: whole songs")
    whole_songs: bool = Field(False, description="train on whole songs, whatever the crop lengths say")
    rearrange: float = Field(
        0.0, ge=0, le=1, description="share of crops from a song whose sections were put in a new order; 0: none"
    )
    quieter_db: float = Field(
        0.0,
        ge=0,
        le=40,
        description="hear sections that have an intensity quieter too, by this and half of it, in dB; 0: never",
    )
    held_out: int | None = Field(
        None, ge=0, description="songs kept out of training to measure it; unset: one in ten from eight songs on"
    )

    events: bool = Field(True, description="teach the timed events; --no-events trains a plain LoRA")
    section_tags: bool = Field(True, description="put section tags into lyrics that carry none")
    event_dropout: float = Field(0.1, ge=0, le=1, description="share of crops that are told no events")
    words_alone: float = Field(
        0.15, ge=0, le=1, description="share of sections told by their label or type in words alone, so that words work"
    )
    condition_dropout: float = Field(0.15, ge=0, le=1, description="share of crops that are told no text")
    timesteps: Literal["logit_normal", "schedule"] = Field(
        "logit_normal", description="base and sft learn at logit_normal times, turbo at its sampler's own (schedule)"
    )
    schedule_steps: int = Field(8, ge=1, description="steps of the sampler when timesteps are its schedule")
    timestep_mu: float = Field(0.4, description="mean of the logit-normal timesteps; above 0 is towards noise")
    timestep_sigma: float = Field(1.0, gt=0, description="spread of the logit-normal timesteps")
    shift: float = Field(1.0, gt=0, description="timestep shift on top of either; 1: none, turbo: 3")

    adapter: AdapterKind = Field(
        "lora", description="lora, which any diffusers pipeline loads, or lokr (Kronecker products; peft's own format)"
    )
    lora_rank: int = Field(64, ge=1, description="rank of the LoRA")
    lora_alpha: float = Field(64, gt=0, description="scale of the LoRA is alpha / rank")
    lora_dropout: float = Field(0.1, ge=0, lt=1, description="dropout inside the LoRA")
    lora_targets: Targets = Field(
        ",".join(DEFAULT_TARGETS),
        description="parts of each block that learn: self and cross (attention), mlp; commas between",
    )
    lora_rslora: bool = Field(False, description="rank-stabilised LoRA: its scale is alpha / square root of rank")
    lora_dora: bool = Field(False, description="DoRA: magnitudes learn apart from directions; slower")

    learning_rate: float = Field(1e-4, gt=0, description="peak learning rate of the LoRA")
    event_lr_scale: float = Field(3.0, gt=0, description="learning rate of the event encoder over that of the LoRA")
    weight_decay: float = Field(0.01, ge=0, description="AdamW weight decay")
    optimizer: Optimizer = Field(
        "adamw_8bit",
        description="adamw, adamw_8bit (needs bitsandbytes and CUDA), or prodigy, which finds its rate by itself",
    )
    max_grad_norm: float = Field(1.0, gt=0, description="gradient norm is clipped to this")
    warmup_ratio: float = Field(0.03, ge=0, le=1, description="share of the steps that warm up")
    scheduler: Scheduler = Field("constant_with_warmup", description="constant_with_warmup, linear or cosine")
    ema_decay: float = Field(
        0.0, ge=0, lt=1, description="the adapter is a moving average of the weights, 0.999 say; 0: the last weights"
    )
    deterministic: bool = Field(False, description="the same numbers on each run on CUDA too; slower")
    gradient_checkpointing: bool = Field(False, description="less memory for about a third more time")
    quantise: Literal["none", "int8"] = Field(
        "none", description="int8: the frozen blocks take half the memory of bf16; needs the package torchao"
    )
    compile: bool = Field(False, description="compile the blocks first (torch.compile): minutes before the first step")

    memory_check: bool = Field(True, description="refuse a run that plainly cannot fit into the device's memory")

    cache_dir: Path | None = Field(None, description="where encoded audio is kept; unset: the user's cache folder")
    license: str = Field(
        "", description="licence of the adapter for its model card: apache-2.0, cc-by-4.0 … or words of your own"
    )
    rights: str = Field("", description="whose songs these are and by what right they are used, for the model card")
    tracker: TrackerName = Field(
        "none", description="send the curve on to this program too; tensorboard writes into the run folder"
    )

    @property
    def crops(self) -> tuple[float, float] | None:
        """Shortest and longest crop in seconds; None: whole songs."""
        if self.whole_songs or self.crop_min_sec is None or self.crop_max_sec is None:
            return None
        return self.crop_min_sec, self.crop_max_sec

    @property
    def gains_db(self) -> tuple[float, ...]:
        """Gains at which each song is encoded: as it is, then quieter."""
        return (0.0, -self.quieter_db / 2, -self.quieter_db) if self.quieter_db else (0.0,)

    @property
    def model_name(self) -> str:
        """The base model in words for a table: the last part of a folder or hub id."""
        return self.base_model.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]

    def total_steps(self, n_songs: int) -> int:
        """Optimizer steps of the whole run for a pass of `n_songs` songs, repeats counted."""
        return self.max_steps or self.num_epochs * self.steps_per_epoch(n_songs)

    def steps_per_epoch(self, n_songs: int) -> int:
        """Optimizer steps in which every song is seen once."""
        return max(1, math.ceil(n_songs / (self.batch_size * self.grad_accum)))

    def checkpoint_interval(self, n_songs: int) -> int | None:
        """Steps between checkpoints, or None when only the last state is kept."""
        if self.save_every_steps:
            return self.save_every_steps
        return self.save_every * self.steps_per_epoch(n_songs) if self.save_every else None

    def in_full(self) -> "TrainingSettings":
        """The same with every folder's full path, so that the run can be gone on with from anywhere."""
        places = {name: Path(os.path.abspath(found)) for name in PLACES if (found := getattr(self, name)) is not None}
        if os.path.isdir(self.base_model):
            places["base_model"] = os.path.abspath(self.base_model)
        return self.model_copy(update=places)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, every field."""
        return self.model_dump(mode="json")


def make_settings(preset: str | None = None, **given: Any) -> TrainingSettings:
    """Settings from a preset and what was given on top of it.

    Args:
        preset: a key of `PRESETS`; None takes the base model's own.
        given: fields of `TrainingSettings`; None means "not given" and leaves the preset's value.

    Raises:
        SettingsError: an unknown preset, or a value that is not allowed.
    """
    given = {name: value for name, value in given.items() if value is not None}
    base_model = str(given.get("base_model", TrainingSettings.model_fields["base_model"].default))
    if preset is not None and preset not in PRESETS:
        raise SettingsError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    values = (PRESETS[preset] if preset else preset_for(base_model)).values
    return _checked({**values, **given})


def change_settings(settings: TrainingSettings, preset: str | None = None, **given: Any) -> TrainingSettings:
    """A run's settings with what was given on top; a preset only where one is named.

    Raises:
        SettingsError: an unknown preset, or a value that is not allowed.
    """
    if preset is not None and preset not in PRESETS:
        raise SettingsError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    on_top = PRESETS[preset].values if preset else {}
    return _checked({**settings.to_dict(), **on_top, **{k: v for k, v in given.items() if v is not None}})


def read_settings(path: Path) -> TrainingSettings:
    """The settings that a run folder's `config.json` holds.

    Raises:
        SettingsError: the file is missing or is not such a file.
    """
    try:
        values = read_json(path)
    except OSError as problem:
        raise SettingsError(f"{path}: cannot be read ({problem.strerror}); choose a run folder.") from problem
    except ValueError as problem:
        raise SettingsError(f"{path}: is not JSON ({problem}); choose a run folder that training wrote.") from problem
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: holds no settings; choose a run folder that training wrote.")
    try:
        return _checked(values)
    except SettingsError as problem:
        raise SettingsError(f"{path}: another version wrote it, so this one cannot go by it. {problem}") from problem


def _checked(values: dict[str, Any]) -> TrainingSettings:
    try:
        settings = TrainingSettings(**values)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"Setting {name}: {first['msg'].lower()}, got {first.get('input')!r}.") from problem
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", settings.device):
        raise SettingsError(
            f"There is no device {settings.device!r}: choose auto, cpu, mps, cuda, or a card by its number as cuda:1."
        )
    lowest, highest = settings.crop_min_sec, settings.crop_max_sec
    if (lowest is None) != (highest is None) or (lowest is not None and highest is not None and lowest > highest):
        raise SettingsError(
            f"Crops need both lengths, the shorter first: got crop_min_sec {lowest} and crop_max_sec {highest}."
        )
    if settings.adapter == "lokr" and (settings.lora_dora or settings.lora_rslora):
        raise SettingsError("LoKr goes with neither DoRA nor rsLoRA: turn off lora_dora and lora_rslora.")
    if settings.quantise != "none" and (settings.lora_dora or settings.adapter == "lokr"):
        raise SettingsError("DoRA and LoKr need the frozen weights as they are: set quantise to none.")
    return settings
