"""LoKr adapters: each layer's change as a Kronecker product of two small matrices, in peft's own format.

diffusers loads LoRAs alone, so these are read and written here: `adapter_model.safetensors` and `adapter_config.json`,
as `peft.PeftModel` has them. At strength s the product is scaled by s, as peft does it.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acestep.adapter import LORA_TARGETS, UPSTREAM_CONFIG_FILE, UPSTREAM_LORA_FILE, AdapterError, require_numbers
from acestep.lora_settings import LokrSettings, checked, read_peft_settings
from structure.errors import in_short
from structure.files import unfinished
from structure.json_reading import read_json

if TYPE_CHECKING:
    from torch import Tensor, nn

_PREFIX = "base_model.model."  # of every tensor in peft's files


def lokr_config(rank: int, alpha: float, dropout: float, targets: Sequence[str]) -> Any:
    """The peft configuration of the LoKr that this project trains; it begins as no change at all.

    Args:
        targets: keys of `LORA_TARGETS`.
        dropout: share of each product's rows that are left out of a step.
    """
    from peft import LoKrConfig

    layers = [layer for part in targets for layer in LORA_TARGETS[part]]
    return LoKrConfig(r=rank, alpha=alpha, rank_dropout=dropout, target_modules=layers)


def is_lokr(folder: Path) -> bool:
    """Whether a folder holds a LoKr, by peft's settings."""
    try:
        written = read_json(folder / UPSTREAM_CONFIG_FILE)
    except (OSError, ValueError):
        return False
    return isinstance(written, dict) and written.get("peft_type") == "LOKR"


def save_lokr(folder: Path, transformer: "nn.Module", name: str) -> None:
    """Write a transformer's LoKr, each file whole or not at all."""
    from safetensors.torch import save_file

    config = transformer.peft_config[name].to_dict()
    plain = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    state = _state(transformer, name)
    tensors = {f"{_PREFIX}{key}": value.detach().float().cpu().contiguous() for key, value in state.items()}
    weights_part, config_part = (unfinished(folder / file) for file in (UPSTREAM_LORA_FILE, UPSTREAM_CONFIG_FILE))
    save_file(tensors, weights_part)
    os.replace(weights_part, folder / UPSTREAM_LORA_FILE)
    config_part.write_text(json.dumps({**plain, "inference_mode": True}, default=str) + "\n", encoding="utf-8")
    os.replace(config_part, folder / UPSTREAM_CONFIG_FILE)


def load_lokr(folder: Path, transformer: "nn.Module", name: str) -> None:
    """Lay a folder's LoKr over a transformer that carries no adapter.

    Raises:
        AdapterError: it is damaged, or of another model.
    """
    from peft import LoKrConfig, inject_adapter_in_model
    from peft.utils import set_peft_model_state_dict

    path, config_path = folder / UPSTREAM_LORA_FILE, folder / UPSTREAM_CONFIG_FILE
    tensors = _read(path)
    settings = checked(config_path, LokrSettings, read_peft_settings(config_path)).model_dump(exclude_none=True)
    try:  # without memory: only what fits the weights that are there may take some
        inject_adapter_in_model(
            LoKrConfig(**settings, inference_mode=True), transformer, adapter_name=name, low_cpu_mem_usage=True
        )
    except (TypeError, ValueError, RuntimeError) as problem:
        raise AdapterError(f"{config_path}: these settings make no LoKr ({in_short(problem)}).") from problem
    transformer._hf_peft_config_loaded = True  # as diffusers' own `add_adapter` notes it
    own = {key: tuple(tensor.shape) for key, tensor in _state(transformer, name).items()}
    if own != {key: tuple(tensor.shape) for key, tensor in tensors.items()}:
        raise AdapterError(f"{path}: it does not fit the layers of this model. Load the model it fits.")
    set_peft_model_state_dict(transformer, tensors, adapter_name=name, low_cpu_mem_usage=True)
    transformer.set_adapters([name])
    transformer.requires_grad_(False)


def _state(transformer: "nn.Module", name: str) -> "dict[str, Tensor]":
    from peft.utils import get_peft_model_state_dict

    return get_peft_model_state_dict(transformer, adapter_name=name)


def _read(path: Path) -> "dict[str, Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {key.removeprefix(_PREFIX): tensor for key, tensor in load_file(path).items()}
    except (OSError, ValueError, RuntimeError, SafetensorError) as problem:
        raise AdapterError(
            f"{path}: the file is damaged ({in_short(problem)}). Copy the whole adapter folder."
        ) from problem
    require_numbers(path, tensors)
    return tensors
