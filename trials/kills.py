"""Kills: a training run ended at random moments, then resumed, ends as if nothing had happened.

    python -m trials.kills --count 50

A short run on three songs (moving average, re-ordered sections and dropouts on) is first left alone. Then it is started
again and again, ended by SIGTERM or SIGKILL at a moment drawn over its whole life, imports and encoding included, and
gone on with. Every time the newest checkpoint must load, and at the end weights, optimizer, average and loss history
must equal the undisturbed run's, bit for bit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import ROOT, WORK, Bar, BenchmarkError, exit_status, record, run
from training.run_folder import CONFIG_FILE, read_metrics, read_state

STEPS = 30
RECIPE = (
    "--preset", "starter", "--device", "cpu", "--max-steps", STEPS, "--save-every-steps", 3, "--batch-size", 2,
    "--rank", 2, "--lora-dropout", 0.1, "--ema-decay", 0.9, "--rearrange", 0.3, "--log-every", 3, "--held-out", 1,
    "--crop-min-sec", 6, "--crop-max-sec", 8,
)  # fmt: skip


@dataclass(frozen=True)
class End:
    """What became of one disturbed run: the signals, where it stood at each, what was lost (nothing: empty)."""

    signals: tuple[str, ...]
    moments: tuple[str, ...]
    lost: str = ""


class KillTrial:
    """One undisturbed run, and runs to disturb that are compared with it.

    Args:
        folder: for songs, runs and caches.
        model: what is trained on.
        seed: of the moments and the signals.
    """

    def __init__(self, folder: Path, model: str = "starter", seed: int = 0) -> None:
        self.folder = folder
        self.model = model
        self.rng = random.Random(seed)
        self.songs = folder / "songs"
        if not list(self.songs.glob("*.wav")):
            run("-m", "acestep.starter", "songs", self.songs, "--count", "4", "--seed", "11")
        began = time.monotonic()
        undisturbed = self._start(folder / "undisturbed", fresh=True)
        if undisturbed.wait():
            raise BenchmarkError(f"the undisturbed run failed: {read_state(folder / 'undisturbed').message}")
        self.seconds = time.monotonic() - began
        self.expected = outcome(folder / "undisturbed")

    def disturb(self, number: int, kills: int = 1) -> End:
        """Start a run, end it `kills` times, each time at a random moment of its life, then let it end by itself."""
        target = self.folder / f"run-{number}"
        process = self._start(target, fresh=True)
        signals, moments = [], []
        while len(signals) < kills:
            time.sleep(self.rng.uniform(0, self.seconds))
            if process.poll() is not None:  # it was done before its moment came: another one, from the beginning
                process = self._start(target, fresh=True)
                continue
            kind = self.rng.choice((signal.SIGTERM, signal.SIGKILL))
            moments.append(moment(target))
            process.send_signal(kind)
            process.wait()
            signals.append(kind.name)
            if damage := broken(target):
                return End(tuple(signals), tuple(moments), damage)
            process = self._start(target, fresh=False)
        process.wait()
        lost = "" if outcome(target) == self.expected else f"ended otherwise: {read_state(target).message}"
        if not lost:
            shutil.rmtree(target)
        return End(tuple(signals), tuple(moments), lost)

    def _start(self, target: Path, fresh: bool) -> subprocess.Popen:
        """Begin a run, or go on with it as a person would: the command again where it had not come to life."""
        if fresh:
            shutil.rmtree(target, ignore_errors=True)
        command = [sys.executable, "lora_train.py"]
        if (target / CONFIG_FILE).exists():
            command += ["--resume-from", str(target)]
        else:
            command += ["--dataset-dir", str(self.songs), "--model-config", self.model, "--output-dir", str(target)]
            command += ["--cache-dir", str(target / "cache"), *map(str, RECIPE)]
        places = {"STRUCTURE_STUDIO_LOCK_DIR": str(self.folder / "locks")}
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **places}, stdout=quiet, stderr=quiet)


def moment(target: Path) -> str:
    """Where a run stands, in a word or two."""
    if not (target / CONFIG_FILE).exists():
        return "imports"
    state = read_state(target)
    return f"step {state.step}" if state.status == "training" else state.status


def outcome(target: Path) -> tuple[str, bytes, list[tuple[int, float]]]:
    """How a run ended: its state, the bytes of its last weights, optimizer and average, and its losses."""
    final = target / "checkpoints" / f"step-{STEPS:06d}"
    weights = (final / "trainer.safetensors").read_bytes() if final.exists() else b""
    losses = [(point["step"], point["loss"]) for point in read_metrics(target) if "loss" in point]
    return read_state(target).status, weights, losses


def broken(target: Path) -> str:
    """What is wrong with a run that was just ended; empty where it can be gone on with.

    Its newest checkpoint must be whole as it stands, without falling back on an older one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from training.checkpoint import find_checkpoint

    if not (target / CONFIG_FILE).exists():
        return ""
    found, damaged = find_checkpoint(target)
    if damaged:
        return f"{damaged[0].name} is damaged"
    if found is None:
        return "" if read_state(target).step == 0 else "no checkpoint"
    try:
        for path in found.glob("*.safetensors"):
            load_file(path)
        json.loads((found / "adapter.json").read_text())
    except (OSError, ValueError, SafetensorError) as problem:
        return f"{found.name} does not load: {problem}"
    return ""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trials.kills", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=50, help="runs to end once each (default 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and signals (default 0)")
    parser.add_argument("--work", type=Path, default=WORK / "kills", help="folder for the runs")
    return parser


def measure(options: argparse.Namespace) -> int:
    """Do the trial, print each loss as it happens, and record the counts; how many runs were lost."""
    trial = KillTrial(options.work, seed=options.seed)
    print(f"undisturbed: {trial.seconds:.1f} s, {STEPS} steps", flush=True)
    ends = []
    for number in range(options.count):
        end = trial.disturb(number)
        ends.append(end)
        print(f"{number + 1}/{options.count}: {end.signals[0]} at {end.moments[0]}: {end.lost or 'same'}", flush=True)
    lost = [end for end in ends if end.lost]
    record(
        "kills",
        [Bar(f"runs of {len(ends)} that ended with the same weights", len(ends) - len(lost), least=len(ends))],
        {
            "signals": Counter(end.signals[0] for end in ends),
            "moments": Counter(end.moments[0].split()[0] for end in ends),
            "lost": [end.lost for end in lost],
            "undisturbed seconds": trial.seconds,
        },
        {"count": options.count, "seed": options.seed, "recipe": [str(word) for word in RECIPE]},
    )
    return len(lost)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where a run was lost, 2 where the trial could not be made."""
    return exit_status(lambda: measure(get_parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
