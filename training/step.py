"""One step of training: what the model is told, its loss, its gradients, and the same loss on held-out songs.

The loss of a step is the mean over all frames that count, whatever batches its crops came in; a song's weight scales
its frames' share of it.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep.conditioning import masked_cross_attention
from acestep.flow import shifted, velocity_error
from training.batch import Batch, BatchMaker
from training.crops import Crop

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline


def backward(pipeline: "StructuredPipeline", batches: Sequence[Batch], frames: float | None = None) -> Tensor:
    """Gradients of the mean loss over every frame of the step that counts, however its crops are batched.

    Args:
        pipeline: whose model learns.
        batches: what this process sees of the step; may be none where it is not alone.
        frames: how many frames of the whole step count; None: those of `batches` are all.

    Returns:
        what these batches are of that loss, a scalar without gradient.
    """
    frames = max(1.0, frames_of(batches) if frames is None else frames)
    total = torch.zeros((), device=pipeline.pipe.transformer.scale_shift_table.device)
    for batch in batches:
        with told(pipeline, batch):
            loss = summed_error(pipeline, batch) / frames
            loss.backward()  # inside: gradient checkpointing runs the hooked forward pass once more
        total += loss.detach()
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


def summed_error(pipeline: "StructuredPipeline", batch: Batch) -> Tensor:
    """Flow-matching error of one batch, weighted and summed over the frames that count."""
    transformer = pipeline.pipe.transformer
    error = velocity_error(transformer, batch.x_0, batch.condition, batch.context, batch.t, batch.noise, batch.push)
    return (error * batch.mask * batch.weight[:, None]).sum()


def held_out_batches(maker: BatchMaker) -> list[Batch]:
    """The same few examples at every measurement: each held-out song's middle, five times.

    The times are spread out as those of training are, and every song counts alike, whatever its weight.
    """
    settings, training_set = maker.settings, maker.training_set
    quantiles = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
    if settings.timesteps == "schedule":
        t = 1 - (quantiles * settings.schedule_steps).floor() / settings.schedule_steps
    else:
        normal = math.sqrt(2) * torch.erfinv(2 * quantiles - 1)
        t = torch.sigmoid(settings.timestep_mu + settings.timestep_sigma * normal)
    t = shifted(t, settings.shift)
    generator = torch.Generator().manual_seed(settings.seed)
    patch_size = maker.pipeline.pipe.transformer.config.patch_size
    batches = []
    for song in training_set.held_out:
        whole = len(training_set.heard(song).latents)
        frames = whole
        if settings.crops is not None:
            longest = round(settings.crops[1] * training_set.frame_rate / patch_size) * patch_size
            frames = min(whole, max(patch_size, longest))
        noise = torch.randn(len(t), frames, training_set.channels, generator=generator)
        batch = maker.batch([Crop(song, (whole - frames) // 2, frames)] * len(t), noise, t)
        batches.append(replace(batch, weight=torch.ones_like(batch.weight)))
    return batches


@torch.no_grad()
def mean_loss(pipeline: "StructuredPipeline", batches: Sequence[Batch]) -> float:
    """Mean loss over batches, without dropout."""
    pipeline.pipe.transformer.eval()
    total = torch.zeros((), device=batches[0].x_0.device)
    for batch in batches:
        with told(pipeline, batch):
            total += summed_error(pipeline, batch)
    pipeline.pipe.transformer.train()
    return total.item() / sum(batch.frames for batch in batches)
