"""The one pickle that is ever opened: the latent of silence in an original release, which has it in no other form."""

from pathlib import Path
from typing import TYPE_CHECKING

from acestep.converting.errors import ConversionError

if TYPE_CHECKING:
    import torch

SILENCE = "silence_latent.pt"


def read_silence(folder: Path, shape: tuple[int, int, int]) -> "torch.Tensor":
    """Ten minutes of encoded silence, as the condition encoder keeps it.

    `weights_only` lets nothing but tensors out of the pickle, so that no code in it runs.

    Args:
        folder: the original model's; its file holds (1, channels, frames).
        shape: (1, frames, channels) of what is wanted.

    Returns:
        `shape`, in the precision of the file.

    Raises:
        ConversionError: no such file, or not a finite latent of this shape.
    """
    import torch

    path = folder / SILENCE
    if not path.is_file():
        raise ConversionError(f"{folder}: no {SILENCE} there; download that file of the release as well.")
    try:
        silence = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # what a broken or hostile pickle raises is anybody's guess
        raise ConversionError(f"{path}: this holds something other than one tensor; download it again.") from problem
    stored = (shape[0], shape[2], shape[1])
    if not isinstance(silence, torch.Tensor) or tuple(silence.shape) != stored:
        found = tuple(silence.shape) if isinstance(silence, torch.Tensor) else type(silence).__name__
        raise ConversionError(f"{path}: one tensor of shape {stored} is needed, this is {found}.")
    if not silence.is_floating_point() or not silence.isfinite().all():
        raise ConversionError(f"{path}: a latent has finite decimal numbers, this has others ({silence.dtype}).")
    return silence.transpose(1, 2).contiguous()
