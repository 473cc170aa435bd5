"""Runs as processes of their own: start, watch, stop. A closed page, a reloaded one or a crashed app loses nothing.

A run that is started here gets a ticket, waits its turn in its own process (`line.py`) and then trains in it.
"""

import contextlib
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

from structure.errors import StudioError
from structure.json_reading import read_json
from structure.places import writing_folder
from structure.processes import process_start
from training.checkpoint import checkpoint_folder, list_checkpoints, step_of
from training.run_folder import (
    CHECKPOINTS,
    CONFIG_FILE,
    LAUNCH_FILE,
    LOG_FILE,
    STATE_FILE,
    STOP_FILE,
    TAKEN_UP_FILE,
    RunState,
    ask_to_stop,
    file_stamp,
    has_adapter,
    read_state,
    write_config,
    write_json,
    write_launch,
    write_state,
)
from training.settings import SettingsError, TrainingSettings, read_settings

PROGRAM = Path(__file__).resolve().parent.parent / "lora_train.py"
MOST_ALIKE = 100  # runs of one name in one second
TICKET_FILE = "ticket.json"  # there from the start until the run's turn has come


class RunError(StudioError):
    """A run cannot be started, found or stopped."""


@dataclass(frozen=True)
class Run:
    """One run on disk.

    Attributes:
        folder: of the run.
        settings: what it is; None when config.json is unreadable.
        state: where it stands.
        ticket: since when it waits for its turn, in seconds since 1970; None: it does not, or no longer.
    """

    folder: Path
    settings: TrainingSettings | None
    state: RunState
    ticket: float | None = None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def running(self) -> bool:
        """Whether its process still works on it."""
        return not self.state.ended

    @property
    def in_line(self) -> bool:
        """Whether its process is there and its turn has not come yet."""
        return self.ticket is not None and self.state.status in ("starting", "waiting")

    @property
    def has_adapter(self) -> bool:
        """Whether it left an adapter that can be loaded."""
        return has_adapter(self.folder)

    @property
    def best(self) -> Path | None:
        """The checkpoint that is better than the run's end, an adapter by itself; None where there is none."""
        step = self.state.best_step
        if self.running or step is None or step == self.state.step:
            return None
        folder = checkpoint_folder(self.folder, step)
        return folder if has_adapter(folder) else None


def start_run(settings: TrainingSettings) -> Run:
    """Start a process that outlives the caller: it waits until no earlier run has the device, then trains.

    Args:
        settings: `output_dir` becomes the run folder.

    Raises:
        RunError: a run is already going on or has ended in that folder, or it cannot be written.
    """
    folder = settings.output_dir.resolve()
    if (folder / STATE_FILE).exists() and not read_state(folder).ended:
        raise RunError(f"{folder}: a run is going on there; stop it or choose another folder.")
    refuse_to_replace(settings)
    settings = settings.model_copy(update={"output_dir": folder, "dataset_dir": settings.dataset_dir.resolve()})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (STOP_FILE, LAUNCH_FILE, TAKEN_UP_FILE):
            (folder / old).unlink(missing_ok=True)
        began = time.time()
        write_json(folder / TICKET_FILE, {"since": began})
        write_config(folder, settings)
        log = (folder / LOG_FILE).open("ab")
    except OSError as problem:
        raise RunError(f"{folder}: cannot be written ({problem.strerror}); choose another folder.") from problem
    detached = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
        if os.name == "nt"
        else {"start_new_session": True}
    )
    write_state(folder, RunState(status="starting", started=began, message="Starting."))
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training.line", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=PROGRAM.parent,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            **detached,
        )
    try:
        write_launch(folder, process.pid, process_start(process.pid))
    except psutil.NoSuchProcess:  # it has had its say in the log already
        write_launch(folder, process.pid, None)
    return read_run(folder)


def refuse_to_replace(settings: TrainingSettings) -> None:
    """Let no new run write over what another has learned; a run that goes on in its own folder may.

    Raises:
        RunError: the folder holds an adapter or checkpoints of another run, or its own adapter and nothing to go on
            from.
    """
    folder = settings.output_dir.resolve()
    if settings.resume_from is not None and settings.resume_from.resolve().is_relative_to(folder):
        if has_adapter(folder) and not any((folder / CHECKPOINTS).glob("*")):
            raise RunError(
                f"{settings.output_dir}: its {CHECKPOINTS} are gone, so it cannot go on, and begun anew it would "
                "replace the adapter that it holds. Copy the whole run, or start a new one."
            )
        return
    if has_adapter(folder) or any(step_of(path) > 0 for path in list_checkpoints(folder)):
        raise RunError(
            f"{settings.output_dir}: holds what another run has learned; choose another --output-dir, or go on with "
            f"that run by --resume-from {settings.output_dir}."
        )


def resume_run(folder: Path) -> Run:
    """Go on with a run that stopped or died, in its own folder, from its newest whole checkpoint, if it had one.

    Raises:
        RunError: there is no run, or its settings cannot be read.
    """
    run = read_run(folder)
    if run.settings is None:
        raise RunError(f"{run.name}: its {CONFIG_FILE} is of another version, so it cannot go on; start a new run.")
    source = run.settings.resume_from
    if source is None or source.resolve().is_relative_to(folder.resolve()) or list_checkpoints(folder):
        source = folder  # else it had not yet saved anything of its own
    return start_run(run.settings.model_copy(update={"output_dir": folder, "resume_from": source}))


def stop_run(folder: Path) -> Run:
    """Ask a run to stop after its current step; it saves a loadable adapter first.

    Raises:
        RunError: there is no run in that folder.
    """
    run = read_run(folder)
    if run.running:
        ask_to_stop(folder)
    return run


def read_run(folder: Path) -> Run:
    """What a run folder says.

    Raises:
        RunError: there is no run in that folder.
    """
    folder = Path(folder)
    config = folder / CONFIG_FILE
    if not config.is_file():
        raise RunError(f"{folder}: holds no run (no {CONFIG_FILE}); choose a folder that training wrote.")
    try:
        settings = _settings_in(config, file_stamp(config))
    except OSError:  # gone just now
        settings = None
    return Run(folder, settings, read_state(folder), _ticket_of(folder))


@lru_cache(maxsize=2000)
def _settings_in(config: Path, stamp: tuple[int, ...]) -> TrainingSettings | None:
    """None where it is cut off, or written by another version: its state and its adapter are still worth showing."""
    try:
        return read_settings(config)
    except SettingsError:
        return None


def list_runs(root: Path) -> list[Run]:
    """Every run directly inside `root`: what goes on, the line from its head, then what has ended, newest first."""
    runs = []
    for folder in run_folders(root):
        with contextlib.suppress(RunError):  # renamed or deleted just now
            runs.append(read_run(folder))
    return sorted(runs, key=_place_in_list)


def run_folders(root: Path) -> list[Path]:
    """Folders directly inside `root` that hold a run; what may not be looked into is somebody else's."""
    try:
        return [folder for folder in root.iterdir() if os.path.isfile(folder / CONFIG_FILE)]
    except OSError:
        return []


def find_run(root: Path, name: str) -> Run:
    """The run directly inside `root` with this name, which is no path.

    Raises:
        RunError: there is no such run.
    """
    found = [run for run in list_runs(root) if run.name == name]
    if not found:
        raise RunError(f"There is no run {name!r}; it may have been renamed or deleted.")
    return found[0]


def runs_folder() -> Path:
    """Where the page keeps its runs."""
    return writing_folder("runs")


def new_run_folder(root: Path, name: str = "") -> Path:
    """A folder for the next run, made: date and time, then the name's plain letters; nobody else gets the same one.

    Raises:
        RunError: it cannot be made.
    """
    plain = re.sub(r"[^\w-]+", "-", name).strip("-")[:40]
    stem = "-".join(part for part in (time.strftime("%Y-%m-%d_%H-%M-%S"), plain) if part)
    for ending in ("", *(f"-{number}" for number in range(2, MOST_ALIKE))):
        folder = root / f"{stem}{ending}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:  # of another run, or another app's that was made just now
            continue
        except OSError as problem:
            raise RunError(f"{root}: no run can be written there ({problem.strerror}).") from problem
    raise RunError(f"{root}: it holds {MOST_ALIKE} runs of this second already; start another one later.")


def _place_in_list(run: Run) -> tuple[int, float, str]:
    if run.in_line:
        return 1, run.ticket or 0.0, run.name
    return 0 if run.running else 2, -(run.state.started or 0.0), run.name


def _ticket_of(folder: Path) -> float | None:
    try:
        return float(read_json(folder / TICKET_FILE)["since"])
    except (OSError, ValueError, KeyError, TypeError):  # none, or none of ours
        return None
