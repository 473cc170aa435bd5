"""The experiments of this machine: started in processes of their own, listed and read. No Gradio here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.experiment.progress import STOP_FILE, read_state
from evaluation.experiment.running import REPORT_FILE, RESULTS_FILE
from evaluation.experiment.settings import SETTINGS_FILE, ExperimentError, ExperimentSettings, read_settings
from structure.json_reading import read_json
from structure.places import PROGRAM, writing_folder

_START_SECONDS = 60.0  # a busy machine imports slowly
_JUDGE_ANEW = "Go on with the experiment: it judges its songs anew."
_WORDS = 2_000  # bytes of the log's end that are looked at


def experiments_folder() -> Path:
    """Where experiments started in the page lie."""
    return writing_folder("experiments")


def made_experiments() -> list[str]:
    """Names of the experiments that were begun here, newest first."""
    found = experiments_folder().glob(f"*/{SETTINGS_FILE}")
    return [path.parent.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def folder_of(name: str | None) -> Path:
    """Where the experiment of this name lies.

    Raises:
        ExperimentError: none is chosen, or it is gone.
    """
    if not name or name not in made_experiments():
        raise ExperimentError("There is no such experiment. Start one first, or choose one.")
    return experiments_folder() / name


def start(settings: ExperimentSettings) -> str:
    """Start an experiment, or go on with it, in a process that outlives this one; its name.

    Raises:
        ExperimentError: it ended at once; the sentence is its own.
    """
    return _start(settings, experiments_folder() / f"{settings.dataset.name}-{time.strftime('%Y%m%d-%H%M%S')}")


def go_on(name: str | None) -> str:
    """Go on with an experiment that has stopped.

    Raises:
        ExperimentError: there is none, it is running, or it ended at once.
    """
    folder = folder_of(name)
    settings = read_settings(folder)
    if settings is None:
        raise ExperimentError(f"`{folder / SETTINGS_FILE}` is gone. Start the experiment anew.")
    return _start(settings, folder)


def ask_to_stop(name: str | None) -> None:
    """Let an experiment stop at once; what it has made stays.

    Raises:
        ExperimentError: there is none.
    """
    (folder_of(name) / STOP_FILE).touch()


def state_of(name: str) -> Mapping[str, Any]:
    """`state.json` of an experiment."""
    return read_state(folder_of(name))


def results_of(name: str) -> dict[str, Any] | None:
    """What an experiment found; None before its end.

    Raises:
        ExperimentError: the file is broken.
    """
    file = folder_of(name) / RESULTS_FILE
    try:
        found = read_json(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise ExperimentError(f"`{file}` cannot be read. {_JUDGE_ANEW}") from problem
    if not isinstance(found, dict) or "answer" not in found:
        raise ExperimentError(f"`{file}` holds no result. {_JUDGE_ANEW}")
    return found


def report_of(name: str) -> Path | None:
    """The report; None before the end."""
    file = folder_of(name) / REPORT_FILE
    return file if file.exists() else None


def arms_to_hear() -> dict[str, Path]:
    """Folders of songs that were asked for, by experiment and arm: what a listening test can compare."""
    found = {}
    for name in made_experiments():
        for folder in sorted((experiments_folder() / name).glob("*/seed-*/asked")):
            found[f"{name}: {folder.parent.parent.name}, {folder.parent.name}"] = folder
    return found


def _start(settings: ExperimentSettings, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder).get("updated")
    log = folder.with_name(f".{folder.name}.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *settings.arguments(folder)],
            cwd=PROGRAM,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=os.name != "nt",
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = read_state(folder)
        if state.get("updated") != before:
            return folder.name
        if process.poll() is not None:
            said = log.read_bytes()[-_WORDS:].decode("utf-8", "replace").strip().splitlines()
            if not any(folder.iterdir()):
                folder.rmdir()
            raise ExperimentError(said[-1] if said else "The experiment ended without a word.")
        time.sleep(0.1)
    return folder.name
