"""Checkpoints: all that a run needs to go on, as safetensors and JSON, written whole or not at all.

`checkpoints/step-000012/` holds the adapter as it was, so each is usable by itself, and beside it the exact trained
weights and the optimizer's memory. Everything else (crops, noise, timesteps, learning rate) follows from seed and step.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structure.errors import StudioError
from training.run_folder import CHECKPOINTS, write_json

if TYPE_CHECKING:
    import torch
    from torch import Tensor

TRAINER_WEIGHTS, TRAINER_CARD = "trainer.safetensors", "trainer.json"
_PREFIX = "step-"


class CheckpointError(StudioError):
    """A checkpoint that cannot be written or gone on from."""


def save_checkpoint(
    run_folder: Path,
    step: int,
    parameters: "Mapping[str, Tensor]",
    optimizer: "torch.optim.Optimizer",
    save_adapter: Callable[[Path], None],
    keep: int,
) -> Path:
    """Write the checkpoint of `step` and drop the oldest beyond `keep`.

    Args:
        run_folder: of the run.
        step: optimizer steps done.
        parameters: every trained tensor by name, in the optimizer's order.
        optimizer: whose memory is kept.
        save_adapter: writes the adapter's files into the folder it is given.
        keep: how many checkpoints stay.

    Raises:
        CheckpointError: the disk is full; older checkpoints are untouched.
    """
    from safetensors.torch import save_file

    root = run_folder / CHECKPOINTS
    part, final = root / f".{_PREFIX}{step:06d}.part", root / f"{_PREFIX}{step:06d}"
    memory = optimizer.state_dict()["state"]
    tensors = {f"weight.{name}": tensor for name, tensor in parameters.items()}
    numbers: dict[str, Any] = {}
    for index, name in enumerate(parameters):
        for key, value in memory.get(index, {}).items():
            kept = tensors if hasattr(value, "detach") else numbers
            kept[f"optimizer.{key}.{name}"] = value
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_adapter(part)
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part / TRAINER_WEIGHTS
        )
        write_json(part / TRAINER_CARD, {"step": step, "numbers": numbers})
        _sync(part)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(part, final)
    except OSError as problem:
        shutil.rmtree(part, ignore_errors=True)
        if problem.errno == errno.ENOSPC:
            raise CheckpointError(
                f"{run_folder}: the disk is full, so step {step} could not be saved. Free some space and go on with "
                f"--resume-from {run_folder}."
            ) from problem
        raise
    for old in list_checkpoints(run_folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def load_checkpoint(folder: Path, parameters: "Mapping[str, Tensor]", optimizer: "torch.optim.Optimizer") -> int:
    """Put a checkpoint's weights and memory back.

    Args:
        folder: a checkpoint folder.
        parameters: as given to `save_checkpoint`; overwritten in place.
        optimizer: over the same parameters; its memory is replaced.

    Returns:
        optimizer steps done.

    Raises:
        CheckpointError: it belongs to a run with other layers.
    """
    import torch
    from safetensors.torch import load_file

    tensors = load_file(folder / TRAINER_WEIGHTS)
    card = json.loads((folder / TRAINER_CARD).read_text(encoding="utf-8"))
    saved = {name.removeprefix("weight."): t for name, t in tensors.items() if name.startswith("weight.")}
    shapes = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    if {name: tuple(tensor.shape) for name, tensor in saved.items()} != shapes:
        raise CheckpointError(
            f"{folder}: was trained with other settings (rank, events or base model), so it cannot be gone on from. "
            "Use the settings of its run folder, or start anew."
        )
    with torch.no_grad():
        for name, tensor in parameters.items():
            tensor.copy_(saved[name])
    place = {name: index for index, name in enumerate(parameters)}
    state: dict[int, dict[str, Any]] = {}
    for full, value in [*tensors.items(), *card["numbers"].items()]:
        kind, key, owner = full.split(".", 2)
        if kind == "optimizer":
            state.setdefault(place[owner], {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return int(card["step"])


def list_checkpoints(run_folder: Path) -> list[Path]:
    """Whole checkpoints of a run, oldest first."""
    root = run_folder / CHECKPOINTS
    return sorted(path for path in root.glob(f"{_PREFIX}*") if (path / TRAINER_CARD).is_file()) if root.is_dir() else []


def find_checkpoint(folder: Path) -> Path:
    """The checkpoint that `--resume-from FOLDER` means: the folder itself, or the newest of a run.

    Raises:
        CheckpointError: there is none.
    """
    if (folder / TRAINER_CARD).is_file():
        return folder
    found = list_checkpoints(folder)
    if not found:
        raise CheckpointError(f"{folder}: holds no whole checkpoint to go on from; choose a run that saved one.")
    return found[-1]


def _sync(folder: Path) -> None:
    """Bring every file of the folder to the disk before the folder gets its name."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
