"""Commands: `python -m evaluation score|compare|blind|curate|experiment|listen …`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.curation import add_command as add_curate
from evaluation.experiment.commands import add_command as add_experiment
from evaluation.listening.commands import add_commands as add_listen
from structure.errors import StudioError


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description="Measure how songs keep their structure.")
    commands = parser.add_subparsers(dest="command", required=True)
    score = commands.add_parser(
        "score",
        help="score songs against the structures asked for, with chance and ceiling",
        description="Score every audio file with a sidecar in DIR: frames with the right type, boundaries, order, "
        "timing, moments and contrast, each with its 95 %% interval, beside chance (other songs' structures) and "
        "ceiling (real songs).",
    )
    score.add_argument("folder", metavar="DIR", type=Path, help="songs with sidecars that hold the structure asked for")
    score.add_argument(
        "--reference", metavar="DATASET", type=Path, required=True, help="annotated real songs that teach the judge"
    )
    score.add_argument(
        "--heard",
        metavar="FILES",
        type=Path,
        help="folder of files that say what allin1, SongFormer or a person heard in each song, instead of the judge",
    )
    score.add_argument("--json", action="store_true", help="print JSON instead of tables")
    score.add_argument(
        "--probe-songs", metavar="N", type=_count, help="teach the judge on N songs of the reference (default: all)"
    )
    score.set_defaults(handler=_score)

    compare = commands.add_parser(
        "compare",
        help="score one annotation against another, or two folders of them",
        description="Score ESTIMATE against REFERENCE: two files in any format that annotate reads, or two folders "
        "whose files are paired by name. With two people's annotations: how far they agree.",
    )
    compare.add_argument("reference", metavar="REFERENCE", type=Path, help="file or folder taken as the truth")
    compare.add_argument("estimate", metavar="ESTIMATE", type=Path, help="file or folder held against it")
    compare.add_argument(
        "--tolerance",
        metavar="SECONDS",
        type=float,
        nargs="+",
        default=[0.5, 3.0],
        help="how near a boundary must be to be hit (default: 0.5 3)",
    )
    compare.add_argument("--json", action="store_true", help="print JSON instead of lines")
    compare.set_defaults(handler=_compare)

    blind = commands.add_parser(
        "blind",
        help="copy songs for somebody who shall annotate them blind",
        description="Copy the audio of DIR into FOLDER in random order and without sidecars. Annotate FOLDER, then "
        "`score DIR --heard FOLDER`.",
    )
    blind.add_argument("folder", metavar="DIR", type=Path, help="songs whose structure somebody asked for")
    blind.add_argument("target", metavar="FOLDER", type=Path, help="new folder for the copies")
    blind.add_argument("--seed", type=int, help="of the order (default: nobody knows)")
    blind.set_defaults(handler=_blind)

    add_curate(commands)
    add_experiment(commands)
    add_listen(commands)
    return parser


def _count(text: str) -> int:
    """A positive whole number, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of songs: give a whole number from 4 on")
    return int(text)


def _score(options: argparse.Namespace) -> None:
    from evaluation.report import score_folder  # numbers come with it: `--help` need not wait

    report = score_folder(options.folder, options.reference, options.probe_songs, heard=options.heard)
    print(json.dumps(report.to_dict(), indent=1, ensure_ascii=False) if options.json else report.to_table())


def _compare(options: argparse.Namespace) -> None:
    from evaluation.comparing import compare_paths, comparison_lines

    found = compare_paths(options.reference, options.estimate, options.tolerance)
    print(json.dumps(found, indent=1, ensure_ascii=False) if options.json else "\n".join(comparison_lines(found)))


def _blind(options: argparse.Namespace) -> None:
    from evaluation.blind import blind_copies

    copies = blind_copies(options.folder, options.target, options.seed)
    print(
        f"{len(copies)} songs in {options.target}. Annotate them, then: score {options.folder} --heard {options.target}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 2 for what a person can put right, with one sentence on stderr."""
    options = get_parser().parse_args(arguments)
    try:
        options.handler(options)
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
