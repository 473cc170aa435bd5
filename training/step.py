"""One step of training: what the model is told, its loss, its gradients; and how the loss splits into bands of times.

The loss of a step is the mean over all frames that count, whatever batches its crops came in; a song's weight scales
its frames' share of it.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep.conditioning import masked_cross_attention
from acestep.flow import velocity_error
from training.bands import BANDS, band_key
from training.batch import Batch

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline


def backward(
    pipeline: "StructuredPipeline",
    batches: Sequence[Batch],
    frames: float | None = None,
    bands: "BandSums | None" = None,
) -> Tensor:
    """Gradients of the mean loss over every frame of the step that counts, however its crops are batched.

    Args:
        pipeline: whose model learns.
        batches: what this process sees of the step; may be none where it is not alone.
        frames: how many frames of the whole step count; None: those of `batches` are all.
        bands: gets the same loss by band of times.

    Returns:
        what these batches are of that loss, a scalar without gradient.
    """
    frames = max(1.0, frames_of(batches) if frames is None else frames)
    total = torch.zeros((), device=pipeline.pipe.transformer.scale_shift_table.device)
    for batch in batches:
        with told(pipeline, batch):
            error = weighted_error(pipeline, batch)
            loss = error.sum() / frames
            loss.backward()  # inside: gradient checkpointing runs the hooked forward pass once more
        total += loss.detach()
        if bands is not None:
            bands.add(batch, error.detach())
    return total


def frames_of(batches: Sequence[Batch]) -> float:
    """How many frames of these batches count."""
    return sum(batch.frames for batch in batches)


def told(pipeline: "StructuredPipeline", batch: Batch) -> ExitStack:
    """What surrounds a forward pass: events, the mask of padded conditions, and the precision."""
    stack = ExitStack()
    transformer = pipeline.pipe.transformer
    precision = transformer.scale_shift_table.dtype  # `transformer.dtype` walks through every module
    if precision != torch.float32:
        stack.enter_context(torch.autocast(batch.x_0.device.type, precision))
    if batch.plan is not None:
        stack.enter_context(pipeline.conditioning.training(batch.plan, batch.hears_events))
    if batch.condition_mask is not None:
        stack.enter_context(masked_cross_attention(transformer, batch.condition_mask))
    return stack


def weighted_error(pipeline: "StructuredPipeline", batch: Batch) -> Tensor:
    """Flow-matching error (batch, frames) of one batch, weighted, zero where a frame does not count."""
    transformer = pipeline.pipe.transformer
    error = velocity_error(transformer, batch.x_0, batch.condition, batch.context, batch.t, batch.noise, batch.push)
    return error * batch.mask * batch.weight[:, None]


class BandSums:
    """Error and frames by band of times, added up on the device, where nobody waits for them.

    Args:
        edges: float32 (bands - 1,) on the batches' device: the times between the bands, see `bands.band_edges`.

    Attributes:
        sums: float32 (2, bands): weighted error, then frames that count.
    """

    def __init__(self, edges: Tensor) -> None:
        self._edges = edges
        self._bands = torch.arange(len(edges) + 1, device=edges.device)
        self.sums = torch.zeros(2, len(edges) + 1, device=edges.device)

    def add(self, batch: Batch, error: Tensor) -> None:
        """Add a batch's `weighted_error` (batch, frames), without gradient."""
        band = (batch.t[:, None] >= self._edges).sum(1)  # (batch,)
        rows = torch.stack([error.sum(1), batch.mask.sum(1)]).float()  # (2, batch)
        self.sums += (rows[:, :, None] * (band[:, None] == self._bands)).sum(1)


def band_losses(name: str, sums: Sequence[Sequence[float]]) -> dict[str, float]:
    """`loss_outline` and the like from `BandSums.sums`; a band that no frame was in has none."""
    return {
        band_key(name, band): error / frames for band, error, frames in zip(BANDS, *sums, strict=True) if frames > 0
    }
