"""The loss on songs that training never sees: the same examples, noise and times at every measurement."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from acestep.flow import shifted
from training.bands import band_edges
from training.batch import Batch, BatchMaker
from training.crops import Crop
from training.settings import TrainingSettings
from training.step import BandSums, band_losses, told, weighted_error

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline


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
def held_out_losses(
    pipeline: "StructuredPipeline", batches: Sequence[Batch], settings: TrainingSettings
) -> dict[str, float]:
    """Mean loss over batches, without dropout: `held_out_loss`, and beside it the same of each band of times."""
    pipeline.pipe.transformer.eval()
    device = batches[0].x_0.device
    bands = BandSums(torch.tensor(band_edges(settings), device=device))
    total = torch.zeros((), device=device)
    for batch in batches:
        with told(pipeline, batch):
            error = weighted_error(pipeline, batch)
        total += error.sum()
        bands.add(batch, error)
    pipeline.pipe.transformer.train()
    mean = total.item() / sum(batch.frames for batch in batches)
    return {"held_out_loss": mean, **band_losses("held_out_loss", bands.sums.tolist())}
