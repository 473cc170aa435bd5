"""What the Train tab shows: the curve, the dataset card, a run's progress; names from files never become markup."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.curve import LEFT, RIGHT, WIDTH, band_curve, loss_curve
from training.dataset import read_dataset
from training.pictures import closer_card, dataset_card, duration_in_words, message_card, progress_card, run_rows
from training.points import Curves
from training.run_folder import RunState, append_metrics, write_config, write_state
from training.runs import read_run
from training.settings import make_settings

HOSTILE = "<img src=x onerror=alert(1)>"


def test_the_curve_spans_the_run_and_marks_held_out_songs():
    metrics = [{"step": s, "loss": 2.0 - s / 100} for s in range(1, 51)] + [{"step": 50, "held_out_loss": 1.7}]
    svg = loss_curve(Curves(metrics), max_steps=100)
    xs = [float(x) for x in re.findall(r"([\d.]+),[\d.]+", svg.split('class="tr-mean"')[1].split('"/>')[0])]
    assert max(xs) == pytest.approx((LEFT + WIDTH - RIGHT) / 2, abs=1)  # step 50 of 100: the middle
    assert svg.count("<circle") == 1 and "1.7000" in svg
    assert loss_curve(Curves()) == ""


def test_a_curve_with_one_value_can_be_drawn():
    assert "nan" not in loss_curve(Curves([{"step": 1, "loss": 1.0}]))


def test_bands_are_lines_of_their_own_in_words_and_runs_of_before_have_none():
    points = [{"step": s, "loss": 1.0, "loss_outline": 2.0 - s / 10, "loss_fine": 0.5} for s in range(1, 11)]
    drawn = band_curve(Curves([*points, {"step": 10, "held_out_loss": 1.0, "held_out_loss_middle": 0.75}]), 20)
    assert drawn.count("<polyline") == 2 and drawn.count("<circle") == 1
    assert "outline: form and beat (much noise)" in drawn and "fine sound (little noise) 0.500" in drawn
    assert "in between held-out 0.750" in drawn
    assert band_curve(Curves([{"step": 1, "loss": 1.0}])) == ""


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
    assert closer_card(read_run(folder)) == ""
    append_metrics(folder, [{"step": 3, "loss": 0.5, "grad_norm": 1.25, "lr": 1e-4, "memory_mb": 900.4}])
    run = read_run(folder)
    closer = closer_card(run)
    assert all(said in closer for said in ("clipped <b>1.25</b>", "rate <b>0.0001</b>", "MB <b>900</b>"))
    assert closer.count("<polyline") == 3  # no pace was measured
    card = progress_card(run)
    assert "Failed" in card and "step 3 of 10" in card and "<svg" in card and "<img" not in card
    assert run_rows([run])[0][:4] == ["run", "Failed", "3 / 10", "0.500"]
    assert progress_card(None) == ""


@pytest.mark.parametrize(("seconds", "words"), [(12.4, "12 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_read_like_speech(seconds: float, words: str):
    assert duration_in_words(seconds) == words
