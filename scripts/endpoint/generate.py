"""One song from an endpoint: `python generate.py "intro 0-4, verse 4-12" --caption "warm piano" --output song.wav`.

Writes the audio and, beside it, `song.json` with the song's events and what made it. Exit status 0: made; 1: the
endpoint gave no song; 2: the command cannot be carried out as it stands.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent))  # the clients travel as one folder, wherever it is copied

from answer import FORMATS
from arguments import add_endpoint_flags, add_patience_flag, add_song_flags, endpoint_of, inputs_of, patience_of
from errors import ClientError, EndpointError
from patience import ask_patiently
from song_files import Place, State, state_of, write_song


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="generate.py", description=__doc__.split("\n")[0])
    parser.add_argument("structure", nargs="?", default="", help="such as 'intro 0-4, verse 4-12, crash @12'")
    parser.add_argument("--output", type=Path, help="audio file (default: song-DATE-TIME in this folder)")
    parser.add_argument("--overwrite", action="store_true", help="replace what lies at --output")
    add_patience_flag(parser)
    add_song_flags(parser)
    add_endpoint_flags(parser)
    return parser


def choose_place(output: Path | None, inputs: dict[str, Any], overwrite: bool) -> Place:
    """Where the song goes; the name's ending sets the format where no flag does.

    Raises:
        ClientError: the ending is no format's, contradicts `format`, or something lies there.
    """
    if output is None:
        output = Path(f"song-{datetime.now():%Y%m%d-%H%M%S}.{inputs.get('format', 'wav')}")
    ending = output.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise ClientError(f"--output {output}: the name must end in one of {', '.join('.' + f for f in FORMATS)}.")
    if inputs.setdefault("format", ending) != ending:
        raise ClientError(f"--output {output}: the name says {ending}, --format says {inputs['format']}.")
    place = Place(output)
    refuse_to_lose(place, inputs, overwrite)
    return place


def refuse_to_lose(place: Place, inputs: dict[str, Any], overwrite: bool) -> None:
    """Refuse a place where something lies, unless it may be replaced.

    Raises:
        ClientError: it may not.
    """
    state = state_of(place, inputs)
    if state is not State.ABSENT and not overwrite:
        raise ClientError(
            f"{place.audio}: {state.value} lies there. Choose another name, or add --overwrite to replace it."
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Make one song."""
    arguments = get_parser().parse_args(argv)
    try:
        inputs = inputs_of(arguments)
        endpoint = endpoint_of(arguments)
        place = choose_place(arguments.output, inputs, arguments.overwrite)
        answer = ask_patiently(endpoint, inputs, patience_of(arguments), say_wait)
        refuse_to_lose(place, inputs, arguments.overwrite)  # minutes have passed
        write_song(place, answer, inputs, endpoint.url)
    except EndpointError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except ClientError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped: nothing was written.", file=sys.stderr)
        return 130
    print(place.audio)
    return 0


def say_wait(problem: EndpointError, seconds: float) -> None:
    """Tell a person why nothing happens."""
    print(f"waiting {seconds:.1f} s: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
