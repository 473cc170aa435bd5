"""Flags that every client understands: where the endpoint is, and what a song should be."""

import argparse
from pathlib import Path
from typing import Any

from answer import FORMATS
from client import DEFAULT_URL, Endpoint, endpoint_of_environment
from errors import ClientError, EndpointError
from fields import FIELDS
from patience import Patience


def add_endpoint_flags(parser: argparse.ArgumentParser) -> None:
    """Where, and for how long. The token comes from the environment, since other users can read a command line."""
    group = parser.add_argument_group("endpoint", "The token is read from ACE_TOKEN (or HF_TOKEN for Hugging Face).")
    group.add_argument("--url", help=f"address (default: ACE_ENDPOINT_URL, or {DEFAULT_URL})")
    group.add_argument("--timeout", type=float, default=600.0, help="seconds for one answer (default: 600)")
    group.add_argument("--insecure", action="store_true", help="send the token over plain http to another machine")


def add_patience_flag(parser: argparse.ArgumentParser) -> None:
    """How long to go on where the endpoint is busy or away."""
    parser.add_argument(
        "--patience",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="go on asking an endpoint that is busy or away for so long, 0 asks once (default: 600)",
    )


def endpoint_of(arguments: argparse.Namespace) -> Endpoint:
    """The endpoint that flags and environment name.

    Raises:
        ClientError: address, token or timeout cannot be used.
    """
    if not 0 < arguments.timeout < 1e6:
        raise ClientError(f"--timeout {arguments.timeout:g}: give seconds above 0.")
    try:
        return endpoint_of_environment(arguments.url, arguments.timeout, arguments.insecure)
    except EndpointError as problem:  # nothing was asked yet: the command is at fault
        raise ClientError(str(problem)) from None


def patience_of(arguments: argparse.Namespace) -> Patience:
    """How long to go on asking.

    Raises:
        ClientError: the number of seconds cannot be.
    """
    if not 0 <= arguments.patience < 1e6:
        raise ClientError(f"--patience {arguments.patience:g}: give seconds, 0 or more.")
    return Patience(arguments.patience)


def add_song_flags(parser: argparse.ArgumentParser) -> None:
    """What the song should be; a flag that is left out leaves its value to the endpoint."""
    group = parser.add_argument_group("song", "What is left out is left to the endpoint.")
    group.add_argument("--caption", help="what it should sound like")
    group.add_argument("--lyrics", help="text to sing; [Instrumental] for none")
    group.add_argument("--lyrics-file", type=Path, metavar="FILE", help="read the lyrics from this UTF-8 file")
    group.add_argument("--instrumental", action="store_true", default=None, help="no singing")
    group.add_argument("--duration", type=float, help="length in seconds (default: where the structure ends)")
    group.add_argument("--bpm", type=int, help="beats per minute")
    group.add_argument("--key", dest="keyscale", help="such as 'A minor'")
    group.add_argument("--timesignature", help="beats in a bar, such as 4 or 3/4")
    group.add_argument("--language", dest="vocal_language", help="language of the lyrics, such as en")
    group.add_argument("--negative", help="what it should not sound like")
    group.add_argument("--seed", type=int, help="same seed, same song (default: 42)")
    group.add_argument("--steps", type=int, help="denoising steps")
    group.add_argument("--shift", type=float, help="shift of the noise levels")
    group.add_argument("--guidance", type=float, help="guidance on caption and lyrics, 1 is off")
    group.add_argument("--event-guidance", type=float, help="guidance on the structure, 1 is off")
    group.add_argument(
        "--event-interval",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="noise levels, 0 to 1, between which the structure is guided",
    )
    group.add_argument("--event-strength", type=float, help="factor on the structure itself")
    group.add_argument(
        "--no-events", dest="use_events", action="store_false", default=None, help="tell the model no times, only text"
    )
    group.add_argument(
        "--no-section-tags", dest="section_tags", action="store_false", default=None, help="no [Verse] in the lyrics"
    )
    group.add_argument("--adapter", help="one of the endpoint's, default or none")
    group.add_argument("--strength", type=float, help="of the adapter, 0 is off, 1 as trained")
    group.add_argument("--sample-rate", type=int, help="in Hz")
    group.add_argument("--format", choices=FORMATS, help="of the audio file (default: wav)")


def inputs_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields that flags set.

    Raises:
        ClientError: the lyrics' file cannot be read, or lyrics are given twice.
    """
    flags = vars(arguments)
    inputs = {name: flags[name] for name in FIELDS if flags.get(name) not in (None, "")}
    if arguments.lyrics_file is not None:
        if "lyrics" in inputs:
            raise ClientError("--lyrics and --lyrics-file are both given. Keep one of them.")
        try:
            inputs["lyrics"] = arguments.lyrics_file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as problem:
            raise ClientError(f"{arguments.lyrics_file}: cannot be read as UTF-8 text ({problem}).") from problem
    return inputs
