"""What visitors of a page for many bring and keep: how much at once, and a folder of their own.

Such a folder goes by a word that only the visitor's browser knows, so it is found again after a reload and by nobody
else. Where strangers meet, it begins as a copy of the page's dataset, and goes when nobody has used it for a day.
"""

import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotate.archive import look_at
from annotate.audio import AUDIO_SUFFIXES
from annotate.dataset import UPLOADS
from structure.errors import StudioError
from structure.files import unfinished
from structure.history import FOLDER as HISTORY

MOST_AT_ONCE = 2000  # files of one upload; an archive is one
MOST_KEPT = 1 * 1024**3  # bytes of one visitor of a page for strangers
MOST_FOLDERS = 200
MOST_OF_ALL = 10 * 1024**3  # bytes
UNUSED_SECONDS = 24 * 3600.0
_KINDS = (*AUDIO_SUFFIXES, ".zip", ".json", ".txt")
_WORD = re.compile(r"[0-9a-f]{16}")
_FOLDER = re.compile(r"[0-9a-f]{16}|\.[0-9a-f]{16}\.\w+\.tmp")  # the second: half a copy, left by a crash
_moving = threading.Lock()  # visitors who arrive together must not tidy and copy across each other


class UploadError(StudioError):
    """More than is taken at once, of another kind, or more than a visitor may keep here."""


@dataclass(frozen=True)
class OwnFolder:
    """A visitor's folder and the word that it goes by."""

    word: str
    folder: Path


def known(word: object) -> OwnFolder | None:
    """The folder that a browser asks for; None where there is none, or it asks for anything else."""
    if isinstance(word, str) and _WORD.fullmatch(word) and (UPLOADS / word).is_dir():
        return OwnFolder(word, UPLOADS / word)
    return None


def fresh() -> OwnFolder:
    """A folder for a visitor who has none; made by whoever writes to it."""
    word = secrets.token_hex(8)
    return OwnFolder(word, UPLOADS / word)


def copy_for(word: object, dataset: Path) -> OwnFolder:
    """The visitor's copy of the dataset, made at the first visit; others that nobody uses any more go.

    Raises:
        UploadError: the disk refuses.
    """
    with _moving:
        own = known(word) or fresh()
        partial = unfinished(own.folder)
        try:
            if not own.folder.exists():
                shutil.copytree(dataset, partial, ignore=shutil.ignore_patterns("*.part", "*.tmp", HISTORY))
                os.replace(partial, own.folder)
            os.utime(own.folder)  # saving and adding songs do that as well
        except OSError as problem:
            shutil.rmtree(partial, ignore_errors=True)
            raise UploadError(f"No copy of the songs could be made: {problem.strerror or problem}.") from problem
        tidy(own.folder)
        return own


def tidy(spared: Path, now: float | None = None) -> None:
    """Delete visitors' folders that are old, then those longest unused while there are too many, or too many bytes."""
    now = time.time() if now is None else now
    used: list[tuple[float, Path]] = []
    for folder in UPLOADS.iterdir():
        if _FOLDER.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            used.append((folder.stat().st_mtime, folder))
    kept, total = 1, size_of(spared)
    for moment, folder in sorted(used, reverse=True):
        if folder == spared:
            continue
        size = size_of(folder)
        if now - moment > UNUSED_SECONDS or kept >= MOST_FOLDERS or total + size > MOST_OF_ALL:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            kept, total = kept + 1, total + size


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in _files(folder))


def check_upload(files: Sequence[Path], kinds: Sequence[str] = _KINDS) -> None:
    """Refuse what is too much or of another kind, before anything of it is copied.

    Raises:
        UploadError: see above.
    """
    if len(files) > MOST_AT_ONCE:
        raise UploadError(f"{len(files)} files came at once, and {MOST_AT_ONCE} are taken. Pack them into one zip.")
    strange = [file for file in files if not file.name.lower().endswith(tuple(kinds))]
    if strange:
        raise UploadError(f"`{strange[0].name}` is of no kind that is taken here: {', '.join(kinds)}.")


def check_room(files: Sequence[Path], folder: Path) -> None:
    """Refuse more than one visitor of a page for strangers may keep; archives count as what they hold.

    Raises:
        UploadError: it is more.
        ArchiveError: an archive cannot be taken.
    """
    brought = 0
    for file in files:
        is_archive = file.suffix.lower() == ".zip"
        brought += sum(entry.file_size for entry in look_at(file)) if is_archive else file.stat().st_size
    if brought + size_of(folder) > MOST_KEPT:
        raise UploadError(f"A visitor may keep {MOST_KEPT >> 20} MB on this page, and this would be more.")


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)
