"""How long does a song take, and what do events cost? 20 s at the default steps, beside bare diffusers in the same run.

python -m benchmarks.generation
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.record import WORK, Bar, exit_status, record, run
from structure.language import parse_structure

STRUCTURE = "intro 0-4, verse 4-12, chorus 12-20"
CAPTION = "An upbeat indie pop song with drums, bass, guitar and a bright lead."
SECONDS = 20.0


def timed(action: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of `times` calls."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begin)
    return taken


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="starter", help="starter, or a diffusers folder (default starter)")
    parser.add_argument("--repeats", type=int, default=3, help="songs of each kind, alternating (default 3)")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Generate, print and record."""
    import torch

    from acestep.loading import load_pipeline
    from acestep.pipeline import SongRequest
    from generation.warm import adapter_folder

    song = WORK / "one-song.wav"
    command = ["-m", "generation", "make", STRUCTURE, "--caption", CAPTION, "--seed", "1", "--output", song]
    command += ["--model", options.model]
    cold = timed(lambda: run(*command, "--overwrite"), 1)[0]

    begin = time.perf_counter()
    pipeline = load_pipeline(options.model)
    folder: Path | None = adapter_folder(options.model, "default")
    if folder is not None:
        pipeline.load_adapter(folder)
    loading = time.perf_counter() - begin
    request = SongRequest(events=parse_structure(STRUCTURE), prompt=CAPTION, lyrics="", seed=1, duration=SECONDS)
    asked = pipeline.complete(request)
    plain = request.model_copy(update={"use_events": False, "section_tags": False})
    one_pass = request.model_copy(update={"event_guidance": 1.0})
    bare = load_pipeline(options.model)  # a second copy that no hook and no adapter has touched
    unhooked = load_pipeline(options.model)

    def diffusers_alone() -> object:
        return bare.pipe(
            prompt=CAPTION,
            lyrics="",
            audio_duration=SECONDS,
            num_inference_steps=asked.steps,
            guidance_scale=asked.guidance_scale,
            shift=asked.shift,
            timesignature=asked.timesignature,
            generator=torch.Generator().manual_seed(1),
        ).audios[0].T.numpy()  # fmt: skip

    ways: dict[str, Callable[[], object]] = {
        "bare diffusers": diffusers_alone,
        "ours without events": lambda: unhooked.generate(plain).samples,
        "adapter, no events": lambda: pipeline.generate(plain),
        "events in one pass": lambda: pipeline.generate(one_pass),
        "events guided": lambda: pipeline.generate(request),
    }
    identical = np.array_equal(ways["bare diffusers"](), ways["ours without events"]())
    for way in ways.values():
        timed(way, 1)  # the first call pays for allocations
    taken = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, way in ways.items():  # alternating, since the machine's speed wanders
            taken[name] += timed(way, 1)
    median = {name: statistics.median(times) for name, times in taken.items()}

    def against(name: str, other: str) -> float:
        return float(np.median(np.divide(taken[name], taken[other])))

    def load_again() -> None:
        pipeline.unload_adapter()
        pipeline.load_adapter(folder)

    switching = statistics.median(timed(load_again, 5)) if folder is not None else 0.0
    record(
        "generation",
        [
            Bar("20 s of song, warm, default steps", median["events guided"], "s", most=20.0),
            Bar("20 s of song by the command, start to file", cold, "s"),
            Bar(
                "ours without events against bare diffusers",
                against("ours without events", "bare diffusers"),
                "times",
                most=1.02,
            ),
            Bar("identical samples", float(identical), "", least=1.0),
            Bar(
                "events in one pass against the adapter without",
                against("events in one pass", "adapter, no events"),
                "times",
                most=1.02,
            ),
            Bar(
                "events guided against the adapter without",
                against("events guided", "adapter, no events"),
                "times",
                most=1.5,
            ),
            Bar("events guided against bare diffusers", against("events guided", "bare diffusers"), "times"),
            Bar("loading another adapter", switching, "s", most=1.0),
        ],
        {"seconds": taken, "loading_seconds": loading, "cold_seconds": cold},
        {
            "model": options.model,
            "structure": STRUCTURE,
            "steps": asked.steps,
            "guidance": asked.guidance_scale,
            "event_guidance": asked.event_guidance,
            "event_interval": asked.event_interval,
            "adapter": folder is not None,
            "threads": torch.get_num_threads(),
        },
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
