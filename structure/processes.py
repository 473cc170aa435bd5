"""Processes by number and start: a number alone is another process's soon, and a time of day moves with the clock."""

import psutil

_START_TOLERANCE = 2.0  # seconds


def process_start(pid: int) -> float:
    """When a process began, in seconds that no change of the clock moves.

    Linux counts from its own start, to which psutil adds a time of day that moves with the clock: it is taken off
    again. Other systems note the time of day once.

    Raises:
        psutil.NoSuchProcess: it is gone.
    """
    began = psutil.Process(pid).create_time()
    return began - psutil.boot_time() if psutil.LINUX else began


def process_alive(pid: int, started: float | None) -> bool:
    """Whether process `pid`, whose `process_start` was `started` (None: unknown), still runs and is no zombie."""
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return False
        return started is None or abs(process_start(pid) - started) < _START_TOLERANCE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # it exists and belongs to somebody else
        return True
