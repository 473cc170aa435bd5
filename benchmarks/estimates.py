"""Does a run take what its estimate says? Memory of whole runs, and the time of a step at other settings.

    python -m benchmarks.estimates

Memory: a short run a setting, as `lora_train.py` makes it, its estimate against the peak that the process had. Time:
steps of all settings in turns in one process, each setting's processor time against what the recipe's own steps let one
expect. Processor time, since a machine that does other things meanwhile doubles the time on the clock at any moment.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import acestep  # noqa: F401  before torch
from benchmarks.record import WORK, Bar, exit_status, record, run

if TYPE_CHECKING:
    from training.dataset import DatasetReport
    from training.settings import TrainingSettings

SETTINGS: dict[str, dict[str, Any]] = {
    "starter recipe": {},
    "batch 2": {"batch_size": 2},
    "batch 16": {"batch_size": 16},
    "crops of 6 to 8 s": {"crop_min_sec": 6.0, "crop_max_sec": 8.0},
    "rank 4": {"lora_rank": 4},
    "rank 64": {"lora_rank": 64},
    "MLPs learn too": {"lora_targets": "self,cross,mlp"},
    "no events": {"events": False},
    "gradient checkpointing": {"gradient_checkpointing": True},
    "Prodigy": {"optimizer": "prodigy"},
    "LoKr": {"adapter": "lokr"},
}
MOST = 0.2  # share by which an estimate may be off


def flags(values: dict[str, Any]) -> list[str]:
    """Settings as on the command line."""
    found = []
    for name, value in values.items():
        flag = name.replace("_", "-")
        found += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return found


def memory(dataset: Path, work: Path, values: dict[str, Any], steps: int) -> dict[str, float]:
    """Estimated and used gigabytes (10^9 bytes) of a run of its own, and its seconds."""
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    told = {"max_steps": steps, "device": "cpu", "dataset_dir": dataset, "output_dir": folder, **values}
    run("lora_train.py", "--cache-dir", str(work / "latents"), *flags(told))
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return {
        "estimated, GB": state["estimated_memory"] / 1e9,
        "used, GB": state["peak_memory"] / 1e9,
        "took, s": state["took"],
    }


def stepper(settings: TrainingSettings, report: DatasetReport) -> Callable[[int], float]:
    """What takes step number n of a run with these settings; processor seconds."""
    from acestep.loading import load_pipeline
    from training.batch import BatchMaker
    from training.latents import LatentCache
    from training.learner import Learner
    from training.model import make_optimizer, make_trainable, vocabulary_of
    from training.step import backward
    from training.training_set import TrainingSet

    pipeline = load_pipeline("starter", device="cpu")
    cache = LatentCache(pipeline.pipe.vae, pipeline.sample_rate, pipeline.frame_rate, 240.0, settings.cache_dir)
    latents = [[cache.load(song.audio, gain) for gain in settings.gains_db] for song in report.songs]
    vocabulary = vocabulary_of(report.everything)
    learned = make_trainable(pipeline, vocabulary, settings)
    learner = Learner.of(learned, make_optimizer(learned, settings)[0], settings)
    pipeline.pipe.transformer.train()
    training_set = TrainingSet(report.songs, latents, pipeline.frame_rate, gains_db=settings.gains_db)
    maker = BatchMaker(pipeline, training_set, vocabulary, settings)

    def step(number: int) -> float:
        begin = time.process_time()
        backward(pipeline, maker.step(number))
        learner.update(1.0, settings.max_grad_norm)
        return time.process_time() - begin

    return step


def times(dataset: Path, work: Path, names: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """Processor seconds of a step, and those that the recipe's let one expect, by setting."""
    from training.dataset import read_dataset
    from training.estimate import Songs, step_work
    from training.settings import make_settings
    from training.sizes import sizes_of

    report = read_dataset(dataset, held_out=0)
    told = {
        name: make_settings("starter", dataset_dir=dataset, held_out=0, cache_dir=work / "latents", **values)
        for name, values in SETTINGS.items()
        if name in names
    }
    steppers = {name: stepper(settings, report) for name, settings in told.items()}
    taken: dict[str, list[float]] = {name: [] for name in told}
    for turn in range(rounds + 1):
        for name in list(told) if turn % 2 else reversed(list(told)):
            seconds = steppers[name](turn)
            if turn:  # the first pays for allocations
                taken[name].append(seconds)
    work_of = {name: step_work(sizes_of("starter"), s, Songs.of(report, s)) for name, s in told.items()}
    middle = {name: statistics.median(found) for name, found in taken.items()}
    rate = work_of["starter recipe"] / middle["starter recipe"]
    return {name: {"expected, processor s": work_of[name] / rate, "taken, processor s": middle[name]} for name in told}


def off(found: dict[str, float]) -> float:
    """Share by which the first number misses the second."""
    expected, taken, *_ = found.values()
    return abs(expected / taken - 1)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimates", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--settings", nargs="+", choices=SETTINGS, metavar="NAME", help=f"of {', '.join(SETTINGS)} (default all)"
    )
    parser.add_argument("--steps", type=int, default=12, help="of each run whose memory is watched (default 12)")
    parser.add_argument("--rounds", type=int, default=8, help="steps of each setting that are timed (default 8)")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Measure, print and record."""
    demo, work = WORK / "demo", WORK / "estimates"
    run("-m", "acestep.starter.demo", demo)
    work.mkdir(parents=True, exist_ok=True)
    names = dict.fromkeys(["starter recipe", *(options.settings or SETTINGS)])  # whose steps the others are held to
    in_time = times(demo, work, list(names), options.rounds)
    for name, found in in_time.items():
        print(f"{name}: {json.dumps(found)}", flush=True)
    others = [off(found) for name, found in in_time.items() if name != "starter recipe"]
    in_memory = {}
    for name in names:
        in_memory[name] = memory(demo, work, SETTINGS[name], options.steps)
        print(f"{name}: {json.dumps(in_memory[name])}", flush=True)
    record(
        "estimates",
        [
            Bar("memory of a run: the worst estimate is off by", max(map(off, in_memory.values())), most=MOST),
            Bar("time of a step at other settings: the worst is off by", max(others), most=MOST),
            Bar("time of a step at other settings: the middle one is off by", statistics.median(others)),
        ],
        {"memory": in_memory, "time": in_time},
        {"steps": options.steps, "rounds": options.rounds, "preset": "starter", "device": "cpu"},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where a command failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
