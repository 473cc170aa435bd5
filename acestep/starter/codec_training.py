"""Teaches the starter's codec to reconstruct procedural songs.

Magnitudes only: the oscillators' phases are free, so the loss compares spectra at seven window
lengths and never waveforms.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from acestep.starter.codec import StarterCodec

LOSS_WINDOWS = (128, 256, 512, 1024, 2048, 4096, 8192)  # samples
CROP_FRAMES = 32  # latent frames, 1.28 s
BATCH = 8
LEARNING_RATE = 1.5e-3
LATENT_NOISE = 0.1  # the base model's latents will not be exact: the decoder learns to forgive


def spectral_loss(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean over window lengths of L1 between log magnitudes plus half the spectral convergence.

    Args:
        estimate, target: samples (batch, n).

    Source: multi-resolution STFT loss of Parallel WaveGAN (Yamamoto et al., 2020).
    """
    total = estimate.new_zeros(())
    for window in LOSS_WINDOWS:
        hann = torch.hann_window(window, device=estimate.device)
        a, b = (
            torch.stft(x, window, window // 4, window=hann, return_complex=True).abs() * (2 / hann.sum())
            for x in (estimate, target)
        )
        log_distance = (torch.log(a + 1e-4) - torch.log(b + 1e-4)).abs().mean()
        total = total + log_distance + 0.5 * (a - b).norm() / b.norm().clamp(min=1e-3)
    return total / len(LOSS_WINDOWS)


@torch.no_grad()
def _initialise(codec: StarterCodec, songs: list[np.ndarray], rng: np.random.Generator) -> None:
    """Standardise the features over a sample of the songs and start the linear path as their whitened PCA."""
    sample = [torch.from_numpy(songs[i]).float()[None, None] for i in rng.permutation(len(songs))[:40]]
    features = torch.cat([codec.features(x)[0] for x in sample], 1)  # (n_features, frames)
    codec.feature_mean.copy_(features.mean(1))
    codec.feature_std.copy_(features.std(1).clamp(min=0.1))
    features = (features - codec.feature_mean[:, None]) / codec.feature_std[:, None]
    values, vectors = torch.linalg.eigh(torch.cov(features))
    keep = codec.config.latent_channels
    codec.to_linear.weight[:, :, 0] = (vectors[:, -keep:] / values[-keep:].sqrt()).T
    codec.to_linear.bias.zero_()


def train_codec(
    songs: list[np.ndarray], steps: int, seed: int, on_step: Callable[[int, float], None] = lambda step, loss: None
) -> StarterCodec:
    """A trained codec whose latents are white on `songs`.

    Args:
        songs: mono float arrays at the codec's rate, longer than 1.28 s.
        steps: optimizer steps of eight crops; learning rate flat for 30 %, then a cosine to zero.
        on_step: told (step, loss) after each step.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    codec = StarterCodec()
    _initialise(codec, songs, rng)
    optimizer = torch.optim.AdamW([p for p in codec.parameters() if p.requires_grad], LEARNING_RATE, weight_decay=1e-3)
    flat = 0.3 * steps
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: 1.0 if i < flat else 0.5 * (1 + math.cos(math.pi * (i - flat) / (steps - flat)))
    )
    generator = torch.Generator().manual_seed(seed)
    n_samples = CROP_FRAMES * codec.frame
    for step in range(steps):
        crops = []
        for i in rng.integers(len(songs), size=BATCH):
            start = rng.integers(len(songs[i]) - n_samples)
            gain = 10 ** (rng.uniform(-12, 2) / 20)
            crops.append(songs[i][start : start + n_samples].astype(np.float32) * gain)
        target = torch.from_numpy(np.stack(crops)).float()
        latents = codec.encode(target[:, None]).latent_dist.mode()
        moments = latents.mean((0, 2)).square().mean() + (latents.std((0, 2)) - 1).square().mean()
        noisy = latents + LATENT_NOISE * torch.randn(latents.shape, generator=generator)
        tones, noise = codec.loudness(noisy)
        phase = torch.rand(codec.tone_phase.shape, generator=generator, dtype=torch.float64)
        loss = spectral_loss(codec.synthesise(tones, noise, phase, generator), target) + 0.02 * moments
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        on_step(step, loss.item())
    codec.eval()
    with torch.no_grad():
        latents = [codec.encode(torch.from_numpy(s).float()[None, None]).latent_dist.mode()[0].T for s in songs[:100]]
        codec.fold_whitening(torch.cat(latents))
    return codec
