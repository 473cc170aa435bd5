"""Run an experiment: train each arm, make its songs, judge them, write the report.

Whatever is there already is not done again: an adapter with its card, a song with its sidecar. So an experiment that
was stopped, or whose machine went down, goes on where it was with the same command. Training and generation are the
product's own commands in processes of their own, as a person would call them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.experiment.data import Split, split_songs, write_data
from evaluation.experiment.progress import LOG_FILE, STOP_FILE, Progress, read_state, write_json
from evaluation.experiment.requests import Wanted, wanted_songs, write_requests
from evaluation.experiment.settings import (
    ARMS,
    JUDGING,
    SETTINGS_FILE,
    Arm,
    ExperimentError,
    ExperimentSettings,
    read_settings,
)
from structure.json_reading import read_json
from structure.places import PROGRAM

RESULTS_FILE, REPORT_FILE = "results.json", "report.html"
_POLL = 0.5  # seconds between two looks at a process
_MOST_WORDS = 400  # characters of its last line


class Stopped(Exception):  # no error: a person asked for it
    """Somebody asked the experiment to stop."""


@dataclass(frozen=True)
class Sitting:
    """One adapter and the songs it makes.

    Attributes:
        arm: how it is taught and told.
        seed: of training, from 1.
        songs: how many songs it learns from; None: all.
        steps: how long it learns; None: as the settings say.
    """

    arm: Arm
    seed: int
    songs: int | None = None
    steps: int | None = None

    @property
    def name(self) -> str:
        """Its folder: `events/seed-1`, or `events-songs-4/seed-1` for a point of a learning curve."""
        point = f"-songs-{self.songs}" if self.songs else f"-steps-{self.steps}" if self.steps else ""
        return f"{self.arm.key}{point}/seed-{self.seed}"


def run_experiment(settings: ExperimentSettings, folder: Path, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run or go on with an experiment; its results, which also lie in the folder with the report.

    Args:
        settings: what to compare. A folder that was begun with others is refused.
        folder: the experiment's.
        say: told in a sentence what is done.

    Raises:
        ExperimentError: it cannot be run, or a command failed; the sentence holds its last words.
        StudioError: the dataset or its judge is of no use.
        Stopped: a file `stop` appeared in the folder.
    """
    split = split_songs(settings)
    _begin(settings, folder)
    sittings = plan(settings, len(split.training))
    songs = {s.name: _songs_of(settings, s, len(split.held_out)) for s in sittings}
    progress = Progress(folder, _left(folder, sittings, songs))
    try:
        progress.say("running", "Reading the songs.")
        _refuse_bad_judge(settings, split)
        write_data(split, folder / "data")
        for sitting in sittings:
            if sitting.arm.data is not None:
                _train(settings, sitting, folder, progress, say)
            _make(settings, sitting, split, songs[sitting.name], folder, progress, say)
        progress.say("running", "Listening to the songs.")
        say("Listening to the songs.")
        from evaluation.experiment.report.page import write_report
        from evaluation.experiment.results import judge_experiment

        homes = {s.name: (s.arm, folder / s.name, songs[s.name]) for s in sittings}
        results = judge_experiment(settings, split, homes, folder)
        results |= {"made": datetime.now(UTC).isoformat(timespec="seconds"), "command": settings.command(folder)}
        write_json(folder / RESULTS_FILE, results)
        write_report(results, folder, folder / REPORT_FILE)
        progress.left = dict.fromkeys(progress.left, 0)
        progress.say("done", results["answer"]["sentence"])
    except Stopped:
        progress.say("stopped", "Stopped. Start it again: it goes on where it was.")
        raise
    except KeyboardInterrupt:
        progress.say("stopped", "Interrupted. Start it again: it goes on where it was.")
        raise
    except Exception as problem:
        progress.say("failed", str(problem))
        raise
    return results


def plan(settings: ExperimentSettings, songs: int) -> list[Sitting]:
    """Every adapter, the arms of one seed after one another, then the learning curves."""
    sittings = [Sitting(arm, seed) for seed in range(1, settings.seeds + 1) for arm in settings.chosen]
    events = next(arm for arm in ARMS if arm.key == "events")
    sittings += [Sitting(events, 1, songs=count) for count in settings.curve_songs if count < songs]
    return sittings + [Sitting(events, 1, steps=steps) for steps in settings.curve_steps]


def _songs_of(settings: ExperimentSettings, sitting: Sitting, structures: int) -> list[Wanted]:
    wanted = wanted_songs(settings, structures, sitting.seed)
    if sitting.songs or sitting.steps:  # a point of a curve
        return [one for one in wanted if one.set == "asked"]
    return wanted


def _begin(settings: ExperimentSettings, folder: Path) -> None:
    before = read_settings(folder)
    fixed = [name for name in type(settings).model_fields if name not in JUDGING]
    if before is not None and (changed := [n for n in fixed if getattr(before, n) != getattr(settings, n)]):
        raise ExperimentError(
            f"{folder} holds an experiment with another {', '.join(changed)}. Name a new folder, or give it the same."
        )
    if before is None and folder.exists() and any(folder.iterdir()):
        raise ExperimentError(f"{folder} holds other files. Name a new folder for the experiment.")
    state = read_state(folder)
    if state and state["status"] == "running" and state["pid"] != os.getpid():
        raise ExperimentError(f"The experiment in {folder} is running already.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STOP_FILE).unlink(missing_ok=True)
    write_json(folder / SETTINGS_FILE, {"settings": settings.model_dump(mode="json")})


def _refuse_bad_judge(settings: ExperimentSettings, split: Split) -> None:
    """Before hours of training: nobody could judge what they give."""
    from evaluation.experiment.results import read_reference
    from evaluation.judging import Judge

    Judge(read_reference(settings, split))


def _left(folder: Path, sittings: Sequence[Sitting], songs: dict[str, list[Wanted]]) -> dict[str, int]:
    adapters = [s for s in sittings if s.arm.data is not None and not _has_adapter(folder / s.name / "adapter")]
    missing = [one for s in sittings for one in songs[s.name] if not _is_made(folder / s.name, one)]
    return {"train": len(adapters), "make": len(missing), "judge": sum(map(len, songs.values()))}


def _train(
    settings: ExperimentSettings, sitting: Sitting, folder: Path, progress: Progress, say: Callable[[str], None]
) -> None:
    target = folder / sitting.name / "adapter"
    if _has_adapter(target):
        return
    data = folder / "data" / str(sitting.arm.data)
    if sitting.songs:
        data = _fewer(data, sitting.songs)
    command = ["lora_train.py", "--dataset-dir", data, "--output-dir", target, "--model", settings.model]
    command += ["--seed", sitting.seed, "--held-out", 0, "--device", settings.device]
    if not sitting.arm.events:
        command += ["--no-events", "--no-section-tags"]  # what tags there are stand in the lyrics
    if steps := sitting.steps or settings.steps:
        command += ["--max-steps", steps]
    if (target / "checkpoints").exists() and any((target / "checkpoints").iterdir()):
        command = ["lora_train.py", "--resume-from", target]
    else:
        shutil.rmtree(target, ignore_errors=True)
    say(f"Training {sitting.name}.")
    began = time.perf_counter()
    _run(command, folder, progress, f"Training {sitting.name}.", target / "state.json")
    if not _has_adapter(target):
        raise ExperimentError(f"Training {sitting.name} ended without an adapter; {target / 'log.txt'} says why.")
    took = time.perf_counter() - began
    write_json(folder / sitting.name / "training.json", {"seconds": took})
    progress.done("train", took)


def _make(
    settings: ExperimentSettings,
    sitting: Sitting,
    split: Split,
    wanted: Sequence[Wanted],
    folder: Path,
    progress: Progress,
    say: Callable[[str], None],
) -> None:
    home = folder / sitting.name
    missing = [one for one in wanted if not _is_made(home, one)]
    if not missing:
        return
    say(f"Making {len(missing)} songs: {sitting.name}.")
    file = write_requests(sitting.arm, split.held_out, missing, home / "requests.jsonl")
    adapter = home / "adapter" if sitting.arm.data is not None else "none"
    command = ["-m", "generation", "make", "--requests", file, "--model", settings.model, "--adapter", adapter]
    began = time.perf_counter()
    _run(
        [*command, "--output", home, "--device", settings.device, "--overwrite"],
        folder,
        progress,
        f"Making songs: {sitting.name}.",
    )
    still = [one.name for one in missing if not _is_made(home, one)]
    if still:
        raise ExperimentError(f"{sitting.name}: {still[0]} was not made; {folder / LOG_FILE} says why.")
    progress.done("make", (time.perf_counter() - began) / len(missing), len(missing))


def _run(command: Sequence[object], folder: Path, progress: Progress, what: str, state: Path | None = None) -> None:
    """A command of the product in a process of its own, watched until it ends or somebody asks for a stop."""
    log = folder / LOG_FILE
    with log.open("ab") as out:
        begins = out.tell()
        process = subprocess.Popen(
            [sys.executable, *map(str, command)], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=PROGRAM
        )
    try:
        while process.poll() is None:
            if (folder / STOP_FILE).exists():
                raise Stopped
            progress.say("running", what, training=_told(state))
            time.sleep(_POLL)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    if process.returncode:
        said = log.read_bytes()[begins:].decode("utf-8", "replace").strip().splitlines()
        raise ExperimentError(f"{what} It failed: {said[-1][-_MOST_WORDS:] if said else 'without a word'}")


def _told(state: Path | None) -> dict[str, Any] | None:
    """Step and loss of the training that is going on."""
    if state is None:
        return None
    try:
        told = read_json(state)
        return {key: told.get(key) for key in ("step", "max_steps", "eta", "status", "message")}
    except (OSError, ValueError, AttributeError):
        return None


def _fewer(data: Path, count: int) -> Path:
    """The first songs of a copy of the dataset, in a folder of their own."""
    target = data.with_name(f"{data.name}-{count}")
    target.mkdir(exist_ok=True)
    for path in sorted(data.glob("song-*"))[: 2 * count]:  # audio and sidecar
        if not (target / path.name).exists():
            shutil.copyfile(path, target / path.name)
    return target


def _has_adapter(folder: Path) -> bool:
    return (folder / "adapter.json").exists()


def _is_made(home: Path, wanted: Wanted) -> bool:
    audio = home / wanted.name
    return audio.exists() and audio.with_suffix(".json").exists()
