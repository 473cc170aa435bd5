"""The generation command line, run as a person runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def generation(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """`python -m generation …` in a process of its own."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "generation", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=120)


def test_parse_prints_the_events_as_json():
    done = generation("parse", "intro 0-4, verse 8s, crash @4")
    events = json.loads(done.stdout)
    assert [(e["type"], e["start"], e["end"]) for e in events] == [("intro", 0, 4), ("verse", 4, 12), ("crash", 4, 4)]
    assert done.returncode == 0


def test_parse_counts_bars_and_writes_every_form():
    flags = ("--bpm", "90", "--meter", "3/4", "--duration", "20")
    done = generation("parse", "(verse 2 bars) x2, glitch", *flags, "--to", "text")
    assert done.stdout == "verse 0-4, verse 4-8, glitch 8-20\n"
    assert done.stderr == "note: no shipped adapter was taught glitch.\n"
    lyrics = generation("parse", "[Verse 0:04-0:12]\nLa la\n", "--to", "lyrics")
    assert lyrics.stdout == "[Verse 0:04-0:12]\nLa la\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("parse", "intro 8 bars"),
        ("parse", "intro 8 bars", "--bpm", "nan"),
        ("parse", "intro 8 bars", "--bpm", "120", "--meter", "four"),
        ("parse", "intro", "--duration", "-1"),
        ("parse", "intro 0-4, verse 4-"),
        ("parse", "intro 0-4, verse 2-8"),
        ("make", "intro 0-4, vrse", "--output", "x.wav"),
        ("make", "intr 0-4, verse 4-8", "--output", "x.wav"),
        ("make",),
        ("make", "intro 0-4", "--bpm", "-3"),
        ("make", "intro 0-4", "--output", "song.mp3"),
        ("make", "--requests", "nowhere.jsonl"),
        ("make", "intro 0-4", "--model", "/nowhere/at/all"),
        ("make", "intro 0-4", "--adapter", "/nowhere/at/all"),
    ],
)
def test_a_slip_ends_with_one_line_and_status_2(tmp_path, arguments):
    done = generation(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_song_of_somebody_else_is_not_replaced(tmp_path):
    mine = tmp_path / "song.wav"
    mine.write_bytes(b"my own recording")
    done = generation("make", "intro 0-4", "--output", str(mine))
    assert done.returncode == 2 and "--overwrite" in done.stderr
    assert mine.read_bytes() == b"my own recording"
