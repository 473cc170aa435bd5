"""What the original calls a tensor or a setting, and what diffusers calls it.

The original keeps everything in one file: `decoder.` is the transformer, `encoder.` and `null_condition_emb` are the
condition encoder, `tokenizer.` and `detokenizer.` speak audio codes. Attention has other names, and the convolutions
at both ends of the transformer are the second module of a `Sequential`. Nothing is transposed but the latent of
silence (`silence.py`).

Source: diffusers' scripts/convert_ace_step_to_diffusers.py at 58eb52c, and the classes of the original, ace-step's
acestep/models/{base,turbo,xl_base}. Their names and values, none of their code.
"""

import re
from collections.abc import Mapping
from typing import Any

from acestep.converting.errors import ConversionError

PARTS = {
    "decoder": "transformer",
    "encoder": "condition_encoder",
    "tokenizer": "audio_tokenizer",
    "detokenizer": "audio_token_detokenizer",
}
"""First word of an original name, and the component of diffusers' pipeline that it belongs to."""

ATTENTION = {
    "q_proj": "to_q",
    "k_proj": "to_k",
    "v_proj": "to_v",
    "o_proj": "to_out.0",
    "q_norm": "norm_q",
    "k_norm": "norm_k",
}

ENDS = re.compile(r"^proj_(in|out)\.1\.")

SHARED = (
    "head_dim",
    "rope_theta",
    "attention_bias",
    "attention_dropout",
    "rms_norm_eps",
    "sliding_window",
)
"""Settings that mean the same to every component."""

WIDTHS = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
"""Settings of the transformer; `encoder_` before them, where the XL layout has it, means the other components."""


def place(key: str) -> tuple[str, str] | None:
    """Component and name of a tensor in diffusers; None for a name that no release has.

    Args:
        key: as in `model.safetensors`, such as `decoder.layers.0.self_attn.q_proj.weight`.
    """
    if key == "null_condition_emb":
        return "condition_encoder", key
    first, _, rest = key.partition(".")
    if first not in PARTS:
        return None
    if first == "decoder":
        rest = ENDS.sub(r"proj_\1_conv.", rest)
    return PARTS[first], ".".join(ATTENTION.get(word, word) for word in rest.split("."))


def text_encoder_name(key: str) -> str | None:
    """Name in a bare Qwen3 model; None for the output layer of a language model, which nothing here uses."""
    return None if key == "lm_head.weight" else key.removeprefix("model.")


def component_settings(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Arguments of diffusers' classes, for each component in `PARTS`.

    Args:
        config: the `config.json` beside the original weights.

    Raises:
        ConversionError: a setting is missing, or has a value that diffusers' classes cannot express.
    """
    try:
        _require_expressible(config)
        shared = {name: config[name] for name in SHARED}
        widths = {name: config[name] for name in WIDTHS}
        around = {name: config.get(f"encoder_{name}", widths[name]) for name in WIDTHS}
        pooler_layers = config.get("num_attention_pooler_hidden_layers", 2)
        pooler = {
            **shared,
            **around,
            "audio_acoustic_hidden_dim": config["audio_acoustic_hidden_dim"],
            "pool_window_size": config.get("pool_window_size", 5),
            "num_attention_pooler_hidden_layers": pooler_layers,
            "layer_types": config["layer_types"][:pooler_layers],
        }
        encoder_layers = ("num_lyric_encoder_hidden_layers", "num_timbre_encoder_hidden_layers")
        direct = ("num_hidden_layers", "in_channels", "audio_acoustic_hidden_dim", "patch_size", "layer_types")
        return {
            "transformer": {
                **shared,
                **widths,
                **{name: config[name] for name in direct},
                "encoder_hidden_size": around["hidden_size"],
                "is_turbo": bool(config.get("is_turbo", config.get("model_version") == "turbo")),
                "model_version": config.get("model_version"),
            },
            "condition_encoder": {
                **shared,
                **around,
                **{name: config[name] for name in ("text_hidden_dim", "timbre_hidden_dim", *encoder_layers)},
            },
            "audio_tokenizer": {
                **pooler,
                "fsq_dim": config.get("fsq_dim", around["hidden_size"]),
                "fsq_input_levels": config.get("fsq_input_levels", [8, 8, 8, 5, 5, 5]),
                "fsq_input_num_quantizers": config.get("fsq_input_num_quantizers", 1),
            },
            "audio_token_detokenizer": pooler,
        }
    except KeyError as missing:
        raise ConversionError(f"config.json has no {missing}: this is not an original ACE-Step 1.5 model.") from missing
    except TypeError as problem:
        raise ConversionError(f"config.json: a setting is of another kind than it should be ({problem}).") from problem


def _require_expressible(config: Mapping[str, Any]) -> None:
    """Refuse what would load and sound wrong: diffusers' classes have these built in."""
    for name, needed in (("hidden_act", "silu"), ("use_sliding_window", True), ("rope_scaling", None)):
        if config.get(name, needed) != needed:
            raise ConversionError(f"config.json: {name} is {config[name]}; diffusers' ACE-Step only knows {needed}.")
    layers = max(config["num_lyric_encoder_hidden_layers"], config["num_timbre_encoder_hidden_layers"])
    in_turns = ["full_attention" if i % 2 else "sliding_attention" for i in range(layers)]
    if config["layer_types"][:layers] != in_turns[: len(config["layer_types"])]:
        raise ConversionError(
            "config.json: layer_types do not alternate between sliding and full attention from the first layer on, "
            "and diffusers' condition encoder knows no other order."
        )
