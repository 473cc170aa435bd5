"""Adapter folders: a LoRA that any diffusers pipeline loads, its event encoder, and a card that says what they fit.

`pytorch_lora_weights.safetensors` (with LoRA metadata, so that alpha survives), `event_encoder.safetensors`
(absent for a baseline LoRA) and `adapter.json`. The card is written last: a folder with a card is whole.
LoRAs of other make load too: diffusers' own, and peft's folders from the original ACE-Step 1.5 trainer.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from structure.errors import StudioError, in_short
from structure.files import unfinished
from structure.json_reading import parse_json, read_json
from structure.plan import DEFAULT_VOCABULARY, PLAN_VERSION

if TYPE_CHECKING:
    from torch import Tensor, nn

    from acestep.event_encoder import EventEncoder

LORA_FILE = "pytorch_lora_weights.safetensors"
ENCODER_FILE = "event_encoder.safetensors"
CARD_FILE = "adapter.json"
UPSTREAM_LORA_FILE, UPSTREAM_CONFIG_FILE = "adapter_model.safetensors", "adapter_config.json"  # peft's own names
LORA_NAME = "default"  # peft's name for the LoRA inside the transformer
LORA_TARGETS = {  # parts of a transformer block that can learn, and their layers
    "self": tuple(f"self_attn.{layer}" for layer in ("to_q", "to_k", "to_v", "to_out.0")),
    "cross": tuple(f"cross_attn.{layer}" for layer in ("to_q", "to_k", "to_v", "to_out.0")),
    "mlp": ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
}
DEFAULT_TARGETS = ("self", "cross")


class AdapterError(StudioError):
    """An adapter folder that cannot be used, and why."""


class AdapterCard(pydantic.BaseModel):
    """What an adapter is: its base, what its events mean, how it was made."""

    name: str = ""
    base_model: str
    base_hash: str
    plan_version: int = PLAN_VERSION
    vocabulary: tuple[str, ...] = DEFAULT_VOCABULARY
    has_events: bool = True
    rank: int
    alpha: float
    targets: tuple[str, ...] = DEFAULT_TARGETS  # keys of LORA_TARGETS
    rslora: bool = False
    dora: bool = False
    kind: Literal["lora", "lokr"] = "lora"
    trained_types: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    licence: str = ""


def lora_config(
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    targets: Sequence[str] = DEFAULT_TARGETS,
    rslora: bool = False,
    dora: bool = False,
) -> Any:
    """The peft configuration of the LoRA that this project trains.

    Args:
        targets: keys of `LORA_TARGETS`.
        rslora: scale by alpha / sqrt(rank) in place of alpha / rank.
        dora: learn each output channel's magnitude apart from its direction.
    """
    from peft import LoraConfig

    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=[layer for part in targets for layer in LORA_TARGETS[part]],
        use_rslora=rslora,
        use_dora=dora,
        init_lora_weights="gaussian",
    )


def dora_magnitudes(transformer: "nn.Module", name: str = LORA_NAME) -> "list[tuple[nn.Parameter, Tensor]]":
    """Every DoRA magnitude of one LoRA beside that of its frozen layer, with which (and B = 0) it changes nothing."""
    import torch

    found = []
    for module in transformer.modules():
        magnitudes = getattr(module, "lora_magnitude_vector", {})
        if name in magnitudes:
            learned = magnitudes[name].weight
            found.append((learned, torch.linalg.norm(module.base_layer.weight.detach().to(learned.dtype), dim=1)))
    return found


def save_adapter(folder: Path, transformer: "nn.Module", encoder: "EventEncoder | None", card: AdapterCard) -> None:
    """Write the transformer's LoRA or LoKr, the encoder and the card into `folder`, each file whole or not at all.

    The LoRA's metadata are the settings that change its effect, and no more: diffusers hands them all to peft, and an
    older peft refuses names that it does not know. Dropout stays out on purpose: diffusers leaves the layers that it
    loads in training mode, where dropout would act on every song.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD_FILE).unlink(missing_ok=True)
    encoder_part, card_part = unfinished(folder / ENCODER_FILE), unfinished(folder / CARD_FILE)
    if card.kind == "lokr":
        from acestep.lokr import save_lokr

        save_lokr(folder, transformer, LORA_NAME)
    else:
        _save_lora(folder, transformer)
    if encoder is not None:
        save_file({k: v.float().contiguous().cpu() for k, v in encoder.state_dict().items()}, encoder_part)
        os.replace(encoder_part, folder / ENCODER_FILE)
    card_part.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    os.replace(card_part, folder / CARD_FILE)


def _save_lora(folder: Path, transformer: "nn.Module") -> None:
    from diffusers import AceStepPipeline
    from peft.utils import get_peft_model_state_dict

    lora_part = unfinished(folder / LORA_FILE)
    lora = {
        k: v.float().contiguous() for k, v in get_peft_model_state_dict(transformer, adapter_name=LORA_NAME).items()
    }
    config = transformer.peft_config[LORA_NAME]
    AceStepPipeline.save_lora_weights(
        folder,
        transformer_lora_layers=lora,
        weight_name=lora_part.name,
        transformer_lora_adapter_metadata={
            "r": config.r,
            "lora_alpha": config.lora_alpha,
            "use_rslora": config.use_rslora,
            "use_dora": config.use_dora,
            "rank_pattern": config.rank_pattern,
            "alpha_pattern": config.alpha_pattern,
            "target_modules": sorted(config.target_modules),
        },
    )
    os.replace(lora_part, folder / LORA_FILE)


def read_card(folder: Path) -> AdapterCard | None:
    """The card of an adapter folder; None for a LoRA of other make, which has none.

    Raises:
        AdapterError: there is no adapter here, or its card is damaged.
    """
    if not folder.is_dir():
        raise AdapterError(f"{folder}: there is no such folder. Choose the folder of a finished run or of an adapter.")
    path = folder / CARD_FILE
    if not path.exists():
        if lora_file(folder) is None:
            raise AdapterError(f"{folder.name}: no adapter here ({LORA_FILE} is missing). Has the run finished?")
        return None
    try:
        return AdapterCard.model_validate(read_json(path))
    except (OSError, ValueError) as problem:
        raise AdapterError(
            f"{path}: the adapter's card cannot be read ({in_short(problem)}). Train it again or copy it whole."
        ) from problem


def require_base(card: AdapterCard, name: str, model_name: str, model_hash: str) -> None:
    """Refuse an adapter that was made for something else.

    Args:
        name: of the adapter, for the message.
        model_name, model_hash: of the model that it is to act on; an empty hash is one that is not known yet.

    Raises:
        AdapterError: it is of another base or plan version.
    """
    if model_hash and card.base_hash != model_hash:
        raise AdapterError(
            f"{name}: this adapter was trained on {card.base_model[:100]} ({card.base_hash[:20]}), but the loaded "
            f"model is {model_name} ({model_hash}). Load that one, or train the adapter again."
        )
    if card.plan_version != PLAN_VERSION:
        raise AdapterError(
            f"{name}: this adapter reads frame plans of version {card.plan_version}, this program writes "
            f"version {PLAN_VERSION}. Train it again."
        )


def adapter_hash(folder: Path) -> str:
    """Identity of an adapter: 16 hex digits of its files' content, whatever the folder is called."""
    digest = hashlib.sha256()
    for name in (LORA_FILE, UPSTREAM_LORA_FILE, UPSTREAM_CONFIG_FILE, ENCODER_FILE):
        if (folder / name).is_file():
            digest.update(name.encode())
            with (folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def lora_file(folder: Path) -> Path | None:
    """The LoRA's safetensors file, ours or an upstream PEFT adapter's."""
    for name in (LORA_FILE, UPSTREAM_LORA_FILE):
        if (folder / name).exists():
            return folder / name
    return None


def read_lora(folder: Path, transformer: "nn.Module") -> "tuple[dict[str, Tensor], dict[str, Any] | None]":
    """A folder's LoRA as the transformer's `load_lora_adapter` takes it, checked against the layers it is to change.

    Returns:
        tensors by diffusers' names, and peft's settings in the form of diffusers' metadata. Settings are None for a
        diffusers LoRA that carries none: its rank and kind show in the tensors, and its alpha is its rank.

    Raises:
        AdapterError: files are missing or damaged, or it is no LoRA for this transformer.
    """
    from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
    from safetensors import SafetensorError, safe_open

    from acestep.lora_settings import lora_settings, read_peft_settings

    path = lora_file(folder)
    if path is None:
        raise AdapterError(f"{folder.name}: the LoRA file is missing. Copy the whole adapter folder.")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            settings = parse_json((file.metadata() or {}).get(LORA_ADAPTER_METADATA_KEY, "null"))
    except (OSError, ValueError, RuntimeError, SafetensorError) as problem:
        raise AdapterError(f"{path}: the file is damaged ({in_short(problem)}). Copy it again.") from problem

    if not tensors:
        raise AdapterError(f"{path}: the file is empty. Copy it again.")
    require_numbers(path, tensors)
    layers: dict[str, dict[str, Tensor]] = {}  # by upstream's or diffusers' name of a layer, then by kind of tensor
    for name, tensor in tensors.items():
        layer, lora, kind = name.removeprefix("base_model.model.").removeprefix("transformer.").partition(".lora_")
        if not lora:
            raise AdapterError(
                f"{path}: `{name[:80]}` is not a LoRA's tensor. Only LoRA and DoRA adapters can be loaded."
            )
        layers.setdefault(layer, {})[f"lora_{kind}"] = tensor
    lora_a = {layer: found.get("lora_A.weight") for layer, found in layers.items()}
    if settings is not None:
        if not isinstance(settings, dict):
            raise AdapterError(f"{path}: its settings are no JSON object. Copy the adapter again.")
        own = {name.removeprefix("transformer."): value for name, value in settings.items()}
        settings = lora_settings(path, own, lora_a, _diffusers_name)
    elif (folder / UPSTREAM_CONFIG_FILE).exists() or path.name == UPSTREAM_LORA_FILE:
        config = folder / UPSTREAM_CONFIG_FILE
        settings = lora_settings(config, read_peft_settings(config), lora_a, _diffusers_name)
    layers = {_diffusers_name(layer): found for layer, found in layers.items()}
    _check_fit(path, layers, transformer, settings)
    return {f"transformer.{layer}.{kind}": t for layer, found in layers.items() for kind, t in found.items()}, settings


def require_numbers(path: Path, tensors: "Mapping[str, Tensor]") -> None:
    """Refuse weights that are no numbers: a model that takes them makes noise, or fails in the middle of a song.

    Raises:
        AdapterError: whole numbers, complex ones, NaN or an infinity.
    """
    import torch

    for name, tensor in tensors.items():
        if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
            kind = str(tensor.dtype).removeprefix("torch.")
            raise AdapterError(f"{path}: `{name[:80]}` holds {kind}, no weights. Copy the adapter again.")
        if not torch.isfinite(tensor).all():
            raise AdapterError(f"{path}: `{name[:80]}` holds NaN or infinity. Its training failed: take another one.")


def _diffusers_name(layer: str) -> str:
    """`layers.0.self_attn.o_proj`, as the original ACE-Step 1.5 calls it, to `layers.0.self_attn.to_out.0`."""
    renamed = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "o_proj": "to_out.0"}
    return ".".join(renamed.get(part, part) for part in layer.split("."))


def _check_fit(
    path: Path, layers: "Mapping[str, Mapping[str, Tensor]]", transformer: "nn.Module", settings: dict[str, Any] | None
) -> None:
    """Every tensor must find its place, and every place its tensor; peft and diffusers would pass over the rest."""
    modules = dict(transformer.named_modules())
    kinds = {"lora_A.weight", "lora_B.weight"}
    for kind, setting in (("lora_magnitude_vector", "transformer.use_dora"), ("lora_B.bias", "transformer.lora_bias")):
        there = any(kind in found for found in layers.values())
        if there if settings is None else settings.get(setting):
            kinds.add(kind)
    for layer, found in layers.items():
        if set(found) != kinds:
            raise AdapterError(
                f"{path}: `{layer[:80]}` has {', '.join(sorted(found))[:120]}, but by its settings it should have "
                f"{', '.join(sorted(kinds))}. Copy the adapter whole, or save it again where it was trained."
            )
        module = modules.get(layer)
        if module is None:
            raise AdapterError(
                f"{path}: it changes `{layer[:80]}`, which this model does not have. Load the model it fits."
            )
        shapes = {kind: tuple(tensor.shape) for kind, tensor in found.items()}
        a, b = shapes.pop("lora_A.weight"), shapes.pop("lora_B.weight")
        if len(a) != 2 or len(b) != 2 or a[0] != b[1] or any(shape != b[:1] for shape in shapes.values()):
            raise AdapterError(f"{path}: the weights of `{layer}` do not fit one another. Copy the adapter again.")
        n_in, n_out = a[1], b[0]
        wanted = getattr(module, "in_features", n_in), getattr(module, "out_features", n_out)
        if (n_in, n_out) != wanted:
            raise AdapterError(
                f"{path}: it changes `{layer}` from {n_in} to {n_out} channels, which in this model has "
                f"{wanted[0]} and {wanted[1]}. Load the model it fits."
            )
