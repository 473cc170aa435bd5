"""Checkpoints: all that a run needs to go on, as safetensors and JSON, written whole or not at all.

`checkpoints/step-000012/` holds the adapter as it was, so each is usable by itself, and beside it the exact trained
weights, the optimizer's memory and the moving average. Everything else (crops, noise, timesteps, learning rate) follows
from seed and step. The card is written last and lists every file with its size and hash: a folder whose files are all
as listed is whole, whatever happened to the machine while it was written.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structure.errors import StudioError
from structure.json_reading import number, read_json
from training.run_folder import CHECKPOINTS, CONFIG_FILE, write_json
from training.settings import BestBy

if TYPE_CHECKING:
    from training.learner import Learner

TRAINER_WEIGHTS, TRAINER_CARD = "trainer.safetensors", "trainer.json"
_PREFIX = "step-"
_OF_GROUPS = ("d", "d_max", "d_numerator", "k")  # what Prodigy knows beside the state of each tensor


class CheckpointError(StudioError):
    """A checkpoint that cannot be written or gone on from."""


def save_checkpoint(
    run_folder: Path,
    step: int,
    learner: "Learner",
    save_adapter: Callable[[Path], None],
    held_out_loss: float | None = None,
    data: str = "",
    structure_score: float | None = None,
) -> Path:
    """Write the checkpoint of `step`, in place of one of the same step.

    Args:
        run_folder: of the run.
        step: optimizer steps done.
        learner: whose weights, optimizer and average are kept.
        save_adapter: writes the adapter's files into the folder it is given.
        held_out_loss: what was measured at this step, to find the best one by.
        data: names what the run learned from, so that going on with other songs can be noticed.
        structure_score: how well the song of this step keeps to its structure, 0 to 1, for the same.

    Raises:
        CheckpointError: the disk is full; older checkpoints are untouched.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    root = run_folder / CHECKPOINTS
    final = checkpoint_folder(run_folder, step)
    part, old = (root / f".{final.name}.{word}" for word in ("part", "old"))
    tensors, numbers = _memory_of(learner)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_adapter(part)
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part / TRAINER_WEIGHTS
        )
        files = {path.name: _to_disk(path) for path in sorted(part.iterdir())}
        optimizer = type(learner.optimizer).__name__
        measured = {"held_out_loss": held_out_loss, "structure_score": structure_score}
        card = {"step": step, **measured, "data": data, "optimizer": optimizer, "numbers": numbers}
        write_json(part / TRAINER_CARD, {**card, "files": files})
        if final.exists():
            os.replace(final, old)
        os.replace(part, final)
        _names_to_disk(root)
    except BaseException as problem:
        shutil.rmtree(part, ignore_errors=True)
        no_space = os.strerror(errno.ENOSPC)  # safetensors has an error of its own, with the system's words in it
        if isinstance(problem, OSError | SafetensorError) and no_space in str(problem):
            raise CheckpointError(
                f"{run_folder}: the disk is full, so step {step} could not be saved. Free some space and go on with "
                f"--resume-from {run_folder}."
            ) from problem
        raise
    shutil.rmtree(old, ignore_errors=True)
    return final


def forget_later_checkpoints(run_folder: Path, step: int) -> None:
    """Remove what lies beyond `step`, whole or damaged: the run goes on from there, and they are another future's."""
    for path in _by_step(run_folder):
        if step_of(path) > step:
            _remove(path)


def forget_half_made(run_folder: Path) -> None:
    """Remove checkpoints that a crash left half written or half removed; nobody may be writing one."""
    for left in (run_folder / CHECKPOINTS).glob(f".{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def prune_checkpoints(run_folder: Path, keep: int, best_by: BestBy = "loss") -> None:
    """Remove what a crash left half made, and all checkpoints but the newest `keep` and the best."""
    forget_half_made(run_folder)
    best = best_checkpoint(run_folder, best_by)
    for path in list_checkpoints(run_folder)[:-keep]:
        if best is None or path != best.folder:
            _remove(path)


def load_checkpoint(folder: Path, learner: "Learner") -> dict[str, Any]:
    """Put a checkpoint's weights, optimizer memory and average back.

    Args:
        folder: a checkpoint folder.
        learner: like the one that was saved; overwritten in place.

    Returns:
        the checkpoint's card: `step` (optimizer steps done), `held_out_loss`, `structure_score`, `data`.

    Raises:
        CheckpointError: it belongs to a run with other layers or another optimizer, or is damaged.
    """
    import torch
    from safetensors.torch import load_file

    if not is_whole(folder):
        raise CheckpointError(f"{folder}: is damaged (a file is missing or changed). Go on from another checkpoint.")
    tensors = load_file(folder / TRAINER_WEIGHTS)
    card = _read_card(folder)
    parameters = learner.parameters
    saved = {name.removeprefix("weight."): t for name, t in tensors.items() if name.startswith("weight.")}
    shapes = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    if {name: tuple(tensor.shape) for name, tensor in saved.items()} != shapes:
        raise CheckpointError(
            f"{folder}: was trained with other settings (LoRA, types of events or base model), so it cannot be gone on "
            "from. Use the settings of its run folder, or start anew."
        )
    optimizer = type(learner.optimizer).__name__
    if card["optimizer"] != optimizer:
        raise CheckpointError(
            f"{folder}: was trained with {card['optimizer']}, and {optimizer} cannot go on with what that remembers. "
            "Go on with the same --optimizer on the same kind of device, or start anew."
        )
    with torch.no_grad():
        for name, tensor in parameters.items():
            tensor.copy_(saved[name])
    for full, value in [*tensors.items(), *card["numbers"].items()]:
        kind, key, owner = full.split(".", 2)
        if kind == "optimizer":
            parameter = parameters[owner]
            if hasattr(value, "detach"):  # a copy, since the file stays mapped; AdamW counts its steps on the CPU
                value = value.clone().to("cpu" if key == "step" else parameter.device)
            learner.optimizer.state[parameter][key] = value
        elif kind == "group":
            learner.optimizer.param_groups[int(owner)][key] = value
    if learner.average is not None:
        for shadow, (name, weight) in zip(learner.average.shadow_params, parameters.items(), strict=True):
            shadow.copy_(tensors.get(f"average.weight.{name}", weight.detach()))
        learner.average.optimization_step = card["numbers"].get("average.steps.", 0)
    return card


def list_checkpoints(run_folder: Path) -> list[Path]:
    """Checkpoints of a run that have all their files, oldest first; `is_whole` looks into them."""
    return [path for path in _by_step(run_folder) if _has_all_files(path)]


def checkpoint_folder(run_folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies, if it is there."""
    return run_folder / CHECKPOINTS / f"{_PREFIX}{step:06d}"


def step_of(checkpoint: Path) -> int:
    """Optimizer steps done at a checkpoint, by its name."""
    return int(checkpoint.name.removeprefix(_PREFIX))


@dataclass(frozen=True)
class Best:
    """The best checkpoint of a run; `said` is what makes it that, in words."""

    folder: Path
    said: str

    @property
    def step(self) -> int:
        """Optimizer steps done there."""
        return step_of(self.folder)

    def facts(self) -> dict[str, Any]:
        """The same for a run's state."""
        return {"best_step": self.step, "best_said": self.said}


def best_checkpoint(run_folder: Path, best_by: BestBy = "loss") -> Best | None:
    """The checkpoint with the lowest loss on held-out songs, or the one whose song keeps to its structure best.

    Where no song could be judged the loss decides all the same; of equals the earlier one is the best. None where
    nothing was measured.
    """
    cards = [(_read_card(path), path) for path in list_checkpoints(run_folder)]
    judged = [(score, path) for card, path in cards if (score := number(card.get("structure_score"))) is not None]
    if best_by == "structure" and judged:
        score, path = max(judged, key=lambda found: found[0])
        return Best(path, f"its song keeps to the structure best, {score:.0%}")
    measured = [(loss, path) for card, path in cards if (loss := number(card.get("held_out_loss"))) is not None]
    if not measured:
        return None
    loss, path = min(measured, key=lambda found: found[0])
    return Best(path, f"its loss on held-out songs is the lowest, {loss:.4f}")


def is_whole(folder: Path) -> bool:
    """Whether every file of a checkpoint is as it was written."""
    if not _has_all_files(folder):
        return False
    return all(_hash(folder / name) == digest for name, (_, digest) in _read_card(folder)["files"].items())


def find_checkpoint(folder: Path) -> tuple[Path | None, list[Path]]:
    """The checkpoint that `--resume-from FOLDER` means: the folder itself, or the newest whole one of a run.

    Returns:
        the checkpoint, None where a run was stopped before it had one; and the newer ones that are damaged.

    Raises:
        CheckpointError: the folder is neither a checkpoint nor a run, or all that it holds is damaged.
    """
    if (folder / TRAINER_CARD).is_file():
        return folder, []
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(
            f"{folder}: is no run to go on from (no {CONFIG_FILE}); choose a folder that training wrote."
        )
    damaged = []
    for path in reversed(_by_step(folder)):
        if is_whole(path):
            return path, damaged
        damaged.append(path)
    if damaged:
        raise CheckpointError(
            f"{folder}: none of its {len(damaged)} checkpoints is whole, or another version wrote them. Copy the run "
            "again from where it was trained, or start anew in another folder."
        )
    return None, []


def _by_step(run_folder: Path) -> list[Path]:
    """Folders that are named like checkpoints, oldest first."""
    named = [path for path in (run_folder / CHECKPOINTS).glob(f"{_PREFIX}*") if path.name[len(_PREFIX) :].isdigit()]
    return sorted(named, key=step_of)


def _memory_of(learner: "Learner") -> tuple[dict[str, Any], dict[str, Any]]:
    """All that a learner knows: tensors, and numbers that are none."""
    tensors: dict[str, Any] = {f"weight.{name}": tensor for name, tensor in learner.parameters.items()}
    numbers: dict[str, Any] = {}
    for name, parameter in learner.parameters.items():
        for key, value in learner.optimizer.state.get(parameter, {}).items():  # its `state_dict` nests what is 8-bit
            kept = tensors if hasattr(value, "detach") else numbers
            kept[f"optimizer.{key}.{name}"] = value
    for n, group in enumerate(learner.optimizer.param_groups):  # what Prodigy has found out about its rate
        numbers |= {f"group.{key}.{n}": group[key] for key in _OF_GROUPS if key in group}
    if learner.average is not None:
        for name, shadow in zip(learner.parameters, learner.average.shadow_params, strict=True):
            tensors[f"average.weight.{name}"] = shadow
        numbers["average.steps."] = learner.average.optimization_step
    return tensors, numbers


def _remove(checkpoint: Path) -> None:
    """Renamed first: half a checkpoint is none."""
    going = checkpoint.with_name(f".{checkpoint.name}.old")
    os.replace(checkpoint, going)
    shutil.rmtree(going, ignore_errors=True)


def _read_card(folder: Path) -> dict[str, Any]:
    """The card, empty where it cannot be read."""
    try:
        card = read_json(folder / TRAINER_CARD)
        return card if isinstance(card, dict) and isinstance(card.get("files"), dict) else {}
    except (OSError, ValueError):
        return {}


def _has_all_files(folder: Path) -> bool:
    files = _read_card(folder).get("files", {})
    try:
        return bool(files) and all((folder / name).stat().st_size == size for name, (size, _) in files.items())
    except (OSError, ValueError, TypeError):
        return False


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _to_disk(path: Path) -> tuple[int, str]:
    """Bring a file to the disk, before the folder gets its name; its size and hash."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return path.stat().st_size, _hash(path)


def _names_to_disk(folder: Path) -> None:
    """Bring a folder's list of names to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
