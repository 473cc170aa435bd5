"""What a run was made from, kept in its folder as `origin.json`: the songs in numbers, and the versions at work.

A model card can then be written when the dataset is no longer there and the packages are others.
"""

import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from training.run_folder import write_json

if TYPE_CHECKING:
    from training.dataset import DatasetReport

ORIGIN_FILE = "origin.json"
PACKAGES = ("torch", "diffusers", "transformers", "peft", "safetensors")


class Sections(BaseModel):
    """Sections of one type: how many, and their seconds."""

    count: int
    seconds: float


class Origin(BaseModel):
    """Songs by name (for the folder's owner; a card names them only where asked), their structure, versions."""

    songs: list[str] = []
    held_out: list[str] = []
    minutes: float = 0.0
    sections: dict[str, Sections] = {}
    moments: dict[str, int] = {}
    device: str = ""
    versions: dict[str, str] = {}


def write_origin(folder: Path, report: "DatasetReport", device: str) -> None:
    """Keep what `report` counted and the versions of this process in a run's folder."""
    origin = Origin(
        songs=[song.name for song in report.songs],
        held_out=[song.name for song in report.held_out],
        minutes=report.minutes,
        sections={
            name: Sections(count=report.count_by_type[name], seconds=seconds)
            for name, seconds in report.seconds_by_type.items()
        },
        moments=report.moments_by_type,
        device=device,
        versions={"Python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}},
    )
    write_json(folder / ORIGIN_FILE, origin.model_dump())


def read_origin(folder: Path) -> Origin | None:
    """What the folder says of its songs; None where nothing was kept or it cannot be read."""
    try:
        return Origin.model_validate_json((folder / ORIGIN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None
