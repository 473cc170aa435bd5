"""Event encoder: a frame plan becomes what is added inside the transformer.

One residual for the output of the patch embedding, which is the input of the first block, and one for
the input of each other block among the first three quarters. All of them start at zero, so an untrained
encoder leaves the base model exactly as it is.

Source: adding the control again in the first three quarters of the blocks follows MusiConGen's
in-attention (Lan et al., ISMIR 2024); zero-initialised outputs follow ControlNet (Zhang et al., 2023).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from structure.plan import DEFAULT_VOCABULARY, plan_channels

if TYPE_CHECKING:
    from diffusers import AceStepTransformer1DModel

HIDDEN = 128
"""Inner width for large models: 5 M parameters at width 2048, 8 M at 2560. A quarter of a narrower model's width, which
costs the starter a quarter of what 128 did and controls as well (see the README's table)."""

REACH = 7
"""Tokens that the convolution sees: 0.56 s at ACE-Step's rate. The plan itself tells how far away boundaries are."""


@dataclass
class EventResidual:
    """What an `EventEncoder` adds: `patch` (batch, tokens, width) once, `blocks[i]` alike before block i + 1."""

    patch: Tensor
    blocks: tuple[Tensor, ...]


class EventEncoder(nn.Module):
    """A convolution over the frame plan, at the transformer's token rate, then one linear map for all places.

    The convolution is a matrix product over windows of tokens: at this size faster than `nn.Conv1d` on a CPU.
    """

    def __init__(self, channels: int, width: int, patch_size: int, n_blocks: int, hidden: int):
        """Args:
        channels: columns of the frame plan.
        width: hidden size of the transformer.
        patch_size: latent frames per transformer token.
        n_blocks: how many blocks hear the events, the first one through the patch embedding.
        hidden: inner width, also the rank of each map.
        """
        super().__init__()
        self.patch_size = patch_size
        self.to_hidden = nn.Linear(REACH * patch_size * channels, hidden)
        self.n_blocks = n_blocks
        self.to_places = nn.Linear(hidden, width * n_blocks, bias=False)
        nn.init.zeros_(self.to_places.weight)

    @classmethod
    def for_transformer(
        cls, transformer: "AceStepTransformer1DModel", vocabulary: tuple[str, ...] = DEFAULT_VOCABULARY
    ) -> "EventEncoder":
        """An untrained encoder that fits a transformer's width, patch size and depth."""
        config = transformer.config
        n_blocks = max(1, round(0.75 * config.num_hidden_layers))
        hidden = min(HIDDEN, config.hidden_size // 4)
        return cls(plan_channels(vocabulary), config.hidden_size, config.patch_size, n_blocks, hidden)

    def forward(self, plan: Tensor, keep: Tensor | None = None) -> EventResidual:
        """Frame plan (batch, frames, channels) to residuals over ceil(frames / patch_size) tokens.

        Args:
            plan: see `structure.plan`.
            keep: bool (batch,); rows where it is false get residuals of zero. None keeps all.
        """
        x = F.pad(plan, (0, 0, 0, -plan.shape[1] % self.patch_size))
        x = x.reshape(x.shape[0], -1, self.patch_size * x.shape[2])  # (batch, tokens, columns)
        x = F.silu(self.to_hidden(_windows(x, REACH)))  # (batch, tokens, hidden)
        if keep is not None:
            x = x * keep[:, None, None]
        patch, *blocks = self.to_places(x).chunk(self.n_blocks, dim=-1)
        return EventResidual(patch, tuple(blocks))

    @property
    def device(self) -> torch.device:
        return self.to_places.weight.device


def _windows(x: Tensor, n: int) -> Tensor:
    """Each token with its neighbours, zeros beyond the ends: (batch, tokens, width) to (batch, tokens, width * n)."""
    return F.pad(x, (0, 0, n // 2, n // 2)).unfold(1, n, 1).flatten(2)
