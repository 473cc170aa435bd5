"""What one proof is: a checkpoint, songs, how long each stage takes."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.record import BenchmarkError
from structure.files import write_whole

SETTINGS_FILE = "proof.json"


class Proof(BaseModel):
    """Settings of a proof; times in seconds.

    Attributes:
        model: the checkpoint's folder.
        dataset: annotated songs; None: procedural songs are made.
        work: what each stage leaves, its result among it.
        device: auto, cpu, cuda, cuda:1, mps.
        quick: a rehearsal with few steps, whose figures say nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: Path
    dataset: Path | None = None
    work: Path
    device: str = "auto"
    quick: bool = False

    @property
    def steps(self) -> int:
        """Training steps of the event LoRA."""
        return 4 if self.quick else 200

    @property
    def denoising_steps(self) -> int | None:
        """Of each song; None: the checkpoint's own."""
        return 2 if self.quick else None

    @property
    def compared_seconds(self) -> float:
        """Length of the songs that are compared bit for bit."""
        return 3.0 if self.quick else 20.0

    @property
    def song_seconds(self) -> tuple[float, ...]:
        """Lengths of the songs whose time and memory are taken."""
        return (3.0,) if self.quick else (20.0, 60.0, 240.0)

    @property
    def crop_seconds(self) -> tuple[float, ...]:
        """Lengths of the crops whose training steps are timed."""
        return (10.0,) if self.quick else (60.0, 240.0)

    @property
    def songs(self) -> Path:
        """The annotated songs."""
        return self.dataset or self.work / "songs"


def require_checkpoint(model: Path) -> None:
    """Refuse a folder that is no checkpoint in diffusers' layout, and say what it is where that can be told.

    Raises:
        BenchmarkError: with what to do first.
    """
    if not model.is_dir():
        raise BenchmarkError(f"{model}: there is no such folder; give the one that holds the checkpoint.")
    if (model / "model_index.json").is_file():
        return
    original = [
        path.parent for path in (*model.glob("config.json"), *model.glob("*/config.json")) if _is_original(path)
    ]
    if original:
        raise BenchmarkError(
            f"{model}: this is a release in the original layout. Convert it first, with `python -m acestep convert "
            f"{original[0]} CONVERTED`, then give CONVERTED as --model."
        )
    raise BenchmarkError(f"{model}: no model_index.json there, so this is no checkpoint in diffusers' layout.")


def begin(proof: Proof) -> None:
    """Note the settings in the work folder, which holds the results of one checkpoint and one dataset.

    Raises:
        BenchmarkError: it holds another proof's.
    """
    file = proof.work / SETTINGS_FILE
    proof.work.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.read_text("utf-8") != proof.model_dump_json():
        raise BenchmarkError(
            f"{proof.work} holds a proof with other settings: name another --work, or give it the same."
        )
    write_whole(file, proof.model_dump_json().encode())


def _is_original(config: Path) -> bool:
    try:
        return json.loads(config.read_text("utf-8")).get("model_type") == "acestep"
    except (OSError, ValueError, AttributeError):
        return False
