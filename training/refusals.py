"""What a run refuses: a disk that it would fill, and numbers that are none."""

import math
import shutil
from pathlib import Path

import torch

from structure.errors import StudioError
from training.learner import Learner
from training.settings import TrainingSettings

FREE_SPACE = 200 * 2**20  # bytes that have to be free beyond what the run will write


class TrainingError(StudioError):
    """A run that cannot start or go on; the message says what to change."""


def refuse_broken_numbers(learner: Learner, loss: float | None, step: int, settings: TrainingSettings) -> None:
    """Let no run go on, and no checkpoint be written, with numbers that are none.

    Raises:
        TrainingError: the loss or a trained weight is infinite or NaN.
    """
    sound = torch.stack([torch.isfinite(parameter).all() for parameter in learner.parameters.values()]).all()
    if (loss is not None and not math.isfinite(loss)) or not bool(sound):
        raise TrainingError(
            f"Loss or weights are no numbers any more at step {step}: lower --learning-rate (now "
            f"{settings.learning_rate:g}). The last checkpoint is untouched."
        )


def check_disk(folder: Path, bytes_to_write: int) -> None:
    """Refuse a run that would fill the disk.

    Raises:
        TrainingError: less is free than the run will write and a reserve.
    """
    free = shutil.disk_usage(folder).free
    needed = bytes_to_write + FREE_SPACE
    if free < needed:
        raise TrainingError(
            f"{folder}: {free / 2**20:.0f} MB are free on that disk, and the run needs {needed / 2**20:.0f} MB. "
            "Free some space, choose another --output-dir, or lower --keep-checkpoints."
        )
