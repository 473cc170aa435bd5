"""Named sets of values: the starter's recipes, and for real checkpoints an aim, thrift and the model's kind, composed.

An aim says how long a run goes on. How much it does at a time is chosen by memory: `THRIFT` is a ladder from the most
generous to the most sparing, and `fitting.py` takes the first rung that an estimate says will fit.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Preset(BaseModel):
    """A named set of values, as the page shows it, with a song to hear each `songs` steps there, 0 for none.

    `remark` is there where the name does not say enough.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    remark: str = ""
    values: dict[str, Any]
    songs: int = 0


_STARTER_RECIPE: dict[str, Any] = {
    "max_steps": 600,
    "batch_size": 8,
    "timestep_mu": 1.0,
    "save_every_steps": 100,
    "log_every": 5,
    "crop_min_sec": 16.0,
    "crop_max_sec": 20.0,
    "quieter_db": 6.0,
    "lora_rank": 16,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "optimizer": "adamw",
    "warmup_ratio": 0.05,
    "scheduler": "cosine",
}

_REAL_RECIPE: dict[str, Any] = {
    "gradient_checkpointing": True,
    "event_lr_scale": 10.0,  # 1e-3: the event path learned best from there to 1e-2, at each of four widths
}

NOT_YET_RUN = "not yet run on real weights"

PRESETS: dict[str, Preset] = {
    "quick": Preset(
        name="quick", title="Quick try", values={**_STARTER_RECIPE, "max_steps": 80, "save_every_steps": 40}
    ),
    "starter": Preset(name="starter", title="Starter recipe", values=_STARTER_RECIPE, songs=200),
    "real": Preset(name="real", title="Real checkpoint", remark=NOT_YET_RUN, values=_REAL_RECIPE),
    "turbo": Preset(
        name="turbo",
        title="Turbo checkpoint",
        remark=NOT_YET_RUN,
        values={**_REAL_RECIPE, "timesteps": "schedule", "schedule_steps": 8, "shift": 3.0},
    ),
}


class Aim(BaseModel):
    """How long a run goes on, and how often it saves."""

    model_config = ConfigDict(frozen=True)

    title: str
    steps: int
    save_every_steps: int

    @property
    def values(self) -> dict[str, Any]:
        """Fields of the settings."""
        return {"max_steps": self.steps, "save_every_steps": self.save_every_steps}


AIMS: dict[str, Aim] = {
    "quick": Aim(title="Quick try", steps=200, save_every_steps=100),
    "standard": Aim(title="Standard", steps=1000, save_every_steps=200),
    "thorough": Aim(title="Thorough", steps=3000, save_every_steps=500),
}

STARTER_AIMS = {"quick": "quick", "standard": "starter"}
"""The starter's presets by aim: it fits everywhere."""

MEMORY_GB = (8, 12, 16, 24, 48, 80)
"""Sizes of memory that GPUs come in, 10^9 bytes each."""

THRIFT: tuple[dict[str, Any], ...] = (
    {"batch_size": 4, "gradient_checkpointing": False},
    {"batch_size": 2, "gradient_checkpointing": False},
    {"batch_size": 1, "gradient_checkpointing": False},
    {"batch_size": 4},
    {"batch_size": 2},
    {"batch_size": 1},
    {"crop_min_sec": 60.0, "crop_max_sec": 120.0},
    {"crop_min_sec": 30.0, "crop_max_sec": 60.0, "lora_rank": 32, "lora_alpha": 32},
    {"crop_min_sec": 16.0, "crop_max_sec": 30.0, "lora_rank": 16, "lora_alpha": 16},
    {"crop_min_sec": 16.0, "crop_max_sec": 30.0, "lora_rank": 16, "lora_alpha": 16, "quantise": "int8"},
)
"""What gives way first, a rung each, on top of the real recipe: the batch, then the length of what is heard, then the
rank, at last the precision of the frozen weights."""


def preset_for(base_model: str) -> Preset:
    """The preset that a base model gets unless another one is asked for, by its name."""
    if base_model == "starter":
        return PRESETS["starter"]
    return PRESETS["turbo" if "turbo" in base_model.lower() else "real"]
