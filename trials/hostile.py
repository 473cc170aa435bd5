"""Hostile input: files spoilt in seeded ways end as data or as one clear sentence.

    python -m trials.hostile --count 1000

Archives, sidecars and other words beside songs, fifteen annotation formats, the structure language, adapters of three
makes, takes, run folders, listening tests and experiments are cut off at every byte (where they are small) and spoilt
`--count` times each, then read as the page and the commands read them. An attempt is lost by a traceback, a sentence
that is none, more time or memory than allowed, a file outside of its folder, a file changed that should not be, or one
left half written. Every reading is done in a process with a limit to its memory, and ended at its deadline.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from benchmarks.record import ROOT, WORK, Bar, record
from structure.errors import StudioError
from structure.history import FOLDER as HISTORY
from trials import hostile_adapters, hostile_kinds
from trials.hostile_kinds import Kind
from trials.spoiling import Spoiler

DEADLINE = 20.0  # seconds for one attempt, on a machine that does other things too
STARTING = 180.0  # seconds for a process to import everything and make its sample
ROOM = 1024**3  # bytes that one attempt may take beyond what the process has when it begins
MOST_CUTS = 600  # bytes of a file that is cut off at every one of them
LONGEST_LINE = 1500  # characters of a sentence with a path in it

_NO_MEMORY = ("allocate memory", "out of memory", "not enough memory")
_LEFT = (".tmp", ".part", ".old")


@dataclass
class Count:
    """What became of the attempts of a kind: how many were read, were refused, and a line for each that was lost."""

    kind: str
    read: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)
    slowest: float = 0.0

    @property
    def tried(self) -> int:
        return self.read + self.refused + len(self.lost)


def all_kinds() -> list[Kind]:
    """Every kind of input."""
    return [*hostile_kinds.kinds(), *hostile_adapters.kinds()]


class Reader:
    """One kind's sample, spoilt and read in this process.

    Args:
        kind: of input.
        folder: to work in; a new one.
        seed: of how it is spoilt.
    """

    def __init__(self, kind: Kind, folder: Path, seed: int) -> None:
        self.kind, self.seed = kind, seed
        self.sample, self.case = folder / "sample", folder / "case"
        shutil.rmtree(self.sample, ignore_errors=True)
        self.sample.mkdir(parents=True)
        kind.make(self.sample)
        self.cuts = [
            (name, length)
            for name in kind.files
            if kind.cuts and (size := (self.sample / name).stat().st_size) <= MOST_CUTS
            for length in range(size)
        ]
        self._outside = folder

    def spoilt(self, number: int) -> tuple[str, bytes]:
        """Name and content of the file that is spoilt in attempt `number`."""
        if number < len(self.cuts):
            name, length = self.cuts[number]
            return name, (self.sample / name).read_bytes()[:length]
        names = list(self.kind.files)
        name = names[number % len(names)]
        spoiler = Spoiler(f"{self.seed} {self.kind.name} {number}")
        return name, getattr(spoiler, self.kind.files[name])((self.sample / name).read_bytes())

    def attempt(self, number: int) -> tuple[str, str]:
        """`read`, `refused` or `lost`, and what was said."""
        name, content = self.spoilt(number)
        shutil.rmtree(self.case, ignore_errors=True)
        shutil.copytree(self.sample, self.case)
        (self.case / name).write_bytes(content)
        del content  # what is read has all the room there is
        before, around = _held(self.case), _names(self._outside)
        try:
            with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
                self.kind.read(self.case)
            outcome, said = "read", ""
        except StudioError as problem:
            outcome, said = "refused", str(problem)
            if wrong := no_sentence(said):
                return "lost", f"{name}: {wrong}: {said[:300]!r}"
        except (Exception, SystemExit) as problem:
            return "lost", f"{name}: {_where(problem)}"
        if wrong := self._damage(before, around):
            return "lost", f"{name}: {wrong}"
        return outcome, said

    def _damage(self, before: dict[str, str], around: set[str]) -> str:
        """What reading did to the disk that it should not have done."""
        after = _held(self.case)
        if strange := _names(self._outside) - around:
            return f"wrote {min(strange)} outside"
        for path in sorted(before.keys() | after.keys()):
            if any(part.endswith(_LEFT) for part in path.split("/")):
                return f"left {path}"
            if f"{HISTORY}/" in path:
                continue  # what a file held before it was saved
            if before.get(path) != after.get(path) and not path.startswith(self.kind.writes or ("\0",)):
                return f"changed {path}"
            if path.endswith(".json") and path in after and after[path] not in before.values():  # not one that moved
                try:
                    json.loads((self.case / path).read_bytes())
                except (ValueError, RecursionError):
                    return f"wrote {path}, which is not JSON"
        return ""


def no_sentence(said: str) -> str:
    """Why words are no clear sentence for a person; empty where they are one, or one a line."""
    if not said.strip():
        return "nothing said"
    if any(word in said for word in _NO_MEMORY):
        return "memory used up"
    if any(word in said for word in ("Traceback", "validation error", "errors.pydantic.dev", " object at 0x")):
        return "words for programmers"
    if any(len(line) > LONGEST_LINE for line in said.splitlines()):
        return "no end of words"
    return ""


def _where(problem: BaseException) -> str:
    """An error and the line of ours that it came from."""
    frames = [
        f
        for f in traceback.extract_tb(problem.__traceback__)
        if str(ROOT) in f.filename and "/trials/" not in f.filename and "/.venv/" not in f.filename
    ]
    place = f" at {Path(frames[-1].filename).relative_to(ROOT)}:{frames[-1].lineno}" if frames else ""
    return f"{type(problem).__name__}{place}: {str(problem)[:200]!r}"


def _held(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _digest(path) for path in folder.rglob("*") if path.is_file()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()  # in pieces: some files are spoilt to hundreds of MB


def _names(folder: Path) -> set[str]:
    """What lies beside the sample and the case; the model that adapters are tried on is among it."""
    return {path.name for path in folder.iterdir()}


def serve(connection: Connection, name: str, folder: Path, seed: int, log: Path) -> None:
    """Attempts of one kind, by number, until the parent is gone. Run in a process of its own."""
    for variable in ("STRUCTURE_STUDIO_HOME", "STRUCTURE_STUDIO_CACHE", "STRUCTURE_STUDIO_LOCK_DIR"):
        os.environ[variable] = str(folder / "places" / variable[-4:])
    os.environ["OMP_NUM_THREADS"] = "1"  # more of them only wait for one another
    (folder / "places").mkdir(parents=True, exist_ok=True)
    reader = Reader(next(kind for kind in all_kinds() if kind.name == name), folder, seed)
    shutil.copytree(reader.sample, folder / "sound")
    reader.kind.read(folder / "sound")  # a sound sample is read; and then all imports are done
    shutil.rmtree(folder / "sound")
    _limit_memory()
    with log.open("w") as told:
        connection.send(len(reader.cuts))
        while True:
            try:
                number = connection.recv()
            except EOFError:
                return
            faulthandler.dump_traceback_later(DEADLINE, exit=True, file=told)
            began = time.monotonic()
            outcome, said = reader.attempt(number)
            faulthandler.cancel_dump_traceback_later()
            connection.send((outcome, said, time.monotonic() - began))


def _limit_memory() -> None:
    """No more address space than `ROOM` beyond what is taken; where the system knows no such limit, none."""
    try:
        import resource
    except ImportError:
        return
    most = psutil.Process().memory_info().vms + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


class HostileTrial:
    """Attempts of any kind, each in a process that may die of it.

    Args:
        folder: to work in.
        seed: of how files are spoilt.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder, self.seed = folder, seed

    def measure(self, kind: str, count: int, every: int = 1, say: Callable[[str], None] = print) -> Count:
        """All cuts and `count` spoilt files of a kind, or each `every`-th of them."""
        found, number, cuts = Count(kind), 0, 0
        while number < cuts + count:
            with self._worker(kind) as (connection, log):
                cuts = connection.recv()
                while number < cuts + count:
                    connection.send(number)
                    alive = self._note(found, number, connection, log, say)
                    number += every
                    if not alive:
                        break
        return found

    def _note(self, found: Count, number: int, connection: Connection, log: Path, say: Callable[[str], None]) -> bool:
        """Wait for an attempt to end, and count it; whether its process is still there."""
        try:
            if not connection.poll(DEADLINE + 30):
                raise EOFError
            outcome, said, seconds = connection.recv()
        except EOFError:
            told = [
                line
                for line in log.read_text().splitlines()
                if "File" in line and "/.venv/" not in line and "python3" not in line
            ]
            where = " ".join(told[:2]) or "nothing noted"
            outcome, said, seconds = "lost", f"no end, or ended the process: {where}", DEADLINE
            alive = False
        else:
            alive = True
        found.slowest = max(found.slowest, seconds)
        if outcome == "lost":
            found.lost.append(f"{found.kind} {number}: {said}")
            say(f"lost: {found.lost[-1]}")
        elif outcome == "read":
            found.read += 1
        else:
            found.refused += 1
        return alive

    @contextlib.contextmanager
    def _worker(self, kind: str) -> Iterator[tuple[Connection, Path]]:
        processes = multiprocessing.get_context("spawn")
        ours, theirs = processes.Pipe()
        folder = Path(tempfile.mkdtemp(prefix=f"{kind.replace(' ', '-')}-", dir=self.folder))
        log = folder.with_suffix(".log")
        process = processes.Process(target=serve, args=(theirs, kind, folder, self.seed, log), daemon=True)
        process.start()
        theirs.close()
        try:
            if not ours.poll(STARTING):
                raise TimeoutError(f"{kind}: its process does not begin")
            yield ours, log
        finally:
            ours.close()
            process.kill()
            process.join()
            shutil.rmtree(folder, ignore_errors=True)
            log.unlink(missing_ok=True)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trials.hostile", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="spoilt files of each kind (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of how they are spoilt (default 0)")
    parser.add_argument("--kind", action="append", metavar="NAME", help="only this kind; may be given more than once")
    parser.add_argument("--work", type=Path, default=WORK / "hostile", help="folder for the files")
    return parser


def measure(options: argparse.Namespace) -> int:
    """Do the trial, print each loss as it happens, and record the counts; how many attempts were lost."""
    options.work.mkdir(parents=True, exist_ok=True)
    trial = HostileTrial(options.work, options.seed)
    counts = []
    for kind in options.kind or [kind.name for kind in all_kinds()]:
        counts.append(trial.measure(kind, options.count, say=lambda line: print(line, flush=True)))
        found = counts[-1]
        print(
            f"{kind}: {found.tried} tried, {found.read} read, {found.refused} refused, {len(found.lost)} lost, "
            f"slowest {found.slowest:.1f} s",
            flush=True,
        )
    lost = [line for found in counts for line in found.lost]
    tried = sum(found.tried for found in counts)
    if not options.kind:
        record(
            "hostile",
            [
                Bar(f"attempts of {tried} that ended as data or as a sentence", tried - len(lost), least=tried),
                Bar("kinds of input", len(counts)),
                Bar("slowest attempt", max(found.slowest for found in counts), "s", most=DEADLINE),
            ],
            {
                "kinds": {
                    f.kind: {
                        "tried": f.tried,
                        "read": f.read,
                        "refused": f.refused,
                        "lost": len(f.lost),
                        "slowest seconds": round(f.slowest, 2),
                    }
                    for f in counts
                },
                "outcomes": Counter(
                    read=sum(f.read for f in counts), refused=sum(f.refused for f in counts), lost=len(lost)
                ),
                "lost": lost,
            },
            {"count": options.count, "seed": options.seed, "deadline": DEADLINE, "memory": ROOM},
        )
    return len(lost)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where an attempt was lost, 2 where the trial could not be made."""
    try:
        return 1 if measure(get_parser().parse_args(arguments)) else 0
    except (StudioError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
