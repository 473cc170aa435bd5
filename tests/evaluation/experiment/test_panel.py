"""What the page says of an experiment whose files somebody spoilt: as much as can be read, and never a traceback."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from evaluation.experiment.panel import standing
from evaluation.experiment.progress import Progress

MEAN = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 4}
STATE = {"status": "done", "message": "Done.", "left": {"train": 0}, "total": {"train": 2}, "updated": 2.0}
ARM = {"name": "event LoRA", "scores": {"frame_accuracy": MEAN}, "control": {"frame_accuracy": MEAN}}
RESULTS = {"answer": {"sentence": "It does."}, "arms": [ARM], "chance": {}, "ceiling": {}, "notes": ["One seed."]}


def write(folder: Path, state: dict[str, Any], results: dict[str, Any]) -> None:
    (folder / "state.json").write_text(json.dumps(STATE | state), "utf-8")
    (folder / "results.json").write_text(json.dumps(RESULTS | results), "utf-8")


def test_one_that_ended_is_told_in_full(begun: Path):
    write(begun, {}, {})
    _, _, _, _, answer, rows, notes, *_ = standing("mine")
    assert (answer, notes) == ("### It does.", "\n- One seed.")
    assert rows[0] == ["event LoRA", "0.50", "0.40 to 0.60", "0.50", "-", "-", "-"]


@pytest.mark.parametrize("of", [7, ["x"], "x", True, None, {"x": []}, 1e300], ids=str)
def test_what_is_of_another_kind_is_left_out(of: Any, begun: Path):
    for key in ("left", "total", "training", "eta", "message", "status", "updated", "seconds"):
        for told in ({key: of}, {key: {"train": of, "step": of, "max_steps": of}}):
            write(begun, {"status": "died"} | told, {})
            assert standing("mine")[0].startswith("<div")
            assert math.isfinite(Progress(begun, {"train": 1}).eta)
    for key in RESULTS:
        write(begun, {}, {key: of})
        assert len(standing("mine")[5]) in (2, 3)
    for key in ("scores", "control"):
        for scores in (of, {"frame_accuracy": of}, {"frame_accuracy": {"mean": of, "low": of}}):
            write(begun, {}, {"arms": [ARM | {key: scores}]})
            assert standing("mine")[5][0][0] == "event LoRA"
