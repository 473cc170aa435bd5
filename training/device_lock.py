"""One device, one user of it: a lock file per device that the page's model and training runs share.

The file names its owner (process id, that process's start time, purpose). An owner that no longer runs has lost the
lock, so a crash or a power cut never blocks the device. Changes of the lock file are serialised by an operating-system
lock on a second file, which the system itself releases with its process.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from structure.errors import StudioError
from structure.files import write_whole
from structure.json_reading import read_json
from structure.processes import process_alive, process_start

LOCK_DIR_VARIABLE = "STRUCTURE_STUDIO_LOCK_DIR"


class DeviceBusy(StudioError):
    """The device belongs to somebody else right now; the message says to whom."""


@dataclass(frozen=True)
class Holder:
    """Who holds a device: `pid`, its `process_start` and why; `lasting` for hours, not seconds."""

    pid: int
    started: float
    purpose: str
    device: str
    since: float
    lasting: bool = False

    @property
    def alive(self) -> bool:
        """Whether that very process (not a later one with its number) still runs."""
        return process_alive(self.pid, self.started)

    def sentence(self) -> str:
        """For the person who has to wait."""
        minutes = max(0.0, time.time() - self.since) / 60
        return f"The device {self.device} is in use: {self.purpose}, for {minutes:.0f} min (process {self.pid})."


class DeviceLock:
    """A device held by this process until `release`; a context manager."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.holder = holder

    def release(self) -> None:
        """Give the device back; harmless when that has happened already."""
        with _guard(self.path):
            if _read(self.path) == self.holder:
                self.path.unlink(missing_ok=True)

    def __enter__(self) -> "DeviceLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(device: str, folder: Path | None = None) -> Holder | None:
    """Who holds the device now, or None when it is free."""
    found = _read(_lock_path(device, folder))
    return found if found is not None and found.alive else None


def try_lock(device: str, purpose: str, folder: Path | None = None, lasting: bool = False) -> DeviceLock | None:
    """Take the device if it is free.

    Args:
        device: torch's name of it (`cpu`, `cuda:0`).
        purpose: a few words for whoever finds it taken ("training my_run").
        folder: where lock files lie; None: one folder per user of this machine.
        lasting: it will be held for a whole run, so whoever finds it taken need not wait for seconds.

    Returns:
        The lock, or None when another owner, in this process or in another, has the device.
    """
    path = _lock_path(device, folder)
    with _guard(path):
        owner = _read(path)
        if owner is not None and owner.alive:
            return None
        mine = Holder(
            pid=os.getpid(),
            started=process_start(os.getpid()),
            purpose=purpose,
            device=device_key(device),
            since=time.time(),
            lasting=lasting,
        )
        write_whole(path, json.dumps(asdict(mine)).encode(), durable=False)
        return DeviceLock(path, mine)


@contextmanager
def device_lock(
    device: str, purpose: str, wait_seconds: float = 0.0, folder: Path | None = None
) -> Iterator[DeviceLock]:
    """Hold a device for a block of code.

    Args:
        device: as in `try_lock`.
        purpose: as in `try_lock`.
        wait_seconds: how long to wait for a busy device.
        folder: as in `try_lock`.

    Raises:
        DeviceBusy: it is still taken after that time.
    """
    deadline = time.monotonic() + wait_seconds
    while (lock := try_lock(device, purpose, folder)) is None:
        if time.monotonic() >= deadline:
            owner = holder(device, folder)
            if owner is None:  # freed between the two looks
                continue
            raise DeviceBusy(f"{owner.sentence()} Wait for it to end, stop it, or choose another device.")
        time.sleep(min(0.2, max(0.0, deadline - time.monotonic())))
    with lock:
        yield lock


def device_key(device: str) -> str:
    """One name per piece of hardware: `cuda` is `cuda:0`, `cpu:0` is `cpu`."""
    kind, _, index = str(device).lower().partition(":")
    return f"cuda:{index or 0}" if kind == "cuda" else kind


def _lock_path(device: str, folder: Path | None) -> Path:
    if folder is None:
        chosen = os.environ.get(LOCK_DIR_VARIABLE)
        user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
        folder = Path(chosen) if chosen else Path(tempfile.gettempdir()) / f"structure-studio-{user}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"{device_key(device).replace(':', '-')}.lock.json"


def _guard(path: Path) -> FileLock:
    return FileLock(path.with_suffix(".guard"), timeout=10)


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**read_json(path))
    except (OSError, ValueError, TypeError):  # missing, or not ours: nobody holds it
        return None
