"""Files that are whole or not there: written beside their place, made durable, and put into it in one move.

What is not finished yet has a hidden name that says which process of which machine works on it. A process that is
killed leaves such a file behind; whoever opens the folder next sweeps it away (`sweep`), and touches no other name.
"""

import contextlib
import functools
import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

FORGOTTEN_SECONDS = 3600.0  # without a change, after which a file of nobody known to be gone is nobody's
LONGEST_NAME = 255  # bytes, on nearly every disk
BACKUP = ".bak"
_HIDDEN = ".studio-"
_HERE = hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()
_THIS_LIFE = secrets.token_hex(4)  # in a container a process often has the number of the one that died there
_READY = ".ready"
_OURS = re.compile(r"\.studio-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-(?P<life>[0-9a-f]{8})-[0-9a-f]{12}\.[a-z.]+")


def unfinished(target: Path, ending: str = ".tmp") -> Path:
    """A hidden name beside `target` that nobody else has; no longer than any name may be, however long the target's."""
    _sweep_once(target.parent)
    return target.with_name(f"{_HIDDEN}{_HERE}-{os.getpid()}-{_THIS_LIFE}-{secrets.token_hex(6)}{ending}")


def sweep(folder: Path, names: Iterable[str] | None = None) -> None:
    """Remove what dead processes left half made in a folder; files that were to appear together do so now.

    Args:
        folder: need not be there, nor be ours to write to.
        names: what lies in it, where the caller has just looked.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder) if names is None else names:
            if name.startswith(_HIDDEN) and _is_left(folder / name):
                if name.endswith(_READY):
                    _bring_out(folder / name)
                else:
                    _remove(folder / name)


@contextlib.contextmanager
def put_together(folder: Path) -> Iterator[Path]:
    """A hidden folder within `folder`: what is written into it appears outside once the block ends, all of it or none.

    A process killed while its files come out leaves the rest to the next `sweep`.

    Raises:
        OSError: the disk refuses.
    """
    staged = unfinished(folder / "together")
    staged.mkdir()
    try:
        yield staged
        ready = staged.with_suffix(_READY)
        os.rename(staged, ready)
        _bring_out(ready)
        sync_folder(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_durably(path: Path, content: bytes | memoryview, like: Path) -> None:
    """All bytes on the disk, not in a cache, with the permissions of the file that they will replace."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if like.exists():
        shutil.copymode(like, path)


def write_whole(target: Path, content: bytes | memoryview, durable: bool = True, private: bool = False) -> None:
    """A file whole or not at all.

    Args:
        target: replaced if it is there.
        content: all of it.
        durable: it survives a crash of the machine once this returns; else the version before may come back.
        private: for its owner's eyes.
    """
    temporary = unfinished(target)
    try:
        if durable:
            write_durably(temporary, content, like=target)
        else:
            temporary.write_bytes(content)
        if private:
            temporary.chmod(0o600)
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(OSError):  # a read-only disk refuses even to remove what is not there
            temporary.unlink(missing_ok=True)
    if durable:
        sync_folder(target.parent)


def keep_backup(target: Path) -> None:
    """The version on the disk once more, as `.bak` beside it; nothing where there is none."""
    if not target.exists():
        return
    temporary = unfinished(target, ".bak.tmp")
    try:
        os.link(target, temporary)  # the same bytes under a second name: costs no room on a full disk
    except OSError:
        shutil.copy2(target, temporary)
    os.replace(temporary, backup_path(target))


def backup_path(target: Path) -> Path:
    """`song.json` to `song.json.bak`; a name that leaves no room for that is cut."""
    room = LONGEST_NAME - len(BACKUP)
    return target.with_name(os.fsdecode(os.fsencode(target.name)[:room]) + BACKUP)


def sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can open a folder at all (Windows cannot)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@functools.cache
def _sweep_once(folder: Path) -> None:
    sweep(folder)


def _is_left(path: Path) -> bool:
    """Whether nobody works on it any more: its process is gone, or cannot be asked and has done nothing for an hour."""
    made = _OURS.fullmatch(path.name)
    if made is None:
        return False
    if made["machine"] == _HERE and os.name == "posix":
        pid = int(made["pid"])
        if pid == os.getpid():
            return made["life"] != _THIS_LIFE
        if not _is_there(pid):
            return True
    parts = [path, *path.rglob("*")] if path.is_dir() else [path]
    ages = (abs(time.time() - part.lstat().st_mtime) for part in parts)  # in the future: the clock was set back since
    return min(ages) > FORGOTTEN_SECONDS


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _bring_out(ready: Path) -> None:
    """Sidecars last, so that none speaks of a song that is not there."""
    for path in sorted(ready.iterdir(), key=lambda path: (path.suffix == ".json", path.name)):
        os.replace(path, ready.parent / path.name)
    ready.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
