"""Where a run stands: written by the training process for whoever watches, and the ways to ask it to stop."""

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from structure.processes import process_start
from training.run_folder import RunState, stop_asked, write_state


class Stopped(Exception):
    """Somebody asked the run to stop before there was anything to save."""


@dataclass
class Progress:
    """Writes the run's state: the only place that knows where the run stands.

    Args:
        folder: of the run.
        log: where sentences go.
        silent: a process beside the main one keeps what it has to say to itself.
    """

    folder: Path
    log: Callable[[str], None]
    silent: bool = False
    state: RunState = field(default_factory=RunState)
    _signalled: threading.Event = field(default_factory=threading.Event)
    _written: float = -math.inf  # seconds of a clock that nobody sets

    def __post_init__(self) -> None:
        me = os.getpid()
        self.state = RunState(pid=me, pid_started=process_start(me), started=time.time())

    def at(self, status: str, message: str, **values: Any) -> None:
        """Say what is going on now, in the state and in the log."""
        self.state = self.state.model_copy(update={"status": status, "message": message, **values})
        if not self.silent:
            write_state(self.folder, self.state)
            self.log(message)

    def step(self, **values: Any) -> None:
        """Note where the loop is; on disk at most once a second, but for the first loss, which somebody waits for."""
        awaited = self.state.loss is None and "loss" in values
        self.state = self.state.model_copy(update=values)
        if not self.silent and (awaited or time.monotonic() - self._written > 1.0):
            self._written = time.monotonic()
            with contextlib.suppress(OSError):  # a page that reads it just now, on Windows; a disk that is full
                write_state(self.folder, self.state, durable=False)

    def stopping(self) -> bool:
        """Whether a signal or the stop file asks for an end."""
        return self._signalled.is_set() or stop_asked(self.folder)

    def listen(self) -> None:
        """Let SIGTERM, SIGINT (Ctrl+C) and a closed terminal end the run after its current step."""

        def asked(number: int, frame: FrameType | None) -> None:
            self._signalled.set()

        if threading.current_thread() is threading.main_thread():
            for name in ("SIGTERM", "SIGINT", "SIGHUP"):
                if hasattr(signal, name):  # Windows has no SIGHUP
                    signal.signal(getattr(signal, name), asked)
