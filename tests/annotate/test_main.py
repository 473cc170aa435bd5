"""The command line: check and convert, as a person runs them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def annotate(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "annotate", *map(str, arguments)]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=root, timeout=60)


def test_check_prints_a_line_for_each_problem(song: Callable[..., Path]):
    root = song("good.wav").parent
    assert (annotate("check", root).returncode, annotate("check", root).stdout) == (0, "")
    wrong = [{"type": "verse", "start": 0, "end": 1.5}, {"type": "chorus", "start": 1, "end": 9}]
    song("bad.wav")
    (root / "bad.json").write_text(json.dumps({"bpm": -1, "events": wrong}))
    done = annotate("check", root)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr, len(lines)) == (1, "", 3)
    assert all("bad.wav: `bad.json`" in line for line in lines)
    assert annotate("check", root / "bad.json").returncode == annotate("check", root / "bad.wav").returncode == 1


def test_check_of_nothing_is_one_sentence_and_status_2(tmp_path: Path):
    for path in (tmp_path, tmp_path / "gone", tmp_path / "gone.wav"):
        done = annotate("check", path)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1


def test_convert_makes_a_sidecar_and_keeps_all_but_the_sections(song: Callable[..., Path], tmp_path: Path):
    sidecar = song("one.wav", seconds=20).with_suffix(".json")
    labels = tmp_path / "labels.txt"
    labels.write_text("0.000000\t4.000000\tIntro\n4.000000\t12.000000\tVerse 1\n", encoding="utf-8")
    assert annotate("convert", labels, sidecar).returncode == 0
    assert [e["type"] for e in json.loads(sidecar.read_text())["events"]] == ["intro", "verse"]
    kept = {"caption": "x", "mood": {"a": 1}, "events": [
        {"type": "chorus", "start": 0, "end": 20}, {"type": "crash", "start": 3, "end": 3, "by": "me"}]}  # fmt: skip
    sidecar.write_text(json.dumps(kept))
    assert annotate("convert", labels, sidecar).returncode == 0
    held = json.loads(sidecar.read_text())
    assert (held["caption"], held["mood"]) == ("x", {"a": 1})
    assert [e["type"] for e in held["events"]] == ["intro", "verse", "crash"]
    assert held["events"][2]["by"] == "me"
    assert sidecar.with_suffix(".json.bak").exists()


def test_convert_refuses_in_one_sentence_and_changes_nothing(tmp_path: Path):
    good, bad, empty = tmp_path / "good.txt", tmp_path / "bad.txt", tmp_path / "empty.txt"
    good.write_text("0\t4\tintro\n")
    bad.write_text("zero to four: intro\n")
    empty.write_text("\n")
    overlap = tmp_path / "overlap.txt"
    overlap.write_text("0\t4\tintro\n3\t8\tverse\n")
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{oops")
    fresh = tmp_path / "fresh.json"
    for arguments in ((bad, fresh), (empty, fresh), (overlap, fresh), (tmp_path / "gone.txt", fresh),
                      (good, tmp_path / "song.wav"), (good, damaged)):  # fmt: skip
        done = annotate("convert", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert "Traceback" not in done.stderr
    assert not fresh.exists()
    assert damaged.read_text() == "{oops"


def test_help_needs_neither_page_nor_model(tmp_path: Path):
    code = (
        "import sys, annotate.__main__; "
        "print([m for m in ('gradio', 'torch', 'librosa', 'plotly', 'scipy') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=60)
    assert done.stdout.strip() == "[]"
    assert "convert" in annotate("--help").stdout


def test_propose_says_in_a_sentence_a_song_what_cannot_be_heard(song: Callable[..., Path]):
    silent = song("tone.wav", seconds=1)
    done = annotate("propose", "--json", silent, silent.with_name("gone.wav"))
    assert (done.returncode, done.stdout) == (1, "")
    assert ["No beat can be heard" in done.stderr, "There is no file" in done.stderr] == [True, True]
    assert len(done.stderr.splitlines()) == 2
    assert annotate("propose", "--above", "2", silent).returncode == 2
