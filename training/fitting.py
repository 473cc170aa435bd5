"""Real checkpoints into the memory at hand: the most generous rung of the ladder of thrift that will fit."""

from dataclasses import dataclass
from typing import Any

from structure.errors import StudioError
from training.estimate import ON_CUDA, Songs, memory_needed
from training.machine import Device
from training.presets import AIMS, MEMORY_GB, PRESETS, STARTER_AIMS, THRIFT, preset_for
from training.settings import SettingsError, TrainingSettings, make_settings
from training.sizes import BaseSizes, sizes_of

FOUR_MINUTES = Songs(one_pass=1, count=0, mean=240.0, longest=240.0)
_FULL = 0.95  # of the memory that its size names: the rest is the screen's and the driver's


class DoesNotFit(StudioError):
    """A base model that no setting of ours trains in so little memory."""


@dataclass(frozen=True)
class Fitted:
    """Values for `make_settings`, the rung they come from, and the bytes that they need."""

    values: dict[str, Any]
    rung: int
    memory: float


def composed(base_model: str, aim: str, memory_gb: float | None, device: Device) -> dict[str, Any]:
    """The values of an aim: the starter's own recipe, or a real checkpoint's that fits.

    Args:
        base_model: what is trained on.
        aim: a key of `AIMS`.
        memory_gb: to fit a real checkpoint into; None: the device's.
        device: where it will be trained.

    Raises:
        DoesNotFit: nothing does.
        SettingsError: the starter has no such aim.
    """
    if base_model == "starter":
        if aim not in STARTER_AIMS:
            raise SettingsError(f"The starter has no aim {aim!r}: choose one of {', '.join(STARTER_AIMS)}.")
        return PRESETS[STARTER_AIMS[aim]].values
    return fitted(base_model, nearest_memory(device) if memory_gb is None else memory_gb, aim, kind=device.kind).values


def fitted(base_model: str, memory_gb: float, aim: str, sizes: BaseSizes | None = None, kind: str = "cuda") -> Fitted:
    """The values for a real checkpoint.

    Args:
        base_model: what is trained on.
        memory_gb: of the GPU, 10^9 bytes each.
        aim: a key of `AIMS`.
        sizes: of the model, where they are known already.
        kind: of the device; on a processor the memory is the machine's.

    Raises:
        DoesNotFit: not even the most sparing rung does.
    """
    sizes = sizes or sizes_of(base_model)
    needed = 0.0
    for number, rung in enumerate(THRIFT):
        values = {**preset_for(base_model).values, **rung, **AIMS[aim].values}
        needed = memory_needed(sizes, _settings(values, base_model), FOUR_MINUTES, kind)
        needed += ON_CUDA if kind == "cuda" else 0.0
        if needed <= _FULL * memory_gb * 1e9:
            return Fitted(values, number, needed)
    least = next((size for size in MEMORY_GB if needed <= _FULL * size * 1e9), None)
    way = f"choose a GPU of {least} GB or more, or a smaller model" if least else "choose a smaller model"
    raise DoesNotFit(
        f"{base_model} needs about {needed / 1e9:.0f} GB at its most sparing, and {memory_gb:g} GB are there: {way}."
    )


def nearest_memory(device: Device) -> int:
    """The size that a device comes nearest to without being smaller by more than a twelfth: 24 GB are 25.8e9 bytes."""
    fitting = [size for size in MEMORY_GB if size * 1e9 * 11 / 12 <= device.memory]
    return fitting[-1] if fitting else MEMORY_GB[0]


def _settings(values: dict[str, Any], base_model: str) -> TrainingSettings:
    return make_settings(None, dataset_dir="", base_model=base_model, **values)
