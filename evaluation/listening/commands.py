"""`python -m evaluation listen make`, `listen serve FOLDER` and `listen results FOLDER`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command line is read before anything heavy is needed
    from argparse import _SubParsersAction

QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
DEFAULT_PORT = 7870


def add_commands(subparsers: _SubParsersAction) -> None:
    """Add `listen`; each of its actions puts a function of the parsed options into `handler`."""
    listen = subparsers.add_parser(
        "listen",
        help="blind listening tests: make one, serve it, read its result",
        description="People compare songs made in several ways without knowing which is which.",
    )
    actions = listen.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser(
        "make",
        help="make a test from folders of songs",
        description="Match songs by name, cut them to one length, make them equally loud, and plan who hears what.",
    )
    make.add_argument(
        "--arm",
        action="append",
        required=True,
        metavar="NAME=DIR",
        help="a way of making songs, and its songs; twice or more",
    )
    make.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="folder to make for the test")
    make.add_argument(
        "--kind", choices=("preference", "abx"), default="preference", help="what is asked (default: %(default)s)"
    )
    make.add_argument(
        "--trials", type=int, metavar="N", help="trials per listener (default: 12, or as many pairs as there are)"
    )
    make.add_argument("--repeats", type=int, metavar="N", help="of these, heard a second time (default: 4)")
    make.add_argument(
        "--listeners", nargs="+", default=["1"], metavar="NAME", help="their names, or how many (default: 1)"
    )
    make.add_argument("--seed", type=int, help="of order and sides (default: drawn)")
    make.set_defaults(handler=run_make)
    serve = actions.add_parser("serve", help="open a test to its listeners, and print their links")
    serve.add_argument("folder", type=Path, metavar="FOLDER", help="the test")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    serve.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")
    serve.set_defaults(handler=run_serve)
    results = actions.add_parser(
        "results",
        help="what a test shows, once all have finished or it was closed",
        description="Counts, exact tests, intervals over listeners, who was left out; nothing before the end.",
    )
    results.add_argument("folder", type=Path, metavar="FOLDER", help="the test")
    results.add_argument("--close", action="store_true", help="take no more answers from now on")
    results.add_argument("--json", action="store_true", help="print one JSON object")
    results.add_argument("--csv", type=Path, metavar="FILE", help="write all answers, with the arms, as a table")
    results.set_defaults(handler=run_results)


def run_make(options: argparse.Namespace) -> None:
    """Make a test, and say where it is.

    Raises:
        StudioError: it cannot be made.
    """
    from evaluation.listening.make import make_test
    from evaluation.listening.store import read_key

    arms = parse_arms(options.arm)
    names = options.listeners
    listeners = int(names[0]) if len(names) == 1 and names[0].isdecimal() else names
    test = make_test(
        arms,
        options.output,
        options.kind,
        trials=options.trials,
        repeats=options.repeats,
        listeners=listeners,
        seed=options.seed,
    )
    for note in read_key(test).notes:
        print(note, file=sys.stderr)
    print(f"{len(test.sheets)} listeners, {test.description.trials} trials each, in {test.folder}")


def run_serve(options: argparse.Namespace) -> None:
    """Serve until interrupted.

    Raises:
        StudioError: no test there, or the port is taken.
    """
    for name, value in QUIET.items():  # read by Gradio when it is imported
        os.environ.setdefault(name, value)
    from evaluation.listening.page import serve

    serve(options.folder, options.host, options.port)


def run_results(options: argparse.Namespace) -> None:
    """Print a result.

    Raises:
        StudioError: the test goes on, or is broken.
    """
    from evaluation.listening.analysis import analyse
    from evaluation.listening.export import write_csv
    from evaluation.listening.store import close_test

    if options.close:
        close_test(options.folder)
    found = analyse(options.folder)
    if options.csv:
        write_csv(found, options.csv)
    print(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if options.json else found.to_table())


def parse_arms(arms: list[str]) -> dict[str, Path]:
    """`NAME=DIR` of each arm.

    Raises:
        ListeningError: not of that form, or one name twice.
    """
    from evaluation.listening.store import ListeningError

    parsed: dict[str, Path] = {}
    for arm in arms:
        name, equals, folder = (part.strip() for part in arm.partition("="))
        if not (name and equals and folder):
            raise ListeningError(f"`{arm}` names no arm. Write it as NAME=FOLDER.")
        if name in parsed:
            raise ListeningError(f"Two arms are named {name}. Give each a name of its own.")
        parsed[name] = Path(folder).expanduser()
    return parsed
