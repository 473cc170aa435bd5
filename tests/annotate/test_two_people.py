"""Two people's files: compared by command and by folder, merged without losing what either file held."""

import json
from pathlib import Path

import pytest

from annotate.__main__ import main

MINE = {"annotator": "Ada", "caption": "c", "events": [{"type": "intro", "start": 0, "end": 10}]}
THEIRS = {
    "annotator": "Ben",
    "events": [{"type": "verse", "start": 10.2, "end": 30}, {"type": "solo", "start": 5, "end": 10.2}],
}


def write(path: Path, content: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_two_files_of_any_format_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture):
    mine = write(tmp_path / "a.json", {**MINE, "events": MINE["events"] + THEIRS["events"][:1]})
    labels = tmp_path / "b.txt"
    labels.write_text("0.000000\t10.300000\tintro\n10.300000\t30.000000\tchorus\n")
    assert main(["compare", str(mine), str(labels)]) == 0
    said = capsys.readouterr().out
    assert "Ada" in said and "within 0.5 s" in said and "verse in the first, chorus in the second" in said
    assert main(["compare", str(mine), str(tmp_path / "none.txt")]) == 2


def test_two_copies_of_a_dataset_are_compared_song_by_song(tmp_path: Path, capsys: pytest.CaptureFixture):
    for who in ("ada", "ben"):
        for name in ("one", "deep/two"):
            write(tmp_path / who / f"{name}.json", MINE)
    write(tmp_path / "ada" / "alone.json", MINE)
    assert main(["compare", str(tmp_path / "ada"), str(tmp_path / "ben"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["songs"]) == ["deep/two.json", "one.json"]
    assert found["mean"]["same_type"] == 1
    assert main(["compare", str(tmp_path / "ada"), str(tmp_path)]) == 2


def test_a_merge_keeps_all_of_the_first_and_tells_what_it_left_out(tmp_path: Path, capsys: pytest.CaptureFixture):
    mine, theirs = write(tmp_path / "a.json", MINE), write(tmp_path / "b.json", THEIRS)
    out = tmp_path / "both.json"
    assert main(["merge", str(mine), str(theirs), "-o", str(out)]) == 1
    held = json.loads(out.read_text())
    assert (held["caption"], [e["type"] for e in held["events"]]) == ("c", ["intro", "verse"])
    assert "solo" in capsys.readouterr().err
    assert main(["merge", str(mine), str(theirs), "-o", str(theirs)]) == 2  # somebody's file
    assert json.loads(theirs.read_text()) == THEIRS
    assert main(["merge", str(mine), str(out), "-o", str(mine)]) == 0
    assert len(json.loads(mine.read_text())["events"]) == 2
