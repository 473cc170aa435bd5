"""`python -m training report DIR`, `runs ROOT`, and `stop`, `card` or `upload RUN`: thin over the room's functions."""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from structure.errors import StudioError
from training.hub import HubPlace, quiet
from training.hub_commands import add_songs_command, add_upload_command, send
from training.model_card import write_card


def get_parser() -> argparse.ArgumentParser:
    """The commands of this room; training itself is `lora_train.py`."""
    parser = argparse.ArgumentParser(prog="python -m training", description="Look at datasets and training runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="what a dataset holds and what is wrong with it")
    report.add_argument("dataset", type=Path)
    report.add_argument("--no-events", action="store_true", help="as for a plain LoRA")
    report.add_argument("--max-duration-sec", type=float, default=240.0, help="seconds of a song used (default 240)")
    report.add_argument("--json", action="store_true", help="as one JSON object")
    runs = commands.add_parser("runs", help="the runs in a folder: what goes on, what waits, what has ended")
    runs.add_argument("root", type=Path)
    runs.add_argument("--json", action="store_true", help="one JSON object a line")
    stop = commands.add_parser("stop", help="ask a run to save its adapter and stop")
    stop.add_argument("run", type=Path)
    card = commands.add_parser("card", help="write the model card of a run that has ended: README.md in its folder")
    card.add_argument("run", type=Path)
    card.add_argument("--license", help="the hub's name of a licence, or words; unset: what the run was told")
    card.add_argument("--rights", help="a sentence: whose songs these are and by what right they are used")
    card.add_argument("--song-names", action="store_true", help="name the songs' files, which are else only counted")
    add_upload_command(commands)
    add_songs_command(commands)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments say.

    Raises:
        StudioError: what the person has to change.
    """
    if arguments.command == "report":
        _report(arguments)
        return
    if arguments.command == "card":
        print(write_card(arguments.run, arguments.license, arguments.rights, arguments.song_names))
        return
    if arguments.command in ("upload", "upload-songs"):
        place = HubPlace(arguments.repo, arguments.path, arguments.private, arguments.hf_token_env)
        if arguments.command == "upload":
            send(arguments.run, place, arguments.dry_run)
            return
        from training.hub_songs import song_lines, upload_songs

        if arguments.dry_run:
            print("\n".join(song_lines(arguments.dataset, place)))
        else:
            print(f"The songs are at {upload_songs(arguments.dataset, place)}.")
        return
    from training.runs import list_runs, stop_run

    if arguments.command == "stop":
        asked = stop_run(arguments.run)
        print(f"{asked.name}: {'asked to stop' if asked.running else asked.state.status}")
        return
    if not arguments.root.is_dir():
        raise StudioError(f"{arguments.root}: there is no such folder; give the one that holds run folders.")
    for found in list_runs(arguments.root):
        if arguments.json:
            print(json.dumps({"run": str(found.folder), **found.state.model_dump()}))
        else:
            print(f"{found.name}: {found.state.status}, step {found.state.step}/{found.state.max_steps or '?'}")


def _report(arguments: argparse.Namespace) -> None:
    """Every sidecar and every sample read; what was heard is kept, so that training need not hear it again."""
    from training.dataset import read_dataset
    from training.latents import default_cache
    from training.sound import listen

    hear = partial(listen, folder=default_cache())
    found = read_dataset(arguments.dataset, not arguments.no_events, sound=hear, max_seconds=arguments.max_duration_sec)
    print(json.dumps(found.to_dict(), ensure_ascii=False) if arguments.json else "\n".join(found.lines()))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 fine, 2 something to put right."""
    quiet()
    try:
        run(get_parser().parse_args(argv))
    except StudioError as problem:
        print(f"python -m training: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
