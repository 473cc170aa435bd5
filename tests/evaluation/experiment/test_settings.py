"""An experiment's settings and how far it is."""

import json
import os
import shlex
from pathlib import Path

import pytest

from evaluation.__main__ import get_parser
from evaluation.experiment.progress import Progress, read_state
from evaluation.experiment.settings import KEYS, ExperimentError, ExperimentSettings, make_settings, read_settings


def test_the_command_of_a_report_parses_to_the_same_settings(tmp_path: Path):
    settings = make_settings(
        dataset=tmp_path / "my songs", arms=("events", "baseline"), seeds=3, curve_songs=(4, 8), steps=100
    )
    words = shlex.split(settings.command(tmp_path / "out"))
    assert words[:4] == ["python", "-m", "evaluation", "experiment"]
    options = get_parser().parse_args(words[3:])
    given = {name: getattr(options, name) for name in ExperimentSettings.model_fields}
    assert make_settings(**given) == settings
    assert settings.arms == ("baseline", "events")  # in their usual order


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"arms": ("evnts",)}, "evnts is no arm"),
        ({"seeds": 0}, "--seeds"),
        ({"curve_songs": ("four",)}, "--curve-songs"),
        ({"takes": 1}, "--takes"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(given: dict, words: str, tmp_path: Path):
    with pytest.raises(ExperimentError, match=words):
        make_settings(dataset=tmp_path, **given)


def test_settings_are_read_back_and_a_broken_file_is_named(tmp_path: Path):
    assert read_settings(tmp_path) is None
    settings = make_settings(dataset=tmp_path)
    assert settings.arms == KEYS
    file = tmp_path / "experiment.json"
    file.write_text(json.dumps({"settings": settings.model_dump(mode="json")}), "utf-8")
    assert read_settings(tmp_path) == settings
    for broken in ("{", "[]", '{"settings": {"dataset": 3}}'):
        file.write_text(broken, "utf-8")
        with pytest.raises(ExperimentError, match=r"experiment\.json"):
            read_settings(tmp_path)


def test_time_left_follows_what_was_timed_and_outlives_a_stop(tmp_path: Path):
    progress = Progress(tmp_path, {"train": 2, "make": 10, "judge": 10})
    progress.done("train", 100.0)
    progress.done("make", 2.0, count=4)
    progress.say("stopped", "Stopped.")
    again = Progress(tmp_path, {"train": 1, "make": 6, "judge": 10})
    assert again.eta == pytest.approx(100 + 6 * 2 + 10 * 3)
    assert read_state(tmp_path)["eta"] is None


def test_a_state_whose_process_is_gone_says_so(tmp_path: Path):
    progress = Progress(tmp_path, {"train": 1, "make": 1, "judge": 1})
    progress.say("running", "Training.")
    assert read_state(tmp_path)["status"] == "running"
    state = json.loads((tmp_path / "state.json").read_text("utf-8"))
    assert state["pid"] == os.getpid()
    (tmp_path / "state.json").write_text(json.dumps(state | {"pid_started": 1.0}), "utf-8")
    assert read_state(tmp_path)["status"] == "died"
    (tmp_path / "state.json").write_text("[1", "utf-8")
    assert read_state(tmp_path) == {}
