"""`python -m annotate check PATH…` and `python -m annotate convert IN OUT`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from annotate.audio import AUDIO_SUFFIXES, audio_info
from annotate.dataset import DatasetError, read_song, scan
from annotate.formats.convert import audio_beside, convert
from annotate.formats.registry import FORMATS
from structure.errors import StudioError
from structure.sidecar import SidecarError, read_sidecar


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m annotate", description="Check and convert songs' sidecars.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="print every problem of songs and sidecars, one a line",
        description="Print every problem, one a line. Exit status 0: none, 1: some, 2: a path cannot be checked.",
    )
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder of songs, audio file or sidecar")
    names = ", ".join(f.name for f in FORMATS)
    other = commands.add_parser(
        "convert",
        help="carry an annotation from one file format into another, or into a sidecar",
        description="Read an annotation file and write another. A .json file is a sidecar, new or existing: its "
        "sections are replaced, its moments and everything else are kept. The version before stays as OUT.bak. "
        f"Formats: {names}.",
    )
    other.add_argument("source", type=Path, metavar="IN", help="annotation file or sidecar")
    other.add_argument("target", type=Path, metavar="OUT", help="file to write, or sidecar to put the sections into")
    other.add_argument("--from", dest="source_format", metavar="FORMAT", help="format of IN (default: found)")
    other.add_argument("--to", dest="target_format", metavar="FORMAT", help="format of OUT (default: by extension)")
    other.add_argument("--layer", metavar="NAME", help="which of several layers of IN (default: the most telling)")
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
        audio = audio_beside(path)
        try:
            yield from _lines(path, read_sidecar(path).problems(audio_info(audio).duration if audio else None))
        except SidecarError as problem:
            yield from _lines(path, [str(problem)])
    else:
        raise DatasetError(f"`{path}` is neither a folder, nor audio, nor a sidecar (.json).")


def _lines(path: Path, sentences: Sequence[str]) -> Iterator[str]:
    yield from (f"{path}: {line}" for sentence in sentences for line in sentence.splitlines())


def main(arguments: Sequence[str] | None = None) -> int:
    asked = get_parser().parse_args(arguments)
    try:
        if asked.command == "convert":
            done = convert(asked.source, asked.target, asked.source_format, asked.target_format, asked.layer)
            for note in done.notes:
                print(f"annotate: {note}", file=sys.stderr)
            print(done.summary)
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
