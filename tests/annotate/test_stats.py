"""How far songs are, and what a dataset holds, on songs counted by hand."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotate.dataset import Song, scan
from annotate.progress import is_marked, state_of
from annotate.stats import TypeStats, dataset_stats
from structure.events import MOMENT_TYPES, Event

ROOT = Path(__file__).resolve().parents[2]


def part(kind: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"type": kind, "start": start, "end": end, **more}


CASES: dict[str, tuple[list[dict[str, Any]], list[str], str, bool]] = {
    "nothing": ([], [], "new", False),
    "all of it": ([part("verse", 0, 30), part("chorus", 30, 60)], [], "done", True),
    "all but a second here and there": ([part("verse", 1, 30), part("chorus", 31, 59)], [], "done", True),
    "a gap": ([part("verse", 0, 30), part("chorus", 31.01, 60)], [], "work", False),
    "the beginning": ([part("verse", 0, 30)], [], "work", False),
    "out of order": ([part("chorus", 30, 60), part("verse", 0, 30)], [], "done", True),
    "a moment alone": ([part("crash", 3, 3)], [], "work", False),
    "a moment called a section": ([part("crash", 0, 60, family="section")], [], "done", True),
    "what a machine says": ([part("verse", 0, 60, source="machine")], [], "new", False),
    "half of that accepted": (
        [part("verse", 0, 30, source="edited"), part("chorus", 30, 60, source="machine")], [], "work", False,
    ),
    "all of that accepted": ([part("verse", 0, 60, source="edited")], [], "done", True),
    "in doubt, whole": ([part("verse", 0, 60, unsure=True)], [], "unsure", True),
    "in doubt, not whole": ([part("verse", 0, 30, unsure=True)], [], "unsure", False),
    "no doubt any more": ([part("verse", 0, 60, unsure=False)], [], "done", True),
    "a problem": ([part("verse", 0, 60, unsure=True)], ["It is wrong."], "problem", False),
}  # fmt: skip


def as_song(events: list[dict[str, Any]], problems: list[str]) -> Song:
    read = [Event.model_validate(event) for event in events]
    return Song(Path("a.wav"), "a.wav", Path("a.json"), problems, 60.0, read)


@pytest.mark.parametrize("name", CASES)
def test_a_song_is_in_one_state(name: str):
    events, problems, state, marked = CASES[name]
    song = as_song(events, problems)
    assert (state_of(song), is_marked(song)) == (state, marked)


def run_node(*arguments: str) -> str:
    if shutil.which("node") is None:
        pytest.skip("no node here; the browser test edits through the page")
    done = subprocess.run(["node", *arguments], capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_says_the_same_of_each():
    songs = [{"name": n, "duration": 60, "events": e, "problems": p} for n, (e, p, _, _) in CASES.items()]
    script = (
        "const { judge } = require('./annotate/song_states.js');"
        f"const judged = {json.dumps(songs)}.map((song) => judge(song, new Set({json.dumps(MOMENT_TYPES)})));"
        "console.log(JSON.stringify(judged.map(({ state, marked }) => [state, marked])))"
    )
    assert json.loads(run_node("-e", script)) == [[state, marked] for _, _, state, marked in CASES.values()]


def test_orders_in_javascript():
    run_node("--test", "tests/annotate/song_states.test.js")


@pytest.fixture
def counted(song: Callable[..., Path]) -> Path:
    """Four songs of a minute: marked, half marked, proposed, new; and one of half a minute with a problem."""
    held = {
        "a": [part("verse", 0, 20), part("chorus", 20, 50), part("verse", 50, 60), part("crash", 20, 20)],
        "b": [part("verse", 0, 24, source="edited", unsure=True), part("riser", 2, 4), part("crash", 24, 24)],
        "c": [part("drop", 0, 60, source="machine", probability=0.9)],
        "e": [part("outro", 0, 90)],
    }
    root = song("d.wav", seconds=60).parent
    for stem, events in held.items():
        song(f"{stem}.wav", seconds=30 if stem == "e" else 60)
        (root / f"{stem}.json").write_text(json.dumps({"events": events}))
    return root


def test_a_dataset_is_counted(counted: Path):
    stats = dataset_stats(scan(counted))
    assert (stats.songs, stats.minutes, stats.marked, stats.marked_minutes) == (5, 4.5, 1, 1.0)
    assert stats.states == {"done": 1, "work": 0, "new": 2, "unsure": 1, "problem": 1}
    assert list(stats.sections.items()) == [
        ("outro", TypeStats(1, 90.0, 90.0)),
        ("drop", TypeStats(1, 60.0, 60.0)),
        ("verse", TypeStats(3, 54.0, 20.0)),
        ("chorus", TypeStats(1, 30.0, 30.0)),
    ]
    assert stats.moments == {"crash": 2, "riser": 1}
    assert stats.told == {"person": 7, "edited": 1, "machine": 1}
    assert stats.unsure == 1


def annotate(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "annotate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=60)


def test_the_command_prints_words_or_json(counted: Path):
    words, numbers, nothing = (
        annotate("stats", counted),
        annotate("stats", counted, "--json"),
        annotate("stats", ROOT / "docs"),
    )
    assert (words.returncode, words.stderr) == (0, "")
    assert words.stdout.splitlines()[0] == "5 songs, 4 min; 1 marked, 1 min"
    assert ["verse", "3", "54", "20.0", "s"] in [line.split() for line in words.stdout.splitlines()]
    assert words.stdout.splitlines()[-1] == (
        "Told by a person 78%, a person after a machine 11%, a machine 11%; 1 event unsure"
    )
    assert json.loads(numbers.stdout)["sections"]["verse"] == {"count": 3, "seconds": 54.0, "median": 20.0}
    assert json.loads(numbers.stdout)["states"]["unsure"] == 1
    assert (nothing.returncode, nothing.stdout, len(nothing.stderr.splitlines())) == (2, "", 1)
