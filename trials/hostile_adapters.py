"""Adapters as hostile input: LoRA with events, upstream's LoRA, and LoKr, read as far as a song made with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trials.hostile_kinds import Kind, tried

RANK = 4
_loaded: dict[str, Any] = {}  # the model of this process: loading it takes longer than a thousand refusals


def make_model(folder: Path) -> None:
    """The starter's classes with random weights, small enough for a song in a tenth of a second."""
    from acestep.starter.base_training import train_tokenizer, untrained_pipeline
    from acestep.starter.codec import StarterCodec

    texts = ["# Caption warm house track # Metas bpm 120 keyscale A minor [Verse] [Chorus]"] * 20
    codec = StarterCodec(decoder_blocks=1, decoder_width=32)
    untrained_pipeline(codec, train_tokenizer(texts, 300), 64, seed=0).save_pretrained(folder)


def model(folder: Path) -> Any:
    """The model that adapters are tried on."""
    if "pipeline" not in _loaded:
        from acestep.loading import load_pipeline

        place = folder.parent / "model"
        if not (place / "model_index.json").exists():
            make_model(place)
        _loaded["place"], _loaded["pipeline"] = place, load_pipeline(str(place), device="cpu")
    return _loaded["pipeline"]


def make_adapter(folder: Path, kind: str = "lora") -> None:
    """An adapter with an event encoder, as training saves it."""
    import torch

    from acestep.adapter import LORA_NAME, AdapterCard, lora_config, save_adapter
    from acestep.event_encoder import EventEncoder
    from acestep.lokr import lokr_config

    pipeline = model(folder)
    transformer = pipeline.pipe.transformer
    config = lokr_config(RANK, RANK, 0.0, ("self",)) if kind == "lokr" else lora_config(RANK, RANK, targets=("self",))
    transformer.add_adapter(config, adapter_name=LORA_NAME)
    torch.manual_seed(0)
    encoder = EventEncoder.for_transformer(transformer, pipeline.pipe.text_encoder.config.hidden_size, hidden=8)
    card = AdapterCard(
        base_model="tried", base_hash=pipeline.model_hash, rank=RANK, alpha=RANK, kind=kind, name="mine",
        trained_types=("intro", "chorus"), scores={"step": 9, "frame_accuracy": 0.5}, settings={"seed": 1},
    )  # fmt: skip
    save_adapter(folder / "adapter", transformer, encoder, card)
    pipeline.unload_adapter()


def make_upstream(folder: Path) -> None:
    """The same weights under upstream's names, with peft's settings beside them."""
    from safetensors.torch import load_file, save_file

    model(folder)
    make_adapter(folder / "own")
    (folder / "adapter").mkdir()
    renamed = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj"}
    tensors = {}
    for name, tensor in load_file(folder / "own" / "adapter" / "pytorch_lora_weights.safetensors").items():
        words = name.removeprefix("transformer.").replace("to_out.0", "o_proj").split(".")
        tensors["base_model.model." + ".".join(renamed.get(word, word) for word in words)] = tensor
    save_file(tensors, folder / "adapter" / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA", "r": RANK, "lora_alpha": 8, "target_modules": ["q_proj"], "use_rslora": False,
        "use_dora": False, "lora_bias": False, "rank_pattern": {"layers.0": RANK}, "alpha_pattern": {".*q_proj": 4},
        "bias": "none", "modules_to_save": None, "init_lora_weights": True, "megatron_config": None,
    }  # fmt: skip
    (folder / "adapter" / "adapter_config.json").write_text(json.dumps(config))


def read_adapter(folder: Path) -> None:
    """Listed and described, sent to a page, loaded, and heard in a short song."""
    from acestep.adapter import adapter_hash, read_card
    from acestep.pipeline import SongRequest
    from acestep.receiving import receive_adapter
    from generation.adapters import describe_adapter, list_rows

    pipeline, place, adapter = model(folder), str(_loaded["place"]), folder / "adapter"

    def heard() -> None:
        try:
            pipeline.load_adapter(adapter)
            pipeline.set_strength(0.5)
            pipeline.generate(SongRequest(prompt="house", duration=1.0, steps=1, seed=1))
        finally:
            pipeline.unload_adapter()

    describe_adapter(place, str(adapter))
    list_rows(place, lambda: [("mine", str(adapter))])
    tried(
        lambda: read_card(adapter),
        lambda: adapter_hash(adapter),
        lambda: receive_adapter(sorted(adapter.iterdir()), folder / "shelf", "sent", place, pipeline.model_hash),
        heard,
    )


def kinds() -> list[Kind]:
    """Three makes of adapters."""
    ours = {
        "pytorch_lora_weights.safetensors": "any_safetensors",
        "event_encoder.safetensors": "any_safetensors",
        "adapter.json": "any_json",
    }
    peft = {"adapter_model.safetensors": "any_safetensors", "adapter_config.json": "any_json"}
    rest = {name: how for name, how in ours.items() if not name.startswith("pytorch")}

    def of(files: dict[str, str]) -> dict[str, str]:
        return {f"adapter/{name}": how for name, how in files.items()}

    def make_lokr(folder: Path) -> None:
        make_adapter(folder, "lokr")

    return [
        Kind("adapter", make_adapter, of(ours), read_adapter, ("shelf/",), cuts=False),
        Kind("adapter from upstream", make_upstream, of(peft), read_adapter, ("shelf/",), cuts=False),
        Kind("LoKr", make_lokr, of({**peft, **rest}), read_adapter, ("shelf/",), cuts=False),
    ]
