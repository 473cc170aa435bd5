"""The starter's codec: 24 kHz mono audio to 25 Hz latents and back, small enough for two CPU cores.

The encoder reads log spectra at four window lengths and maps them to 32 channels: short windows in mel bands for
drums, long ones in quarter tones, since mel bands cannot tell the notes of a low chord apart. The decoder is a ConvNeXt
trunk that sets the loudness of a fixed bank of oscillators (25 cents apart, on the equal-tempered grid, so that notes
and their octaves fall on an oscillator) and of filtered noise. A bank keeps its phase from frame to frame, so steady
tones do not buzz at the frame rate as they do with decoders that predict each frame's phase afresh; its window rises
five times faster than it falls, as struck and plucked notes do.

The class answers like diffusers' `AutoencoderOobleck` where `AceStepPipeline` asks it: `config`,
`encode(x).latent_dist`, `decode(z).sample`.

Source: oscillators and noise after DDSP (Engel et al., 2020); ConvNeXt in one dimension after Vocos
(Siuzdak, 2023).
"""

import math
from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

A4_HZ = 440.0
MEL_WINDOWS = {512: 48, 2048: 96}  # samples, bands; the shortest is read four times a latent frame
PITCH_WINDOWS = {4096: (60.0, 6000.0), 8192: (45.0, 800.0)}  # samples, lowest and highest note in Hz
NOTES_PER_OCTAVE = 24
LOG_FLOOR = 1e-4


def oscillator_frequencies(lowest: float = 30.0, highest: float = 6000.0, min_gap: float = 4.0) -> Tensor:
    """Frequencies in Hz of the bank: every 25 cents from A440, thinned to `min_gap` Hz at the bottom.

    Returns:
        float64 (n_oscillators,), ascending.
    """
    steps = torch.arange(math.ceil(48 * math.log2(lowest / A4_HZ)), math.floor(48 * math.log2(highest / A4_HZ)) + 1)
    chosen: list[float] = []
    for step in steps.tolist():
        frequency = A4_HZ * 2 ** (step / 48)
        on_a_note = step % 4 == 0  # the twelve equal-tempered notes are never thinned away
        if on_a_note and chosen and frequency - chosen[-1] < min_gap / 2:
            chosen.pop()
        if on_a_note or not chosen or frequency - chosen[-1] >= min_gap:
            chosen.append(frequency)
    return torch.tensor(chosen, dtype=torch.float64)


def band_matrix(n_bands: int, n_fft: int, sample_rate: int, lowest: float = 30.0) -> Tensor:
    """Triangular bands, evenly spaced on the mel scale, as a matrix over FFT bins.

    Returns:
        float32 (n_bands, n_fft // 2 + 1); each row sums to 1, and no row is empty.
    """
    mel = lambda hz: 2595 * math.log10(1 + hz / 700)  # noqa: E731
    edges = torch.linspace(mel(lowest), mel(sample_rate / 2), n_bands + 2, dtype=torch.float64)
    edges = 700 * (10 ** (edges / 2595) - 1)
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    width = sample_rate / n_fft  # a band narrower than a bin still sees its nearest bin
    left = torch.maximum(edges[1:-1] - edges[:-2], torch.tensor(width))[:, None]
    right = torch.maximum(edges[2:] - edges[1:-1], torch.tensor(width))[:, None]
    offset = bins[None] - edges[1:-1, None]
    bands = torch.clamp(torch.minimum(1 + offset / left, 1 - offset / right), min=0)
    return (bands / bands.sum(1, keepdim=True).clamp(min=1e-9)).float()


def pitch_matrix(lowest: float, highest: float, n_fft: int, sample_rate: int) -> Tensor:
    """Triangular bands a quarter tone apart, from `lowest` to `highest` Hz, as a matrix over FFT bins.

    Returns:
        float32 (n_bands, n_fft // 2 + 1); each row sums to 1, and no row is empty.
    """
    steps = torch.arange(math.floor(NOTES_PER_OCTAVE * math.log2(highest / lowest)) + 1, dtype=torch.float64)
    centres = lowest * 2 ** (steps / NOTES_PER_OCTAVE)
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    reach = (centres * (2 ** (1 / NOTES_PER_OCTAVE) - 1)).clamp(min=sample_rate / n_fft)
    bands = torch.clamp(1 - (bins[None] - centres[:, None]).abs() / reach[:, None], min=0)
    return (bands / bands.sum(1, keepdim=True)).float()


def oscillator_window(hop: int, attack: int, release: int) -> Tensor:
    """How loud an oscillator's step is from sample to sample; windows a hop apart add up to 1.

    Args:
        hop: samples from step to step.
        attack, release: samples over which a step comes and goes.

    Returns:
        float64 (hop + attack + release - 1,); the step itself begins at sample `attack`.
    """
    rise = torch.sin(math.pi / 2 * (torch.arange(attack, dtype=torch.float64) + 0.5) / attack) ** 2
    fall = torch.cos(math.pi / 2 * (torch.arange(release, dtype=torch.float64) + 0.5) / release) ** 2
    kernel = torch.cat([rise, fall])
    return F.conv1d(F.pad(kernel / kernel.sum(), (hop - 1, hop - 1))[None, None], torch.ones(1, 1, hop).double())[0, 0]


class ConvNeXtBlock(nn.Module):
    """Adds to (batch, channels, frames) a depthwise convolution over time and a two-layer network over channels."""

    def __init__(self, width: int, expansion: int = 2, kernel: int = 7):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, expansion * width)
        self.down = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(self.depthwise(x).transpose(1, 2))
        return x + (self.scale * self.down(F.gelu(self.up(hidden)))).transpose(1, 2)


@dataclass
class LatentPoint:
    """A latent distribution without spread: the codec is deterministic, so mode and sample agree."""

    mean: Tensor  # (batch, channels, frames)

    def mode(self) -> Tensor:
        return self.mean

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        return self.mean


@dataclass
class EncodedAudio:
    latent_dist: LatentPoint


@dataclass
class DecodedAudio:
    sample: Tensor  # (batch, 1, samples)


class StarterCodec(ModelMixin, ConfigMixin):
    """Encoder, oscillator-and-noise decoder and the affine map that whitens the latents.

    Shapes: audio (batch, 1, samples) at `sampling_rate` Hz; latents (batch, latent_channels, frames)
    at `sampling_rate / prod(downsampling_ratios)` Hz, about zero mean and unit variance each.
    """

    @register_to_config
    def __init__(
        self,
        sampling_rate: int = 24000,
        downsampling_ratios: tuple[int, ...] = (4, 240),
        audio_channels: int = 1,
        latent_channels: int = 32,
        encoder_width: int = 256,
        encoder_blocks: int = 2,
        decoder_width: int = 256,
        decoder_blocks: int = 6,
        oscillator_attack: int = 96,
        oscillator_release: int = 480,
        noise_window: int = 480,
        noise_bands: int = 64,
    ):
        super().__init__()
        self.substeps, self.hop = downsampling_ratios  # the decoder runs `substeps` times faster than the latents
        self.frame = self.substeps * self.hop  # samples per latent frame
        self.windows = (*MEL_WINDOWS, *PITCH_WINDOWS)
        n_features = 0
        for window in self.windows:
            if window in MEL_WINDOWS:
                bands = band_matrix(MEL_WINDOWS[window], window, sampling_rate)
            else:
                bands = pitch_matrix(*PITCH_WINDOWS[window], window, sampling_rate)
            n_features += len(bands) * (self.substeps if window == self.windows[0] else 1)
            self.register_buffer(f"bands_{window}", bands, persistent=False)
            self.register_buffer(f"hann_{window}", torch.hann_window(window), persistent=False)
        self.register_buffer("feature_mean", torch.zeros(n_features))
        self.register_buffer("feature_std", torch.ones(n_features))
        self.to_linear = nn.Conv1d(n_features, latent_channels, 1)
        self.to_encoder = nn.Conv1d(n_features, encoder_width, 1)
        self.encoder = nn.Sequential(*(ConvNeXtBlock(encoder_width) for _ in range(encoder_blocks)))
        self.from_encoder = nn.Conv1d(encoder_width, latent_channels, 1)
        nn.init.zeros_(self.from_encoder.weight)
        nn.init.zeros_(self.from_encoder.bias)
        self.whiten = nn.Conv1d(latent_channels, latent_channels, 1)  # identity until `fold_whitening`
        self.unwhiten = nn.Conv1d(latent_channels, latent_channels, 1)
        for layer in (self.whiten, self.unwhiten):
            nn.init.eye_(layer.weight[:, :, 0])
            nn.init.zeros_(layer.bias)
            layer.requires_grad_(False)

        self.to_decoder = nn.Conv1d(latent_channels, self.substeps * decoder_width, 3, padding=1)
        self.decoder = nn.Sequential(*(ConvNeXtBlock(decoder_width) for _ in range(decoder_blocks)))
        frequencies = oscillator_frequencies()
        self.to_tones = nn.Conv1d(decoder_width, len(frequencies), 1)
        self.to_noise = nn.Conv1d(decoder_width, 2 * noise_bands, 1)
        nn.init.constant_(self.to_tones.bias, -7.0)
        nn.init.constant_(self.to_noise.bias, -7.0)

        cycles = frequencies / sampling_rate  # per sample
        window = oscillator_window(self.hop, oscillator_attack, oscillator_release)
        angle = 2 * math.pi * cycles[:, None] * torch.arange(len(window), dtype=torch.float64)
        self.register_buffer("tone_cos", (torch.cos(angle) * window).float(), persistent=False)
        self.register_buffer("tone_sin", (torch.sin(angle) * window).float(), persistent=False)
        self.register_buffer("tone_cycles", cycles * self.hop, persistent=False)  # per decoder step
        phases = torch.rand(len(frequencies), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.register_buffer("tone_phase", phases, persistent=False)
        to_bins = band_matrix(noise_bands, noise_window, sampling_rate)
        to_bins = to_bins / to_bins.sum(0, keepdim=True).clamp(min=1e-9)  # interpolates band gains to bins
        self.register_buffer("noise_bins", to_bins, persistent=False)
        self.register_buffer("noise_hann", torch.hann_window(noise_window), persistent=False)

    def features(self, audio: Tensor) -> Tensor:
        """Standardised log spectra around each latent frame: (batch, 1, samples) to (batch, n_features, frames)."""
        samples = audio[:, 0]
        n_frames = math.ceil(samples.shape[1] / self.frame)
        samples = F.pad(samples, (0, n_frames * self.frame - samples.shape[1]))
        rows = []
        for window in self.windows:
            hop = self.hop if window == self.windows[0] else self.frame
            margin = (window - hop) // 2  # windows are centred on the step that they describe
            padded = F.pad(samples, (margin, window))
            hann = getattr(self, f"hann_{window}")
            spectrum = torch.stft(padded, window, hop, window=hann, center=False, return_complex=True).abs()
            spectrum = spectrum[..., : n_frames * self.frame // hop] * (2 / hann.sum())
            row = torch.log(getattr(self, f"bands_{window}") @ spectrum + LOG_FLOOR)
            if hop == self.hop:
                row = row.unflatten(2, (n_frames, self.substeps)).transpose(2, 3).flatten(1, 2)
            rows.append(row)
        return (torch.cat(rows, 1) - self.feature_mean[:, None]) / self.feature_std[:, None]

    def encode(self, audio: Tensor) -> EncodedAudio:
        """Audio (batch, 1 or more channels, samples) to latents; several channels are mixed to one.

        The last frame is padded with silence, so frames = ceil(samples / frame length).
        """
        features = self.features(audio.mean(1, keepdim=True))
        latents = self.to_linear(features) + self.from_encoder(self.encoder(self.to_encoder(features)))
        return EncodedAudio(LatentPoint(self.whiten(latents)))

    def decode(self, latents: Tensor) -> DecodedAudio:
        """Latents (batch, channels, frames) to audio (batch, 1, frames * frame length).

        The noise is drawn from a fixed seed, so the same latents always give the same samples.
        """
        tones, noise = self.loudness(latents)
        generator = torch.Generator(latents.device).manual_seed(0)
        audio = self.synthesise(tones, noise, self.tone_phase, generator)
        return DecodedAudio(audio[:, None])

    def loudness(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Amplitudes of oscillators (batch, n_oscillators, steps) and noise bands (batch, n_bands, 2 * steps)."""
        hidden = self.to_decoder(self.unwhiten(latents))  # (batch, substeps * width, frames)
        hidden = hidden.unflatten(1, (-1, self.substeps)).permute(0, 1, 3, 2).flatten(2)
        hidden = self.decoder(hidden)
        tones = torch.exp(self.to_tones(hidden).clamp(max=2.0))
        noise = torch.exp(self.to_noise(hidden).clamp(max=2.0))
        noise = noise.unflatten(1, (2, -1)).permute(0, 2, 3, 1).flatten(2)
        return tones, noise

    def synthesise(self, tones: Tensor, noise: Tensor, phase: Tensor, generator: torch.Generator) -> Tensor:
        """Oscillators and filtered noise from their loudness to samples (batch, steps * hop).

        Each step k adds a windowed stretch of every oscillator with the phase that it has at sample
        k * hop, so overlapping stretches of a steady tone join without a seam.
        """
        steps = tones.shape[2]
        n_samples = steps * self.hop
        k = torch.arange(steps, device=tones.device, dtype=torch.float64)
        turn = 2 * math.pi * torch.remainder(self.tone_cycles[:, None] * k + phase[:, None], 1.0)
        cos, sin = torch.cos(turn).to(tones.dtype), torch.sin(turn).to(tones.dtype)
        frames = (tones * sin).transpose(1, 2) @ self.tone_cos + (tones * cos).transpose(1, 2) @ self.tone_sin
        tone_audio = _overlap_add(frames, self.hop)

        window = self.config.noise_window
        white = torch.randn(
            noise.shape[0], n_samples + window, generator=generator, device=noise.device, dtype=noise.dtype
        )
        spectrum = torch.stft(white, window, self.hop // 2, window=self.noise_hann, center=False, return_complex=True)[
            ..., : noise.shape[2]
        ]
        gains = noise.transpose(1, 2) @ self.noise_bins  # (batch, 2 * steps, bins)
        frames = torch.fft.irfft(spectrum.transpose(1, 2) * gains, n=window) * self.noise_hann
        overlap = (self.noise_hann**2).sum() / (self.hop // 2)
        noise_audio = _overlap_add(frames / overlap, self.hop // 2)

        tone_start, noise_start = self.config.oscillator_attack, (window - self.hop // 2) // 2
        return (
            tone_audio[:, tone_start : tone_start + n_samples] + noise_audio[:, noise_start : noise_start + n_samples]
        )

    @torch.no_grad()
    def fold_whitening(self, latents: Tensor) -> None:
        """Set the affine maps so that latents like these, (n, channels), come out white; the audio stays the same."""
        mean = latents.double().mean(0)
        values, vectors = torch.linalg.eigh(torch.cov(latents.double().T))
        values, vectors = values.flip(0).clamp(min=1e-6), vectors.flip(1)
        forward = (vectors / values.sqrt()).T
        backward = vectors * values.sqrt()
        self.whiten.weight[:, :, 0] = forward.float()
        self.whiten.bias[:] = (-forward @ mean).float()
        self.unwhiten.weight[:, :, 0] = backward.float()
        self.unwhiten.bias[:] = mean.float()


def _overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Frames (batch, n, window) added up `hop` samples apart: (batch, (n - 1) * hop + window)."""
    batch, n, window = frames.shape
    length = (n - 1) * hop + window
    return F.fold(frames.transpose(1, 2), (1, length), (1, window), stride=(1, hop)).reshape(batch, length)
