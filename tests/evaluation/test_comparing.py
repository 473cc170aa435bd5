"""Two annotations compared, by function and by command."""

import json
from pathlib import Path

import pytest

from evaluation.__main__ import main
from evaluation.comparing import compare, compare_paths, comparison_lines
from evaluation.segments import ScoreError
from structure.events import Event

SONG = [
    Event(type="intro", start=0, end=4),
    Event(type="verse", start=4, end=12),
    Event(type="crash", start=12, end=12),
    Event(type="chorus", start=12, end=20),
]
LATE = [
    Event(type="intro", start=0, end=5),
    Event(type="verse", start=5, end=13),
    Event(type="crash", start=12.1, end=12.1),
    Event(type="chorus", start=13, end=20),
]


def write(path: Path, events: list[Event]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"events": [event.to_dict() for event in events]}), "utf-8")
    return path


def test_a_late_annotation_by_hand():
    found = compare(SONG, LATE, [0.5, 1.0])
    assert found["frame_accuracy"] == pytest.approx(18 / 20)
    assert found["boundaries"]["0.5"]["untrimmed"]["f"] == pytest.approx(2 / 4)
    assert found["boundaries"]["0.5"]["trimmed"]["f"] == 0
    assert found["boundaries"]["1"]["trimmed"] == {"precision": 1, "recall": 1, "f": 1}
    assert found["deviation_trimmed"] == {"reference_to_estimate": 1.0, "estimate_to_reference": 1.0}
    assert found["deviation_untrimmed"] == {"reference_to_estimate": 0.5, "estimate_to_reference": 0.5}
    assert found["confusion"]["verse"] == {"intro": pytest.approx(1), "verse": pytest.approx(7)}
    assert found["moments"]["all"] == {"found": 1, "asked": 1, "heard": 1, "f": 1}
    lines = "\n".join(comparison_lines(found))
    assert "verse: 7.0 s right; intro 1.0 s" in lines


def test_files_of_two_formats_and_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one = write(tmp_path / "one.json", SONG)
    other = tmp_path / "two.txt"
    other.write_text("0\t4\tintro\n4\t12\tverse\n12\t20\tchorus\n", "utf-8")
    assert main(["compare", str(one), str(other), "--json", "--tolerance", "0.1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["boundaries"]["0.1"]["untrimmed"]["f"] == 1
    assert found["moments"]["all"]["f"] == 0  # the other has no crash
    assert main(["compare", str(one), str(other)]) == 0
    assert "order of sections" in capsys.readouterr().out


def test_folders_are_paired_by_name_with_intervals(tmp_path: Path):
    for name, events in (("a", SONG), ("b", LATE), ("only-here", SONG)):
        write(tmp_path / "mine" / f"{name}.json", events)
    for name in ("a", "b"):
        write(tmp_path / "yours" / f"{name}.json", SONG)
    found = compare_paths(tmp_path / "mine", tmp_path / "yours")
    assert sorted(found["songs"]) == ["a", "b"]
    accuracy = found["shares"]["frame_accuracy"]
    assert (accuracy["mean"], accuracy["n"]) == (pytest.approx(0.95), 2)
    assert found["left_out"] == ["`only-here` has no partner."]
    assert comparison_lines(found)[0].startswith("2 songs")


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    song = write(tmp_path / "song.json", SONG)
    empty = write(tmp_path / "empty.json", [Event(type="crash", start=1, end=1)])
    broken = tmp_path / "broken.json"
    broken.write_text('{"events": [', "utf-8")
    for arguments, words in (
        ([song, tmp_path / "none.json"], "no file"),
        ([song, tmp_path], "two files or two folders"),
        ([song, broken], "broken.json"),
        ([song, empty], "estimate has no section"),
        ([empty, song], "reference has no section"),
        ([song, song, "--tolerance", "-1"], "must be positive"),
    ):
        assert main(["compare", *map(str, arguments)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert words in err
        assert len(err.splitlines()) == 1
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    with pytest.raises(ScoreError, match="can be compared"):
        compare_paths(tmp_path / "x", tmp_path / "y")
