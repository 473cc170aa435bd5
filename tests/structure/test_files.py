"""Unfinished files: gone once their process is, never before; files that belong together appear together."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from structure.files import (
    FORGOTTEN_SECONDS,
    LONGEST_NAME,
    backup_path,
    keep_backup,
    put_together,
    sweep,
    unfinished,
    write_whole,
)

ROOT = Path(__file__).parents[2]
ELSEWHERE = ".studio-00000000-1-00000000-000000000000.tmp"  # of another machine

DIES = """
import os, signal, sys
from pathlib import Path
from structure.files import put_together, unfinished
folder, after = Path(sys.argv[1]), int(sys.argv[2])
unfinished(folder / "song.wav").write_bytes(b"half")
half = unfinished(folder / "import")
(half / "inside").mkdir(parents=True)
(half / "inside" / "song.wav").write_bytes(b"half")
moves, real = [], os.replace
def replace(*paths):
    if len(moves) == after:
        os.kill(os.getpid(), signal.SIGKILL)
    moves.append(paths)
    real(*paths)
os.replace = replace
with put_together(folder) as staged:
    (staged / "new.json").write_text("{}")
    (staged / "new.wav").write_bytes(b"sound")
    if after < 0:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def dies(folder: Path, after: int) -> None:
    """A process that is killed while it writes: before its files are whole, or after so many came out."""
    killed = subprocess.run([sys.executable, "-c", DIES, str(folder), str(after)], cwd=ROOT, capture_output=True)
    assert killed.returncode not in (0, 1), killed.stderr


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="dies by a signal")
@pytest.mark.parametrize(("after", "came"), [(-1, []), (0, ["new.json", "new.wav"]), (1, ["new.json", "new.wav"])])
def test_files_that_belong_together_appear_together_whenever_their_process_is_killed(
    tmp_path: Path, after: int, came: list[str]
):
    dies(tmp_path, after)
    assert any(name.startswith(".studio-") for name in names(tmp_path))
    sweep(tmp_path)
    assert names(tmp_path) == came


def test_what_is_still_worked_on_and_what_is_a_persons_stays(tmp_path: Path):
    mine = unfinished(tmp_path / "song.wav")
    kept = [mine, tmp_path / ".studio-notes.tmp", tmp_path / ".song.json.tmp", tmp_path / "song.part"]
    for path in [*kept, tmp_path / ELSEWHERE]:
        path.write_bytes(b"")
    for path in kept:
        os.utime(path, (0, 0))
    sweep(tmp_path)
    assert names(tmp_path) == sorted(path.name for path in [*kept, tmp_path / ELSEWHERE])


@pytest.mark.parametrize("days", [-1, 1])  # 1: the clock was set back since
def test_what_another_machine_left_goes_after_an_hour_whatever_the_clock_did(tmp_path: Path, days: int):
    folder = tmp_path / ELSEWHERE
    folder.mkdir()
    (folder / "song.wav").write_bytes(b"")
    then = time.time() + 24 * days * FORGOTTEN_SECONDS
    os.utime(folder, (then, then))
    sweep(tmp_path)
    assert folder.exists()  # what lies in it has just been written
    os.utime(folder / "song.wav", (then, then))
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_whoever_writes_in_a_folder_first_sweeps_it(tmp_path: Path):
    (tmp_path / ELSEWHERE).write_bytes(b"")
    os.utime(tmp_path / ELSEWHERE, (0, 0))
    write_whole(tmp_path / "new", b"content")
    assert names(tmp_path) == ["new"]


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path):
    target = tmp_path / ("ü" * 125 + ".json")
    assert len(os.fsencode(target.name)) == LONGEST_NAME
    for content in (b"one", b"two"):
        keep_backup(target)
        write_whole(target, content)
    assert (target.read_bytes(), backup_path(target).read_bytes()) == (b"two", b"one")
    assert len(names(tmp_path)) == 2
    assert backup_path(Path("song.json")) == Path("song.json.bak")


def test_nothing_comes_out_of_a_block_that_fails(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), put_together(tmp_path) as staged:
        (staged / "song.wav").write_bytes(b"")
        _ = 1 / 0
    assert names(tmp_path) == []
