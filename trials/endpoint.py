"""Kills of an endpoint under load: a batch that goes on ends with every song exactly once.

    python -m trials.endpoint --songs 40 --kills 6

`scripts/endpoint/batch.py` asks a server on this machine for many songs, several at a time. The server is ended by
SIGKILL at random moments and started again, and so is the batch itself, once. In the end each song must be there once,
whole, with the events and the seed of its own request, and nothing else may lie in the folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from annotate.audio import audio_info
from benchmarks.record import ROOT, WORK, Bar, BenchmarkError, exit_status, record
from structure.errors import StudioError
from structure.sidecar import read_sidecar

START_SECONDS = 120.0
END_SECONDS = 600.0
AT_A_TIME = 4


@dataclass(frozen=True)
class Outcome:
    """What a batch left: songs that are whole and those that are not, and files that belong to none."""

    whole: int
    wrong: tuple[str, ...]
    strange: tuple[str, ...]
    status: int


class EndpointTrial:
    """A server that dies, and a batch that does not lose a song by it.

    Args:
        folder: for requests, songs and logs.
        songs: how many are asked for.
        seed: of the moments.
    """

    def __init__(self, folder: Path, songs: int, seed: int = 0) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "songs").mkdir(parents=True)
        self.wanted = {f"song-{n:03d}": round(0.5 + n / songs, 3) for n in range(songs)}  # where its verse begins
        lines = [
            {"name": name, "structure": f"intro 0-{cut}, verse {cut}-2", "steps": 6, "seed": n}
            for n, (name, cut) in enumerate(self.wanted.items())
        ]
        (folder / "requests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def run(self, kills: int) -> Outcome:
        """Kill the server `kills` times while the batch asks, and the batch once.

        Raises:
            BenchmarkError: the server does not start, or the batch does not end.
        """
        server, batch = self._serve(), self._ask()
        try:
            for number in range(kills):
                time.sleep(self.rng.uniform(0.5, 6.0))
                server.kill()
                server.wait()
                if number == kills // 2:
                    batch.kill()
                    batch.wait()
                    batch = self._ask()
                time.sleep(self.rng.uniform(0, 2.0))
                server = self._serve()
            status = batch.wait(END_SECONDS)
        except subprocess.TimeoutExpired as problem:
            raise BenchmarkError(f"The batch did not end: {self._said('batch')}") from problem
        finally:
            for process in (server, batch):
                process.kill()
                process.wait()
        return self._outcome(status)

    def _serve(self) -> subprocess.Popen:
        process = self._start("server", "scripts/endpoint/serve.py", "--port", self.port)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=5):
                    return process
            except OSError:  # not there yet, or not ready
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchmarkError(f"The endpoint did not start: {self._said('server')}") from None
                time.sleep(0.1)

    def _ask(self) -> subprocess.Popen:
        return self._start(
            "batch", "scripts/endpoint/batch.py", self.folder / "requests.jsonl", self.folder / "songs",
            "--concurrency", AT_A_TIME, "--patience", END_SECONDS, "--url", f"http://127.0.0.1:{self.port}",
        )  # fmt: skip

    def _start(self, name: str, *command: object) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, *map(str, command)], cwd=ROOT, env={**os.environ, "ACE_TOKEN": ""},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-500:]

    def _outcome(self, status: int) -> Outcome:
        files = {path.name for path in (self.folder / "songs").iterdir()}
        wrong = []
        for number, (name, cut) in enumerate(self.wanted.items()):
            audio = self.folder / "songs" / f"{name}.wav"
            try:
                sidecar = read_sidecar(audio)
                times = [(event.start, event.end) for event in sidecar.events]
                right = abs(audio_info(audio).duration - 2) < 0.01 and times == [(0.0, cut), (cut, 2.0)]
                right &= sidecar.get("generation")["seed"] == number
            except (StudioError, KeyError, TypeError):
                right = False
            if not right:
                wrong.append(name)
        belongs = {f"{name}{ending}" for name in self.wanted for ending in (".wav", ".json")} | {".batch.lock"}
        return Outcome(len(self.wanted) - len(wrong), tuple(wrong), tuple(sorted(files - belongs)), status)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trials.endpoint", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--songs", type=int, default=40, help="that are asked for (default 40)")
    parser.add_argument("--kills", type=int, default=6, help="of the server (default 6)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--work", type=Path, default=WORK / "endpoint", help="folder for the songs")
    return parser


def measure(options: argparse.Namespace) -> int:
    """Do the trial and record the counts; 1 where something was lost."""
    outcome = EndpointTrial(options.work, options.songs, options.seed).run(options.kills)
    bars = [
        Bar(f"songs of {options.songs} that are there once and whole", outcome.whole, least=options.songs),
        Bar("files that belong to no song", len(outcome.strange), most=0),
        Bar("exit status of the batch", outcome.status, most=0),
    ]
    record(
        "endpoint",
        bars,
        {"wrong": outcome.wrong, "strange": outcome.strange},
        {"songs": options.songs, "kills": options.kills, "at a time": AT_A_TIME, "seed": options.seed},
    )
    return 0 if all(bar.met for bar in bars) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where a song was lost, 2 where the trial could not be made."""
    return exit_status(lambda: measure(get_parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
