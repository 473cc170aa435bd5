"""Long recordings on their way into the cache: shown as a sketch at once, decoded one after another behind it.

Whoever has one open asks for it again and again; what was asked for last is
decoded first, and what nobody asks for any more before its turn has come is
forgotten. What has begun is finished: it is worth having.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from structure.errors import StudioError

AT_A_TIME = 2  # of the processes that decode
FORGOTTEN = 120.0  # seconds: a browser lets a hidden page ask once a minute


@dataclass
class Reading:
    """One recording.

    Attributes:
        duration: seconds, as the header has it.
        sketch: int8 (cells, 3), spread evenly over it.
        work: does it, and yields the share that is done.
        share: that is done.
        trouble: why it cannot be read, a sentence; "" where nothing is wrong yet.
        asked: when somebody last wanted it, as `monotonic` has it.
    """

    duration: float
    sketch: np.ndarray
    work: Callable[[], Iterator[float]]
    share: float = 0.0
    trouble: str = ""
    asked: float = field(default_factory=monotonic)
    _begun: bool = False


class Readings:
    """Those of this page, by track."""

    def __init__(self) -> None:
        self._of: dict[str, Reading] = {}
        self._lock = threading.Lock()
        self._workers = 0

    def find(self, track: str) -> Reading | None:
        """The reading of a track that is not there yet, or could not be read; it counts as asked for."""
        with self._lock:
            reading = self._of.get(track)
            if reading:
                reading.asked = monotonic()
            return reading

    def begin(self, track: str, reading: Reading) -> None:
        """Have a recording read, unless it is being read already."""
        with self._lock:
            known = self._of.get(track)
            if known and not known.trouble:
                return
            self._of[track] = reading
            if self._workers < AT_A_TIME:
                self._workers += 1
                threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while chosen := self._next():
            track, reading = chosen
            try:
                for share in reading.work():
                    reading.share = share
            except (StudioError, OSError) as problem:
                reading.trouble = str(problem)
            except BaseException:
                reading.trouble = "The sound could not be read. Open the song again."
                with self._lock:
                    self._workers -= 1
                raise  # a slip of ours: for whoever reads the log
            else:
                with self._lock:
                    del self._of[track]

    def _next(self) -> tuple[str, Reading] | None:
        """What was asked for last and has not begun; None ends the worker."""
        with self._lock:
            waiting = {track: reading for track, reading in self._of.items() if not reading._begun}
            for track, reading in list(self._of.items()):
                idle = reading.trouble or not reading._begun
                if idle and monotonic() - reading.asked > FORGOTTEN:
                    del self._of[track]
                    waiting.pop(track, None)
            if not waiting:
                self._workers -= 1
                return None
            track = max(waiting, key=lambda name: waiting[name].asked)
            waiting[track]._begun = True
            return track, waiting[track]
