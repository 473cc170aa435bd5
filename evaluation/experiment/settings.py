"""What an experiment is: its settings, and the ways of teaching time that it compares."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from structure.errors import StudioError
from structure.json_reading import read_json

SETTINGS_FILE = "experiment.json"


class ExperimentError(StudioError):
    """An experiment that cannot be run or read; the message says what to change."""


@dataclass(frozen=True)
class Arm:
    """One way of teaching time.

    Attributes:
        key: its folder and its name in results.
        name: for a table.
        about: what it is, in a sentence.
        data: which copy of the dataset it learns from (`data.py`); None: nothing is trained.
        events: it is taught and told timed events.
        tags: its lyrics carry section tags, the order of sections without their times.
    """

    key: str
    name: str
    about: str
    data: Literal["plain", "tagged", "shuffled"] | None
    events: bool
    tags: bool


ARMS: tuple[Arm, ...] = (
    Arm("none", "no adapter", "The base model as it is.", None, events=False, tags=False),
    Arm("baseline", "baseline LoRA", "The same songs, without any structure.", "plain", events=False, tags=False),
    Arm("events", "event LoRA", "Timed events, and section tags in the lyrics.", "tagged", events=True, tags=True),
    Arm(
        "shuffled",
        "event LoRA, shuffled",
        "Each song learned under another song's events: as many parameters, wrong times.",
        "shuffled",
        events=True,
        tags=True,
    ),
    Arm("tags", "baseline LoRA, tags", "Section tags in the lyrics: order without times.", "tagged", False, True),
)
KEYS = tuple(arm.key for arm in ARMS)
JUDGING = ("reference", "embeddings", "curve_songs", "curve_steps")
"""Settings that may change in an experiment that has begun: no song that is there depends on them."""


class ExperimentSettings(BaseModel):
    """Settings of one experiment; each field's description is its help on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    dataset: Path = Field(description="annotated songs to learn from")
    structures: Path | None = Field(
        None, description="songs with sidecars whose structures are asked for; unset: some of the dataset are held out"
    )
    held_out: int | None = Field(
        None, ge=1, description="songs of the dataset held out when --structures is unset (default: a third, at most 8)"
    )
    model: str = Field("starter", description="starter, a diffusers-format ACE-Step folder, or a hub id")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    arms: tuple[str, ...] = Field(KEYS, description="which arms, by key")
    seeds: int = Field(1, ge=1, le=20, description="adapters trained, and songs made of each structure, per arm")
    steps: int | None = Field(None, ge=1, description="training steps of every adapter (default: the model's recipe)")
    free: int = Field(6, ge=0, le=100, description="songs an arm makes without a structure, for genre timing; 0: none")
    varied: int = Field(2, ge=0, le=20, description="structures made with several seeds, for variety; 0: none")
    takes: int = Field(4, ge=2, le=20, description="songs of each of those structures")
    reference: Path | None = Field(None, description="more annotated songs that teach the judge, and nothing else")
    embeddings: Path | None = Field(
        None, description="folder of another model's embeddings, one .npy a song laid out as in --output"
    )
    curve_songs: tuple[int, ...] = Field((), description="also train the event LoRA on so many songs")
    curve_steps: tuple[int, ...] = Field((), description="also train the event LoRA for so many steps")

    @field_validator("arms")
    @classmethod
    def _known(cls, arms: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [arm for arm in arms if arm not in KEYS]:
            raise ValueError(f"{unknown[0]} is no arm; the arms are {', '.join(KEYS)}")
        return tuple(key for key in KEYS if key in arms)

    @property
    def chosen(self) -> tuple[Arm, ...]:
        """The arms that take part, in their usual order."""
        return tuple(arm for arm in ARMS if arm.key in self.arms)

    def arguments(self, output: Path) -> list[str]:
        """What stands after `python` on a command line that repeats this experiment."""
        words = ["-m", "evaluation", "experiment", "--dataset", str(self.dataset), "--output", str(output)]
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name != "dataset" and value != field.default:
                words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, tuple) else [value])]
        return words

    def command(self, output: Path) -> str:
        """The command line that repeats this experiment."""
        return shlex.join(["python", *self.arguments(output)])


def make_settings(**given: Any) -> ExperimentSettings:
    """Settings from flags; what is None is left to the default.

    Raises:
        ExperimentError: one sentence that names the setting and what is allowed.
    """
    try:
        return ExperimentSettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as problem:
        first = problem.errors()[0]
        name = str(first["loc"][0]).replace("_", "-") if first["loc"] else "settings"
        raise ExperimentError(f"--{name}: {first['msg']}, got {first['input']!r}.") from problem


def read_settings(folder: Path) -> ExperimentSettings | None:
    """Settings of an experiment's folder; None where none was begun there.

    Raises:
        ExperimentError: the file is broken.
    """
    file = folder / SETTINGS_FILE
    if not file.exists():
        return None
    try:
        return ExperimentSettings.model_validate(read_json(file)["settings"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ExperimentError(f"`{file}` cannot be read. Name a new folder, or take the file away.") from problem
