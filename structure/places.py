"""Where the program writes when nobody names a place: its own folder, or the user's where that cannot be written."""

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
