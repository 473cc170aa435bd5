"""The line for a device: one run at a time, first come first served.

Each started run is a small process that waits here, without torch, and then trains in itself, so a line needs no
server and survives the page. `python -m training.line RUN` is what `runs.start_run` starts. A run begun by hand with
`lora_train.py` takes no ticket: whoever waits lets it end first.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from structure.processes import process_start
from training.device_lock import device_key, holder
from training.progress import Progress
from training.run_folder import CONFIG_FILE, RunLog, forget_stop, read_state, write_launch
from training.runs import TICKET_FILE, Run, read_run, run_folders

LOOK_SECONDS = 1.0  # between two looks at the line
AUTO_DEVICES = ("cuda:0", "mps", "cpu")  # what `auto` may turn out to be; telling which takes torch


def ahead_of(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs that `run` has to let go first, the one that goes on now first of all.

    These are those that go on already, and those in line with an earlier ticket; a run on another device is in
    nobody's way.

    Args:
        run: one in line.
        runs: those of its folder, itself among them or not.
    """
    others = [other for other in runs if other.folder != run.folder and other.running and _share(run, other)]
    going_on = [other for other in others if not other.in_line]
    earlier = [other for other in others if other.in_line and _order(other) < _order(run)]
    return going_on + sorted(earlier, key=_order)


def places(runs: Sequence[Run]) -> dict[str, int]:
    """Place in the line by a run's name, 1 for the next; a run that nobody is ahead of has none."""
    found = {}
    for run in runs:
        ahead = ahead_of(run, runs) if run.in_line else []
        if ahead:
            found[run.name] = 1 + sum(other.in_line for other in ahead)
    return found


def place_in_words(place: int) -> str:
    """`Next in line`, `2nd in line`, `11th in line`."""
    if place == 1:
        return "Next in line"
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending} in line"


def await_turn(folder: Path, progress: Progress) -> bool:
    """Wait until the device is this run's; False when somebody took it out of line meanwhile."""
    said = ""
    while not progress.stopping():
        reason = _reason_to_wait(read_run(folder))
        if not reason:
            return True
        if reason != said:
            progress.at("waiting", reason)
            said = reason
        time.sleep(LOOK_SECONDS)
    return False


def main(argv: Sequence[str] | None = None) -> int:
    """Wait, then train; the exit status is that of `lora_train.py`."""
    folder = Path((sys.argv[1:] if argv is None else argv)[0])
    progress = Progress(folder, RunLog(folder))
    # Whoever started this process may have been killed before noting it.
    write_launch(folder, os.getpid(), process_start(os.getpid()))
    forget_stop(folder)
    on = await_turn(folder, progress)
    if not on:
        progress.at("stopped", "Taken out of the line before its turn came.")
    elif progress.state.status == "waiting":
        progress.at("starting", "Its turn has come.")
    (folder / TICKET_FILE).unlink(missing_ok=True)
    if not on:
        return 0
    import lora_train  # only now: what it imports would lie in memory for as long as the line is

    return lora_train.main(["--config", str(folder / CONFIG_FILE)])


def _reason_to_wait(run: Run) -> str:
    """A sentence, empty where the device is free."""
    ahead = ahead_of(run, [read_run(path) for path in run_folders(run.folder.parent) if not read_state(path).ended])
    if ahead:
        return f"Waits for {ahead[-1].name} to end."
    for device in _devices(run):
        owner = holder(device)
        if owner is not None and owner.lasting:  # of another folder of runs; a song that is made now takes seconds
            return f"The device {owner.device} is in use: {owner.purpose} (process {owner.pid})."
    return ""


def _devices(run: Run) -> tuple[str, ...]:
    device = run.settings.device if run.settings else "auto"
    return AUTO_DEVICES if device == "auto" else (device_key(device),)


def _share(one: Run, other: Run) -> bool:
    """Whether both may want the same device."""
    return bool(set(_devices(one)) & set(_devices(other)))


def _order(run: Run) -> tuple[float, str]:
    return run.ticket or 0.0, run.name


if __name__ == "__main__":
    sys.exit(main())
