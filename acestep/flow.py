"""Flow matching as ACE-Step 1.5 trains it: x_t = t * noise + (1 - t) * x_0, velocity noise - x_0."""

import torch
from torch import Tensor, nn


def sample_timesteps(n: int, mu: float, sigma: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """n times in (0, 1), logit-normal: higher `mu` means more noise (-0.4 upstream, +0.4 for events).

    Source: Esser et al., "Scaling Rectified Flow Transformers", 2024, section 3.1.
    """
    return torch.sigmoid(mu + sigma * torch.randn(n, generator=generator))


def velocity_loss(
    transformer: nn.Module, x_0: Tensor, condition: Tensor, context: Tensor, mask: Tensor, t: Tensor, noise: Tensor
) -> Tensor:
    """Mean squared error of the predicted velocity over real frames.

    Args:
        x_0: clean latents (batch, frames, channels).
        condition: (batch, tokens, width) for cross-attention.
        context: source latents and chunk mask (batch, frames, 2 * channels).
        mask: (batch, frames), one where a frame is real, zero where it pads.
        t: (batch,) in [0, 1]; noise: like x_0.

    Returns:
        scalar.
    """
    t_ = t[:, None, None]
    x_t = t_ * noise + (1 - t_) * x_0
    velocity = transformer(
        hidden_states=x_t,
        timestep=t,
        timestep_r=t,
        encoder_hidden_states=condition,
        context_latents=context,
        return_dict=False,
    )[0]
    error = (velocity - (noise - x_0)).square().mean(-1)  # (batch, frames)
    return (error * mask).sum() / mask.sum()
