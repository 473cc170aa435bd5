"""How large a base model is, from its files alone: what an estimate reckons with. Nothing here imports torch."""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acestep.loading import STARTER_DIR
from structure.json_reading import read_json

LAYOUTS: dict[str, dict[str, int]] = {
    "2 B": {
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "encoder_hidden_size": 2048,
    },
    "XL": {
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "encoder_hidden_size": 2048,
    },
}
"""What differs between the real transformers, beyond diffusers' defaults. The names also count what stands around."""

_DEFAULTS = {
    "num_key_value_heads": 8,
    "head_dim": 128,
    "patch_size": 2,
    "in_channels": 192,
    "audio_acoustic_hidden_dim": 64,
}
_OOBLECK_TENSORS = 5  # of full rate and width that its first block holds at a time
_REAL_AROUND = 596_049_920 + 608_369_664 + 168_695_426  # Qwen3-Embedding-0.6B, condition encoder, codec


@dataclass(frozen=True)
class BaseSizes:
    """A base model in numbers.

    Attributes:
        hidden: width of the transformer's tokens.
        intermediate: width inside its MLPs.
        layers: its blocks.
        query_width: heads times the width of one.
        key_width: the same of keys and values.
        patch_size: latent frames per token.
        frame_rate: latent frames per second.
        condition_width: of the tokens that cross-attention hears.
        text_width: of the text encoder's embeddings.
        channels: of the latents.
        parameters: of the transformer.
        around: parameters of text encoder, condition encoder and codec, which lie in memory too.
        codec_values: numbers that the codec holds at most while it encodes a second of audio.
        known: whether the model's own files said so; else it is taken for one of `LAYOUTS`, by its name.
    """

    hidden: int
    intermediate: int
    layers: int
    query_width: int
    key_width: int
    patch_size: int
    frame_rate: float
    condition_width: int
    text_width: int
    channels: int
    parameters: int
    around: int
    codec_values: float
    known: bool = True

    @property
    def linear_shapes(self) -> dict[str, list[tuple[int, int]]]:
        """Inputs and outputs of the linear layers of one block, by the part that `--lora-targets` names."""
        h, q, kv, i = self.hidden, self.query_width, self.key_width, self.intermediate
        attention = [(h, q), (h, kv), (h, kv), (q, h)]
        return {"self": attention, "cross": list(attention), "mlp": [(h, i), (h, i), (i, h)]}


def sizes_of(model: str) -> BaseSizes:
    """Sizes of a base model: the starter, a folder, or a hub id, whose files are looked for in the hub's cache.

    A model whose files are not here yet is taken for the XL layout where its name says so, else for the 2 B one.
    """
    folder = STARTER_DIR if model == "starter" else Path(model).expanduser()
    found = folder if folder.is_dir() else _in_cache(model)
    if found is not None:
        try:
            return _of_folder(found)
        except (OSError, ValueError, KeyError, TypeError, struct.error):  # not whole: loading it will say what is wrong
            pass
    return of_layout("XL" if "xl" in model.lower() else "2 B")


def of_layout(name: str) -> BaseSizes:
    """Sizes of a real checkpoint, without any file of it."""
    config = {**_DEFAULTS, **LAYOUTS[name]}
    return _of_config(
        config, transformer_parameters(config), _REAL_AROUND, 1024, 25.0, 48_000 * 128.0 * _OOBLECK_TENSORS, known=False
    )


def transformer_parameters(config: Mapping[str, Any]) -> int:
    """Parameters of an `AceStepTransformer1DModel` with this configuration."""
    h, i, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    head = config["head_dim"]
    q, kv = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    condition = config.get("encoder_hidden_size") or h
    block = 2 * (2 * h * q + 2 * h * kv + 2 * head) + 3 * h * i + 3 * h + 6 * h
    time = 256 * h + h + h * h + h + 6 * h * h + 6 * h
    patch = config["patch_size"]
    to_tokens = config["in_channels"] * h * patch + h
    from_tokens = h * config["audio_acoustic_hidden_dim"] * patch + config["audio_acoustic_hidden_dim"]
    return layers * block + 2 * time + condition * h + h + h + to_tokens + from_tokens + 2 * h


def _of_folder(folder: Path) -> BaseSizes:
    def config(part: str) -> dict[str, Any]:
        return read_json(folder / part / "config.json")

    transformer, codec = {**_DEFAULTS, **config("transformer")}, config("vae")
    parts = {part: _counted(folder / part) for part in ("transformer", "text_encoder", "condition_encoder", "vae")}
    if parts["transformer"] < 0.9 * transformer_parameters(transformer) or not all(parts.values()):
        raise ValueError("its weights are not all here: a download that was cut off")
    rate = codec["sampling_rate"]
    if "encoder_width" in codec:  # the starter's
        widest = codec["encoder_width"] / codec["downsampling_ratios"][0]
    else:
        widest = codec["encoder_hidden_size"] * _OOBLECK_TENSORS
    return _of_config(
        transformer,
        parts.pop("transformer"),
        sum(parts.values()),
        config("text_encoder")["hidden_size"],
        rate / math.prod(codec["downsampling_ratios"]),
        rate * widest,
    )


def _of_config(
    config: Mapping[str, Any],
    parameters: int,
    around: int,
    text_width: int,
    frame_rate: float,
    codec_values: float,
    known: bool = True,
) -> BaseSizes:
    return BaseSizes(
        hidden=config["hidden_size"],
        intermediate=config["intermediate_size"],
        layers=config["num_hidden_layers"],
        query_width=config["num_attention_heads"] * config["head_dim"],
        key_width=config["num_key_value_heads"] * config["head_dim"],
        patch_size=config["patch_size"],
        frame_rate=frame_rate,
        condition_width=config.get("encoder_hidden_size") or config["hidden_size"],
        text_width=text_width,
        channels=config["audio_acoustic_hidden_dim"],
        parameters=parameters,
        around=around,
        codec_values=codec_values,
        known=known,
    )


def _counted(folder: Path) -> int:
    """Numbers in all safetensors files of a folder, from their headers."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        total += sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    return total


def _in_cache(model: str) -> Path | None:
    """Folder of a hub snapshot that is already here."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, "transformer/config.json")
    except HFValidationError:  # a folder that is not there
        return None
    return Path(found).parent.parent if isinstance(found, str) else None
