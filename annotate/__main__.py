"""`python -m annotate check PATH…` and `python -m annotate convert LABELS.txt SONG.json`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from annotate.audio import AUDIO_SUFFIXES, audio_info
from annotate.dataset import DatasetError, read_song, scan
from structure.errors import StudioError
from structure.events import replace_sections
from structure.formats import read_audacity
from structure.sidecar import SidecarError, read_sidecar, save_sidecar, with_events


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m annotate", description="Check and convert songs' sidecars.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="print every problem of songs and sidecars, one a line",
        description="Print every problem, one a line. Exit status 0: none, 1: some, 2: a path cannot be checked.",
    )
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder of songs, audio file or sidecar")
    convert = commands.add_parser(
        "convert",
        help="put an Audacity label track into a sidecar",
        description="Put an Audacity label track into a sidecar, new or existing: its sections are replaced, its "
        "moments and everything else are kept. The version before stays as SONG.json.bak.",
    )
    convert.add_argument("labels", type=Path, metavar="LABELS.txt", help="labels exported by Audacity")
    convert.add_argument("sidecar", type=Path, metavar="SONG.json", help="the song's sidecar")
    return parser


def check_path(path: Path) -> Iterator[str]:
    """Every problem of a folder's songs, of one song, or of one sidecar, a line each.

    Raises:
        StudioError: there is nothing here that could be checked.
    """
    if path.is_dir():
        for song in scan(path):
            yield from _lines(song.audio, song.problems)
    elif not path.is_file():
        raise DatasetError(f"There is no file or folder `{path}`. Check the spelling.")
    elif path.suffix.lower() in AUDIO_SUFFIXES:
        yield from _lines(path, read_song(path, path.parent).problems)
    elif path.suffix.lower() == ".json":
        audio = _audio_of(path)
        try:
            yield from _lines(path, read_sidecar(path).problems(audio_info(audio).duration if audio else None))
        except SidecarError as problem:
            yield from _lines(path, [str(problem)])
    else:
        raise DatasetError(f"`{path}` is neither a folder, nor audio, nor a sidecar (.json).")


def convert_labels(labels: Path, sidecar: Path) -> str:
    """Put an Audacity label track into a sidecar, and say what was done.

    Raises:
        StudioError: the labels or the sidecar cannot be read, or the result would be wrong.
    """
    if sidecar.suffix.lower() != ".json":
        raise SidecarError(f"`{sidecar}` is no sidecar: its name must end in .json.")
    try:
        text = labels.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
        raise SidecarError(f"`{labels}` cannot be read: {reason}.") from problem
    before = read_sidecar(sidecar)
    audio = _audio_of(sidecar)
    duration = audio_info(audio).duration if audio else before.get("duration")
    try:
        events = read_audacity(text, duration if isinstance(duration, int | float) else None)
    except StudioError as problem:
        raise SidecarError(f"`{labels}`: {problem}") from problem
    if not events:
        raise SidecarError(f"`{labels}` holds no labels. Export them in Audacity with File, Export Labels.")
    saved = save_sidecar(with_events(before, replace_sections(before.events, events)))
    return f"{sidecar}: {len(saved.events)} events"


def _audio_of(sidecar: Path) -> Path | None:
    siblings = (sidecar.with_suffix(suffix) for suffix in AUDIO_SUFFIXES)
    return next((audio for audio in siblings if audio.is_file()), None)


def _lines(path: Path, sentences: Sequence[str]) -> Iterator[str]:
    yield from (f"{path}: {line}" for sentence in sentences for line in sentence.splitlines())


def main(arguments: Sequence[str] | None = None) -> int:
    asked = get_parser().parse_args(arguments)
    try:
        if asked.command == "convert":
            print(convert_labels(asked.labels, asked.sidecar))
            return 0
        found = 0
        for path in asked.paths:
            for line in check_path(path):
                print(line)
                found += 1
        return 1 if found else 0
    except StudioError as problem:
        print(f"annotate: {' '.join(str(problem).split())}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
