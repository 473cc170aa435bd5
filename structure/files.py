"""Files that are whole or not there: written beside their place, made durable, and put into it in one move."""

import contextlib
import os
import shutil
import uuid
from pathlib import Path


def unfinished(target: Path, ending: str = ".tmp") -> Path:
    """A hidden name beside `target` that nobody else has."""
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}{ending}")


def write_durably(path: Path, content: bytes, like: Path) -> None:
    """All bytes on the disk, not in a cache, with the permissions of the file that they will replace."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if like.exists():
        shutil.copymode(like, path)


def write_whole(target: Path, content: bytes, durable: bool = True, private: bool = False) -> None:
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
    os.replace(temporary, target.with_name(f"{target.name}.bak"))


def sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can open a folder at all (Windows cannot)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
