"""How long does the default run take? Trains on the demo songs, once with events and once without.

    python -m benchmarks.training

The adapters stay in `cache/bench/trained` and `cache/bench/plain`, where `benchmarks.control` finds them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record import WORK, Bar, exit_status, record, run


def train(dataset: Path, folder: Path, *flags: str) -> float:
    """Train from nothing, caches included; seconds from the command to its end."""
    shutil.rmtree(folder, ignore_errors=True)
    cache = folder.with_name(folder.name + "-latents")
    shutil.rmtree(cache, ignore_errors=True)
    command = ["lora_train.py", "--dataset-dir", dataset, "--output-dir", folder, "--cache-dir", cache]
    begin = time.perf_counter()
    run(*command, "--model-config", "starter", *flags)
    return time.perf_counter() - begin


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--skip-plain", action="store_true", help="leave out the run without events")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Train, print and record."""
    demo = WORK / "demo"
    run("-m", "acestep.starter.demo", demo)
    seconds = {"events": train(demo, WORK / "trained", "--seed", "7")}  # not the shipped one over again
    if not options.skip_plain:
        seconds["no events"] = train(demo, WORK / "plain", "--no-events")
    record(
        "training",
        [Bar("default event-LoRA run on the demo songs", seconds["events"] / 60, "min", most=5.0)],
        {"seconds": seconds},
        {"dataset": "demo songs", "preset": "starter"},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where a command failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
