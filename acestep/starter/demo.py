"""The demo dataset: procedural songs to begin with, thirteen marked and two for the newcomer to mark.

`python -m acestep.starter.demo FOLDER` makes it in seconds. Run again it adds what is missing and never touches a
file that is there, so a newcomer's marks survive; once whole it is left alone, so a deleted song stays deleted.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from structure.errors import StudioError
from structure.files import unfinished
from structure.places import writing_folder

MARKED, UNMARKED = 13, 2
SEED = 777_000  # of the set; nobody's `songs --seed` is likely to be the same
WHOLE = ".whole"  # written last


class DemoError(StudioError):
    """The demo songs cannot be written."""


def demo_folder() -> Path:
    """Where the page keeps the demo songs."""
    return writing_folder("data") / "demo"


def make_demo(folder: Path) -> None:
    """Write the demo songs into `folder`, the unmarked ones first, since the page opens on one of them.

    Raises:
        DemoError: the folder cannot be written.
    """
    if is_whole(folder):
        return
    import soundfile

    from acestep.starter.songs import make_song, song_seed

    names = [f"to-mark-{number}" for number in range(1, UNMARKED + 1)]
    names += [f"demo-{number:02d}" for number in range(1, MARKED + 1)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names):
            audio = folder / f"{name}.wav"
            if audio.exists():
                continue
            song = make_song(song_seed(SEED, number))
            sidecar = audio.with_suffix(".json")
            if name.startswith("demo") and not sidecar.exists():
                text = json.dumps(song.sidecar, indent=1, ensure_ascii=False)
                _write(sidecar, lambda part, text=text: part.write_text(text, encoding="utf-8"))
            _write(
                audio,
                lambda part, song=song: soundfile.write(
                    part, song.samples, song.sample_rate, subtype="PCM_16", format="WAV"
                ),
            )
        (folder / WHOLE).touch()
    except (OSError, soundfile.SoundFileError) as problem:
        raise DemoError(
            f"{folder}: the demo songs cannot be written ({problem}). Choose a folder with --dataset."
        ) from (problem)


def is_whole(folder: Path) -> bool:
    """Whether every demo song has been made."""
    return (folder / WHOLE).exists()


def _write(path: Path, write) -> None:
    """Let `write` fill a temporary file and put it at `path`, whole or not at all."""
    part = unfinished(path)
    write(part)
    os.replace(part, path)


def main() -> int:
    """Make the demo songs in a folder."""
    parser = argparse.ArgumentParser(prog="python -m acestep.starter.demo", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if hasattr(os, "nice"):
        os.nice(10)  # the page that waits to be looked at goes first
    try:
        make_demo(folder)
    except StudioError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
