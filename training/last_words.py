"""Why a run ended that did not end well, as far as its folder tells."""

import re
import time

import psutil

from training.run_folder import read_log
from training.runs import Run

LINES = 8  # of the log that are shown beside the reason
_RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b.*")


def last_lines(run: Run) -> str:
    """The end of the log of a run that failed or died, empty for any other."""
    return read_log(run.folder, LINES) if run.state.status in ("failed", "died") else ""


def reason(run: Run, booted: float | None = None) -> str:
    """A sentence for a run that died; the run's own message for any other.

    Args:
        run: one on disk.
        booted: when this machine was started, in seconds since 1970; None: asked of the system.
    """
    state = run.state
    if state.status != "died" or state.updated is None:
        return state.message
    booted = psutil.boot_time() if booted is None else booted
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(state.updated))
    in_line = run.ticket is not None and state.step == 0
    if state.updated < booted:
        what = "waited in line" if in_line else "ran"
        return f"The machine was switched off or restarted while it {what}; the last sign of it is of {when}."
    if error := raised(run):
        return f"The training process ended with an error: {error}"
    if in_line:
        return f"Its process was ended while it waited in line; the last sign of it is of {when}."
    return (
        f"The training process ended without a word, the last sign of it is of {when}: somebody killed it, "
        "or the system did when memory ran out."
    )


def raised(run: Run) -> str:
    """The error that ended its process, where its log ends with one; else empty."""
    found = _RAISED.fullmatch(_last_line(run))
    return found.group() if found else ""


def _last_line(run: Run) -> str:
    lines = read_log(run.folder, LINES).strip().splitlines()
    return lines[-1].strip() if lines else ""
