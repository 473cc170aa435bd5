"""Stages one after another, each in a process of its own: what is done is kept, what fails does not stop the others.

A process of its own, since a card that a failed kernel has left unusable is usable again in the next one.
`python -m benchmarks.real.running WORK STAGE` is what is started.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.real.settings import SETTINGS_FILE, Proof
from benchmarks.record import ROOT, BenchmarkError, commit, machine
from structure.errors import StudioError
from structure.files import write_whole

Perform = Callable[[Proof, str], None]


@dataclass(frozen=True)
class Stage:
    """A part of the proof.

    Attributes:
        name: of its result's file.
        title: for a heading.
        about: what it does, in a sentence.
        lasts: how long it may take.
    """

    name: str
    title: str
    about: str
    lasts: str


STAGES = (
    Stage("files", "Checkpoint", "Reads every file of the checkpoint and hashes it.", "a minute"),
    Stage("identity", "Identity", "Makes one song by bare diffusers and by this program, bit for bit.", "two minutes"),
    Stage("adapter", "Adapter", "Saves, loads and unloads an adapter, here and in bare diffusers.", "two minutes"),
    Stage("speed", "Memory and speed", "Times songs and training steps of several lengths.", "ten minutes"),
    Stage("learn", "Event LoRA", "Trains an event LoRA for 200 steps.", "ten minutes to an hour"),
    Stage(
        "songs", "Songs", "Makes songs of structures that were held out, with the adapter and without.", "ten minutes"
    ),
    Stage("scores", "Structure", "Judges those songs, beside chance and ceiling.", "a minute"),
)


def run_stages(proof: Proof, perform: Perform, say: Callable[[str], object] = print) -> dict[str, dict[str, Any]]:
    """Every stage that is not done yet; all results by name.

    Args:
        proof: begun.
        perform: does one stage, and leaves its result.
        say: told what goes on.
    """
    results = {}
    for number, stage in enumerate(STAGES, start=1):
        place = f"{number}/{len(STAGES)} {stage.title}"
        kept = read_result(proof, stage.name)
        if kept is not None and kept["status"] == "done":
            say(f"{place}: done before, in {kept['seconds']:.0f} s.")
        else:
            say(f"{place}: {stage.about} {'' if proof.quick else f'This takes about {stage.lasts}.'}".rstrip())
            perform(proof, stage.name)
            kept = read_result(proof, stage.name) or failed(
                f"The stage left no result; see {log_of(proof, stage.name)}."
            )
            said = f"done in {kept['seconds']:.0f} s" if kept["status"] == "done" else f"failed. {kept['sentence']}"
            say(f"{place}: {said}")
        results[stage.name] = kept
    return results


def in_own_process(proof: Proof, name: str) -> None:
    """Perform a stage in a process of its own; one that is killed leaves a sentence too."""
    log = log_of(proof, name)
    (proof.work / f"{name}.json").unlink(missing_ok=True)
    with log.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.real.running", str(proof.work), name],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if done.returncode and read_result(proof, name) is None:  # what breaks when all is done takes nothing back
        said = log.read_text("utf-8", "replace").strip().splitlines()
        _keep(
            proof, name, failed(f"The process ended with status {done.returncode}: {said[-1] if said else 'no word'}")
        )


def perform_here(proof: Proof, name: str) -> None:
    """Perform a stage in this process; whatever goes wrong is its result."""
    from acestep.broken_device import first_words
    from benchmarks.real import files, identity, learning, speed

    actions: dict[str, Callable[[Proof], dict[str, Any]]] = {
        "files": files.files,
        "identity": identity.identity,
        "adapter": identity.adapter,
        "speed": speed.speed,
        "learn": learning.learn,
        "songs": learning.songs,
        "scores": learning.scores,
    }
    begin = time.perf_counter()
    try:
        if proof.device.startswith("cuda:"):
            import torch

            torch.cuda.set_device(proof.device)  # for figures that name no device
        found = {"status": "done", "figures": actions[name](proof)}
    except StudioError as problem:
        found = failed(str(problem))
    except Exception as problem:  # a fault of ours or of the machine: the report is there to bring it home
        traceback.print_exc()
        found = failed(f"{type(problem).__name__}: {first_words(problem)}") | {"trace": traceback.format_exc()}
    _keep(proof, name, {**found, "seconds": time.perf_counter() - begin, "machine": machine(), "commit": commit()})


def failed(sentence: str) -> dict[str, Any]:
    """The result of a stage that failed."""
    return {"status": "failed", "sentence": sentence, "figures": {}, "seconds": 0.0}


def read_result(proof: Proof, name: str) -> dict[str, Any] | None:
    """What a stage left; None where it has not been tried."""
    try:
        return json.loads((proof.work / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def log_of(proof: Proof, name: str) -> Path:
    """Where a stage's process speaks."""
    return proof.work / f"{name}.log"


def _keep(proof: Proof, name: str, result: dict[str, Any]) -> None:
    write_whole(proof.work / f"{name}.json", json.dumps(result, indent=1, ensure_ascii=False).encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """One stage of a proof that was begun."""
    work, name = sys.argv[1:] if arguments is None else arguments
    if name not in {stage.name for stage in STAGES}:
        raise BenchmarkError(f"There is no stage {name!r}.")
    perform_here(Proof.model_validate_json((Path(work) / SETTINGS_FILE).read_text("utf-8")), name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
