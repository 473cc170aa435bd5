"""`python -m acestep.starter songs DIR` writes procedural songs; `make` remakes the starter from its seeds."""

import argparse
import sys
from pathlib import Path

from structure.errors import StudioError


def get_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(prog="python -m acestep.starter", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    songs = commands.add_parser("songs", help="write procedural songs with sidecars that tell their exact structure")
    songs.add_argument("folder", type=Path, metavar="DIR")
    songs.add_argument("--count", type=int, default=12, help="how many songs (default 12)")
    songs.add_argument("--seed", type=int, default=0, help="other seeds give other songs (default 0)")
    make = commands.add_parser("make", help="train codec, base model and adapter again (wants a GPU)")
    make.add_argument("--stage", choices=["all", "codec", "latents", "base", "adapter"], default="all")
    make.add_argument(
        "--build", type=Path, default=Path("build/starter"), help="folder for what lies between the stages"
    )
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments ask."""
    if arguments.command == "songs":
        from acestep.starter.songs import write_songs

        for path in write_songs(arguments.folder, arguments.count, arguments.seed):
            print(path)
        return
    from acestep.starter.recipe import STAGES

    arguments.build.mkdir(parents=True, exist_ok=True)
    for name in STAGES if arguments.stage == "all" else [arguments.stage]:
        STAGES[name](arguments.build)


def main() -> int:
    """Run the command; a person's mistake gives one sentence and status 2."""
    try:
        run(get_parser().parse_args())
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
