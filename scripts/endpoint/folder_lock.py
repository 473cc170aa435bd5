"""One batch in a folder: a lock that the system takes back by itself from a process that dies, however it dies."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from errors import ClientError

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def only_batch_in(folder: Path) -> Iterator[None]:
    """Hold the folder; it is made where it is missing. The lock file stays: deleting one is how two get in.

    Raises:
        ClientError: another batch holds it, or the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".batch.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as problem:
        raise ClientError(f"{folder}: cannot be written to ({problem.strerror or problem}).") from problem
    try:
        try:
            _take(handle)
        except OSError as problem:
            raise ClientError(
                f"{folder}: another batch writes there. Wait for it, stop it, or choose another folder."
            ) from problem
        yield
    finally:
        os.close(handle)
