"""Flow matching as ACE-Step 1.5 trains it: x_t = t * noise + (1 - t) * x_0, velocity noise - x_0."""

import torch
from torch import Tensor, nn


def sample_timesteps(n: int, mu: float, sigma: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """n times in (0, 1), logit-normal, on the generator's device: higher `mu` means more noise (-0.4 upstream).

    Source: Esser et al., "Scaling Rectified Flow Transformers", 2024, section 3.1.
    """
    device = generator.device if generator else None
    return torch.sigmoid(mu + sigma * torch.randn(n, generator=generator, device=device))


def schedule_timesteps(n: int, steps: int, generator: torch.Generator | None = None) -> Tensor:
    """n times drawn evenly from the steps of a sampler that takes `steps` of them: 1, (steps - 1) / steps … 1 / steps.

    Shifted by 3, eight steps are the times that ACE-Step's turbo checkpoints are asked at, and no others.
    """
    return 1 - torch.randint(steps, (n,), generator=generator) / steps


def shifted(t: Tensor, shift: float) -> Tensor:
    """Times moved towards noise as the sampler's schedule moves them: shift * t / (1 + (shift - 1) * t).

    Source: Esser et al., 2024, equation 23.
    """
    return shift * t / (1 + (shift - 1) * t)


def velocity(transformer: nn.Module, x_t: Tensor, condition: Tensor, context: Tensor, t: Tensor) -> Tensor:
    """The transformer's velocity at `x_t`, (batch, frames, channels).

    Args:
        x_t: noisy latents, the same shape.
        condition: (batch, tokens, width) for cross-attention.
        context: source latents and chunk mask (batch, frames, 2 * channels).
        t: (batch,) in [0, 1].
    """
    return transformer(
        hidden_states=x_t,
        timestep=t,
        timestep_r=t,
        encoder_hidden_states=condition,
        context_latents=context,
        return_dict=False,
    )[0]


def velocity_error(
    transformer: nn.Module,
    x_0: Tensor,
    condition: Tensor,
    context: Tensor,
    t: Tensor,
    noise: Tensor,
    push: Tensor | None = None,
) -> Tensor:
    """Squared error of the predicted velocity in each frame, averaged over channels.

    Args:
        x_0: clean latents (batch, frames, channels).
        condition, context, t: as for `velocity`.
        noise: like x_0.
        push: like x_0, added to the velocity to be learned; None: nothing.

    Returns:
        (batch, frames).
    """
    t_ = t[:, None, None]
    x_t = t_ * noise + (1 - t_) * x_0
    wanted = noise - x_0 if push is None else noise - x_0 + push
    return (velocity(transformer, x_t, condition, context, t) - wanted).square().mean(-1)


def velocity_loss(
    transformer: nn.Module, x_0: Tensor, condition: Tensor, context: Tensor, mask: Tensor, t: Tensor, noise: Tensor
) -> Tensor:
    """Mean of `velocity_error` over real frames, a scalar; `mask` (batch, frames) is one where a frame is real."""
    error = velocity_error(transformer, x_0, condition, context, t, noise)
    return (error * mask).sum() / mask.sum()
