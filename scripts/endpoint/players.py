"""Play a song with whatever this machine has."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PLAYERS: tuple[tuple[str, ...], ...] = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("afplay",),  # macOS
    ("paplay",),
    ("aplay", "-q"),
)
WAV_ONLY = ("aplay",)
SECRETS = ("ACE_TOKEN", "HF_TOKEN")


def play(audio: Path) -> bool:
    """Play an audio file to its end, or to Ctrl+C.

    Args:
        audio: its name's ending tells the format.

    Returns:
        Whether a player was found and took the file.
    """
    for program, *flags in PLAYERS:
        found = shutil.which(program)
        if found is None or (program in WAV_ONLY and audio.suffix != ".wav"):
            continue
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        command = [found, *flags, str(audio.resolve())]
        try:
            if subprocess.run(command, stdin=subprocess.DEVNULL, env=environment).returncode == 0:
                return True
        except KeyboardInterrupt:
            return True
        except OSError:
            continue
    if sys.platform == "win32":
        os.startfile(audio)
        return True
    return False
