"""Bars, the result file, and running commands; nothing is measured here."""

import json

import pytest

from benchmarks.control import get_parser as control_parser
from benchmarks.control import make_songs, write_requests
from benchmarks.record import Bar, BenchmarkError, record, run
from generation.jobs import read_jobs
from structure.sidecar import read_sidecar


@pytest.mark.parametrize(
    ("bar", "met"),
    [
        (Bar("speed", 1.4, most=1.5), True),
        (Bar("speed", 1.6, most=1.5), False),
        (Bar("control", 0.85, least=0.85), True),
        (Bar("control", 0.2, least=0.1, most=0.15), False),
        (Bar("no limit", 3.0), None),
    ],
)
def test_a_bar_is_met_within_its_limits(bar: Bar, met: bool | None):
    assert bar.met is met
    assert bar.row()[3] == {True: "met", False: "MISSED", None: ""}[met]


def test_a_result_says_when_where_and_what(tmp_path, capsys):
    bars = [Bar("speed", 1.4, "times", most=1.5)]
    path = record("sample", bars, {"runs": [1.3, 1.5]}, {"rounds": 2}, folder=tmp_path)
    result = json.loads(path.read_text("utf-8"))
    assert result["bars"] == [{"what": "speed", "value": 1.4, "unit": "times", "least": None, "most": 1.5, "met": True}]
    assert result["figures"] == {"runs": [1.3, 1.5]}
    assert result["machine"]["cores"] >= 1
    assert "1.4 times  at most 1.5  met" in capsys.readouterr().out


def test_a_command_that_fails_says_its_last_line():
    with pytest.raises(BenchmarkError, match=r"ended with 2: There is no folder `nowhere`"):
        run("-m", "evaluation", "score", "nowhere", "--reference", "nowhere")


def test_requests_ask_for_the_held_out_structures(tmp_path):
    songs = make_songs(tmp_path / "songs", count=2, seed=5)
    jobs = read_jobs(write_requests(songs, tmp_path / "requests.jsonl", steps=4), {})
    assert [job.seed for job in jobs] == [1, 2]
    for job, audio in zip(jobs, sorted(songs.glob("*.wav")), strict=True):
        sidecar = read_sidecar(audio)
        assert job.timed_events() == sidecar.events
        assert (job.caption, job.bpm, job.steps) == (sidecar.get("caption"), sidecar.get("bpm"), 4)
        assert str(job.output) == audio.name


def test_an_arm_can_be_chosen():
    assert control_parser().parse_args(["--arms", "shipped", "none"]).arms == ["shipped", "none"]
