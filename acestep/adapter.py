"""Adapter folders: a LoRA that any diffusers pipeline loads, its event encoder, and a card that says what they fit.

`pytorch_lora_weights.safetensors` (with LoRA metadata, so that alpha survives), `event_encoder.safetensors`
(absent for a baseline LoRA) and `adapter.json`. The card is written last: a folder with a card is whole.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from structure.errors import StudioError
from structure.plan import DEFAULT_VOCABULARY, PLAN_VERSION

if TYPE_CHECKING:
    from torch import nn

    from acestep.event_encoder import EventEncoder

LORA_FILE = "pytorch_lora_weights.safetensors"
ENCODER_FILE = "event_encoder.safetensors"
CARD_FILE = "adapter.json"
LORA_NAME = "default"  # peft's name for the LoRA inside the transformer
TARGET_MODULES = ("to_q", "to_k", "to_v", "to_out.0")  # of self- and cross-attention


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
    trained_types: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    licence: str = ""


def lora_config(rank: int, alpha: float, dropout: float = 0.0) -> Any:
    """The peft configuration of the attention LoRA that this project trains."""
    from peft import LoraConfig

    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(TARGET_MODULES),
        init_lora_weights="gaussian",
    )


def save_adapter(folder: Path, transformer: "nn.Module", encoder: "EventEncoder | None", card: AdapterCard) -> None:
    """Write the transformer's LoRA, the encoder and the card into `folder`, each file whole or not at all."""
    from diffusers import AceStepPipeline
    from diffusers.training_utils import _collate_lora_metadata
    from peft.utils import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD_FILE).unlink(missing_ok=True)
    lora_part, encoder_part, card_part = (folder / f".{f}.part" for f in (LORA_FILE, ENCODER_FILE, CARD_FILE))
    lora = {
        k: v.float().contiguous() for k, v in get_peft_model_state_dict(transformer, adapter_name=LORA_NAME).items()
    }
    AceStepPipeline.save_lora_weights(
        folder,
        transformer_lora_layers=lora,
        weight_name=lora_part.name,
        **_collate_lora_metadata({"transformer": transformer}),
    )
    os.replace(lora_part, folder / LORA_FILE)
    if encoder is not None:
        save_file({k: v.float().contiguous().cpu() for k, v in encoder.state_dict().items()}, encoder_part)
        os.replace(encoder_part, folder / ENCODER_FILE)
    card_part.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    os.replace(card_part, folder / CARD_FILE)


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
        return AdapterCard.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise AdapterError(
            f"{path}: the adapter's card cannot be read ({problem}). Train it again or copy it whole."
        ) from problem


def lora_file(folder: Path) -> Path | None:
    """The LoRA's safetensors file, ours or an upstream PEFT adapter's."""
    for name in (LORA_FILE, "adapter_model.safetensors"):
        if (folder / name).exists():
            return folder / name
    return None


def foreign_metadata(folder: Path) -> dict[str, Any] | None:
    """Rank and alpha from an upstream `adapter_config.json`, in the form diffusers' loader takes; None without one.

    diffusers ignores that file, and then an adapter with alpha = 2 * rank works at half its strength.
    """
    path = folder / "adapter_config.json"
    if not path.exists():
        return None
    config = json.loads(path.read_text(encoding="utf-8"))
    renamed = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "o_proj": "to_out.0"}
    rename = lambda name: ".".join(renamed.get(part, part) for part in name.split("."))  # noqa: E731
    kept = {"r": config["r"], "lora_alpha": config["lora_alpha"], "use_rslora": config.get("use_rslora", False)}
    kept["target_modules"] = [rename(name) for name in config.get("target_modules") or TARGET_MODULES]
    for pattern in ("rank_pattern", "alpha_pattern"):
        kept[pattern] = {rename(k): v for k, v in config.get(pattern, {}).items()}
    return {f"transformer.{k}": v for k, v in kept.items()}
