"""Two people's files: compared by command and by folder, merged without losing what either file held."""

import json
import os
from pathlib import Path

import pytest

from annotate.__main__ import main

MINE = {"annotator": "Ada", "caption": "c", "events": [{"type": "intro", "start": 0, "end": 10}]}
THEIRS = {
    "annotator": "Ben",
    "events": [{"type": "verse", "start": 10.05, "end": 30}, {"type": "solo", "start": 5, "end": 10.05}],
}
LABELS = "0.000000\t10.300000\tintro\n10.300000\t30.000000\tchorus\n"
NO_SECTIONS = {"events": []}


def write(path: Path, content: dict | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def compare(capsys: pytest.CaptureFixture, *words: object) -> tuple[int, str, str]:
    status = main(["compare", *map(str, words)])
    return (status, *capsys.readouterr())


def merge(capsys: pytest.CaptureFixture, *words: object) -> tuple[int, str, str]:
    status = main(["merge", *map(str, words)])
    return (status, *capsys.readouterr())


def events_in(path: Path) -> list[str]:
    return [event["type"] for event in json.loads(path.read_text())["events"]]


def test_two_files_of_any_format_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture):
    verse = {"type": "verse", "start": 10, "end": 30}
    mine = write(tmp_path / "a.json", {**MINE, "events": [*MINE["events"], verse]})
    status, said, _ = compare(capsys, mine, write(tmp_path / "b.txt", LABELS))
    assert status == 0
    assert "(by Ada and somebody)" in said
    assert "within 0.5 s: F 1.00 (precision 1.00, recall 1.00)" in said
    assert "10.3 s to 30.0 s: A says verse, B says chorus." in said
    status, said, _ = compare(capsys, mine, write(tmp_path / "b.json", THEIRS))
    assert "(by Ada and Ben)" in said
    assert "only Ben has a boundary here" in said


def test_what_cannot_be_compared_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture):
    mine = write(tmp_path / "a.json", MINE)
    backwards = write(tmp_path / "b.json", {"events": [{"type": "verse", "start": 3, "end": 1}]})
    huge = write(tmp_path / "huge.lab", "0 1 verse\n")
    os.truncate(huge, 500_000_000)
    for other, told in (
        (tmp_path / "none.txt", "no file"),
        (tmp_path, "folder"),
        (backwards, "before it starts"),
        (write(tmp_path / "empty.json", NO_SECTIONS), "no sections"),
        (write(tmp_path / "odd.lab", "what?"), "odd.lab"),
        (write(tmp_path / "broken.json", "{"), "not JSON"),
        (huge, "more than 64 MB"),
    ):
        status, said, error = compare(capsys, mine, other)
        assert (status, said) == (2, "")
        assert told in error and error.count("\n") == 1


def test_two_copies_of_a_dataset_are_compared_song_by_song(tmp_path: Path, capsys: pytest.CaptureFixture):
    for who in ("ada", "ben"):
        for name in ("one", "deep/two"):
            write(tmp_path / who / f"{name}.json", MINE)
        write(tmp_path / who / "new.json", NO_SECTIONS)
        write(tmp_path / who / "one.txt", "la la")  # words, not labels
        write(tmp_path / who / ".structure-studio.json", {"types": ["verse"]})
    write(tmp_path / "ada" / "alone.json", MINE)
    status, said, error = compare(capsys, tmp_path / "ada", tmp_path / "ben", "--json")
    found = json.loads(said)
    assert (status, list(found["songs"])) == (0, ["deep/two", "one"])
    assert found["songs"]["one"]["annotators"] == ["Ada", "Ada"]
    assert (found["mean"]["same_type"], found["mean"]["recall_500ms_untrimmed"]) == (1, 1)
    assert len(found["left_out"]) == 2 and "`new`" in error and "`alone` is annotated in" in error
    assert "mean of 2 songs" in compare(capsys, tmp_path / "ada", tmp_path / "ben")[1]
    assert compare(capsys, tmp_path / "ada", tmp_path)[0] == 2


def test_folders_without_sidecars_are_compared_by_what_they_hold(tmp_path: Path, capsys: pytest.CaptureFixture):
    write(tmp_path / "ada" / "one.json", MINE)
    write(tmp_path / "corpus" / "one.txt", LABELS)
    assert '"one"' in compare(capsys, tmp_path / "ada", tmp_path / "corpus", "--json")[1]


def test_a_merge_keeps_all_of_the_first_and_tells_what_it_left_out(tmp_path: Path, capsys: pytest.CaptureFixture):
    mine, theirs = write(tmp_path / "a.json", MINE), write(tmp_path / "b.json", THEIRS)
    out = tmp_path / "both.json"
    status, _, error = merge(capsys, mine, theirs, "-o", out)
    assert status == 1
    held = json.loads(out.read_text())
    assert (held["caption"], held["annotator"]) == ("c", "Ada")
    assert [(e["type"], e["start"]) for e in held["events"]] == [("intro", 0), ("verse", 10)]
    assert error == "annotate: solo 5.0 s to 10.0 s was left out: intro is there.\n"
    assert merge(capsys, mine, out, "-o", mine)[0] == 0
    assert events_in(mine) == ["intro", "verse"]
    assert json.loads((tmp_path / "a.json.bak").read_text()) == MINE


def test_a_file_of_somebody_is_replaced_only_by_force_and_stays_as_backup(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    mine, theirs = write(tmp_path / "a.json", MINE), write(tmp_path / "b.json", THEIRS)
    status, _, error = merge(capsys, mine, theirs, "-o", theirs)
    assert status == 2 and "--force" in error
    assert json.loads(theirs.read_text()) == THEIRS
    assert merge(capsys, mine, theirs, "-o", theirs, "--force", "--theirs")[0] == 1
    assert events_in(theirs) == ["solo", "verse"]
    assert json.loads((tmp_path / "b.json.bak").read_text()) == THEIRS
    assert merge(capsys, mine, theirs, "-o", tmp_path / "out.txt")[0] == 2


def test_a_song_that_is_not_marked_yet_takes_all_from_another_format(tmp_path: Path, capsys: pytest.CaptureFixture):
    new = write(tmp_path / "new.json", {"caption": "c"})
    allin1 = {"bpm": 90, "segments": [{"start": 0, "end": 8, "label": "intro"}]}
    other = write(tmp_path / "other.json", allin1)
    assert merge(capsys, new, other, "-o", new)[0] == 0
    assert json.loads(new.read_text())["caption"] == "c"
    assert events_in(new) == ["intro"]
    assert merge(capsys, other, new, "-o", other)[0] == 2  # no sidecar, so nothing to put events into
    assert json.loads(other.read_text()) == allin1
