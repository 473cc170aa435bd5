"""Lines read from a growing metrics.jsonl: what was appended alone, thinned, and anew where the file was replaced."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from training.points import MOST_POINTS, Curves, Line, read_curves
from training.run_folder import METRICS_FILE, append_metrics, take_over_metrics


def test_the_running_mean_of_a_constant_is_that_constant_also_where_steps_are_missing():
    line = Line()
    for step in (1, 2, 3, 50, 51, 4000):
        line.add(step, 3.0)
    np.testing.assert_allclose([mean for _, mean in line.means], 3.0)


def test_a_mean_forgets_by_steps_not_by_points():
    every, some = Line(), Line()
    for step in range(401):
        every.add(step, float(step >= 200))
        if step % 10 == 0:
            some.add(step, float(step >= 200))
    means, thinner = dict(every.means), dict(some.means)
    assert thinner[190] == means[190] == 0 and thinner[400] == pytest.approx(1.0, abs=1e-3)
    assert thinner[220] == pytest.approx(means[220], abs=0.2)


def test_a_long_line_keeps_few_points_evenly_its_newest_and_its_lowest():
    line = Line()
    for step in range(1, 100_001):
        line.add(step, -1.0 if step == 77_777 else step)
    steps = [step for step, _ in line.values]
    assert MOST_POINTS // 2 <= len(steps) <= MOST_POINTS + 1
    assert steps[0] == 1 and steps[-1] == 100_000 and len(set(np.diff(steps)[:-1])) == 1
    assert line.lowest == (77_777, -1.0)


def test_what_is_no_number_is_left_out():
    curves = Curves(
        [{"step": 1, "loss": float("nan"), "lr": "high", "ok": True}, {"loss": 1.0}, {"step": 2, "loss": 2}]
    )
    assert curves["loss"].values == [(2.0, 2.0)] and not curves["lr"] and not curves["ok"] and not curves["nothing"]


def test_only_what_was_appended_is_read_and_half_a_line_waits_for_its_end(tmp_path: Path):
    assert not read_curves(tmp_path)["loss"]
    append_metrics(tmp_path, [{"step": 1, "loss": 3.0}])
    before = read_curves(tmp_path)
    path = tmp_path / METRICS_FILE
    with path.open("r+b") as file:  # what was read already is not looked at again
        file.write(b"{")
        file.write(b" " * 10)
    with path.open("a") as file:
        file.write('{"step": 2, "lo')
    assert read_curves(tmp_path)["loss"].values == [(1.0, 3.0)]
    with path.open("a") as file:
        file.write('ss": 2.0}\nno json\n[1]\n{"step": 3, "held_out_loss": 1.0}\n')
    after = read_curves(tmp_path)
    assert after["loss"].values == [(1.0, 3.0), (2.0, 2.0)] and after["held_out_loss"].values == [(3.0, 1.0)]
    assert before["loss"].values == [(1.0, 3.0)]  # what somebody draws does not change under his hands


def test_a_curve_that_was_cut_back_or_replaced_is_read_anew(tmp_path: Path):
    append_metrics(tmp_path, [{"step": step, "loss": 1.0} for step in range(1, 11)])
    assert len(read_curves(tmp_path)["loss"].values) == 10
    take_over_metrics(tmp_path, tmp_path, 4)
    append_metrics(tmp_path, [{"step": step, "loss": 2.0} for step in range(5, 30)])
    assert read_curves(tmp_path)["loss"].values[3:6] == [(4.0, 1.0), (5.0, 2.0), (6.0, 2.0)]
    os.remove(tmp_path / METRICS_FILE)
    assert not read_curves(tmp_path)["loss"]


def test_of_a_long_file_at_once_lines_are_passed_over_but_no_measurement_and_not_the_newest(tmp_path: Path):
    filler = "x" * 100
    with (tmp_path / METRICS_FILE).open("w") as file:
        for step in range(1, 40_001):
            file.write(json.dumps({"step": step, "loss": 1.0 / step, "filler": filler}) + "\n")
            if step % 10_000 == 0:
                file.write(json.dumps({"step": step, "held_out_loss": float(step)}) + "\n")
    curves = read_curves(tmp_path)
    assert [step for step, _ in curves["held_out_loss"].values] == [10_000, 20_000, 30_000, 40_000]
    assert curves["loss"].latest[:2] == (40_000.0, 1.0 / 40_000) and len(curves["loss"].values) >= MOST_POINTS // 2
