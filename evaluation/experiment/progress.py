"""How far an experiment is: a file that the command writes and the page reads."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.experiment.values import listed, part
from structure.files import write_whole
from structure.json_reading import number, read_json
from structure.processes import process_alive, process_start

STATE_FILE, STOP_FILE, LOG_FILE = "state.json", "stop", "log.txt"
ENDED = ("done", "stopped", "failed", "died")
_USUAL = {"train": 300.0, "make": 10.0, "judge": 3.0}  # seconds, until one of the kind has been timed


def write_json(path: Path, data: Any, durable: bool = True) -> None:
    """Replace a JSON file whole or not at all."""
    write_whole(path, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode(), durable)


@dataclass
class Progress:
    """What is done, what it took, and what is left.

    Attributes:
        folder: the experiment's.
        left: how many of each kind are to come: adapters to `train`, songs to `make`, songs to `judge`.
        seconds: what each kind has taken so far, one figure each, over all sittings.
    """

    folder: Path
    left: dict[str, int]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    started: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        before = part(read_state(self.folder), "seconds")
        self.seconds = {kind: [s for s in map(number, listed(before, kind)) if s is not None] for kind in self.left}
        self.total = dict(self.left)

    def done(self, kind: str, seconds: float, count: int = 1) -> None:
        """Some of a kind are done, and took so many seconds each."""
        self.left[kind] = max(0, self.left[kind] - count)
        self.seconds[kind].append(seconds)

    def say(self, status: str, message: str, **more: Any) -> None:
        """Write the state; `more` joins it."""
        eta = None if status in ENDED else self.eta
        state = {"status": status, "message": message, "left": self.left, "total": self.total, "eta": eta}
        state |= {"seconds": self.seconds, "pid": os.getpid(), "pid_started": process_start(os.getpid())}
        state |= {"started": self.started, "updated": time.time(), **more}
        write_json(self.folder / STATE_FILE, state, durable=status in ENDED)  # twice a second while it runs

    @property
    def eta(self) -> float:
        """Seconds left, from what each kind has taken on this machine."""
        mean = {kind: sum(took) / len(took) if took else _USUAL[kind] for kind, took in self.seconds.items()}
        return sum(count * mean[kind] for kind, count in self.left.items())


def read_state(folder: Path) -> Mapping[str, Any]:
    """The state of an experiment; empty where there is none, `died` where its process is gone."""
    try:
        state = read_json(folder / STATE_FILE)
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict):
        return {}
    if state.get("status") not in ENDED and not _alive(state):
        return state | {"status": "died", "message": "Its process is gone. Start it again: it goes on where it was."}
    return state


def _alive(state: Mapping[str, Any]) -> bool:
    pid, started = state.get("pid"), state.get("pid_started")
    return isinstance(pid, int) and pid > 0 and isinstance(started, int | float) and process_alive(pid, started)
