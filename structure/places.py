"""Where the program writes when nobody names a place (its own folder, or the user's where that cannot be written), and
whether a path stays in its place."""

import os
from pathlib import Path

HOME_VARIABLE = "STRUCTURE_STUDIO_HOME"
PROGRAM = Path(__file__).resolve().parent.parent


def writing_folder(name: str) -> Path:
    """`data`, `runs` or `outputs`: in `STRUCTURE_STUDIO_HOME` if set, else beside the program, else in the home folder.

    The folder itself is made by whoever writes to it.
    """
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home).expanduser().resolve() / name
    beside = PROGRAM / name
    if os.access(beside if beside.exists() else PROGRAM, os.W_OK):
        return beside
    return Path.home() / ".structure-studio" / name


def lies_in(folder: Path, path: Path) -> bool:
    """Whether a path that somebody else has written leads into a folder, links followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (ValueError, OSError, RuntimeError):  # a zero in it, or links in a circle: no place at all
        return False
