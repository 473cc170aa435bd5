"""Encoded audio, once per song: the codec's latents cached by what they were made from.

The key is the audio file's bytes, the codec's weights and the settings, so a changed sidecar or a moved folder costs
nothing and a changed song is encoded anew. Songs are read and go through the codec tile by tile, with context on both
sides, so memory does not grow with length.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from annotate.audio import audio_blocks_at
from structure.errors import StudioError
from structure.files import write_whole
from training.sound import listen

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

TILE_SECONDS, CONTEXT_SECONDS = 30.0, 2.0
CACHE_VARIABLE = "STRUCTURE_STUDIO_CACHE"
_LAYOUT = 2  # of the cached file


class LatentError(StudioError):
    """A song whose audio cannot be encoded."""


def default_cache() -> Path:
    """The user's cache folder for latents."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return (Path(chosen) if chosen else platformdirs.user_cache_path("structure-studio")) / "latents"


def codec_hash(vae: "nn.Module") -> str:
    """Sixteen hexadecimal digits of the codec's weights and configuration, wherever it lies."""
    import torch

    config = {key: value for key, value in vae.config.items() if not key.startswith("_")}  # `_name_or_path` and such
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
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

    def path(self, audio: Path, gain_db: float = 0.0) -> Path:
        """Where this song's latents lie or will lie."""
        content = listen(audio, self.folder).content
        made_from = f"{_LAYOUT} {self._codec} {self.max_frames} {gain_db:g} {content}"
        return self.folder / f"{hashlib.sha256(made_from.encode()).hexdigest()[:32]}.safetensors"

    def load(self, audio: Path, gain_db: float = 0.0) -> "Tensor":
        """The song's latents, float32 (frames, channels).

        Args:
            audio: the song.
            gain_db: how much louder it is played to the codec.

        Raises:
            StudioError: the audio cannot be read, holds no sound or holds numbers that are none.
            OSError: the cache cannot be written.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file, save

        path = self.path(audio, gain_db)
        try:
            return load_file(path)["latents"]
        except (OSError, SafetensorError, KeyError):  # not there yet, or spoilt on disk: made anew
            pass
        latents = self._encode(audio, gain_db)
        self.encoded += 1
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, save({"latents": latents.contiguous()}), durable=False)
        except OSError as problem:  # a full disk names no file by itself
            raise OSError(problem.errno, problem.strerror, str(self.folder)) from problem
        return latents

    def _encode(self, audio: Path, gain_db: float) -> "Tensor":
        sound = listen(audio, self.folder)
        if sound.not_numbers:
            raise LatentError(f"{audio.name}: holds samples that are not numbers; export it again.")
        if sound.duration * self.sample_rate < self.hop:
            raise LatentError(f"{audio.name}: is shorter than one latent frame ({self.hop / self.sample_rate:.2f} s).")
        gain = 10 ** (gain_db / 20)
        blocks = (gain * block for block in audio_blocks_at(audio, self.sample_rate))
        return encode_in_tiles(self.vae, blocks, self.hop, self.sample_rate, self.max_frames)


def encode_in_tiles(
    vae: "nn.Module", blocks: "Iterable[np.ndarray]", hop: int, sample_rate: int, max_frames: int | None = None
) -> "Tensor":
    """Audio through the codec, tile by tile, each with context on both sides; memory does not grow with length.

    Args:
        vae: the codec.
        blocks: the audio from its start, float32 (any number of samples, channels) at `sample_rate` Hz.
        hop: samples per latent frame.
        sample_rate: Hz.
        max_frames: latent frames after which nothing is read; None: all.

    Returns:
        float32 (ceil(samples / hop), latent channels) on the CPU: the mode, not a sample, so twice is the same.
    """
    import numpy as np
    import torch

    tile = round(TILE_SECONDS * sample_rate / hop)  # in frames
    context = round(CONTEXT_SECONDS * sample_rate / hop)
    tiles = _pieces(blocks, tile * hop, None if max_frames is None else max_frames * hop)
    device, dtype = next(vae.parameters()).device, next(vae.parameters()).dtype
    parts = []
    for before, here, after in _with_neighbours(tiles):
        head = before[-context * hop :]
        samples = np.concatenate([head, here, after[: context * hop]])
        wave = _in_channels(torch.from_numpy(samples), getattr(vae.config, "audio_channels", samples.shape[1]))
        wave = torch.nn.functional.pad(wave, (0, -wave.shape[-1] % hop))
        with torch.no_grad():
            latents = vae.encode(wave[None].to(device=device, dtype=dtype)).latent_dist.mode()[0].T
        first = len(head) // hop
        parts.append(latents[first : first + math.ceil(len(here) / hop)].float().cpu())
    return torch.cat(parts)


def _pieces(blocks: "Iterable[np.ndarray]", length: int, most: int | None) -> "Iterator[np.ndarray]":
    """The same samples in pieces of `length`, the last one shorter; no more than `most` samples in all."""
    import numpy as np

    held: list[np.ndarray] = []
    n_held, left = 0, most
    for block in blocks:
        if left is not None:
            block = block[:left]
            left -= len(block)
        while n_held + len(block) >= length:
            cut = length - n_held
            yield np.concatenate([*held, block[:cut]])
            held, n_held, block = [], 0, block[cut:]
        if len(block):
            held.append(block)
            n_held += len(block)
        if left == 0:
            break
    if n_held:
        yield np.concatenate(held)


def _with_neighbours(pieces: "Iterable[np.ndarray]") -> "Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]":
    """Each piece with the one before and the one after it, empty at the ends."""
    before = here = None
    for piece in pieces:
        if here is not None:
            yield (here[:0] if before is None else before), here, piece
        before, here = here, piece
    if here is not None:
        yield (here[:0] if before is None else before), here, here[:0]


def _in_channels(samples: "Tensor", channels: int) -> "Tensor":
    """(samples, any channels) to (`channels`, samples): mono is doubled, more is mixed down."""
    wave = samples.T
    if wave.shape[0] == channels:
        return wave
    mono = wave.mean(0, keepdim=True)
    return mono.expand(channels, -1)
