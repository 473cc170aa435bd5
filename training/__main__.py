"""`python -m training report DIR`, `runs ROOT`, `stop RUN`: thin over the same functions as the tab."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from structure.errors import StudioError


def get_parser() -> argparse.ArgumentParser:
    """The commands of this room; training itself is `lora_train.py`."""
    parser = argparse.ArgumentParser(prog="python -m training", description="Look at datasets and training runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="what a dataset holds and what is wrong with it")
    report.add_argument("dataset", type=Path)
    report.add_argument("--no-events", action="store_true", help="as for a plain LoRA")
    runs = commands.add_parser("runs", help="the runs in a folder, newest first")
    runs.add_argument("root", type=Path)
    runs.add_argument("--json", action="store_true", help="one JSON object a line")
    stop = commands.add_parser("stop", help="ask a run to save its adapter and stop")
    stop.add_argument("run", type=Path)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments say.

    Raises:
        StudioError: what the person has to change.
    """
    if arguments.command == "report":
        from training.dataset import read_dataset

        print("\n".join(read_dataset(arguments.dataset, events=not arguments.no_events).lines()))
        return
    from training.runs import list_runs, stop_run

    if arguments.command == "stop":
        asked = stop_run(arguments.run)
        print(f"{asked.name}: {'asked to stop' if asked.running else asked.state.status}")
        return
    for found in list_runs(arguments.root):
        if arguments.json:
            print(json.dumps({"run": str(found.folder), **found.state.model_dump()}))
        else:
            print(f"{found.name}: {found.state.status}, step {found.state.step}/{found.state.max_steps or '?'}")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 fine, 2 something to put right."""
    try:
        run(get_parser().parse_args(argv))
    except StudioError as problem:
        print(f"python -m training: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
