"""Runs that a crash of the machine ended go on by themselves once the page starts again.

Taken up is what its process left without a word. Not what a person stopped, what failed with a sentence, or what dies
again and again where it is: a run has to get further between two crashes.
"""

import contextlib
import json
from pathlib import Path

from filelock import FileLock, Timeout

from structure.errors import StudioError
from structure.files import sweep
from training.checkpoint import forget_half_made, list_checkpoints, step_of
from training.last_words import raised
from training.run_folder import CHECKPOINTS, LAUNCH_FILE, TAKEN_UP_FILE, stop_asked, write_json
from training.runs import TICKET_FILE, Run, list_runs, resume_run

MOST_FROM_ONE_STEP = 2  # times
_TURN = ".taking-up.lock"  # two pages that start together must not take up one run twice


def take_up(root: Path) -> list[Run]:
    """Go on with every run in `root` that a crash ended, in the order in which they trained or stood in line.

    Half made files of runs that have ended go, too.

    Returns:
        those that go on again.
    """
    if not root.is_dir():
        return []
    taken = []
    with contextlib.suppress(Timeout, OSError), FileLock(root / _TURN, timeout=0):
        runs = list_runs(root)
        for run in sorted(runs, key=lambda run: (run.ticket is not None, run.ticket or 0.0)):
            if not run.running:
                _clean(run.folder)
            if _is_cut_off(run):
                with contextlib.suppress(StudioError, OSError):  # it stays where it is, and its card says so
                    taken.append(_take_up(run))
    return [run for run in taken if run is not None]


def taken_up_in_words(run: Run) -> str:
    """`Taken up again at step 120 after a crash.`, or why it was not; empty for a run that nothing happened to."""
    step, times = _noted(run.folder)
    if not times:
        return ""
    where = f"at step {step}" if step else "from its beginning"
    if run.state.status == "died" and times >= MOST_FROM_ONE_STEP and step == _saved_step(run.folder):
        return f"Taken up again {where} {times} times, and it died there each time: it now waits for you."
    return f"Taken up again {where} after a crash."


def _is_cut_off(run: Run) -> bool:
    started_here = any((run.folder / name).exists() for name in (LAUNCH_FILE, TICKET_FILE))
    died = run.state.status == "died" and run.state.updated is not None and not raised(run)
    return started_here and died and run.settings is not None and not stop_asked(run.folder)


def _take_up(run: Run) -> Run | None:
    saved = _saved_step(run.folder)
    step, times = _noted(run.folder)
    times = times + 1 if step == saved else 1
    if times > MOST_FROM_ONE_STEP:
        return None
    going_on = resume_run(run.folder)
    write_json(run.folder / TAKEN_UP_FILE, {"step": saved, "times": times})
    return going_on


def _saved_step(folder: Path) -> int:
    """Where it would go on from."""
    saved = list_checkpoints(folder)
    return step_of(saved[-1]) if saved else 0


def _noted(folder: Path) -> tuple[int, int]:
    """From which step it was taken up last, and how often from there."""
    try:
        noted = json.loads((folder / TAKEN_UP_FILE).read_text(encoding="utf-8"))
        return int(noted["step"]), int(noted["times"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0


def _clean(folder: Path) -> None:
    for place in (folder, folder / CHECKPOINTS, folder / "samples"):
        sweep(place)
    forget_half_made(folder)
