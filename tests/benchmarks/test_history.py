"""What moved since the last run; nothing is measured here."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.history import change, keep_day, last_day, summary, verdict_of_change
from benchmarks.record import Bar, record

MONDAY, TUESDAY = datetime(2026, 11, 9, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bar", "before", "said"),
    [
        (Bar("ratio", 1.09, "times", most=1.3), 1.0, ""),  # noise
        (Bar("ratio", 1.12, "times", most=1.3), 1.0, "WORSE"),
        (Bar("ratio", 0.85, "times", most=1.3), 1.0, "better"),
        (Bar("share", 0.85, least=0.8), 1.0, "WORSE"),
        (Bar("share", 1.15, least=0.8), 1.0, "better"),
        (Bar("no limit", 1.15), 1.0, "moved"),
        (Bar("both", 1.15, least=0.5, most=2.0), 1.0, "moved"),
        (Bar("time", 120.0, "ms", most=300), 100.0, ""),  # a machine's other work
        (Bar("time", 130.0, "ms", most=300), 100.0, "WORSE"),
        (Bar("lost", 1.0, most=0), 0.0, "WORSE"),
        (Bar("lost", 0.0, most=0), 0.0, ""),
        (Bar("gain", -1.2, least=-2.0), -1.0, "WORSE"),
    ],
)
def test_only_more_than_noise_moved_and_the_limit_says_which_way(bar: Bar, before: float, said: str):
    assert verdict_of_change(bar, before) == said


def test_a_change_is_a_share_of_what_was():
    assert change(Bar("speed", 1.5), 1.0) == 0.5
    assert change(Bar("speed", 1.5), 0.0) is None


def test_a_second_run_of_a_day_is_kept_beside_the_first_and_counts(tmp_path: Path):
    results, history = tmp_path / "results", tmp_path / "history"
    record("one", [Bar("speed", 1.0, "times", most=2.0)], {}, {}, results)
    record("two", [Bar("speed", 7.0)], {}, {}, results)
    assert keep_day(results, history, ["one", "two"], MONDAY).name == "2026-11-09.json"
    for turn, value in enumerate((1.5, *[2.5] * 9)):
        record("one", [Bar("speed", value, "times", most=2.0)], {}, {}, results)
        assert keep_day(results, history, ["one"], TUESDAY).name == f"2026-11-10{f'-{turn + 1}' if turn else ''}.json"
    last = last_day(history)
    assert (last["one: speed"][0], last["one: speed"][1]["value"]) == ("2026-11-10", 2.5)  # the tenth, not the ninth
    assert last["two: speed"][0] == "2026-11-09"  # not run on Tuesday
    assert json.loads((history / "2026-11-09.json").read_text("utf-8"))["bars"]["one"][0]["value"] == 1.0


def test_one_table_says_what_was_measured_what_it_was_and_what_moved(tmp_path: Path):
    results, history = tmp_path / "results", tmp_path / "history"
    record("one", [Bar("speed", 1.0, "times", most=2.0), Bar("size", 10.0, "MB")], {}, {}, results)
    keep_day(results, history, ["one"], MONDAY)
    record("one", [Bar("speed", 1.5, "times", most=2.0), Bar("size", 10.2, "MB"), Bar("new", 1.0)], {}, {}, results)
    said = summary(results, last_day(history))
    assert re.search(r"speed +1\.5 times +at most 2 +met +\S+ +1 \(2026-11-09\) +\+50 % +WORSE", said)
    assert re.search(r"size +10\.2 MB .* 10 \(2026-11-09\) +\+2 %\n", said)
    assert said.splitlines()[-1] == "WORSE: speed"
    assert summary(results, last_day(history), ["other"]).startswith("Nothing has been measured")
