"""What the Train tab shows: the curve, the dataset card, a run's progress; names from files never become markup."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.curve import LEFT, RIGHT, WIDTH, loss_curve, running_mean
from training.dataset import read_dataset
from training.pictures import dataset_card, duration_in_words, message_card, progress_card, run_rows
from training.run_folder import RunState, append_metrics, write_config, write_state
from training.runs import read_run
from training.settings import make_settings

HOSTILE = "<img src=x onerror=alert(1)>"


def test_the_curve_spans_the_run_and_marks_held_out_songs():
    metrics = [{"step": s, "loss": 2.0 - s / 100} for s in range(1, 51)] + [{"step": 50, "held_out_loss": 1.7}]
    svg = loss_curve(metrics, max_steps=100)
    xs = [float(x) for x in re.findall(r"([\d.]+),[\d.]+", svg.split('class="tr-mean"')[1].split('"/>')[0])]
    assert max(xs) == pytest.approx((LEFT + WIDTH - RIGHT) / 2, abs=1)  # step 50 of 100: the middle
    assert svg.count("<circle") == 1 and "1.7000" in svg
    assert loss_curve([]) == ""


def test_the_running_mean_of_a_constant_is_that_constant():
    points = [(float(step), 3.0) for step in range(5)]
    np.testing.assert_allclose([y for _, y in running_mean(points)], 3.0)


def test_a_curve_with_one_value_can_be_drawn():
    assert "nan" not in loss_curve([{"step": 1, "loss": 1.0}])


def test_the_card_counts_and_shows_hostile_words_as_text(tmp_path: Path):
    soundfile.write(tmp_path / "song.wav", np.zeros(8000), 8000)
    events = [{"type": HOSTILE, "start": 0, "end": 0.5}, {"type": "verse", "start": 0.5, "end": 1.0}]
    (tmp_path / "song.json").write_text(json.dumps({"caption": "x", "events": events}))
    card = dataset_card(read_dataset(tmp_path))
    assert "<b>1</b> song" in card and "verse: 1 sections" in card
    assert "<img" not in card and "<img" not in message_card(HOSTILE)


def test_the_card_says_what_is_done_with_unusual_sound_and_what_is_still_looked_at(tmp_path: Path):
    soundfile.write(tmp_path / "song.wav", np.zeros((8000, 4)), 8000)
    (tmp_path / "song.json").write_text(json.dumps({"events": [{"type": "verse", "start": 0, "end": 1}]}))
    card = dataset_card(read_dataset(tmp_path), under_way="Listening: 1 of 2 songs.")
    assert "2 to know" in card and "4 channels" in card and "8000 Hz" in card and "Listening: 1 of 2" in card


def test_progress_and_table_tell_the_state_in_words(tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir()
    write_config(folder, make_settings(dataset_dir=tmp_path))
    write_state(folder, RunState(status="failed", message=HOSTILE, step=3, max_steps=10, loss=0.5, started=1.0))
    append_metrics(folder, [{"step": 3, "loss": 0.5}])
    run = read_run(folder)
    card = progress_card(run)
    assert "Failed" in card and "step 3 of 10" in card and "<svg" in card and "<img" not in card
    assert run_rows([run])[0][:4] == ["run", "Failed", "3 / 10", "0.500"]
    assert progress_card(None) == ""


@pytest.mark.parametrize(("seconds", "words"), [(12.4, "12 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_read_like_speech(seconds: float, words: str):
    assert duration_in_words(seconds) == words
