"""A run's folder is the truth about it: what it is, how far it is, what became of it.

`config.json` (settings), `state.json` (where it stands), `metrics.jsonl` (one point of the curve a line), `log.txt`
(what it said), `checkpoints/`, `samples/` (songs made on the way), and, once there is one, the adapter in the root. The
training process writes; everybody else only reads, but for the empty file `stop`, which asks the process to finish.
"""

import contextlib
import json
import os
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import BaseModel, ConfigDict

from structure.files import write_whole
from structure.json_reading import parse_json, read_json
from structure.processes import process_alive
from training.settings import TrainingSettings

CONFIG_FILE, STATE_FILE, METRICS_FILE, LOG_FILE = "config.json", "state.json", "metrics.jsonl", "log.txt"
STOP_FILE, LAUNCH_FILE, CHECKPOINTS = "stop", "launch.json", "checkpoints"
TAKEN_UP_FILE = "taken-up.json"  # how often a run that a crash ended was gone on with, and from where
ADAPTER_FILE = "adapter.json"

Status = Literal["starting", "waiting", "preparing", "training", "saving", "done", "stopped", "failed", "died"]
ENDED: tuple[Status, ...] = ("done", "stopped", "failed", "died")
_DRAWN = ("step", "loss", "held_out_loss")  # numbers of a point; what else it holds is its writer's
NO_STATE = "This folder holds no readable state.json: it was copied by half, or another version wrote it."
_CLOCKS_DIFFER = 5.0  # seconds, between a machine and a disk in the network
_LAUNCH_SECONDS = 60.0  # a run that names no process for so long never started


class RunState(BaseModel):
    """Where a run stands. Times in seconds since 1970, `eta` and `step_seconds` in seconds.

    What was estimated before it began and what it took: seconds, bytes; `songs` as `estimate.Songs` has them.
    `best_step` is that of the best checkpoint so far, `best_said` what makes it that; None and "" where nothing was
    measured.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Status = "starting"
    message: str = ""
    step: int = 0
    max_steps: int | None = None
    loss: float | None = None
    eta: float | None = None
    step_seconds: float | None = None
    best_step: int | None = None
    best_said: str = ""
    pid: int | None = None
    pid_started: float | None = None
    started: float | None = None
    updated: float | None = None
    estimated_seconds: float | None = None
    estimated_memory: float | None = None
    took: float | None = None
    peak_memory: float | None = None
    songs: tuple[int, int, float, float] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in this folder by itself."""
        return self.status in ENDED


def write_json(path: Path, data: dict[str, Any], durable: bool = True) -> None:
    """Replace a JSON file whole or not at all; not `durable`, a crash of the machine may bring back the one before."""
    write_whole(path, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode(), durable)


def write_state(folder: Path, state: RunState, durable: bool = True) -> None:
    """Write `state.json` with the time of writing."""
    write_json(folder / STATE_FILE, state.model_copy(update={"updated": time.time()}).model_dump(), durable)


def read_state(folder: Path) -> RunState:
    """The run's state; `died` when it had not ended and its process is gone."""
    try:
        state = _state_in(folder / STATE_FILE, file_stamp(folder / STATE_FILE))
    except (OSError, ValueError):  # missing, cut off, of another version or no text at all
        return RunState(status="died", message=NO_STATE)
    if state.ended:
        return state
    pid, started = (state.pid, state.pid_started) if state.pid else _read_launch(folder)
    if process_alive(pid, started) if pid else abs(time.time() - (state.updated or 0.0)) < _LAUNCH_SECONDS:
        return state
    return state.model_copy(
        update={"status": "died", "eta": None, "message": "The training process ended without a word; see the log."}
    )


def file_stamp(path: Path) -> tuple[int, ...]:
    """What tells one version of a file from another; files here are replaced, never written into.

    Raises:
        OSError: there is no such file.
    """
    now = path.stat()
    return now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


@lru_cache(maxsize=2000)  # a page with hundreds of runs looks at all of them every second
def _state_in(path: Path, stamp: tuple[int, ...]) -> RunState:
    return RunState.model_validate_json(path.read_text(encoding="utf-8"))


def working_process(folder: Path) -> int | None:
    """The process that works on this run now, None where there is none or nobody noted it."""
    if not (folder / STATE_FILE).exists():
        return None
    state = read_state(folder)
    if state.ended:
        return None
    pid, started = (state.pid, state.pid_started) if state.pid else _read_launch(folder)
    return pid if pid is not None and process_alive(pid, started) else None


def write_launch(folder: Path, pid: int, started: float | None) -> None:
    """Note the process just started, so that it can be told dead before it has written a state of its own."""
    write_json(folder / LAUNCH_FILE, {"pid": pid, "pid_started": started})


def write_config(folder: Path, settings: TrainingSettings) -> None:
    """Write `config.json`."""
    write_json(folder / CONFIG_FILE, settings.to_dict())


def append_metrics(folder: Path, points: Sequence[dict[str, Any]], durable: bool = False) -> None:
    """Add points to the curve in one write, so that a reader seldom sees half a line (and then leaves it out).

    Args:
        folder: of the run.
        points: one line each.
        durable: bring the whole curve to the disk, as before a checkpoint that counts on it.
    """
    with (folder / METRICS_FILE).open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(point) + "\n" for point in points))
        if durable:
            file.flush()
            os.fsync(file.fileno())


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Every whole line of `metrics.jsonl`; a line cut off by a crash, or that is no point, is left out."""
    try:
        lines = (folder / METRICS_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    points = []
    for line in lines:
        with contextlib.suppress(ValueError):
            point = parse_json(line)
            if (
                isinstance(point, dict)
                and "step" in point
                and all(isinstance(point.get(key, 0), int | float) for key in _DRAWN)
            ):
                points.append(point)
    return points


def take_over_metrics(folder: Path, source: Path, step: int) -> None:
    """Begin the curve with that of `source` up to `step`, so that a resumed run draws no point twice."""
    kept = [point for point in read_metrics(source) if 0 < point.get("step", 0) <= step]
    text = "".join(json.dumps(point) + "\n" for point in kept)
    write_whole(folder / METRICS_FILE, text.encode(), durable=False)


def mark_failed(folder: Path, sentence: str) -> None:
    """Note why a run ended before its loop could."""
    write_state(folder, read_state(folder).model_copy(update={"status": "failed", "message": sentence, "eta": None}))


def read_log(folder: Path, lines: int = 40) -> str:
    """The last lines of `log.txt`."""
    try:
        with (folder / LOG_FILE).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 400 * lines))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def ask_to_stop(folder: Path) -> None:
    """Leave the stop file that the training process looks for after every step."""
    (folder / STOP_FILE).touch()


def forget_stop(folder: Path) -> None:
    """Remove a stop file that was meant for a process before this one."""
    path, began = folder / STOP_FILE, psutil.Process().create_time()
    if path.exists() and not began <= path.stat().st_mtime <= time.time() + _CLOCKS_DIFFER:
        path.unlink(missing_ok=True)  # one of the future is of before the clock was set back


def stop_asked(folder: Path) -> bool:
    """Whether somebody asked this run to stop."""
    return (folder / STOP_FILE).exists()


def has_adapter(folder: Path) -> bool:
    """Whether the folder's root holds an adapter that can be loaded."""
    return (folder / ADAPTER_FILE).is_file()


def _read_launch(folder: Path) -> tuple[int | None, float | None]:
    try:
        launch = read_json(folder / LAUNCH_FILE)
        return int(launch["pid"]), launch["pid_started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


class RunLog:
    """Says a sentence on standard output and keeps it in the run's `log.txt`.

    A run that the page started already writes its standard output there; then it is written once.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG_FILE
        self.path.touch()
        try:
            self._is_stdout = os.path.samestat(os.fstat(1), self.path.stat())
        except OSError:  # no standard output at all
            self._is_stdout = False

    def __call__(self, sentence: str) -> None:
        line = f"{time.strftime('%H:%M:%S')}  {sentence}"
        with contextlib.suppress(OSError):  # whoever read along has gone
            print(line, flush=True)
        if not self._is_stdout:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
