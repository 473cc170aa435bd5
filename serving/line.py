"""Whose turn it is: songs are made one at a time, a few may wait, and the rest are told when to come back.

The model keeps state, so one thread makes all songs. A request ends in exactly one way: an answer, or `Refused`.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import fmean
from typing import TypeVar

from generation.warm import Cancelled

Made = TypeVar("Made")
LOOK_SECONDS = 0.25  # how often a waiting request is looked after
FIRST_GUESS = 10.0  # seconds of a song, before any was made
LONGEST_RETRY = 120


class Refused(Exception):
    """There is no song, and why.

    Attributes:
        status: of HTTP.
        sentence: for a person.
        retry_after: seconds; None: coming again does not help.
    """

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.retry_after = status, sentence, retry_after


class Gone(Exception):
    """Whoever asked has gone; nobody needs an answer."""


class Line:
    """A worker and those who wait for it.

    Args:
        longest: requests that may wait beside the one that is made.
        patience: seconds after which a request is given up, waiting included.
    """

    def __init__(self, longest: int, patience: float) -> None:
        self.longest, self.patience = longest, patience
        self.closed = False
        self._inside = 0
        self._taken: deque[float] = deque([FIRST_GUESS], maxlen=16)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="songs")

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return max(0, self._inside - 1)

    @property
    def retry_after(self) -> int:
        """Seconds until there may be room again."""
        return min(LONGEST_RETRY, max(1, math.ceil(fmean(self._taken) * max(1, self._inside) / 2)))

    def close(self) -> None:
        """Take nobody in any more, and refuse those who wait; the song that is being made is finished."""
        self.closed = True

    async def take(
        self, make: Callable[[Callable[[], bool], float], Made], is_gone: Callable[[], Awaitable[bool]]
    ) -> Made:
        """Wait for a turn and make something.

        Args:
            make: given a function that says whether to stop, and the seconds waited; runs in the worker's thread.
            is_gone: whether the client has hung up.

        Raises:
            Refused: no room, shutting down, or it took too long.
            Gone: the client has hung up; the work was stopped.
        """
        if self.closed:
            raise _closing(self.retry_after)
        if self._inside > self.longest:
            raise Refused(429, f"{self.waiting} requests wait already. Come again later.", self.retry_after)
        stop, begun = threading.Event(), threading.Event()
        arrived = time.monotonic()

        def work() -> Made:
            if stop.is_set():
                raise Cancelled
            begun.set()
            began = time.monotonic()
            made = make(stop.is_set, began - arrived)
            self._taken.append(time.monotonic() - began)
            return made

        self._inside += 1
        task = asyncio.get_running_loop().run_in_executor(self._worker, work)
        task.add_done_callback(self._left)
        why: Exception | None = None
        while not (await asyncio.wait({task}, timeout=LOOK_SECONDS))[0]:
            if why is None and (why := await self._reason_to_stop(arrived, begun, is_gone)) is not None:
                stop.set()
                if not begun.is_set():  # it leaves the line by itself when its turn comes
                    raise why
        try:
            return task.result()
        except Cancelled:
            raise why or _closing(self.retry_after) from None

    def _left(self, task: asyncio.Future) -> None:
        self._inside -= 1
        if not task.cancelled():
            task.exception()  # looked at, so that nobody is told that it never was

    async def _reason_to_stop(
        self, arrived: float, begun: threading.Event, is_gone: Callable[[], Awaitable[bool]]
    ) -> Exception | None:
        if await is_gone():
            return Gone()
        if self.closed and not begun.is_set():
            return _closing(self.retry_after)
        if time.monotonic() - arrived > self.patience:
            return Refused(504, f"No song within {self.patience:g} s. Ask for a shorter one, or for fewer steps.")
        return None


def _closing(retry_after: int) -> Refused:
    return Refused(503, "The server is shutting down. Come again in a moment.", retry_after)
