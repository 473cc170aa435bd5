"""What peft's settings beside somebody's weights may say: checked, since peft builds what they ask for at once.

A rank far beyond the weights' own uses up the memory, a pattern that backtracks never ends, and some settings import
modules or read other files. So only what changes a LoRA's effect is taken, and each rank is that of the weights.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import pydantic

from acestep.adapter import AdapterError
from structure.errors import in_short
from structure.json_reading import read_json

if TYPE_CHECKING:
    from torch import Tensor

_MOST_LOOSE = 3  # quantifiers of a pattern: more of them, and a name of 60 letters takes minutes
_LONGEST_PATTERN = 300
_BEYOND_LORA = (  # peft's settings with which a LoRA is more than its A and B
    "modules_to_save", "target_parameters", "trainable_token_indices", "layer_replication", "alora_invocation_tokens",
    "use_qalora", "kasa_config", "monteclora_config", "arrow_config", "use_bdlora",
)  # fmt: skip
_MOVES_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")  # starts that train against a changed base model


def _simple(pattern: str) -> str:
    """A regular expression that ends soon on any name of a layer."""
    quantified = re.findall(r"(?<!\\)[*+{]", pattern)
    if len(pattern) > _LONGEST_PATTERN or len(quantified) > _MOST_LOOSE or re.search(r"\)[*+{?]", pattern):
        raise ValueError("it is no simple pattern for names of layers")
    try:
        re.compile(pattern)
    except re.error as problem:
        raise ValueError(f"it holds no regular expression ({problem})") from problem
    return pattern


Pattern = Annotated[str, pydantic.AfterValidator(_simple)]
Rank = Annotated[int, pydantic.Field(gt=0, le=65_536)]
Scale = Annotated[float, pydantic.Field(allow_inf_nan=False)]
Settings = TypeVar("Settings", bound=pydantic.BaseModel)


class _LoraSettings(pydantic.BaseModel):
    """The part of a LoRA's settings that changes what it does."""

    r: Rank
    lora_alpha: Scale
    use_rslora: bool = False
    use_dora: bool = False
    lora_bias: bool = False
    rank_pattern: dict[Pattern, Rank] | None = None
    alpha_pattern: dict[Pattern, Scale] | None = None


class LokrSettings(pydantic.BaseModel):
    """The part of a LoKr's settings that changes what it does."""

    r: Rank
    alpha: Scale
    target_modules: list[str] | Pattern
    decompose_both: bool = False
    decompose_factor: Annotated[int, pydantic.Field(ge=-1)] = -1
    rank_pattern: dict[Pattern, Rank] | None = None
    alpha_pattern: dict[Pattern, Scale] | None = None


def read_peft_settings(path: Path) -> dict[str, Any]:
    """The JSON object of an `adapter_config.json`.

    Raises:
        AdapterError: it cannot be read.
    """
    try:
        written = read_json(path)
    except OSError as problem:
        raise AdapterError(
            f"{path}: cannot be read ({problem.strerror}), and the adapter's strength stands there. "
            "Copy the whole adapter folder."
        ) from problem
    except ValueError as problem:
        raise AdapterError(f"{path}: is not JSON ({in_short(problem)}). Copy the adapter again.") from problem
    if not isinstance(written, dict):
        raise AdapterError(f"{path}: the file holds no JSON object. Copy the adapter again.")
    return written


def lora_settings(
    path: Path, written: Mapping[str, Any], lora_a: "Mapping[str, Tensor | None]", renamed: Callable[[str], str]
) -> dict[str, Any]:
    """A LoRA's settings as the metadata of a diffusers LoRA, resolved layer by layer as peft does it.

    Args:
        path: the file that they come from, for messages.
        written: by peft's names.
        lora_a: the A of each layer, by the names that the settings' patterns speak of.
        renamed: such a name to diffusers' own.

    Raises:
        AdapterError: they ask for what is no LoRA or DoRA, or do not fit the weights.
    """
    from peft.utils.other import get_pattern_key

    config = checked(path, _LoraSettings, written)
    if (kind := written.get("peft_type") or "LORA") != "LORA":
        raise AdapterError(f"{path}: this is a {str(kind)[:20]} adapter. Only LoRA and DoRA adapters can be loaded.")
    beyond = [name for name in _BEYOND_LORA if written.get(name)]
    beyond += ["bias"] if (written.get("bias") or "none") != "none" else []
    beyond += ["init_lora_weights"] if str(written.get("init_lora_weights")).lower().startswith(_MOVES_THE_BASE) else []
    if beyond:
        raise AdapterError(
            f"{path}: {beyond[0]} is {written[beyond[0]]!r:.60}, so the adapter changes more than a LoRA can. "
            "Convert it to a plain LoRA where it was trained."
        )
    patterns: dict[str, dict[str, float]] = {"rank_pattern": {}, "alpha_pattern": {}}
    for layer, a in lora_a.items():
        exactly = f"^{re.escape(renamed(layer))}"
        for name, found in patterns.items():
            pattern = getattr(config, name) or {}
            key = get_pattern_key(pattern, layer)
            if key in pattern:
                found[exactly] = pattern[key]
        rank = patterns["rank_pattern"].get(exactly, config.r)
        if a is not None and a.shape[:1] != (rank,):
            raise AdapterError(
                f"{path}: `{layer[:80]}` should have rank {rank}, but has {a.shape[0] if a.ndim else 0} in its "
                "weights. Copy both files from one adapter."
            )
    settings = {**config.model_dump(), **patterns, "target_modules": [renamed(layer) for layer in lora_a]}
    return {f"transformer.{name}": value for name, value in settings.items()}


def checked(path: Path, model: type[Settings], written: Mapping[str, Any]) -> Settings:
    """Settings of the kind that is asked for.

    Raises:
        AdapterError: a value is wrong.
    """
    try:
        return model.model_validate(dict(written))
    except pydantic.ValidationError as problem:
        raise AdapterError(f"{path}: {in_short(problem)}. Copy the adapter again.") from problem
