"""Options of a run: each trains a few steps on a tiny random model, is saved, loaded again and makes a song."""

from pathlib import Path

import numpy as np
import pytest
import torch

from acestep.adapter import AdapterError, read_card
from acestep.loading import load_pipeline
from acestep.pipeline import SongRequest
from structure.events import Event
from training.checkpoint import list_checkpoints
from training.frozen import compile_blocks
from training.loop import train
from training.model import make_optimizer
from training.settings import SettingsError, make_settings

SONG = SongRequest(
    events=[Event(type="verse", start=0, end=1), Event(type="chorus", start=1, end=2)], steps=2, prompt="warm house"
)


def trained(model: Path, songs: Path, folder: Path, **options: object) -> Path:
    """A run of three steps with these options; its folder."""
    settings = make_settings(
        "starter", dataset_dir=songs, output_dir=folder, base_model=str(model), device="cpu", batch_size=2, held_out=0,
        crop_min_sec=2.0, crop_max_sec=3.0, quieter_db=0.0, lora_rank=4, save_every_steps=2,
        **{"max_steps": 3, **options},
    )  # fmt: skip
    assert train(settings).status == "done"
    return folder


def song(model: Path, adapter: Path, strength: float = 1.0) -> np.ndarray:
    pipeline = load_pipeline(str(model), device="cpu")
    pipeline.load_adapter(adapter)
    pipeline.set_strength(strength)
    return pipeline.generate(SONG).samples


@pytest.mark.training
@pytest.mark.parametrize(
    "options",
    [{"optimizer": "prodigy"}, {"adapter": "lokr", "lora_dropout": 0.1}, {"quantise": "int8"}],
    ids=["prodigy", "lokr", "int8"],
)
def test_an_option_trains_is_saved_loaded_and_heard(
    options: dict, tiny_model: Path, songs: Path, tmp_path: Path, own_machine: None
):
    if "quantise" in options:
        pytest.importorskip("torchao")
    folder = trained(tiny_model, songs, tmp_path / "run", **options)
    bare = load_pipeline(str(tiny_model), device="cpu").generate(SONG).samples
    heard = song(tiny_model, folder)
    assert np.isfinite(heard).all() and not np.allclose(heard, bare, atol=1e-5)
    np.testing.assert_allclose(song(tiny_model, folder, strength=0.0), bare, atol=1e-5)
    assert read_card(folder).kind == options.get("adapter", "lora")


@pytest.mark.training
@pytest.mark.parametrize("options", [{"optimizer": "prodigy"}, {"adapter": "lokr", "lora_dropout": 0.1}], ids=str)
def test_going_on_ends_where_a_run_without_a_stop_does(
    options: dict, tiny_model: Path, songs: Path, tmp_path: Path, own_machine: None
):
    whole = trained(tiny_model, songs, tmp_path / "whole", **options)
    half = next(path for path in list_checkpoints(whole) if path.name.endswith("2"))
    rest = trained(tiny_model, songs, tmp_path / "rest", resume_from=half, **options)
    np.testing.assert_array_equal(song(tiny_model, whole), song(tiny_model, rest))


def test_a_lokr_is_peft_s_own_and_acts_alone(tiny_model: Path, tmp_path: Path):
    from peft import PeftModel

    from acestep.adapter import save_adapter
    from structure.plan import DEFAULT_VOCABULARY
    from training.model import adapter_card, make_trainable

    pipeline = load_pipeline(str(tiny_model), device="cpu")
    settings = make_settings("starter", dataset_dir="", lora_rank=4, adapter="lokr", events=False)
    learned = make_trainable(pipeline, DEFAULT_VOCABULARY, settings)
    with torch.no_grad():
        for parameter in learned.values():
            parameter.add_(0.1 * torch.randn_like(parameter))
    pipeline.pipe.transformer.eval()
    card = adapter_card(pipeline, [], DEFAULT_VOCABULARY, settings, {})
    save_adapter(tmp_path / "lokr", pipeline.pipe.transformer, None, card)

    layer = "layers.0.self_attn.to_q"
    x = torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
    wanted = pipeline.pipe.transformer.get_submodule(layer)(x)
    other = load_pipeline(str(tiny_model), device="cpu")
    theirs = PeftModel.from_pretrained(other.pipe.transformer, str(tmp_path / "lokr"))
    torch.testing.assert_close(theirs.base_model.model.get_submodule(layer)(x), wanted)

    ours = load_pipeline(str(tiny_model), device="cpu")
    bare = ours.pipe.transformer.get_submodule(layer)(x)
    ours.load_adapter(tmp_path / "lokr")
    torch.testing.assert_close(ours.pipe.transformer.get_submodule(layer)(x), wanted)
    ours.set_strength(0.5)
    torch.testing.assert_close(ours.pipe.transformer.get_submodule(layer)(x), (wanted + bare) / 2)
    with pytest.raises(AdapterError, match="a LoKr acts alone"):
        ours.add_adapter(tmp_path / "lokr")
    ours.unload_adapter()
    torch.testing.assert_close(ours.pipe.transformer.get_submodule(layer)(x), bare)


def test_prodigy_says_which_settings_do_not_count():
    learned = {"lora.a": torch.nn.Parameter(torch.ones(2, 2)), "events.b": torch.nn.Parameter(torch.zeros(2, 2))}
    optimizer, remark = make_optimizer(learned, make_settings("real", dataset_dir="", optimizer="prodigy"))
    assert {group["peak"] for group in optimizer.param_groups} == {1.0}
    assert "--learning-rate and --event-lr-scale do not count" in remark


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"adapter": "lokr", "lora_dora": True}, "LoKr goes with neither DoRA nor rsLoRA"),
        ({"quantise": "int8", "lora_dora": True}, "need the frozen weights as they are"),
        ({"quantise": "int8", "adapter": "lokr"}, "need the frozen weights as they are"),
    ],
)
def test_what_does_not_go_together_is_refused(wrong: dict, message: str):
    with pytest.raises(SettingsError, match=message):
        make_settings(dataset_dir="", **wrong)


def test_without_a_compiler_training_goes_on_without(tiny_model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    torch._dynamo.reset()
    transformer = load_pipeline(str(tiny_model), device="cpu").pipe.transformer
    with torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",), "force_disable_caches": True}):
        remark = compile_blocks(transformer)
    assert remark.startswith("torch.compile does not work here") and remark.endswith("training goes on without.")
    assert "forward" not in vars(transformer.layers[0])


@pytest.mark.slow
def test_compiled_blocks_answer_what_they_answered(tiny_model: Path):
    transformer = load_pipeline(str(tiny_model), device="cpu").pipe.transformer
    transformer.layers = transformer.layers[:1]
    block = {"timestep": torch.tensor([0.5]), "timestep_r": torch.tensor([0.5])}
    width = transformer.config.audio_acoustic_hidden_dim
    block |= {"hidden_states": torch.randn(1, 12, width), "context_latents": torch.randn(1, 12, 2 * width)}
    block |= {"encoder_hidden_states": torch.randn(1, 3, transformer.condition_embedder.in_features)}
    with torch.no_grad():
        before = transformer(**block, return_dict=False)[0]
        assert compile_blocks(transformer) == ""
        torch.testing.assert_close(transformer(**block, return_dict=False)[0], before, atol=1e-4, rtol=1e-4)
