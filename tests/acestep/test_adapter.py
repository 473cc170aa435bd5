"""Adapter folders: the same effect here, in bare diffusers and in peft, and refused where they do not fit."""

import copy
import json
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from diffusers import AceStepPipeline
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from acestep.adapter import LORA_NAME, AdapterCard, AdapterError, lora_config, read_card, save_adapter
from acestep.event_encoder import EventEncoder
from acestep.loading import STARTER_ADAPTER, ModelError, load_pipeline
from acestep.pipeline import SongRequest, StructuredPipeline

HEARD = 0.1  # latents have about unit variance: where two differ by more than this somewhere, they are two songs

KINDS = {
    "plain": {"alpha": 4.0},
    "alpha": {"alpha": 12.0},
    "rslora": {"alpha": 6.0, "rslora": True},
    "dora": {"alpha": 4.0, "dora": True},
    "mlp": {"alpha": 4.0, "targets": ("mlp",)},
    "cross": {"alpha": 12.0, "targets": ("cross",)},
    "all of it": {"alpha": 6.0, "rslora": True, "dora": True, "targets": ("self", "cross", "mlp"), "dropout": 0.5},
}


def song(pipe: AceStepPipeline) -> np.ndarray:
    """Latents of one song, by diffusers' own call."""
    return pipe(
        prompt="warm house", lyrics="", audio_duration=1.0, num_inference_steps=2, guidance_scale=2.0, shift=2.0,
        generator=torch.Generator().manual_seed(0), output_type="latent",
    ).audios.float().numpy()  # fmt: skip


def randomise(module: torch.nn.Module, seed: int = 0) -> None:
    """Give every tensor of a fresh LoRA, DoRA's magnitudes too, values that are heard."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "lora_magnitude_vector" in name:
                parameter *= 1 + 0.5 * torch.rand(parameter.shape, generator=generator)
            elif "lora_" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))


def train(pipeline: StructuredPipeline, folder: Path, seed: int = 0, **kind: object) -> np.ndarray:
    """Write an adapter of this kind into `folder`; the song of the model that holds it."""
    transformer = pipeline.pipe.transformer
    transformer.add_adapter(lora_config(rank=4, **kind), adapter_name=LORA_NAME)
    randomise(transformer, seed)
    transformer.eval()
    torch.manual_seed(0)
    encoder = EventEncoder.for_transformer(transformer, pipeline.pipe.text_encoder.config.hidden_size)
    torch.nn.init.normal_(encoder.to_places.weight)
    card = AdapterCard(base_model="starter", base_hash=pipeline.model_hash, rank=4, alpha=kind["alpha"])
    save_adapter(folder, transformer, encoder, card)
    return song(pipeline.pipe)


@pytest.fixture
def fresh(random_model) -> StructuredPipeline:
    """The model again, without an adapter."""
    return load_pipeline(str(random_model), device="cpu")


@pytest.fixture
def adapter(pipeline, tmp_path):
    """Folder of an adapter with alpha = 3 * rank and weights that are heard."""
    folder = tmp_path / "adapter"
    pipeline.trained = train(pipeline, folder, alpha=12.0)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_adapter_gives_the_same_song_here_and_in_bare_diffusers(pipeline, fresh, random_model, tmp_path, kind):
    without = song(fresh.pipe)
    trained = train(pipeline, tmp_path / "adapter", **KINDS[kind])
    assert np.abs(trained - without).max() > HEARD
    fresh.load_adapter(tmp_path / "adapter")
    np.testing.assert_array_equal(song(fresh.pipe), trained)
    bare = load_pipeline(str(random_model), device="cpu").pipe
    bare.load_lora_weights(tmp_path / "adapter")
    np.testing.assert_array_equal(song(bare), trained)


def test_in_bf16_too_both_give_the_same_song(pipeline, random_model, tmp_path):
    trained = train(pipeline, tmp_path / "adapter", **KINDS["all of it"])
    here, bare = (load_pipeline(str(random_model), device="cpu", dtype=torch.bfloat16) for _ in range(2))
    here.load_adapter(tmp_path / "adapter")
    bare.pipe.load_lora_weights(tmp_path / "adapter")
    np.testing.assert_array_equal(song(here.pipe), song(bare.pipe))
    assert np.corrcoef(song(here.pipe).ravel(), trained.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("kind", ["alpha"])
def test_two_at_once_are_the_sum_of_both_at_their_strengths(pipeline, fresh, random_model, tmp_path, kind):
    first = train(pipeline, tmp_path / "first", **KINDS[kind])
    other = load_pipeline(str(random_model), device="cpu")
    second = train(other, tmp_path / "second", seed=5, **KINDS[kind])
    assert np.abs(first - second).max() > HEARD
    fresh.load_adapter(tmp_path / "first")
    fresh.add_adapter(tmp_path / "second")
    fresh.set_strength(1.0, [0.0])
    np.testing.assert_allclose(song(fresh.pipe), first, atol=1e-5)
    fresh.set_strength(0.0, [1.0])
    np.testing.assert_allclose(song(fresh.pipe), second, atol=1e-5)
    fresh.set_strength(1.0, [1.0])
    both = song(fresh.pipe)
    assert min(np.abs(both - first).max(), np.abs(both - second).max()) > HEARD
    assert fresh.card.rank == 4 and fresh.beside == [tmp_path / "second"]
    fresh.load_adapter(tmp_path / "second")  # alone: nothing of the first is left
    np.testing.assert_array_equal(song(fresh.pipe), second)
    fresh.load_adapter(tmp_path / "second")
    fresh.add_adapter(tmp_path / "first")
    fresh.set_strength(1.0, [1.0])
    np.testing.assert_allclose(song(fresh.pipe), both, atol=1e-5)  # in whichever order


@pytest.mark.parametrize("kind", ["alpha", "all of it"])
def test_strength_goes_from_the_bare_checkpoint_to_the_adapter_as_trained(pipeline, fresh, tmp_path, kind):
    without = song(fresh.pipe)
    trained = train(pipeline, tmp_path / "adapter", **KINDS[kind])
    fresh.load_adapter(tmp_path / "adapter")
    fresh.set_strength(0.0)
    np.testing.assert_array_equal(song(fresh.pipe), without)
    fresh.set_strength(0.5)
    half = song(fresh.pipe)
    assert min(np.abs(half - without).max(), np.abs(half - trained).max()) > HEARD
    fresh.set_strength(1.0)
    np.testing.assert_array_equal(song(fresh.pipe), trained)
    fresh.unload_adapter()
    np.testing.assert_array_equal(song(fresh.pipe), without)


def test_card_and_event_encoder_come_with_the_adapter(pipeline, adapter, fresh):
    fresh.load_adapter(adapter)
    request = SongRequest(prompt="warm house", duration=1.0, steps=2, use_events=False)
    np.testing.assert_array_equal(fresh.generate(request).samples, pipeline.generate(request).samples)
    assert fresh.card.alpha == 12.0
    written = load_file(adapter / "event_encoder.safetensors")["to_places.weight"]
    assert torch.equal(fresh.conditioning.encoder.to_places.weight, written)


def test_an_event_encoder_from_before_gains_adds_what_it_learned(adapter, fresh):
    kept = load_file(adapter / "event_encoder.safetensors")
    save_file({name: value for name, value in kept.items() if name != "gain"}, adapter / "event_encoder.safetensors")
    fresh.load_adapter(adapter)
    assert (fresh.conditioning.encoder.gain == 1).all()


def test_an_event_encoder_of_another_inner_width_loads(adapter, fresh):
    fresh.load_adapter(adapter)
    text_width = fresh.pipe.text_encoder.config.hidden_size
    narrow = EventEncoder.for_transformer(fresh.pipe.transformer, text_width, fresh.card.vocabulary, hidden=24)
    save_file(narrow.state_dict(), adapter / "event_encoder.safetensors")
    fresh.load_adapter(adapter)
    assert torch.equal(fresh.conditioning.encoder.to_hidden.weight, narrow.to_hidden.weight)


def test_an_event_encoder_that_lacks_a_part_is_refused(adapter, fresh):
    kept = load_file(adapter / "event_encoder.safetensors")
    for missing in ("to_hidden.bias", "to_places.weight"):
        left = {name: value for name, value in kept.items() if name != missing}
        save_file(left, adapter / "event_encoder.safetensors")
        with pytest.raises(AdapterError, match="of another version"):
            fresh.load_adapter(adapter)


def test_a_card_from_before_parts_could_be_chosen_means_attention(tmp_path):
    words = json.loads((STARTER_ADAPTER / "adapter.json").read_text())
    old = {key: value for key, value in words.items() if key not in ("targets", "rslora", "dora")}
    (tmp_path / "adapter.json").write_text(json.dumps(old))
    card = read_card(tmp_path)
    assert (card.targets, card.rslora, card.dora) == (("self", "cross"), False, False)


def test_dropout_that_another_trainer_left_in_a_lora_does_not_act(pipeline, adapter, fresh):
    path = adapter / "pytorch_lora_weights.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()["lora_adapter_metadata"])
    assert "transformer.lora_dropout" not in metadata
    metadata["transformer.lora_dropout"] = 0.5
    save_file(load_file(path), path, metadata={"format": "pt", "lora_adapter_metadata": json.dumps(metadata)})
    fresh.load_adapter(adapter)
    np.testing.assert_array_equal(song(fresh.pipe), pipeline.trained)


def test_a_diffusers_lora_without_metadata_has_its_rank_for_alpha_as_there(adapter, fresh, random_model):
    path = adapter / "pytorch_lora_weights.safetensors"
    save_file(load_file(path), path)
    fresh.load_adapter(adapter)
    bare = load_pipeline(str(random_model), device="cpu").pipe
    bare.load_lora_weights(adapter)
    np.testing.assert_array_equal(song(fresh.pipe), song(bare))


# ---- peft's folders, as the original trainer writes them


def upstream_twin(transformer: torch.nn.Module) -> torch.nn.Module:
    """The transformer with the names that its attention layers have in the original ACE-Step 1.5."""
    twin = copy.deepcopy(transformer)
    for block in twin.layers:
        for attention in (block.self_attn, block.cross_attn):
            attention.q_proj, attention.k_proj, attention.v_proj = attention.to_q, attention.to_k, attention.to_v
            attention.o_proj = attention.to_out[0]
            del attention.to_q, attention.to_k, attention.to_v, attention.to_out
    return twin


def merge(transformer: torch.nn.Module, twin: torch.nn.Module) -> None:
    """Copy the twin's weights back, its adapter worked into them by peft."""
    names = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "o_proj": "to_out.0"}
    weights = {".".join(names.get(p, p) for p in key.split(".")): value for key, value in twin.state_dict().items()}
    transformer.load_state_dict(weights)


ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
UPSTREAM = {
    "alpha": {"target_modules": ATTENTION},
    "dropout": {"target_modules": ATTENTION, "lora_dropout": 0.5},
    "rslora": {"target_modules": ATTENTION, "use_rslora": True},
    "dora": {"target_modules": ATTENTION, "use_dora": True},
    "regex": {"target_modules": r".*\.(self_attn|cross_attn)\.(q|v|o)_proj"},
    "full names": {"target_modules": ["layers.0.self_attn.q_proj", "layers.3.cross_attn.o_proj"]},
    "no q and no k": {"target_modules": ["v_proj", "o_proj"]},
    "mlp": {"target_modules": ["gate_proj", "up_proj", "down_proj"]},
    "all linear": {"target_modules": "all-linear"},
    "some layers": {"target_modules": ATTENTION, "layers_to_transform": [1, 2], "layers_pattern": "layers"},
    "patterns": {
        "target_modules": [*ATTENTION, "down_proj"],
        "rank_pattern": {"q_proj": 2, r"layers\.[12]\.self_attn\.v_proj": 6, r"^layers\.0\.mlp\.\w+": 3},
        "alpha_pattern": {r"cross_attn\.(q|o)_proj": 20, "layers.3.self_attn.q_proj": 1},
    },
    "patterns, rslora and dora": {
        "target_modules": ATTENTION,
        "use_rslora": True,
        "use_dora": True,
        "rank_pattern": {r".*self_attn\.(q|k)_proj": 1},
        "alpha_pattern": {"o_proj": 16},
    },
}


@pytest.mark.parametrize("kind", UPSTREAM)
def test_an_upstream_adapter_does_what_peft_makes_of_it(pipeline, fresh, tmp_path, kind):
    transformer = pipeline.pipe.transformer
    without = song(pipeline.pipe)
    upstream = peft.get_peft_model(
        upstream_twin(transformer), peft.LoraConfig(**{"r": 4, "lora_alpha": 10, "bias": "none"} | UPSTREAM[kind])
    )
    randomise(upstream)
    upstream.save_pretrained(tmp_path / "upstream")
    fresh.load_adapter(tmp_path / "upstream")
    merge(transformer, upstream.merge_and_unload())
    meant = song(pipeline.pipe)
    assert np.abs(meant - without).max() > HEARD
    np.testing.assert_allclose(song(fresh.pipe), meant, atol=1e-4)  # merging rounds


@pytest.fixture
def upstream(pipeline, tmp_path) -> Path:
    """A small adapter as peft writes it."""
    config = peft.LoraConfig(r=4, lora_alpha=10, target_modules=["q_proj"])
    peft.get_peft_model(upstream_twin(pipeline.pipe.transformer), config).save_pretrained(tmp_path / "upstream")
    return tmp_path / "upstream"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("{", "adapter_config.json: is not JSON .* Copy the adapter again."),
        ("[1, 2]", "adapter_config.json: the file holds no JSON object"),
        ({"r": None}, "adapter_config.json: r: input should be a valid integer"),
        ({"r": 0}, "adapter_config.json: r: input should be greater than 0"),
        ({"r": 8}, "`layers.0.cross_attn.q_proj` should have rank 8, but has 4"),
        ({"lora_alpha": "loud"}, "adapter_config.json: lora_alpha: input should be a valid number"),
        ({"alpha_pattern": {"(": 3}}, "alpha_pattern.*holds no regular expression"),
        ({"peft_type": "LOHA"}, "this is a LOHA adapter. Only LoRA"),
        ({"bias": "all"}, "bias is 'all', so the adapter changes more than a LoRA can"),
        ({"modules_to_save": ["proj_out"]}, "modules_to_save is .'proj_out'."),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights is 'pissa_niter_4'"),
        ({"use_dora": True}, "has lora_A.weight, lora_B.weight, but by its settings it should have .*magnitude"),
    ],
)
def test_an_upstream_config_that_cannot_be_followed_is_refused(fresh, upstream, change, sentence):
    path = upstream / "adapter_config.json"
    path.write_text(change if isinstance(change, str) else json.dumps(json.loads(path.read_text()) | change))
    without = song(fresh.pipe)
    with pytest.raises(AdapterError, match=sentence):
        fresh.load_adapter(upstream)
    np.testing.assert_array_equal(song(fresh.pipe), without)


def test_an_upstream_config_must_say_its_rank_and_be_there(fresh, upstream):
    path = upstream / "adapter_config.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "r"}))
    with pytest.raises(AdapterError, match="adapter_config.json: r: field required"):
        fresh.load_adapter(upstream)
    path.unlink()
    with pytest.raises(AdapterError, match="adapter_config.json: cannot be read .* Copy the whole adapter folder"):
        fresh.load_adapter(upstream)


# ---- what does not fit


def with_odd_name(tensors: dict[str, torch.Tensor]) -> None:
    tensors["transformer.layers.0.self_attn.to_q.lokr_w1"] = torch.zeros(2, 2)


def with_layer_beyond(tensors: dict[str, torch.Tensor]) -> None:
    for half in ("lora_A", "lora_B"):
        tensors[f"transformer.layers.40.self_attn.to_q.{half}.weight"] = tensors[
            f"transformer.layers.0.self_attn.to_q.{half}.weight"
        ].clone()


def with_wider_layer(tensors: dict[str, torch.Tensor]) -> None:
    tensors["transformer.layers.0.self_attn.to_q.lora_A.weight"] = torch.zeros(4, 2048)


def with_half_a_layer(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["transformer.layers.0.self_attn.to_q.lora_B.weight"]


def with_another_rank(tensors: dict[str, torch.Tensor]) -> None:
    for name in tensors:
        tensors[name] = torch.cat([tensors[name]] * 2, dim=0 if "lora_A" in name else 1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (dict.clear, "the file is empty"),
        (with_odd_name, "to_q.lokr_w1` is not a LoRA's tensor"),
        (with_layer_beyond, "it changes `layers.40.self_attn.to_q`, which this model does not have"),
        (with_wider_layer, "`layers.0.self_attn.to_q` from 2048 to 64 channels, which in this model has 64 and 64"),
        (with_half_a_layer, "`layers.0.self_attn.to_q` has lora_A.weight, but by its settings it should have"),
        (with_another_rank, "should have rank 4, but has 8 in its weights"),
    ],
)
def test_tensors_that_find_no_place_are_refused_and_leave_the_model_usable(
    pipeline, fresh, adapter, tmp_path, change, sentence
):
    without = song(fresh.pipe)
    path = adapter / "pytorch_lora_weights.safetensors"
    whole = path.read_bytes()
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(AdapterError, match=sentence):
        fresh.load_adapter(adapter)
    np.testing.assert_array_equal(song(fresh.pipe), without)
    path.write_bytes(whole)
    fresh.load_adapter(adapter)
    np.testing.assert_array_equal(song(fresh.pipe), pipeline.trained)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"base_hash": "0" * 16}, "was trained on starter .* Load that one, or train the adapter again"),
        ({"plan_version": 99}, "reads frame plans of version 99, this program writes version .* Train it again"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(adapter, fresh, change, sentence):
    card = json.loads((adapter / "adapter.json").read_text())
    (adapter / "adapter.json").write_text(json.dumps(card | change))
    with pytest.raises(AdapterError, match=sentence):
        fresh.load_adapter(adapter)


def test_damaged_or_missing_files_are_named(adapter, fresh, tmp_path):
    with pytest.raises(AdapterError, match="no such folder"):
        fresh.load_adapter(tmp_path / "nowhere")
    (adapter / "pytorch_lora_weights.safetensors").write_bytes(b"short")
    with pytest.raises(AdapterError, match=r"pytorch_lora_weights\.safetensors: the file is damaged"):
        fresh.load_adapter(adapter)
    (adapter / "pytorch_lora_weights.safetensors").unlink()
    with pytest.raises(AdapterError, match="the LoRA file is missing"):
        fresh.load_adapter(adapter)
    (adapter / "event_encoder.safetensors").write_bytes(b"short")
    with pytest.raises(AdapterError, match=r"event_encoder\.safetensors is (damaged|of another version)"):
        fresh.load_adapter(adapter)
    (adapter / "adapter.json").write_text("{")
    with pytest.raises(AdapterError, match="card cannot be read"):
        fresh.load_adapter(adapter)
    (adapter / "adapter.json").unlink()
    with pytest.raises(AdapterError, match="no adapter here"):
        fresh.load_adapter(adapter)


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no model_index\.json"):
        load_pipeline(str(tmp_path))
