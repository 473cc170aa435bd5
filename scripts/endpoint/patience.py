"""A song from an endpoint that may be starting, busy, or away for a while: asked for again, ever more rarely."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from answer import Answer
from client import Endpoint
from errors import EndpointError


@dataclass(frozen=True)
class Patience:
    """How long to go on asking.

    Attributes:
        seconds: from the first failure; 0 asks once.
        first_wait: seconds before the second try; each wait after it is twice as long.
        longest_wait: seconds; the endpoint's own Retry-After may be longer.
    """

    seconds: float = 600.0
    first_wait: float = 0.5
    longest_wait: float = 30.0


def ask_patiently(
    endpoint: Endpoint,
    inputs: Mapping[str, Any],
    patience: Patience | None = None,
    on_wait: Callable[[EndpointError, float], None] | None = None,
    stop: threading.Event | None = None,
    chance: random.Random | None = None,
) -> Answer:
    """One song, asked for again while there is hope.

    Args:
        endpoint: where.
        inputs: what.
        patience: how long.
        on_wait: told why and for how many seconds, before each wait.
        stop: ends the wait, and with it the asking.
        chance: spreads callers who failed together, so that they do not come back together.

    Raises:
        EndpointError: the last one: final, or the patience is at an end.
    """
    patience, stop, chance = patience or Patience(), stop or threading.Event(), chance or random.Random()
    give_up, wait = None, patience.first_wait
    while True:
        try:
            return endpoint.ask(inputs)
        except EndpointError as problem:
            now = time.monotonic()
            give_up = now + patience.seconds if give_up is None else give_up
            if problem.retry_after is None:
                pause = wait * chance.uniform(0.5, 1.0)
            else:
                pause = problem.retry_after + patience.first_wait * chance.uniform(0.0, 1.0)
            if problem.final or now + pause > give_up:
                raise
            if on_wait is not None:
                on_wait(problem, pause)
            if stop.wait(pause):
                raise
            wait = min(2 * wait, patience.longest_wait)
