"""Does it learn times? An event LoRA, songs of structures that it has not seen, and their scores.

The experiment's own parts (`evaluation.experiment`), cut to two arms: no adapter, and one event LoRA.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import acestep  # noqa: F401  before torch
from benchmarks.real.settings import Proof
from benchmarks.record import BenchmarkError
from evaluation.experiment.data import Split, split_songs, write_data
from evaluation.experiment.requests import Wanted, wanted_songs, write_requests
from evaluation.experiment.settings import Arm, ExperimentSettings
from evaluation.experiment.settings import make_settings as make_experiment
from structure.events import sections
from training.checkpoint import list_checkpoints
from training.run_folder import has_adapter, read_metrics, read_state

PROCEDURAL_SONGS, PROCEDURAL_SEED = 18, 4_711
SHORT = {"crop_min_sec": 4.0, "crop_max_sec": 6.0, "lora_rank": 4, "batch_size": 1}  # of a rehearsal


def learn(proof: Proof) -> dict[str, Any]:
    """Train the event LoRA by the preset that the checkpoint's kind has; its losses, times and memory."""
    from acestep.loading import STARTER, TURBO, sampling_defaults
    from training.loop import train
    from training.settings import make_settings

    data = proof.work / "data"
    if proof.dataset is None and len(list(proof.songs.glob("*.json"))) < PROCEDURAL_SONGS:
        from acestep.starter.songs import write_songs

        write_songs(proof.songs, PROCEDURAL_SONGS, PROCEDURAL_SEED)
    split = split_songs(_experiment(proof))
    write_data(split, data)
    kind = sampling_defaults(str(proof.model))
    preset = "starter" if kind is STARTER else "turbo" if kind is TURBO else "real"
    folder = _home(proof, "events") / "adapter"
    settings = make_settings(
        preset, dataset_dir=data / "tagged", output_dir=folder, base_model=str(proof.model), device=proof.device,
        max_steps=proof.steps, save_every_steps=max(2, proof.steps // 4), held_out=0,
        resume_from=folder if list_checkpoints(folder) else None, **(SHORT if proof.quick else {}),
    )  # fmt: skip
    train(settings)
    points = [point for point in read_metrics(folder) if "loss" in point]
    losses = [point["loss"] for point in points]
    used = read_state(folder).peak_memory
    tenth = max(1, len(losses) // 10)
    first, last = fmean(losses[:tenth]), fmean(losses[-tenth:])
    return {
        "passed": has_adapter(folder) and len(losses) == proof.steps,
        "preset": preset,
        "songs learned from": len(split.training),
        "structures held out": len(split.held_out),
        "steps": len(losses),
        "loss, first tenth": first,
        "loss, last tenth": last,
        "seconds of steps": sum(point["seconds"] for point in points),
        "peak memory, GB": None if used is None else used / 1e9,
        "losses": losses,
    }


def songs(proof: Proof) -> dict[str, Any]:
    """Songs of the held-out structures with the adapter and without, on the same seeds.

    Raises:
        BenchmarkError: there is no adapter, or a song could not be made.
    """
    from generation.__main__ import main as generation

    settings = _experiment(proof)
    split = split_songs(settings)
    if not has_adapter(_home(proof, "events") / "adapter"):
        raise BenchmarkError("There is no adapter to make songs with: see the stage `learn`.")
    arms = []
    for arm in settings.chosen:
        home = _home(proof, arm.key)
        adapter = home / "adapter" if arm.events else None
        wanted = _wanted(settings, split)
        file = write_requests(arm, split.held_out, wanted, home / "requests.jsonl")
        command = ["make", "--requests", str(file), "--model", str(proof.model), "--adapter", str(adapter or "none")]
        command += ["--output", str(home), "--device", proof.device, "--overwrite"]
        if proof.denoising_steps:
            command += ["--steps", str(proof.denoising_steps)]
        if generation(command):
            raise BenchmarkError(f"The songs of {arm.name} could not all be made; the stage's log says why.")
        arms.append(_unjudged(arm, home, wanted, split, proof.work))
    return {"passed": True, "songs made": sum(len(arm["songs"]) for arm in arms), "arms": arms}


def scores(proof: Proof) -> dict[str, Any]:
    """The songs by a judge who is taught on the dataset's own songs, beside chance and ceiling."""
    from evaluation.experiment.results import judge_experiment

    settings = _experiment(proof)
    split = split_songs(settings)
    homes = {f"{arm.key}/seed-1": (arm, _home(proof, arm.key), _wanted(settings, split)) for arm in settings.chosen}
    if any(not (home / one.name).exists() for _, home, wanted in homes.values() for one in wanted):
        raise BenchmarkError("There are no songs to judge: see the stage `songs`.")
    return {"passed": True, **judge_experiment(settings, split, homes, proof.work)}


def _experiment(proof: Proof) -> ExperimentSettings:
    return make_experiment(
        dataset=proof.songs, model=str(proof.model), device=proof.device, arms=("none", "events"), steps=proof.steps,
        free=0, varied=0, held_out=2 if proof.quick else None,
    )  # fmt: skip


def _home(proof: Proof, arm: str) -> Path:
    return proof.work / arm / "seed-1"


def _wanted(settings: ExperimentSettings, split: Split) -> list[Wanted]:
    return wanted_songs(settings, len(split.held_out), seed=1)


def _unjudged(arm: Arm, home: Path, wanted: list[Wanted], split: Split, work: Path) -> dict[str, Any]:
    """An arm's songs as the experiment's report reads them, with nothing heard in them yet."""
    return {
        "key": arm.key,
        "name": arm.name,
        "songs": [
            {
                "name": f"structure-{one.structure + 1:02d}",
                "seed": one.seed,
                "audio": str((home / one.name).relative_to(work)),
                "duration": split.held_out[one.structure].duration,
                "requested": [event.to_dict() for event in sections(split.held_out[one.structure].events)],
                "heard": [],
            }
            for one in wanted
        ],
    }
