"""Saving a sidecar, disturbed: killed at every system call, refused by the disk at every call, without room, read-only.

    python -m trials.saving

strace stops the process at each system call of a save in turn and kills it there, or lets that call fail with an error
of the disk. Afterwards the sidecar must hold the version before or the new one, whole, and take another save; where the
save said that it failed, it must have been with a sentence, with the version before still there and nothing beside it.
Then a disk of 256 kB that fills up, one that becomes read-only, and a folder that goes. Last, the property tests on
sidecars of any content, with ten times as many examples as a test run takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.record import ROOT, Bar, BenchmarkError, exit_status, record
from structure.errors import StudioError
from structure.history import FOLDER, states
from structure.sidecar import read_sidecar, save_sidecar, with_fields

BEFORE = {"caption": "vorher 🎹", "mine": [1, 2], "events": [{"type": "intro", "start": 0.0, "end": 4.0}]}
AFTER = "nachher"
ERRORS = ("ENOSPC", "EIO", "EROFS", "EACCES")
FILE_CALLS = "%file,%desc"
PROPERTIES = "tests/structure/test_sidecar_property.py"

SAVER = """
import os, sys
from pathlib import Path
from structure.errors import StudioError
from structure.sidecar import read_sidecar, save_sidecar, with_fields
path = Path(sys.argv[1])
warm = path.parent.with_name("warm.json")  # what Python loads at a first time has nothing to do with saving
for number in range(2):
    save_sidecar(with_fields(read_sidecar(warm), number=number))
while word := os.read(0, 1):
    if word == b"g":
        continue  # that of a process which was killed before it read it
    if not (pid := os.fork()):
        os.read(0, 1)  # until the tracer is there
        try:
            save_sidecar(with_fields(read_sidecar(path), caption=sys.argv[2]))
            os._exit(0)
        except StudioError:
            os._exit(3)
        except BaseException:
            os._exit(4)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""
SAVED, KILLED, REFUSED = 0, 9, 3 << 8  # statuses of the forked process


class SavingTrial:
    """A sidecar in a folder, and a process that saves it again and again, disturbed.

    Args:
        folder: made where it is missing.

    Raises:
        BenchmarkError: there is no strace here.
    """

    def __init__(self, folder: Path) -> None:
        if shutil.which("strace") is None:
            raise BenchmarkError("This trial stops a process at each system call: install strace (Linux).")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "song.json"
        self.log = folder.parent / "calls.txt"
        command = [sys.executable, "-c", SAVER, str(self.path), AFTER]
        self._saver = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reset()

    def close(self) -> None:
        """End the process that saves."""
        self._saver.kill()
        self._saver.communicate()

    def reset(self) -> None:
        """The version before, and one state before that, as in a folder in which somebody has worked."""
        for path in self.path.parent.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.path.write_text(json.dumps(BEFORE))
        first = save_sidecar(with_fields(read_sidecar(self.path), caption="erst"))
        save_sidecar(with_fields(first, caption=BEFORE["caption"]))

    def n_calls(self, which: str) -> int:
        """System calls of one save that nothing disturbs, of those that strace calls `which`."""
        self._traced(["-e", f"trace={which}", "-o", str(self.log)])
        return sum(1 for line in self.log.read_text().splitlines() if "(" in line and "exit_group" not in line)

    def killed_at(self, call: int) -> str:
        """Kill a save at its n-th system call; what was lost, empty where nothing was."""
        return self._after(self._traced(["-e", "trace=all", "-e", f"inject=all:signal=KILL:when={call}"]))

    def refused_at(self, call: int, error: str) -> str:
        """Let the n-th call on files fail; what was lost, empty where nothing was."""
        inject = f"inject={FILE_CALLS}:error={error}:when={call}"
        return self._after(self._traced(["-e", f"trace={FILE_CALLS}", "-e", inject]))

    def _traced(self, options: Sequence[str]) -> int:
        """One save under strace; how it ended."""
        saver = self._saver
        assert saver.stdin is not None and saver.stdout is not None
        self._order(b"n")
        pid = saver.stdout.readline().decode().strip()
        command = ["strace", "-p", pid, *options, *([] if "-o" in options else ["-o", os.devnull])]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            if "attached" not in (said := tracer.stderr.readline()):
                raise BenchmarkError(f"strace may not look at another process here: {said.strip()}")
            self._order(b"g")
            status = int(saver.stdout.readline())
            tracer.stderr.read()
        return status

    def _order(self, word: bytes) -> None:
        assert self._saver.stdin is not None
        self._saver.stdin.write(word)
        self._saver.stdin.flush()

    def _after(self, status: int) -> str:
        """What is wrong with the folder after a disturbed save."""
        try:
            now = read_sidecar(self.path).data
        except StudioError as problem:
            return f"cannot be read: {problem}"
        new = now == {**BEFORE, "caption": AFTER}
        if not new and now != BEFORE:
            return "holds neither version"
        if status not in (SAVED, KILLED, REFUSED):
            return f"ended with status {status}"
        if status == SAVED and not new:
            return "said that it was saved, and was not"
        if status == REFUSED and new:
            return "said that it was not saved, and was"
        if status != KILLED and (left := [p.name for p in self.path.parent.rglob("*.tmp")]):
            return f"left {left[0]}"
        if not states(self.path):
            return "lost the earlier states"
        save_sidecar(with_fields(read_sidecar(self.path), caption="after all"))
        return ""


def disturbances(trial: SavingTrial, every: int = 1) -> Iterator[tuple[str, str]]:
    """Each kill and each refusal in turn: what was done, and what was lost by it.

    Args:
        trial: where.
        every: take each n-th system call only.
    """
    for call in range(1, trial.n_calls("all") + 1, every):
        trial.reset()
        yield f"killed at call {call}", trial.killed_at(call)
    trial.reset()
    n_calls = trial.n_calls(FILE_CALLS)
    for number, error in enumerate(ERRORS):
        for call in range(2 + number % every, n_calls + 1, every):  # the first is the trial's own: when to begin
            trial.reset()
            yield f"{error} at call {call}", trial.refused_at(call, error)


@contextmanager
def small_disk(kilobytes: int) -> Iterator[Path | None]:
    """A disk in memory; None where one may not be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder]
        if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def fill_a_disk() -> Iterator[tuple[str, str]]:
    """Save more and more until the disk is full, then on a disk that became read-only, then in a folder that went."""
    with small_disk(256) as disk:
        if disk is None:
            return
        path = disk / "songs" / "song.json"
        path.parent.mkdir()
        held = save_sidecar(with_fields(read_sidecar(path), **BEFORE))
        refused = 0
        for size in range(0, 400_000, 8_000):
            try:
                held = save_sidecar(with_fields(read_sidecar(path), caption="x" * size))
            except StudioError:
                refused += 1
            yield f"{size} characters on a small disk", _unchanged(path, held.data)
        yield "the small disk was full at last", "" if refused else "it never was"
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        yield "a disk that became read-only", _refused(path, held.data)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        sidecar = read_sidecar(path)
        shutil.rmtree(path.parent)
        try:
            save_sidecar(with_fields(sidecar, caption="gone"))
            yield "a folder that went", "saved into nothing"
        except StudioError:
            yield "a folder that went", ""


def _refused(path: Path, data: object) -> str:
    try:
        save_sidecar(with_fields(read_sidecar(path), caption="read-only"))
    except StudioError:
        return _unchanged(path, data)
    return "was written"


def _unchanged(path: Path, data: object) -> str:
    if read_sidecar(path).data != data:
        return "holds something else"
    left = [p.name for p in path.parent.rglob("*.tmp")]
    return f"left {left[0]}" if left else ""


def properties() -> str:
    """Run the property tests with many examples; what pytest said of a failure."""
    environment = {**os.environ, "HYPOTHESIS_PROFILE": "trial"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", PROPERTIES]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout[-800:]


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trials.saving", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="take each n-th system call only (default 1: all)")
    return parser


def measure(options: argparse.Namespace) -> int:
    """Do the trial, print each loss as it happens, and record the counts; how many there were."""
    tried: Counter[str] = Counter()
    lost = []
    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        trial = SavingTrial(Path(temporary, "songs"))
        try:
            for attempts in (disturbances(trial, options.every), fill_a_disk()):
                for what, loss in attempts:
                    tried[what.split(" at call")[0] if " at call" in what else "disk and folder"] += 1
                    if loss:
                        lost.append(f"{what}: {loss}")
                        print(lost[-1], flush=True)
        finally:
            trial.close()
    failed = properties()
    print(failed, end="")
    record(
        "saving",
        [
            Bar("disturbed saves", sum(tried.values())),
            Bar("of them lost, or neither old nor new", len(lost), most=0),
            Bar("property tests with 1 000 examples each that failed", int(bool(failed)), most=0),
        ],
        {"tried": tried, "lost": lost, "history folder": FOLDER},
        {"every": options.every, "errors": ERRORS},
    )
    return len(lost) + bool(failed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where something was lost, 2 where the trial could not be made."""
    return exit_status(lambda: measure(get_parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
