"""Event encoder: a frame plan becomes what is added inside the transformer.

One residual for the output of the patch embedding and one for the input of each of the first three
quarters of the blocks. Every output layer starts at zero, so an untrained encoder leaves the base
model exactly as it is.

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


@dataclass
class EventResidual:
    """What an `EventEncoder` adds: `patch` (batch, tokens, width) once, `blocks[i]` alike before block i."""

    patch: Tensor
    blocks: tuple[Tensor, ...]


class EventEncoder(nn.Module):
    """Convolutions over the frame plan, down to the transformer's token rate, then one linear map per place."""

    def __init__(self, channels: int, width: int, patch_size: int, n_blocks: int, hidden: int = 128):
        """Args:
        channels: columns of the frame plan.
        width: hidden size of the transformer.
        patch_size: latent frames per transformer token.
        n_blocks: how many blocks receive the residual again.
        hidden: inner width; also the rank of each map, which keeps the XL model's path under 10 M parameters.
        """
        super().__init__()
        self.patch_size = patch_size
        self.to_hidden = nn.Conv1d(channels, hidden, 7, padding=3)
        self.to_tokens = nn.Conv1d(hidden, hidden, patch_size, stride=patch_size)
        self.mix = nn.Conv1d(hidden, hidden, 5, padding=2)
        self.to_patch = nn.Linear(hidden, width, bias=False)
        self.to_blocks = nn.ModuleList(nn.Linear(hidden, width, bias=False) for _ in range(n_blocks))
        for layer in (self.to_patch, *self.to_blocks):
            nn.init.zeros_(layer.weight)

    @classmethod
    def for_transformer(
        cls, transformer: "AceStepTransformer1DModel", vocabulary: tuple[str, ...] = DEFAULT_VOCABULARY
    ) -> "EventEncoder":
        """An untrained encoder that fits a transformer's width, patch size and depth."""
        config = transformer.config
        n_blocks = max(1, round(0.75 * config.num_hidden_layers))
        return cls(plan_channels(vocabulary), config.hidden_size, config.patch_size, n_blocks)

    def forward(self, plan: Tensor) -> EventResidual:
        """Frame plan (batch, frames, channels) to residuals over ceil(frames / patch_size) tokens."""
        x = F.pad(plan, (0, 0, 0, -plan.shape[1] % self.patch_size)).transpose(1, 2)
        x = F.silu(self.to_hidden(x))
        x = F.silu(self.to_tokens(x))
        x = (x + F.silu(self.mix(x))).transpose(1, 2)  # (batch, tokens, hidden)
        return EventResidual(self.to_patch(x), tuple(layer(x) for layer in self.to_blocks))

    @property
    def device(self) -> torch.device:
        return self.to_patch.weight.device
