"""`python -m acestep convert ORIGINAL OUT`: an original release of ACE-Step 1.5 becomes a folder that loads here."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from acestep.converting.conversion import DTYPES, convert
from structure.errors import StudioError


def get_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(prog="python -m acestep", description="Prepare checkpoints.")
    commands = parser.add_subparsers(dest="command", required=True)
    conversion = commands.add_parser("convert", help="write an original ACE-Step 1.5 release in diffusers' layout")
    conversion.add_argument(
        "original", type=Path, metavar="ORIGINAL", help="folder of a model, such as checkpoints/acestep-v15-base"
    )
    conversion.add_argument("out", type=Path, metavar="OUT", help="folder to make; nothing is overwritten")
    conversion.add_argument(
        "--text-encoder", type=Path, metavar="DIR", help="default: Qwen3-Embedding-0.6B beside ORIGINAL"
    )
    conversion.add_argument("--vae", type=Path, metavar="DIR", help="default: vae beside ORIGINAL")
    conversion.add_argument(
        "--dtype", choices=DTYPES, default="keep", help="precision of the weights written (default as they are)"
    )
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Convert, with a line for each file written.

    Raises:
        StudioError: what the person has to change.
    """
    out = convert(
        arguments.original,
        arguments.out,
        vae=arguments.vae,
        text_encoder=arguments.text_encoder,
        dtype=arguments.dtype,
        say=lambda line: print(line, flush=True),
    )
    print(f"{out}: done; give this folder as the model")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; a person's mistake gives one sentence and status 2."""
    try:
        run(get_parser().parse_args(arguments))
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
