"""One step of training: what the model is told, its loss, its gradients, and the same loss on held-out songs."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep.conditioning import masked_cross_attention
from acestep.flow import velocity_loss
from training.batch import Batch, BatchMaker
from training.crops import Crop
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline


def backward(pipeline: "StructuredPipeline", batches: Sequence[Batch], settings: TrainingSettings) -> Tensor:
    """Gradients of the mean loss over every real frame of the step, however its crops are batched.

    Returns:
        that loss, a scalar without gradient.
    """
    frames = sum(batch.frames for batch in batches)
    total = torch.zeros((), device=pipeline.device)
    for batch in batches:
        with told(pipeline, batch, settings):
            loss = batch_loss(pipeline, batch) * (batch.frames / frames)
            loss.backward()  # inside: gradient checkpointing runs the hooked forward pass once more
        total += loss.detach()
    return total


def told(pipeline: "StructuredPipeline", batch: Batch, settings: TrainingSettings) -> ExitStack:
    """What surrounds a forward pass: events, the mask of padded conditions, and the precision."""
    stack = ExitStack()
    transformer = pipeline.pipe.transformer
    if transformer.dtype != torch.float32:
        stack.enter_context(torch.autocast(pipeline.device.type, transformer.dtype))
    if batch.plan is not None:
        stack.enter_context(pipeline.conditioning.training(batch.plan, batch.hears_events))
    if batch.condition_mask is not None:
        stack.enter_context(masked_cross_attention(transformer, batch.condition_mask))
    return stack


def batch_loss(pipeline: "StructuredPipeline", batch: Batch) -> Tensor:
    """Flow-matching loss of one batch, all of whose frames are real."""
    mask = torch.ones(batch.x_0.shape[:2], device=batch.x_0.device)
    return velocity_loss(
        pipeline.pipe.transformer, batch.x_0, batch.condition, batch.context, mask, batch.t, batch.noise
    )


def held_out_batches(maker: BatchMaker, first: int, settings: TrainingSettings) -> list[Batch]:
    """The same few examples at every measurement: each held-out song's middle at five spread-out timesteps.

    Args:
        maker: knows all songs.
        first: number of the first held-out song.
        settings: crop length.
    """
    quantiles = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
    t = torch.sigmoid(settings.timestep_mu + settings.timestep_sigma * math.sqrt(2) * torch.erfinv(2 * quantiles - 1))
    generator = torch.Generator().manual_seed(settings.seed)
    patch_size = maker.pipeline.pipe.transformer.config.patch_size
    batches = []
    for song in range(first, len(maker.songs)):
        frames = len(maker.latents[song])
        if settings.crop_max_sec is not None:
            longest = round(settings.crop_max_sec * maker.pipeline.frame_rate / patch_size) * patch_size
            frames = min(frames, max(patch_size, longest))
        crop = Crop(song, (len(maker.latents[song]) - frames) // 2, frames)
        noise = torch.randn(len(t), frames, maker.latents[song].shape[1], generator=generator)
        batches.append(maker.batch([crop] * len(t), noise, t))
    return batches


@torch.no_grad()
def mean_loss(pipeline: "StructuredPipeline", batches: Sequence[Batch], settings: TrainingSettings) -> float:
    """Mean loss over batches, without dropout."""
    pipeline.pipe.transformer.eval()
    total = torch.zeros((), device=pipeline.device)
    for batch in batches:
        with told(pipeline, batch, settings):
            total += batch_loss(pipeline, batch) * batch.frames
    pipeline.pipe.transformer.train()
    return total.item() / sum(batch.frames for batch in batches)
