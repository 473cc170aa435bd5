"""Checkpoints: what goes on from them is what would have been, and nothing half written is ever taken for one."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.checkpoint import (
    CheckpointError,
    best_checkpoint,
    find_checkpoint,
    forget_later_checkpoints,
    list_checkpoints,
    load_checkpoint,
    prune_checkpoints,
    save_checkpoint,
)
from training.learner import Learner
from training.model import make_optimizer
from training.run_folder import write_config
from training.settings import make_settings


def trained(steps: int) -> Learner:
    """Two parameters and their average after some steps of AdamW on a fixed loss."""
    torch.manual_seed(0)
    shapes = {"lora.a.b": (3,), "lora.c": (2, 3), "events.c": (2, 2)}  # the optimizer takes the matrix first
    learned = {name: torch.nn.Parameter(torch.randn(shape)) for name, shape in shapes.items()}
    settings = make_settings("starter", dataset_dir="songs", ema_decay=0.9)
    learner = Learner.of(learned, make_optimizer(learned, settings)[0], settings)
    go_on(learner, steps)
    return learner


def go_on(learner: Learner, steps: int) -> None:
    for _ in range(steps):
        sum(p.square().sum() for p in learner.parameters.values()).backward()
        learner.update(rate=1.0, max_grad_norm=1.0)


def write_nothing(folder: Path) -> None:
    (folder / "adapter.json").write_text("{}")


def test_weights_and_optimizer_go_on_as_if_never_stopped(tmp_path: Path):
    learner = trained(3)
    saved = save_checkpoint(tmp_path, 3, learner, write_nothing, held_out_loss=0.5, data="songs")
    go_on(learner, 2)
    again = trained(1)
    card = load_checkpoint(saved, again)
    assert (card["step"], card["held_out_loss"], card["data"]) == (3, 0.5, "songs")
    go_on(again, 2)
    assert all(torch.equal(learner.parameters[name], again.parameters[name]) for name in learner.parameters)
    assert all(map(torch.equal, learner.average.shadow_params, again.average.shadow_params))


def test_the_newest_checkpoints_and_the_best_stay_and_half_a_one_is_none(tmp_path: Path):
    learner = trained(1)
    for step, loss in enumerate((None, 0.3, 0.1, 0.2, 0.4, 0.5)):
        save_checkpoint(tmp_path, step, learner, write_nothing, loss)
        prune_checkpoints(tmp_path, keep=2)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-000002", "step-000004", "step-000005"]
    assert best_checkpoint(tmp_path).folder.name == "step-000002"
    (tmp_path / "checkpoints" / "step-000006").mkdir()
    shutil.copytree(tmp_path / "checkpoints" / "step-000005", tmp_path / "checkpoints" / ".step-000007.part")
    write_config(tmp_path, make_settings("starter", dataset_dir="songs"))
    found, damaged = find_checkpoint(tmp_path)
    assert found.name == "step-000005" and [path.name for path in damaged] == ["step-000006"]
    prune_checkpoints(tmp_path, keep=2)
    assert not (tmp_path / "checkpoints" / ".step-000007.part").exists()


def test_the_best_by_structure_is_kept_and_where_nobody_judged_the_loss_decides(tmp_path: Path):
    learner = trained(1)
    assert best_checkpoint(tmp_path, "structure") is None
    for step, (loss, score) in enumerate(((0.1, None), (0.9, 0.8), (0.3, 0.8), (0.2, 0.5))):
        save_checkpoint(tmp_path, step, learner, write_nothing, loss, structure_score=score)
        prune_checkpoints(tmp_path, 1, "structure")
        kept = [path.name for path in list_checkpoints(tmp_path)]
        assert kept == [f"step-{n:06d}" for n in ((0,), (1,), (1, 2), (1, 3))[step]]
    best = best_checkpoint(tmp_path, "structure")
    assert (best.step, best.said) == (1, "its song keeps to the structure best, 80%")
    assert best_checkpoint(tmp_path, "loss").facts() == {
        "best_step": 3,
        "best_said": "its loss on held-out songs is the lowest, 0.2000",
    }


@pytest.mark.parametrize("figure", ["0.1", [0.1], {"a": 1}, 10**400], ids=["text", "list", "object", "huge"])
def test_a_figure_that_is_none_makes_no_checkpoint_the_best(figure: object, tmp_path: Path):
    for step, loss in enumerate((0.5, 0.1)):
        save_checkpoint(tmp_path, step, trained(1), write_nothing, loss)
    card = list_checkpoints(tmp_path)[1] / "trainer.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"held_out_loss": figure, "structure_score": figure}))
    for by in ("loss", "structure"):
        assert best_checkpoint(tmp_path, by).folder.name == "step-000000"


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        *[(name, harm) for name in ("trainer.safetensors", "adapter.json") for harm in (cut_short, change_a_byte)],
        *[(name, Path.unlink) for name in ("trainer.safetensors", "adapter.json", "trainer.json")],
        ("trainer.json", lambda path: path.write_text("{")),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_for_the_newest_whole_one(
    tmp_path: Path, name: str, harm: Callable[[Path], None]
):
    write_config(tmp_path, make_settings("starter", dataset_dir="songs"))
    learner = trained(1)
    for step in (1, 2):
        newest = save_checkpoint(tmp_path, step, learner, write_nothing)
    harm(newest / name)
    found, damaged = find_checkpoint(tmp_path)
    assert (found.name, damaged) == ("step-000001", [newest])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(newest, learner)


def test_a_full_disk_leaves_the_checkpoint_before_and_nothing_else(tmp_path: Path):
    def no_room(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    learner = trained(1)
    save_checkpoint(tmp_path, 1, learner, write_nothing)
    with pytest.raises(CheckpointError, match="disk is full"):
        save_checkpoint(tmp_path, 2, learner, no_room)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000001"]


def test_a_checkpoint_of_other_layers_and_a_folder_that_is_no_run_are_refused(tmp_path: Path):
    saved = save_checkpoint(tmp_path, 1, trained(1), write_nothing)
    other = {"lora.a.b": torch.nn.Parameter(torch.zeros(4))}
    settings = make_settings("starter", dataset_dir="songs")
    with pytest.raises(CheckpointError, match="other settings"):
        load_checkpoint(saved, Learner.of(other, make_optimizer(other, settings)[0], settings))
    with pytest.raises(CheckpointError, match="no run"):
        find_checkpoint(tmp_path / "nowhere")
    write_config(tmp_path / "checkpoints", settings)
    assert find_checkpoint(tmp_path / "checkpoints") == (None, [])


def test_what_another_optimizer_remembers_is_not_mistaken_for_ones_own(tmp_path: Path):
    saved = save_checkpoint(tmp_path, 1, trained(1), write_nothing)
    other = trained(1)
    other.optimizer = torch.optim.SGD(other.parameters.values(), momentum=0.9)
    with pytest.raises(CheckpointError, match="AdamW, and SGD cannot go on"):
        load_checkpoint(saved, other)


class BytesAndNumbers(torch.optim.Optimizer):
    """An optimizer whose memory is of every kind: 8-bit tensors hidden from `state_dict`'s first level, and numbers."""

    def __init__(self, parameters):
        super().__init__(parameters, {})
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter] = {"quantised": torch.randint(255, (4,), dtype=torch.uint8), "step": 7}

    def state_dict(self):
        return {"state": {0: {"nested": {"quantised": torch.zeros(1)}}}, "param_groups": self.param_groups}

    def step(self, closure=None):
        return None


def test_an_optimizer_that_keeps_bytes_and_numbers_gets_them_back(tmp_path: Path):
    first, again = trained(1), trained(1)
    for learner in (first, again):
        learner.optimizer = BytesAndNumbers(learner.parameters.values())
    load_checkpoint(save_checkpoint(tmp_path, 1, first, write_nothing), again)
    for name, parameter in first.parameters.items():
        kept, back = first.optimizer.state[parameter], again.optimizer.state[again.parameters[name]]
        assert torch.equal(kept["quantised"], back["quantised"]) and back["quantised"].dtype == torch.uint8
        assert back["step"] == 7


def test_checkpoints_of_another_future_are_forgotten(tmp_path: Path):
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, trained(1), write_nothing)
    forget_later_checkpoints(tmp_path, 1)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000001"]


def test_a_run_with_nothing_but_damage_is_not_begun_anew_over_it(tmp_path: Path):
    write_config(tmp_path, make_settings("starter", dataset_dir="songs"))
    cut_short(save_checkpoint(tmp_path, 5, trained(1), write_nothing) / "trainer.safetensors")
    with pytest.raises(CheckpointError, match="none of its 1 checkpoints is whole"):
        find_checkpoint(tmp_path)


def test_the_average_is_what_the_model_works_with_and_the_weights_come_back():
    learner = trained(3)
    weights = {name: p.detach().clone() for name, p in learner.parameters.items()}
    with learner.averaged():
        assert all(map(torch.equal, learner.parameters.values(), learner.average.shadow_params))
        assert not torch.equal(learner.parameters["events.c"], weights["events.c"])
    assert all(torch.equal(learner.parameters[name], weights[name]) for name in weights)
