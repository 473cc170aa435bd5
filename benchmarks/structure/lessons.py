"""What a step could be taught besides plain flow matching: each function changes a batch before its gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from acestep.event_encoder import EventPlan
from acestep.flow import velocity
from acestep.pipeline import StructuredPipeline
from structure.plan import plan_columns
from training.batch import Batch
from training.step import told

Lesson = Callable[[StructuredPipeline, tuple[str, ...], Batch], Batch]


def near_boundaries(weight: float) -> Lesson:
    """A frame at a boundary counts `weight` times one far from any; the sum of all stays as it is."""

    def change(pipeline: StructuredPipeline, vocabulary: tuple[str, ...], batch: Batch) -> Batch:
        near = [i for i, name in enumerate(plan_columns(vocabulary)) if name.endswith("0.5 s")]
        counted = batch.mask * (1 + (weight - 1) * batch.plan.numbers[..., near].amax(-1))
        return replace(batch, mask=counted * (batch.mask.sum() / counted.sum()))

    return change


def shuffled(pipeline: StructuredPipeline, vocabulary: tuple[str, ...], batch: Batch) -> Batch:
    """Each crop is told another's events: what looks like control must vanish."""
    return replace(batch, plan=_of_neighbour(batch.plan))


def pushed(guidance: float, swapped: bool = False, interval: tuple[float, float] = (0.0, 1.0)) -> Lesson:
    """One pass that does the work of two: the target moves by what guidance on events would have added.

    At the fixed point v = u + (1 - 1 / w) (v - v_none), so the model learns v_none + w (u - v_none).

    Args:
        guidance: w.
        swapped: push away from the neighbour's plan instead of from no plan.
        interval: lowest and highest t at which it is pushed.

    Source: Diffusion models without classifier-free guidance (Tang et al., 2025).
    """

    def change(pipeline: StructuredPipeline, vocabulary: tuple[str, ...], batch: Batch) -> Batch:
        other = replace(batch, plan=None)
        if swapped:
            other = replace(batch, plan=_of_neighbour(batch.plan))
        with torch.no_grad():
            difference = _asked(pipeline, batch) - _asked(pipeline, other)
        low, high = interval
        difference *= ((batch.t >= low) & (batch.t <= high))[:, None, None]
        return replace(batch, push=(1 - 1 / guidance) * difference)

    return change


def _of_neighbour(plan: EventPlan) -> EventPlan:
    return EventPlan(plan.numbers.roll(1, 0), plan.words, plan.which.roll(1, 0))


def _asked(pipeline: StructuredPipeline, batch: Batch) -> Tensor:
    with told(pipeline, batch):
        x_t = torch.lerp(batch.x_0, batch.noise, batch.t[:, None, None])
        return velocity(pipeline.pipe.transformer, x_t, batch.condition, batch.context, batch.t)
