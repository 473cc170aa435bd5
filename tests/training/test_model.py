"""What learns and how fast: schedule, optimizer groups, vocabulary, room on the disk."""

import math
from pathlib import Path

import pytest
import torch

from structure.events import Event
from structure.plan import DEFAULT_VOCABULARY
from training.dataset import TrainingSong
from training.model import adapter_card, learning_rate_factor, make_optimizer, make_trainable, vocabulary_of
from training.refusals import TrainingError, check_disk
from training.settings import SettingsError, make_settings, read_settings


def test_the_rate_warms_up_and_then_follows_its_schedule():
    values = {"warmup_ratio": 0.1, "scheduler": "cosine"}
    cosine = make_settings("starter", dataset_dir="songs", **values)
    factors = [learning_rate_factor(step, 100, cosine) for step in range(100)]
    assert factors[:10] == sorted(factors[:10]) and factors[0] > 0
    assert factors[10] == 1.0 and factors[10:] == sorted(factors[10:], reverse=True) and factors[-1] < 0.001
    assert factors[55] == pytest.approx(0.5)
    constant = cosine.model_copy(update={"scheduler": "constant_with_warmup"})
    assert learning_rate_factor(99, 100, constant) == 1.0
    linear = cosine.model_copy(update={"scheduler": "linear"})
    assert learning_rate_factor(55, 100, linear) == pytest.approx(0.5)


def test_the_event_encoder_has_a_rate_of_its_own():
    settings = make_settings("starter", dataset_dir="songs", learning_rate=1e-3, event_lr_scale=3)
    learned = {"lora.a": torch.nn.Parameter(torch.zeros(2, 2)), "events.b": torch.nn.Parameter(torch.zeros(2, 2))}
    optimizer, remark = make_optimizer(learned, settings)
    assert [group["peak"] for group in optimizer.param_groups] == [1e-3, pytest.approx(3e-3)]
    assert remark == ""


def test_matrices_decay_and_vectors_do_not():
    settings = make_settings("starter", dataset_dir="songs", weight_decay=0.1)
    learned = {"lora.magnitude": torch.nn.Parameter(torch.ones(2)), "lora.a": torch.nn.Parameter(torch.ones(2, 2))}
    optimizer, _ = make_optimizer(learned, settings)
    for parameter in learned.values():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert torch.equal(learned["lora.magnitude"], torch.ones(2))
    assert (learned["lora.a"] < 1).all()


def test_eight_bits_that_cannot_be_had_are_said_and_replaced():
    settings = make_settings("real", dataset_dir="songs")
    optimizer, remark = make_optimizer({"lora.a": torch.nn.Parameter(torch.zeros(2))}, settings)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert "adamw_8bit" in remark


def velocity(pipeline, frames: int = 40) -> torch.Tensor:
    """What the transformer answers to fixed noise, in training's precision."""
    transformer, generator = pipeline.pipe.transformer, torch.Generator().manual_seed(0)
    channels = transformer.config.audio_acoustic_hidden_dim
    width = pipeline.pipe.condition_encoder.null_condition_emb.shape[-1]
    with torch.autocast("cpu", torch.bfloat16, enabled=transformer.dtype == torch.bfloat16):
        return transformer(
            hidden_states=torch.randn(2, frames, channels, generator=generator),
            timestep=torch.tensor([0.3, 0.8]),
            timestep_r=torch.tensor([0.3, 0.8]),
            encoder_hidden_states=torch.randn(2, 7, width, generator=generator),
            context_latents=torch.randn(2, frames, 2 * channels, generator=generator),
            return_dict=False,
        )[0].float()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"lora_rslora": True, "lora_targets": "mlp"},
        {"lora_dora": True, "lora_dropout": 0.3},
        {"lora_dora": True, "lora_rslora": True, "lora_targets": "self,cross,mlp", "gradient_checkpointing": True},
    ],
)
def test_a_fresh_lora_changes_nothing_and_all_of_it_learns_in_float32(tiny_model: Path, kind: dict, dtype):
    from acestep.loading import load_pipeline

    pipeline = load_pipeline(str(tiny_model), device="cpu", dtype=dtype)
    before = velocity(pipeline)
    settings = make_settings("starter", dataset_dir="songs", lora_rank=2, events=False, **kind)
    learned = make_trainable(pipeline, DEFAULT_VOCABULARY, settings)
    pipeline.pipe.transformer.eval()
    assert torch.equal(velocity(pipeline), before)

    assert all(name.startswith("lora.") and p.dtype == torch.float32 for name, p in learned.items())
    parts = {"self_attn": "self", "cross_attn": "cross", "mlp": "mlp"}
    assert {parts[name.split(".")[3]] for name in learned} == set(settings.lora_targets.split(","))
    assert any("magnitude" in name for name in learned) == settings.lora_dora

    pipeline.pipe.transformer.train()
    optimizer, _ = make_optimizer(learned, settings)
    for _ in range(2):  # B is zero at first, so A learns from the second step on
        optimizer.param_groups[0]["lr"] = 0.1
        optimizer.zero_grad()
        velocity(pipeline).square().mean().backward()
        optimizer.step()
    assert [name for name, p in learned.items() if not p.grad.abs().sum() > 0] == []
    pipeline.pipe.transformer.eval()
    assert not torch.equal(velocity(pipeline), before)


def test_the_card_says_what_learns_and_how(tiny_model: Path):
    from acestep.loading import load_pipeline

    pipeline = load_pipeline(str(tiny_model), device="cpu")
    settings = make_settings(dataset_dir="songs", lora_targets="mlp,self", lora_rslora=True, lora_dora=True)
    card = adapter_card(pipeline, [], DEFAULT_VOCABULARY, settings, {})
    assert (card.targets, card.rslora, card.dora) == (("self", "mlp"), True, True)


def test_parts_of_the_model_are_named_in_any_order_and_wrong_ones_refused(tmp_path: Path):
    assert make_settings(dataset_dir="songs").lora_targets == "self,cross"
    settings = make_settings(dataset_dir="songs", lora_targets=" mlp, cross,mlp")
    assert settings.lora_targets == "cross,mlp"
    (tmp_path / "config.json").write_text(settings.model_dump_json())
    assert read_settings(tmp_path / "config.json") == settings
    for wrong in ("self;cross", "", "decoder"):
        with pytest.raises(SettingsError, match="lora_targets: give one or more of self, cross, mlp, with commas"):
            make_settings(dataset_dir="songs", lora_targets=wrong)


def test_the_lora_can_be_chosen_on_the_command_line():
    from lora_train import get_parser

    flags = ["--lora-targets", "mlp", "--lora-dora", "--no-lora-rslora"]
    given = get_parser().parse_args(flags)
    assert (given.lora_targets, given.lora_dora, given.lora_rslora) == ("mlp", True, False)


def test_a_type_of_ones_own_joins_the_vocabulary():
    song = TrainingSong(audio=Path("a.wav"), duration=9, events=(Event(type="Tabla Break", start=0, end=9),))
    assert vocabulary_of([song]) == (*DEFAULT_VOCABULARY, "tabla break")


def test_a_disk_without_room_is_refused_before_anything_is_trained(tmp_path: Path):
    check_disk(tmp_path, bytes_to_write=0)
    with pytest.raises(TrainingError, match="MB are free"):
        check_disk(tmp_path, bytes_to_write=int(math.pow(10, 15)))
