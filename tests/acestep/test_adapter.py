"""Adapter folders: the same effect here and in a bare diffusers pipeline, and refused where they do not fit."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from acestep.adapter import LORA_NAME, AdapterCard, AdapterError, lora_config, save_adapter
from acestep.event_encoder import EventEncoder
from acestep.loading import ModelError, load_pipeline
from acestep.pipeline import SongRequest

REQUEST = SongRequest(prompt="warm house", duration=2.0, steps=3, use_events=False)


@pytest.fixture
def adapter(pipeline, tmp_path):
    """Folder of an adapter with alpha = 3 * rank and weights that are heard."""
    torch.manual_seed(0)
    transformer = pipeline.pipe.transformer
    transformer.add_adapter(lora_config(rank=4, alpha=12.0), adapter_name=LORA_NAME)
    for name, parameter in transformer.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    encoder = EventEncoder.for_transformer(transformer)
    torch.nn.init.normal_(encoder.to_patch.weight)
    card = AdapterCard(base_model="starter", base_hash=pipeline.model_hash, rank=4, alpha=12.0)
    folder = tmp_path / "adapter"
    save_adapter(folder, transformer, encoder, card)
    pipeline.trained = pipeline.generate(REQUEST).samples
    return folder


def test_a_saved_adapter_gives_the_same_song_after_loading(pipeline, adapter, random_model):
    fresh = load_pipeline(str(random_model), device="cpu")
    bare = fresh.generate(REQUEST).samples
    fresh.load_adapter(adapter)
    assert fresh.card.alpha == 12.0
    assert torch.equal(
        fresh.conditioning.encoder.to_patch.weight, load_file(adapter / "event_encoder.safetensors")["to_patch.weight"]
    )
    np.testing.assert_allclose(fresh.generate(REQUEST).samples, pipeline.trained, atol=1e-5)
    fresh.set_strength(0.0)
    np.testing.assert_allclose(fresh.generate(REQUEST).samples, bare, atol=1e-5)
    fresh.unload_adapter()
    np.testing.assert_array_equal(fresh.generate(REQUEST).samples, bare)


def test_the_lora_alone_means_the_same_in_a_bare_diffusers_pipeline(pipeline, adapter, random_model):
    pipe = load_pipeline(str(random_model), device="cpu").pipe
    pipe.load_lora_weights(adapter, weight_name="pytorch_lora_weights.safetensors", use_safetensors=True)
    audio = pipe(
        prompt="warm house", lyrics="", audio_duration=2.0, num_inference_steps=3, guidance_scale=2.0, shift=2.0,
        keyscale="", timesignature="4", generator=torch.Generator().manual_seed(0),
    ).audios  # fmt: skip
    np.testing.assert_allclose(audio[0].T.numpy(), pipeline.trained, atol=1e-5)


def test_an_upstream_peft_adapter_keeps_its_alpha(pipeline, adapter, random_model, tmp_path):
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    names = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out.0": "o_proj"}
    state = {}
    for key, value in load_file(adapter / "pytorch_lora_weights.safetensors").items():
        for ours, theirs in names.items():
            key = key.replace(f".{ours}.", f".{theirs}.")
        state[key.replace("transformer.", "base_model.model.", 1)] = value
    save_file(state, upstream / "adapter_model.safetensors")
    config = {"r": 4, "lora_alpha": 12, "target_modules": list(names.values())}
    (upstream / "adapter_config.json").write_text(json.dumps(config))
    fresh = load_pipeline(str(random_model), device="cpu")
    fresh.load_adapter(upstream)
    np.testing.assert_allclose(fresh.generate(REQUEST).samples, pipeline.trained, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"base_hash": "0" * 16}, "was trained on starter"),
        ({"plan_version": 99}, "version 99"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(adapter, random_model, change, sentence):
    card = json.loads((adapter / "adapter.json").read_text())
    (adapter / "adapter.json").write_text(json.dumps(card | change))
    with pytest.raises(AdapterError, match=sentence):
        load_pipeline(str(random_model), device="cpu").load_adapter(adapter)


def test_damaged_or_missing_files_are_named(adapter, random_model, tmp_path):
    fresh = load_pipeline(str(random_model), device="cpu")
    with pytest.raises(AdapterError, match="no such folder"):
        fresh.load_adapter(tmp_path / "nowhere")
    (adapter / "event_encoder.safetensors").write_bytes(b"short")
    with pytest.raises(AdapterError, match=r"event_encoder\.safetensors does not fit or is damaged"):
        fresh.load_adapter(adapter)
    (adapter / "adapter.json").write_text("{")
    with pytest.raises(AdapterError, match="card cannot be read"):
        fresh.load_adapter(adapter)


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no model_index\.json"):
        load_pipeline(str(tmp_path))
