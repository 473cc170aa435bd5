"""Commands: `python -m evaluation score DIR --reference DATASET`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from structure.errors import StudioError


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description="Measure how songs keep their structure.")
    commands = parser.add_subparsers(dest="command", required=True)
    score = commands.add_parser(
        "score",
        help="score songs against the structures asked for, with chance and ceiling",
        description="Score every audio file with a sidecar in DIR: frames with the right type, boundary F at 0.5 s and "
        "3 s, order of sections and timing, beside chance (other songs' structures) and ceiling (real songs).",
    )
    score.add_argument("folder", metavar="DIR", type=Path, help="songs with sidecars that hold the structure asked for")
    score.add_argument(
        "--reference", metavar="DATASET", type=Path, required=True, help="annotated real songs that teach the judge"
    )
    score.add_argument("--json", action="store_true", help="print JSON instead of a table")
    score.add_argument(
        "--probe-songs", metavar="N", type=_count, help="teach the judge on N songs of the reference (default: all)"
    )
    return parser


def _count(text: str) -> int:
    """A positive whole number, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of songs: give a whole number from 4 on")
    return int(text)


def run(options: argparse.Namespace) -> None:
    from evaluation.report import score_folder  # numbers come with it: `--help` need not wait

    report = score_folder(options.folder, options.reference, options.probe_songs)
    print(json.dumps(report.to_dict(), indent=1, ensure_ascii=False) if options.json else report.to_table())


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 2 for what a person can put right, with one sentence on stderr."""
    options = get_parser().parse_args(arguments)
    try:
        run(options)
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
