"""Runs that have ended, as things on a shelf: give one another name, throw one away."""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from structure.errors import StudioError
from training.run_folder import write_config
from training.runs import Run, read_run

BIN = ".deleted"  # beside the runs and no run itself, so nothing in it is ever listed
LONGEST_NAME = 80  # characters
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows


class ShelfError(StudioError):
    """A run that cannot be renamed or deleted, or a name that cannot be given."""


def rename_run(folder: Path, name: str) -> Run:
    """Give a run's folder another name, beside where it is.

    Args:
        folder: of a run that has ended.
        name: of the folder; spaces around it are left out.

    Raises:
        ShelfError: the run goes on, or the name is taken or none that a folder can have everywhere.
        RunError: there is no run in that folder.
    """
    run = _ended(folder, "renamed")
    name = name.strip()
    _require_name(name)
    target = run.folder.with_name(name)
    if target == run.folder:
        return run
    if target.exists() and not target.samefile(run.folder):  # the same one: only capitals change, where those are equal
        raise ShelfError(f"There is a run or a folder {name!r} already: choose another name.")
    try:
        os.rename(run.folder, target)
        if run.settings is not None:
            write_config(target, run.settings.model_copy(update={"output_dir": target.absolute()}))
    except OSError as problem:
        raise ShelfError(f"{run.name}: could not be renamed ({problem.strerror}).") from problem
    return read_run(target)


def delete_run(folder: Path) -> None:
    """Throw a run away with its adapter and checkpoints, for good.

    It is moved out of the list in one step, and what a crash leaves of it there goes with the next one deleted.

    Raises:
        ShelfError: the run goes on, or the folder may not be moved.
        RunError: there is no run in that folder.
    """
    run = _ended(folder, "deleted")
    waste = run.folder.parent / BIN
    try:
        waste.mkdir(exist_ok=True)
        os.rename(run.folder, waste / f"{time.time_ns()}-{run.name}")
    except OSError as problem:
        raise ShelfError(f"{run.name}: could not be deleted ({problem.strerror}).") from problem
    shutil.rmtree(waste, ignore_errors=True)


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, those of its folders with them."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # the run goes on, or another app deletes it just now
            total += path.stat().st_size if path.is_file() else 0
    return total


def _ended(folder: Path, what: str) -> Run:
    """
    Raises:
        ShelfError: the run goes on or is in line.
    """
    run = read_run(folder)
    if run.running:
        raise ShelfError(f"{run.name} goes on: stop it before it is {what}.")
    return run


def _require_name(name: str) -> None:
    """
    Raises:
        ShelfError: no name that a folder can have on every system.
    """
    if not name:
        raise ShelfError("A run needs a name: type one.")
    if len(name) > LONGEST_NAME:
        raise ShelfError(f"This name has {len(name)} characters: {LONGEST_NAME} are the most.")
    if found := _FORBIDDEN.search(name):
        raise ShelfError(f"A run's name cannot hold {found.group()!r}: it is the name of a folder, too.")
    if name.startswith(".") or name.endswith(".") or _RESERVED.fullmatch(name):
        raise ShelfError(
            f"{name!r} cannot be a folder's name everywhere: choose another one, without a dot at its ends."
        )
