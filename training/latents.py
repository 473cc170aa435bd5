"""Encoded audio, once per song: the codec's latents cached by what they were made from.

The key is the audio file's bytes, the codec's weights and the settings, so a changed sidecar or a moved folder costs
nothing and a changed song is encoded anew. Long songs go through the codec in blocks with context on both sides, so
memory does not grow with length.
"""

import contextlib
import hashlib
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from annotate.audio import content_hash, read_audio
from structure.errors import StudioError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

BLOCK_SECONDS, CONTEXT_SECONDS = 30.0, 2.0
CACHE_VARIABLE = "STRUCTURE_STUDIO_CACHE"
_LAYOUT = 1  # of the cached file


class LatentError(StudioError):
    """A song whose audio cannot be encoded."""


def default_cache() -> Path:
    """The user's cache folder for latents."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return (Path(chosen) if chosen else platformdirs.user_cache_path("structure-studio")) / "latents"


def codec_hash(vae: "nn.Module") -> str:
    """Sixteen hexadecimal digits of the codec's encoder weights and configuration."""
    import torch

    digest = hashlib.sha256(json.dumps(dict(vae.config), sort_keys=True, default=str).encode())
    for name, tensor in sorted(vae.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


class LatentCache:
    """Latents of one codec, read from disk where they are and made where they are not.

    Args:
        vae: a codec with diffusers' interface (`encode(x).latent_dist.mode()`).
        sample_rate: of the codec, in Hz.
        frame_rate: latent frames per second.
        max_seconds: how much of a song is encoded.
        folder: where latents are kept; None: the user's cache folder.
    """

    def __init__(
        self, vae: "nn.Module", sample_rate: int, frame_rate: float, max_seconds: float, folder: Path | None = None
    ) -> None:
        self.vae = vae
        self.sample_rate = sample_rate
        self.hop = round(sample_rate / frame_rate)
        self.max_frames = max(1, int(max_seconds * frame_rate))
        self.folder = folder or default_cache()
        self._codec = codec_hash(vae)
        self.encoded = 0

    def path(self, audio: Path) -> Path:
        """Where this song's latents lie or will lie."""
        made_from = f"{_LAYOUT} {self._codec} {self.max_frames} {content_hash(audio)}"
        return self.folder / f"{hashlib.sha256(made_from.encode()).hexdigest()[:32]}.safetensors"

    def load(self, audio: Path) -> "Tensor":
        """The song's latents, float32 (frames, channels).

        Raises:
            StudioError: the audio cannot be read, holds no sound or holds numbers that are none.
            OSError: the cache cannot be written.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file, save

        path = self.path(audio)
        try:
            return load_file(path)["latents"]
        except (OSError, SafetensorError, KeyError):  # not there yet, or spoilt on disk: made anew
            pass
        latents = self._encode(audio)
        self.encoded += 1
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(save({"latents": latents.contiguous()}))
            os.replace(part, path)
        except OSError as problem:  # a full disk names no file by itself
            with contextlib.suppress(OSError):
                part.unlink()
            raise OSError(problem.errno, problem.strerror, str(self.folder)) from problem
        return latents

    def _encode(self, audio: Path) -> "Tensor":
        import numpy as np

        samples, _ = read_audio(audio, sample_rate=self.sample_rate)
        samples = samples[: self.max_frames * self.hop]
        if len(samples) < self.hop:
            raise LatentError(f"{audio.name}: is shorter than one latent frame ({self.hop / self.sample_rate:.2f} s).")
        if not np.isfinite(samples).all():
            raise LatentError(f"{audio.name}: holds samples that are not numbers; export it again.")
        return encode_in_blocks(self.vae, samples, self.hop, self.sample_rate)


def encode_in_blocks(vae: "nn.Module", samples: "np.ndarray", hop: int, sample_rate: int) -> "Tensor":
    """Audio through the codec, block by block.

    Args:
        vae: the codec.
        samples: float32 (samples, channels) at `sample_rate` Hz.
        hop: samples per latent frame.

    Returns:
        float32 (ceil(samples / hop), latent channels) on the CPU: the mode, not a sample, so twice is the same.
    """
    import torch

    n_frames = math.ceil(len(samples) / hop)
    wave = _in_channels(torch.from_numpy(samples), getattr(vae.config, "audio_channels", samples.shape[1]))
    wave = torch.nn.functional.pad(wave, (0, n_frames * hop - wave.shape[-1]))  # (channels, n_frames * hop)
    block = round(BLOCK_SECONDS * sample_rate / hop)
    context = round(CONTEXT_SECONDS * sample_rate / hop)
    device, dtype = next(vae.parameters()).device, next(vae.parameters()).dtype
    parts = []
    for first in range(0, n_frames, block):
        last = min(first + block, n_frames)
        begin, end = max(0, first - context), min(n_frames, last + context)
        with torch.no_grad():
            piece = wave[None, :, begin * hop : end * hop].to(device=device, dtype=dtype)
            latents = vae.encode(piece).latent_dist.mode()[0].T  # (frames, channels)
        parts.append(latents[first - begin : last - begin].float().cpu())
    return torch.cat(parts)


def _in_channels(samples: "Tensor", channels: int) -> "Tensor":
    """(samples, any channels) to (`channels`, samples): mono is doubled, more is mixed down."""
    wave = samples.T
    if wave.shape[0] == channels:
        return wave
    mono = wave.mean(0, keepdim=True)
    return mono.expand(channels, -1)
