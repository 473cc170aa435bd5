"""Other ways for events to reach the transformer, tried beside the product's own and kept here with their figures.

Each function makes an encoder for a pipeline and a vocabulary; untrained, each leaves the base exactly as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acestep.event_encoder import HIDDEN, EventEncoder, EventPlan, EventResidual, before_block
from acestep.pipeline import StructuredPipeline
from structure.plan import DEFAULT_VOCABULARY, plan_channels, plan_columns
from training.model import calibrate

Path = Callable[[StructuredPipeline, tuple[str, ...]], EventEncoder]


def residual(n_blocks: int | None = None, hidden: int = HIDDEN, gain: float = 1.0) -> Path:
    """The product's encoder with another number of blocks that hear it, another inner width, or more gain."""

    def make(pipeline: StructuredPipeline, vocabulary: tuple[str, ...]) -> EventEncoder:
        usual = EventEncoder.for_transformer(pipeline.pipe.transformer, _text_width(pipeline), vocabulary)
        config = pipeline.pipe.transformer.config
        encoder = EventEncoder(
            plan_channels(vocabulary), _text_width(pipeline), config.hidden_size, config.patch_size,
            n_blocks or usual.n_blocks, hidden,
        )  # fmt: skip
        calibrate(pipeline, encoder)
        encoder.gain.mul_(gain)
        return encoder

    return make


def without(columns: Sequence[str]) -> Path:
    """The product's encoder, deaf to some columns of the plan."""

    class Deaf(EventEncoder):
        def forward(self, plan: EventPlan, keep: Tensor | None = None) -> EventResidual:
            return super().forward(EventPlan(plan.numbers * self.heard, plan.words, plan.which), keep)

    def make(pipeline: StructuredPipeline, vocabulary: tuple[str, ...]) -> EventEncoder:
        encoder = Deaf.for_transformer(pipeline.pipe.transformer, _text_width(pipeline), vocabulary)
        names = plan_columns(vocabulary)
        calibrate(pipeline, encoder)
        encoder.register_buffer("heard", torch.tensor([float(name not in columns) for name in names]))
        return encoder

    return make


@dataclass(frozen=True)
class Modulation(EventResidual):
    """AdaLN's way: each place's tokens x become x * (1 + gain) + shift, from `patch` and `blocks` of double width."""

    @contextmanager
    def on(self, transformer: nn.Module, rows: slice = slice(None)) -> Iterator[None]:
        def modulated(hidden: Tensor, places: Tensor) -> Tensor:
            gain, shift = places.chunk(2, dim=-1)
            changed = hidden.clone()
            changed[rows] = hidden[rows] * (1 + gain) + shift
            return changed

        handles = [
            before_block(block, partial(modulated, places=places))
            for block, places in zip(transformer.layers, (self.patch, *self.blocks), strict=False)
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class ModulatingEncoder(EventEncoder):
    """The product's encoder with twice the outputs, used as gains and shifts."""

    def forward(self, plan: EventPlan, keep: Tensor | None = None) -> EventResidual:
        plain = super().forward(plan, keep)
        return Modulation(plain.patch, plain.blocks)


def modulation(pipeline: StructuredPipeline, vocabulary: tuple[str, ...]) -> EventEncoder:
    """Gains and shifts (AdaLN, FiLM) in place of a residual."""
    config = pipeline.pipe.transformer.config
    usual = EventEncoder.for_transformer(pipeline.pipe.transformer, _text_width(pipeline), vocabulary)
    return ModulatingEncoder(
        plan_channels(vocabulary), _text_width(pipeline), 2 * config.hidden_size, config.patch_size,
        usual.n_blocks, usual.to_hidden.out_features,
    )  # fmt: skip


@dataclass(frozen=True)
class Attended(EventResidual):
    """Events as tokens that every block attends to, with rotary positions at their place in the song.

    Attributes:
        tokens: (batch, n, width), one every half second.
        encoder: holds the projections.
    """

    tokens: Tensor = None
    encoder: AttendingEncoder = None

    def scaled(self, factor: float) -> EventResidual:
        return self if factor == 1 else Attended(self.patch, self.blocks, self.tokens * factor, self.encoder)

    def repeated(self, n: int) -> EventResidual:
        return Attended(self.patch, self.blocks, self.tokens.repeat(n, 1, 1), self.encoder)

    @contextmanager
    def on(self, transformer: nn.Module, rows: slice = slice(None)) -> Iterator[None]:
        def attended(hidden: Tensor, place: int) -> Tensor:
            changed = hidden.clone()
            changed[rows] = hidden[rows] + self.encoder.attend(place, hidden[rows], self.tokens)
            return changed

        handles = [
            before_block(block, partial(attended, place=place))
            for place, block in enumerate(transformer.layers[: self.encoder.n_blocks])
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class AttendingEncoder(EventEncoder):
    """Event tokens at regular places, read by a cross-attention of each block's own."""

    HEADS, EVERY = 4, 6  # heads; transformer tokens from one event token to the next, about half a second

    def __init__(self, channels: int, text_width: int, width: int, patch_size: int, n_blocks: int, hidden: int):
        super().__init__(channels, text_width, width, patch_size, 1, hidden)
        self.n_blocks = n_blocks
        nn.init.normal_(self.to_places.weight, std=0.02)
        self.queries = nn.ModuleList(nn.Linear(width, hidden * self.HEADS, bias=False) for _ in range(n_blocks))
        self.keys = nn.ModuleList(nn.Linear(width, hidden * self.HEADS, bias=False) for _ in range(n_blocks))
        self.values = nn.ModuleList(nn.Linear(width, hidden * self.HEADS, bias=False) for _ in range(n_blocks))
        self.outs = nn.ModuleList(nn.Linear(hidden * self.HEADS, width, bias=False) for _ in range(n_blocks))
        for out in self.outs:
            nn.init.zeros_(out.weight)

    def forward(self, plan: EventPlan, keep: Tensor | None = None) -> EventResidual:
        x = F.pad(plan.numbers, (0, 0, 0, -plan.numbers.shape[1] % self.patch_size))
        self_blocks, self.n_blocks = self.n_blocks, 1
        try:
            patch = super().forward(EventPlan(x, plan.words, F.pad(plan.which, (0, x.shape[1] - plan.which.shape[1]))),
                                    keep).patch  # fmt: skip
        finally:
            self.n_blocks = self_blocks
        return Attended(patch * 0, (), patch[:, :: self.EVERY], self)

    def attend(self, place: int, hidden: Tensor, tokens: Tensor) -> Tensor:
        """What the tokens of a block hear: (batch, tokens, width)."""
        normed = F.layer_norm(hidden, hidden.shape[-1:])
        at = torch.arange(hidden.shape[1], device=hidden.device).float()
        q = _rotated(self.queries[place](normed).unflatten(2, (self.HEADS, -1)), at)
        k = _rotated(self.keys[place](tokens).unflatten(2, (self.HEADS, -1)), at[:: self.EVERY][: tokens.shape[1]])
        v = self.values[place](tokens).unflatten(2, (self.HEADS, -1))
        heard = F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)))
        return self.outs[place](heard.transpose(1, 2).flatten(2))


def attention(pipeline: StructuredPipeline, vocabulary: tuple[str, ...] = DEFAULT_VOCABULARY) -> EventEncoder:
    """Cross-attention to event tokens with rotary positions, in the blocks that otherwise get a residual."""
    return AttendingEncoder.for_transformer(pipeline.pipe.transformer, _text_width(pipeline), vocabulary)


def _rotated(x: Tensor, at: Tensor) -> Tensor:
    """Rotary position embedding of (batch, n, heads, even width) at positions (n,) (Su et al., 2021)."""
    half = x.shape[-1] // 2
    rate = torch.exp(-math.log(1000.0) * torch.arange(half, device=x.device) / half)
    angle = (at[:, None] * rate)[None, :, None]  # (1, n, 1, half)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=-1)


def _text_width(pipeline: StructuredPipeline) -> int:
    return pipeline.pipe.text_encoder.config.hidden_size
