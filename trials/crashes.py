"""Crashes of the app: killed at random moments, it is on restart where it was, and nothing that was promised is lost.

    python -m trials.crashes --count 30

`app.py` is ended by SIGKILL, a third of the times each while a program saves edits and sends songs, while a run trains,
and while a song is made. Half of the kills take the app alone, half all of its processes and the run's as well, as when
the machine loses power. After each restart every acknowledged edit and song must be on the disk, every sidecar
readable, every run at its last step without anybody's help, and nothing half made or locked may be left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from annotate.audio import AudioError, audio_info, content_hash, write_audio
from benchmarks.record import ROOT, WORK, Bar, BenchmarkError, exit_status, record, run
from structure.sidecar import SidecarError, read_sidecar
from training.device_lock import holder
from training.run_folder import has_adapter, read_metrics, read_state, working_process
from training.runs import list_runs, start_run
from training.settings import make_settings
from trials.calling import Caller, Page

KINDS = ("annotation", "training", "generation")
STEPS = 12
RECIPE = {
    "device": "cpu", "max_steps": STEPS, "save_every_steps": 2, "batch_size": 2, "lora_rank": 2, "log_every": 2,
    "held_out": 1, "crop_min_sec": 6.0, "crop_max_sec": 8.0,
}  # fmt: skip
STRUCTURE, SONG_STEPS = "intro 0-1, verse 1-3", 8
EDITING = (0.3, 3.0)  # seconds of work before the app is killed
SENT = 6  # songs in the archive that is sent meanwhile
PATIENCE = 300.0  # seconds for a start, a run or a song on a busy machine
HALF_MADE = (".tmp", ".part", ".ready", ".old", ".unfinished")


@dataclass(frozen=True)
class Crash:
    """One kill: what went on, whether all processes went, where the work stood, and what was wrong afterwards."""

    kind: str
    all_processes: bool
    moment: str
    lost: tuple[str, ...] = ()


class CrashTrial:
    """A page that dies and starts again.

    Args:
        folder: for songs, runs, outputs and caches; what lies there goes.
        seed: of the moments.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.rng = folder.resolve(), random.Random(seed)
        self.songs, self.home = self.folder / "songs", self.folder / "home"
        self.locks, self.cache = self.folder / "locks", self.folder / "cache"
        places = {"HOME": self.home, "CACHE": self.cache, "LOCK_DIR": self.locks}
        self.environment = {f"STRUCTURE_STUDIO_{name}": str(place) for name, place in places.items()}
        self.environment["GRADIO_TEMP_DIR"] = str(self.folder / "uploads")
        run("-m", "acestep.starter", "songs", self.songs, "--count", "4", "--seed", "11")
        run("-m", "acestep.starter.demo", self.home / "data" / "demo")  # who judges songs learns from them
        self.sent: dict[str, dict[str, Any]] = {}  # by song, the last edit that was asked for
        self.saved: dict[str, dict[str, Any]] = {}  # and the last one that the page said it had
        self.made: list[str] = []  # songs that the page said it had made
        self.edits = self.number = 0
        self.song_seconds = self.run_seconds = 10.0  # until the first one was timed
        self._open()

    def crash(self, kind: str, all_processes: bool) -> Crash:
        """Let work of a kind begin, kill at a random moment, start again and look."""
        self.number += 1
        lost: list[str] = []
        during = {"annotation": self._annotate, "training": self._train, "generation": self._generate}[kind]
        moment, look = during(all_processes)
        self._open()
        lost += look()
        lost += self._look_at_songs() + self._look_at_outputs()
        lost += [f"half made: {path}" for path in half_made(self.home, self.songs, self.cache)]
        if (owner := holder("cpu", self.locks)) is not None:
            lost.append(f"the device is held: {owner.purpose}")
        return Crash(kind, all_processes, moment, tuple(lost))

    def close(self) -> None:
        """End the page."""
        self._kill(all_processes=True)

    # ---- what goes on

    def _annotate(self, all_processes: bool) -> tuple[str, Callable[[], list[str]]]:
        before, archive = self.edits, self.folder / f"sent-{self.number}.zip"
        hashes, answers = self._pack(archive), []

        def edit(page: Page) -> None:
            versions = {row["song"]: row["version"] for row in page.call("scan_folder")}
            mine = [name for name in versions if not name.startswith("sent-")]
            while True:
                for name in mine:
                    wish = self._wish()
                    self.sent[name] = wish
                    saved = page.call("save_sidecar", song=name, fields=wish, version=versions[name])
                    versions[name] = saved["version"]
                    self.saved[name] = wish

        def send(page: Page) -> None:
            answers.append(page.call("load_uploaded", files=[page.send(archive)]))

        callers = [Caller(self.url, edit), Caller(self.url, send)]
        deadline = time.monotonic() + PATIENCE
        while self.edits == before and callers[0].is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(self.rng.uniform(*EDITING))
        self._kill(all_processes)
        for caller in callers:
            caller.join(60)
        said = f"{self.edits - before} edits, songs {'sent' if answers else 'on their way'}"

        def look() -> list[str]:
            wrong = [] if self.edits > before else [f"no edit could be made: {callers[0].trouble}"]
            for name, content in hashes.items():
                song = self.songs / name
                if song.exists() and content_hash(song) != content:
                    wrong.append(f"{name} is not as it was sent")
                if answers and not song.exists():
                    wrong.append(f"{name} was taken and is gone")
                for path in (song, song.with_suffix(".json")):
                    path.unlink(missing_ok=True)
            return wrong

        return said, look

    def _train(self, all_processes: bool) -> tuple[str, Callable[[], list[str]]]:
        root, began = self.home / "runs", time.monotonic()
        folder = root / f"run-{self.number}"
        with changed(self.environment):
            start_run(make_settings("starter", dataset_dir=self.songs, output_dir=folder, **RECIPE))
        time.sleep(self.rng.uniform(0.3, 1.0) * self.run_seconds)  # the first third of a run are imports
        state = read_state(folder)
        self._kill(all_processes)

        def look() -> list[str]:
            wrong = []
            while not read_state(folder).ended:
                if time.monotonic() > began + PATIENCE:
                    return [f"{folder.name} does not end: {read_state(folder).message}"]
                time.sleep(0.1)
            if not all_processes:  # nothing disturbed the run itself
                self.run_seconds = time.monotonic() - began
            end, steps = read_state(folder), [point["step"] for point in read_metrics(folder) if "loss" in point]
            if (end.status, end.step) != ("done", STEPS) or not has_adapter(folder):
                wrong.append(f"{folder.name} ended otherwise: {end.status} at step {end.step}, {end.message}")
            if steps != list(range(1, STEPS + 1)):
                wrong.append(f"{folder.name}: its curve has steps {steps}")
            return wrong

        return f"{state.status} step {state.step}", look

    def _generate(self, all_processes: bool) -> tuple[str, Callable[[], list[str]]]:
        began = time.monotonic()

        def ask(page: Page) -> None:
            song, *_ = page.call("generate_sample", structure=STRUCTURE, steps=SONG_STEPS, seed=self.number)
            self.made.append(Path(song["path"]).name)
            self.song_seconds = time.monotonic() - began

        before, caller = len(self.made), Caller(self.url, ask)
        # The first is killed once its song is there, which tells how long one takes.
        caller.join(self.rng.uniform(0.2, 1.2) * self.song_seconds if self.made else PATIENCE)
        waited = time.monotonic() - began
        self._kill(all_processes)
        caller.join(60)
        return f"{'after' if len(self.made) > before else 'within'} {waited:.1f} s", list

    # ---- what is looked at afterwards

    def _look_at_songs(self) -> list[str]:
        """Every sidecar reads, and holds the last edit that was acknowledged, or the one that was on its way."""
        wrong = []
        for path in sorted(self.songs.glob("*.json")):
            try:
                read_sidecar(path)
            except SidecarError as problem:
                wrong.append(str(problem))
        for name, wish in self.saved.items():
            with contextlib.suppress(SidecarError):
                held = read_sidecar(self.songs / name).data
                if not any(all(held.get(key) == wish[key] for key in wish) for wish in (wish, self.sent[name])):
                    wrong.append(f"{name}: an acknowledged edit is lost, it holds {held.get('caption')!r}")
        rows = Page(self.url).call("scan_folder")
        wrong += [problem for row in rows for problem in row["problems"]]
        there = len(list(self.songs.glob("*.wav")))
        return wrong if len(rows) == there else [*wrong, f"the page lists {len(rows)} of {there} songs"]

    def _look_at_outputs(self) -> list[str]:
        """Every song is whole and has its sidecar, and none that the page gave away is missing."""
        wrong, outputs = [], self.home / "outputs"
        names = {path.name for path in outputs.glob("*")} if outputs.is_dir() else set()
        for stem in {name.partition(".")[0] for name in names if not name.startswith(".")} - {"history"}:
            audio = outputs / f"{stem}.wav"
            try:
                if read_sidecar(audio).get("generation") is None:
                    wrong.append(f"{stem}: no sidecar")
                if abs(audio_info(audio).duration - 3.0) > 0.05:
                    wrong.append(f"{stem}: {audio_info(audio).duration} s")
            except (AudioError, SidecarError) as problem:
                wrong.append(str(problem))
        return wrong + [f"{name} was made and is gone" for name in self.made if name not in names]

    # ---- the page

    def _open(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        command = [sys.executable, "app.py", "--port", str(port), "--no-browser", "--dataset", str(self.songs)]
        with (self.folder / "app.log").open("a") as log:
            self.app = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(self.url, timeout=10):
                    return
            except OSError:
                if self.app.poll() is not None or time.monotonic() > deadline:
                    said = (self.folder / "app.log").read_text()[-500:]
                    raise BenchmarkError(f"The page did not start: {said}") from None
                time.sleep(0.1)

    def _kill(self, all_processes: bool) -> None:
        """SIGKILL to the app; or to it, all that it started, and the runs, which live on by themselves."""
        doomed = [psutil.Process(self.app.pid)]
        if all_processes:
            runs = [working_process(found.folder) for found in list_runs(self.home / "runs")]
            with contextlib.suppress(psutil.NoSuchProcess):
                doomed += [psutil.Process(pid) for pid in runs if pid is not None]
            for process in list(doomed):
                with contextlib.suppress(psutil.NoSuchProcess):
                    doomed += process.children(recursive=True)
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.app.wait()
        psutil.wait_procs(doomed, timeout=30)

    # ---- what is sent

    def _wish(self) -> dict[str, Any]:
        self.edits += 1
        cut = round(1 + self.edits / 1000, 3)
        events = [{"type": "intro", "start": 0.0, "end": cut}, {"type": "verse", "start": cut, "end": 8.0}]
        return {"caption": f"edit {self.edits}", "events": events}

    def _pack(self, archive: Path) -> dict[str, str]:
        """An archive of songs with sidecars; the hash of each song by its name."""
        hashes, noise = {}, np.random.default_rng(self.number)
        with zipfile.ZipFile(archive, "w") as zipped:
            for number in range(SENT):
                name = f"sent-{self.number}-{number}.wav"
                song = self.folder / name
                write_audio(song, 0.3 * noise.standard_normal((44_100 * 20, 1)).clip(-3, 3), 44_100)
                hashes[name] = content_hash(song)
                zipped.write(song, name)
                zipped.writestr(song.with_suffix(".json").name, '{"caption": "sent"}')
                song.unlink()
        return hashes


@contextlib.contextmanager
def changed(environment: dict[str, str]) -> Iterator[None]:
    """Within the block this process has these places."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def half_made(*folders: Path) -> list[Path]:
    """What nobody finished and nobody works on: by its name, anywhere below the folders."""
    found = []
    for folder in folders:
        paths = folder.rglob("*") if folder.is_dir() else ()
        found += [p for p in paths if p.name.endswith(HALF_MADE) or p.name.startswith((".studio-", ".adding-"))]
    return found


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trials.crashes", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=30, help="kills (default 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--work", type=Path, default=WORK / "crashes", help="folder for songs and runs; emptied")
    return parser


def measure(options: argparse.Namespace) -> int:
    """Do the trial, print each kill as it happens, and record the counts; how many kills lost something."""
    trial, crashes = CrashTrial(options.work, options.seed), []
    began = time.monotonic()
    try:
        for number in range(options.count):
            crash = trial.crash(KINDS[number % len(KINDS)], all_processes=number % 2 == 1)
            crashes.append(crash)
            whole = "all processes" if crash.all_processes else "the app alone"
            told = f"{crash.kind}, {whole}, {crash.moment}: {'; '.join(crash.lost) or 'all there'}"
            print(f"{number + 1}/{options.count}: {told}", flush=True)
    finally:
        trial.close()
    lost = [crash for crash in crashes if crash.lost]
    record(
        "crashes",
        [
            Bar(
                f"kills of {len(crashes)} after which all was where it was",
                len(crashes) - len(lost),
                least=len(crashes),
            ),
            Bar("things lost or left half made", sum(len(crash.lost) for crash in crashes), most=0),
        ],
        {
            "kills": Counter(f"{crash.kind}, {'all' if crash.all_processes else 'app'}" for crash in crashes),
            "moments": [f"{crash.kind}: {crash.moment}" for crash in crashes],
            "edits asked for": trial.edits,
            "songs acknowledged": len(trial.made),
            "lost": [sentence for crash in lost for sentence in crash.lost],
            "seconds": round(time.monotonic() - began, 1),
        },
        {"count": options.count, "seed": options.seed, "recipe": RECIPE},
    )
    return len(lost)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where something was lost, 2 where the trial could not be made."""
    return exit_status(lambda: measure(get_parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
