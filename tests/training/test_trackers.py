"""Trackers: what they are told, when, and that a run never depends on one.

A tracker of our own, made by accelerate's interface, takes the place of Weights & Biases or Trackio, which need not be
installed; TensorBoard is tried itself where it is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker

import lora_train as program
from training.run_folder import read_metrics, read_state
from training.settings import TrainingSettings, make_settings
from training.trackers import TrackerError, require_tracker, sending_on


class Recorder(GeneralTracker):
    """Keeps what it is told; each instance is in `made`. Fails where its class is told to."""

    name = "wandb"
    requires_logging_directory = False
    made: list["Recorder"]
    failing = ""

    def __init__(self, run_name: str, **options: Any) -> None:
        super().__init__()
        self.run_name, self.options = run_name, options
        self.config: dict[str, Any] = {}
        self.points: list[dict[str, Any]] = []
        self.finished = False
        self.made.append(self)

    def start(self) -> None:
        self._fail("start")

    @property
    def tracker(self) -> "Recorder":
        return self

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.config = values

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        self._fail("log")
        self.points.append({"step": step, **values})

    def finish(self) -> None:
        self.finished = True
        self._fail("finish")

    def _fail(self, where: str) -> None:
        if self.failing == where:
            raise ConnectionError("no network")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recorder]]:
    """What a run talks to that asks for Weights & Biases."""
    kind = type("Recorder", (Recorder,), {"made": []})
    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "wandb", kind)
    monkeypatch.setattr("training.trackers.find_spec", lambda package: package)
    return kind


def settings_for(folder: Path, tracker: str, **more: object) -> TrainingSettings:
    return make_settings(
        **{"dataset_dir": folder / "private songs", "output_dir": folder / "run", "tracker": tracker, **more}
    )


POINTS = [{"step": 1, "loss": 2.0, "lr": 0.1}, {"step": 2, "loss": 1.0, "lr": 0.1}]


def test_points_arrive_at_their_steps_and_the_tracker_is_closed(tmp_path: Path, recorder: type[Recorder]):
    said: list[str] = []
    with sending_on(settings_for(tmp_path, "wandb"), said.append) as send:
        send(POINTS)
        send([{"step": 2, "held_out_loss": 0.5}])
        assert not recorder.made[0].finished
    assert recorder.made[0].points == [*POINTS, {"step": 2, "held_out_loss": 0.5}]
    assert (recorder.made[0].finished, said) == (True, [])


def test_a_tracker_is_told_settings_and_no_folder_and_takes_nothing_else(tmp_path: Path, recorder: type[Recorder]):
    base = tmp_path / "models" / "my base"
    base.mkdir(parents=True)
    settings = settings_for(tmp_path, "wandb", base_model=str(base), rights="Between us.", lora_rank=7)
    with sending_on(settings, print):
        pass
    told = recorder.made[0]
    assert (told.run_name, told.options["name"]) == ("structure-studio", "run")
    assert (told.config["lora_rank"], told.config["base_model"]) == (7, "my base")
    assert str(tmp_path) not in repr(told.config) and "Between us" not in repr(told.config)
    assert None not in told.config.values()  # TensorBoard takes none
    assert told.options["settings"]["console"] == "off" and told.options["settings"]["x_disable_meta"]


def test_nothing_is_sent_unless_asked(tmp_path: Path, recorder: type[Recorder]):
    with sending_on(settings_for(tmp_path, "none"), print) as send:
        send(POINTS)
    assert recorder.made == [] and make_settings(dataset_dir=tmp_path).tracker == "none"


def test_a_tracker_that_fails_on_the_way_is_said_once_and_the_run_goes_on(tmp_path: Path, recorder: type[Recorder]):
    said: list[str] = []
    with sending_on(settings_for(tmp_path, "wandb"), said.append) as send:
        send(POINTS)
        recorder.failing = "log"
        send(POINTS)
        recorder.failing = "finish"
        send(POINTS)
    assert len(recorder.made[0].points) == 2
    assert len(said) == 2 and "takes no more points (no network)" in said[0] and "did not close" in said[1]


def test_a_tracker_that_cannot_start_is_said_before_training(tmp_path: Path, recorder: type[Recorder]):
    recorder.failing = "start"
    said = r"--tracker wandb cannot start \(no network\).*--tracker none"
    with pytest.raises(TrackerError, match=said), sending_on(settings_for(tmp_path, "wandb"), print):
        pytest.fail("the run began")


def test_it_is_closed_when_the_run_fails_too(tmp_path: Path, recorder: type[Recorder]):
    with pytest.raises(ZeroDivisionError), sending_on(settings_for(tmp_path, "wandb"), print):
        _ = 1 / 0
    assert recorder.made[0].finished


@pytest.mark.parametrize("name", ["trackio", "tensorboard", "wandb"])
def test_what_is_not_installed_is_named_before_anything_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, name: str
):
    monkeypatch.setattr("training.trackers.find_spec", lambda package: None)
    with pytest.raises(TrackerError, match=f"pip install {name}"):
        require_tracker(name)
    command = ["--dataset-dir", str(tmp_path / "no songs"), "--output-dir", str(tmp_path / "run"), "--tracker", name]
    assert program.main(command) == 2
    told = capsys.readouterr().err
    assert f"pip install {name}" in told and len(told.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_the_real_tensorboard_reads_back_what_was_sent(tmp_path: Path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with sending_on(settings_for(tmp_path, "tensorboard"), print) as send:
        send(POINTS)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [(point.step, point.value) for point in events.Scalars("loss")] == [(1, 2.0), (2, 1.0)]


@pytest.mark.training
def test_a_real_run_sends_exactly_what_its_metrics_hold(
    songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None, recorder: type[Recorder]
):
    from training.loop import train

    settings = make_settings(
        "starter", dataset_dir=songs, base_model=str(tiny_model), output_dir=tmp_path / "run", device="cpu",
        lora_rank=2, batch_size=2, max_steps=3, log_every=2, held_out=1, tracker="wandb",
    )  # fmt: skip
    train(settings)
    assert read_state(tmp_path / "run").status == "done"
    assert recorder.made[0].points == read_metrics(tmp_path / "run") and len(recorder.made[0].points) == 4
    assert recorder.made[0].finished
