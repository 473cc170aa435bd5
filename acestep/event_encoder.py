"""Event encoder: a frame plan, and words about its sections, become what is added inside the transformer.

One residual for the output of the patch embedding, which is the input of the first block, and one for
the input of each other block among the first three quarters. All of them start at zero, so an untrained
encoder leaves the base model exactly as it is.

Source: adding the control again in the first three quarters of the blocks follows MusiConGen's
in-attention (Lan et al., ISMIR 2024); zero-initialised outputs follow ControlNet (Zhang et al., 2023);
text embeddings copied to their section's frames follow SegTune (2026).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from structure.plan import DEFAULT_VOCABULARY, plan_channels

if TYPE_CHECKING:
    from diffusers import AceStepTransformer1DModel

HIDDEN = 192
"""Inner width: 7 M parameters at width 2048, 12 M at 2560. On the starter a quarter of it has fewer moments,
less intensity and more distance, twice as much adds nothing (docs/structure-control.md)."""

_SCALED_AT = 48
"""Inner width at which a place's gain is the level of its stream. A sum over more inputs moves faster at one learning
rate, so the gain of a wider encoder is smaller; rates found on the starter then suit wider models as well."""

REACH = 7
"""Tokens that the convolution sees: 0.56 s at ACE-Step's rate. The plan itself tells how far away boundaries are."""


@dataclass(frozen=True)
class EventPlan:
    """What the transformer is told about time.

    Attributes:
        numbers: (batch, frames, channels), see `structure.plan.frame_plan`.
        words: (texts, text width), the embedding of each text that is said about a section.
        which: int64 (batch, frames), 0 where nothing is said, else 1 + the text's row.
    """

    numbers: Tensor
    words: Tensor
    which: Tensor

    def to(self, device: torch.device) -> "EventPlan":
        return EventPlan(self.numbers.to(device), self.words.to(device), self.which.to(device))


@dataclass(frozen=True)
class EventResidual:
    """What an `EventEncoder` adds: `patch` (batch, tokens, width) once, `blocks[i]` alike before block i + 1."""

    patch: Tensor
    blocks: tuple[Tensor, ...]

    def scaled(self, factor: float) -> "EventResidual":
        """The same, stronger or weaker."""
        return replace(self, patch=self.patch * factor, blocks=tuple(b * factor for b in self.blocks))

    def repeated(self, n: int) -> "EventResidual":
        """The rows, n times over."""
        return replace(self, patch=self.patch.repeat(n, 1, 1), blocks=tuple(b.repeat(n, 1, 1) for b in self.blocks))

    @contextmanager
    def on(self, transformer: nn.Module, rows: slice = slice(None)) -> Iterator[None]:
        """Within the block, every call of the transformer adds this to these rows of its batch."""

        def after_patch(module: nn.Module, args: tuple, output: Tensor) -> Tensor:
            return _add_rows(output, self.patch.transpose(1, 2), rows)  # output: (batch, width, tokens)

        handles = [transformer.proj_in_conv.register_forward_hook(after_patch)]
        for block, added in zip(transformer.layers[1:], self.blocks, strict=False):
            handles.append(before_block(block, partial(_add_rows, residual=added, rows=rows)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class EventEncoder(nn.Module):
    """A convolution over the frame plan, at the transformer's token rate, then one linear map for all places.

    The convolution is a matrix product over windows of tokens: at this size faster than `nn.Conv1d` on a CPU. Each
    place has a fixed gain, `gain` (n_blocks,), which `calibrate` sets once, before anything is learned.
    """

    def __init__(self, channels: int, text_width: int, width: int, patch_size: int, n_blocks: int, hidden: int):
        """Args:
        channels: columns of the frame plan.
        text_width: of the words' embeddings.
        width: hidden size of the transformer.
        patch_size: latent frames per transformer token.
        n_blocks: how many blocks hear the events, the first one through the patch embedding.
        hidden: inner width, also the rank of each map.
        """
        super().__init__()
        self.patch_size = patch_size
        self.to_hidden = nn.Linear(REACH * patch_size * channels, hidden)
        self.from_words = nn.Linear(text_width, hidden, bias=False)
        self.n_blocks = n_blocks
        self.to_places = nn.Linear(hidden, width * n_blocks, bias=False)
        nn.init.zeros_(self.to_places.weight)
        self.register_buffer("gain", torch.ones(n_blocks))

    def calibrate(self, levels: Tensor) -> None:
        """Scale what is added to the streams that it is added to.

        Args:
            levels: (n_blocks,), root mean square of the tokens that go into each block, see `stream_levels`.
        """
        self.gain.copy_(levels * _SCALED_AT / self.to_hidden.out_features)

    @classmethod
    def for_transformer(
        cls,
        transformer: "AceStepTransformer1DModel",
        text_width: int,
        vocabulary: tuple[str, ...] = DEFAULT_VOCABULARY,
        hidden: int = HIDDEN,
    ) -> "EventEncoder":
        """An untrained encoder that fits a transformer's width, patch size and depth."""
        config = transformer.config
        n_blocks = max(1, round(0.75 * config.num_hidden_layers))
        return cls(plan_channels(vocabulary), text_width, config.hidden_size, config.patch_size, n_blocks, hidden)

    def forward(self, plan: EventPlan, keep: Tensor | None = None) -> EventResidual:
        """Residuals over ceil(frames / patch_size) tokens.

        Args:
            plan: for a batch of songs.
            keep: bool (batch,); rows where it is false get residuals of zero. None keeps all.
        """
        x = F.pad(plan.numbers, (0, 0, 0, -plan.numbers.shape[1] % self.patch_size))
        x = x.reshape(x.shape[0], -1, self.patch_size * x.shape[2])  # (batch, tokens, columns)
        x = self.to_hidden(_windows(x, REACH))  # (batch, tokens, hidden)
        if len(plan.words):
            silent = x.new_zeros(1, x.shape[2])
            said = torch.cat([silent, self.from_words(F.layer_norm(plan.words, plan.words.shape[1:]))])
            x = x + said[plan.which[:, :: self.patch_size]]  # a token says what its first frame says
        x = F.silu(x)
        if keep is not None:
            x = x * keep[:, None, None]
        places = self.to_places(x).chunk(self.n_blocks, dim=-1)
        patch, *blocks = (place * gain for place, gain in zip(places, self.gain, strict=True))
        return EventResidual(patch, tuple(blocks))

    @property
    def device(self) -> torch.device:
        return self.to_places.weight.device


@torch.no_grad()
def stream_levels(transformer: nn.Module, inputs: dict[str, Tensor], n_blocks: int) -> Tensor:
    """Root mean square of the tokens that go into each of the first blocks, float32 (n_blocks,).

    Args:
        transformer: asked once.
        inputs: what it is called with.
        n_blocks: how many blocks.
    """
    levels: list[Tensor] = []

    def note(hidden: Tensor) -> Tensor:
        levels.append(hidden.float().square().mean().sqrt())
        return hidden

    handles = [before_block(block, note) for block in transformer.layers[:n_blocks]]
    try:
        transformer(**inputs, return_dict=False)
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(levels)


def before_block(block: nn.Module, change: Callable[[Tensor], Tensor]) -> Any:
    """Hook a transformer block so that its token input (batch, tokens, width) goes through `change` first."""

    def before(module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        if "hidden_states" in kwargs:
            return args, {**kwargs, "hidden_states": change(kwargs["hidden_states"])}
        return (change(args[0]), *args[1:]), kwargs

    return block.register_forward_pre_hook(before, with_kwargs=True)


def _add_rows(hidden: Tensor, residual: Tensor, rows: slice) -> Tensor:
    residual = residual.to(hidden.dtype)
    if hidden[rows].shape[0] == hidden.shape[0]:
        return hidden + residual
    hidden = hidden.clone()
    hidden[rows] += residual
    return hidden


def _windows(x: Tensor, n: int) -> Tensor:
    """Each token with its neighbours, zeros beyond the ends: (batch, tokens, width) to (batch, tokens, width * n)."""
    return F.pad(x, (0, 0, n // 2, n // 2)).unfold(1, n, 1).flatten(2)
