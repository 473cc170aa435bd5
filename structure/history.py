"""History: the earlier states of a file, kept beside it, so that what was saved can be taken back after any crash.

A state is the file itself under a second name (a hard link), so keeping one costs no room until the file is replaced,
and nothing is written that could be half written. States are numbered, since clocks can be set back. The newest are all
kept; of older ones one for every ten minutes, so that a day's work is still there after an evening of small edits.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from structure.files import sync_folder, unfinished, write_durably

FOLDER = ".structure-studio-history"
RECENT = 30  # states that are all kept
MOST = 100
APART = 600.0  # seconds in which one of the older states is kept
MOST_BYTES = 8 << 20
LEAST = 5  # states that are kept however large they are


@dataclass(frozen=True)
class State:
    """What a file once held.

    Attributes:
        number: counts up from 1 for each file.
        path: where it is kept.
        saved: when it had been written, in seconds since 1970, UTC.
        size: bytes.
    """

    number: int
    path: Path
    saved: float
    size: int


def keep_state(target: Path) -> None:
    """Keep what a file holds now, before it is replaced; nothing where there is no file.

    Raises:
        OSError: the disk refuses.
    """
    target = target.resolve()
    if not target.exists():
        return
    _keep(target, target)


def keep_content(target: Path, content: bytes) -> None:
    """Keep what was to be written to a file and was not, as its newest state.

    Raises:
        OSError: the disk refuses.
    """
    target = target.resolve()
    draft = unfinished(target)
    try:
        write_durably(draft, content, like=target)
        _keep(target, draft)
    finally:
        draft.unlink(missing_ok=True)


def states(target: Path) -> list[State]:
    """The states of a file, newest first; none where none was kept, or they cannot be listed."""
    found = []
    try:
        with os.scandir(_folder(target.resolve())) as entries:
            for entry in entries:
                stem = entry.name.partition(".")[0]
                if stem.isdecimal() and stem.isascii() and entry.is_file():
                    about = entry.stat()
                    found.append(State(int(stem), Path(entry.path), about.st_mtime, about.st_size))
    except OSError:
        return []
    return sorted(found, key=lambda state: -state.number)


def _folder(target: Path) -> Path:
    return target.parent / FOLDER / target.name


def _keep(target: Path, content: Path) -> None:
    folder = _folder(target)
    folder.mkdir(parents=True, exist_ok=True)
    there = states(target)
    number = there[0].number + 1 if there else 1
    while not _linked(content, folder / f"{number:08d}{target.suffix}"):
        number += 1  # somebody else kept a state meanwhile
    sync_folder(folder)
    for state in _superfluous(states(target)):
        state.path.unlink(missing_ok=True)


def _linked(content: Path, place: Path) -> bool:
    """Give the file a second name, or copy it where the disk knows no links; False where the name is taken."""
    try:
        os.link(content, place)
    except FileExistsError:
        return False
    except OSError:
        if place.exists():
            return False
        copy = unfinished(place)
        try:
            shutil.copy2(content, copy)
            os.replace(copy, place)
        finally:
            copy.unlink(missing_ok=True)
    return True


def _superfluous(found: list[State]) -> Iterator[State]:
    """The states that need not be kept, of all there are, newest first: older ones but the newest of each stretch."""
    stretches: set[int] = set()
    kept, size = 0, 0
    for number, state in enumerate(found):
        stretch = int(state.saved // APART)
        wanted = number < RECENT or (kept < MOST and stretch not in stretches)
        if wanted and (kept < LEAST or size + state.size <= MOST_BYTES):
            kept, size = kept + 1, size + state.size
            if number >= RECENT:
                stretches.add(stretch)
        else:
            yield state
