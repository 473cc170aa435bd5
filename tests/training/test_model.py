"""What learns and how fast: schedule, optimizer groups, vocabulary, checkpoints, room on the disk."""

import math
import shutil
from pathlib import Path

import pytest
import torch

from structure.events import Event
from structure.plan import DEFAULT_VOCABULARY
from training.checkpoint import CheckpointError, find_checkpoint, list_checkpoints, load_checkpoint, save_checkpoint
from training.dataset import TrainingSong
from training.loop import TrainingError, check_disk
from training.model import learning_rate_factor, make_optimizer, vocabulary_of
from training.settings import make_settings


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
    learned = {"lora.a": torch.nn.Parameter(torch.zeros(2)), "events.b": torch.nn.Parameter(torch.zeros(2))}
    optimizer, remark = make_optimizer(learned, settings)
    assert [group["peak"] for group in optimizer.param_groups] == [1e-3, pytest.approx(3e-3)]
    assert remark == ""


def test_eight_bits_that_cannot_be_had_are_said_and_replaced():
    settings = make_settings("real", dataset_dir="songs")
    optimizer, remark = make_optimizer({"lora.a": torch.nn.Parameter(torch.zeros(2))}, settings)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert "adamw_8bit" in remark


def test_a_type_of_ones_own_joins_the_vocabulary():
    song = TrainingSong(audio=Path("a.wav"), duration=9, events=(Event(type="Tabla Break", start=0, end=9),))
    assert vocabulary_of([song]) == (*DEFAULT_VOCABULARY, "tabla break")


def trained(steps: int) -> tuple[dict[str, torch.nn.Parameter], torch.optim.Optimizer]:
    """Two parameters after some steps of AdamW on a fixed loss."""
    torch.manual_seed(0)
    learned = {"lora.a.b": torch.nn.Parameter(torch.randn(3)), "events.c": torch.nn.Parameter(torch.randn(2, 2))}
    optimizer, _ = make_optimizer(learned, make_settings("starter", dataset_dir="songs"))
    go_on(learned, optimizer, steps)
    return learned, optimizer


def go_on(learned: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        sum(p.square().sum() for p in learned.values()).backward()
        optimizer.step()


def write_nothing(folder: Path) -> None:
    (folder / "adapter.json").write_text("{}")


def test_weights_and_optimizer_go_on_as_if_never_stopped(tmp_path: Path):
    learned, optimizer = trained(3)
    saved = save_checkpoint(tmp_path, 3, learned, optimizer, write_nothing, keep=2)
    go_on(learned, optimizer, 2)
    again, other = trained(1)
    assert load_checkpoint(saved, again, other) == 3
    go_on(again, other, 2)
    assert all(torch.equal(learned[name], again[name]) for name in learned)


def test_only_the_newest_checkpoints_stay_and_half_a_one_is_none(tmp_path: Path):
    learned, optimizer = trained(1)
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, learned, optimizer, write_nothing, keep=2)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-000002", "step-000003"]
    (tmp_path / "checkpoints" / "step-000004").mkdir()
    shutil.copytree(tmp_path / "checkpoints" / "step-000003", tmp_path / "checkpoints" / ".step-000005.part")
    assert find_checkpoint(tmp_path).name == "step-000003"


def test_a_checkpoint_of_other_layers_and_a_folder_without_one_are_refused(tmp_path: Path):
    learned, optimizer = trained(1)
    saved = save_checkpoint(tmp_path, 1, learned, optimizer, write_nothing, keep=2)
    other = {"lora.a.b": torch.nn.Parameter(torch.zeros(4))}
    with pytest.raises(CheckpointError, match="other settings"):
        load_checkpoint(saved, other, make_optimizer(other, make_settings("starter", dataset_dir="songs"))[0])
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        find_checkpoint(tmp_path / "nowhere")


def test_a_disk_without_room_is_refused_before_anything_is_trained(tmp_path: Path):
    check_disk(tmp_path, bytes_to_write=0)
    with pytest.raises(TrainingError, match="MB are free"):
        check_disk(tmp_path, bytes_to_write=int(math.pow(10, 15)))
