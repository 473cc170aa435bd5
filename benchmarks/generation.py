"""How long does a song take? 20 s at the default steps, beside the bare diffusers pipeline in the same run.

python -m benchmarks.generation
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

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
    from generation.service import adapter_folder

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
    request = SongRequest(events=parse_structure(STRUCTURE), prompt=CAPTION, seed=1)
    asked = pipeline.complete(request)

    def ours() -> None:
        pipeline.generate(request)

    bare = load_pipeline(options.model).pipe  # a second copy that no hook has touched

    def diffusers_alone() -> None:
        bare(
            prompt=CAPTION,
            lyrics="",
            audio_duration=SECONDS,
            num_inference_steps=asked.steps,
            guidance_scale=asked.guidance_scale,
            shift=asked.shift,
            generator=torch.Generator().manual_seed(1),
        )

    timed(ours, 1)  # the first call pays for allocations
    timed(diffusers_alone, 1)
    pairs = [(timed(ours, 1)[0], timed(diffusers_alone, 1)[0]) for _ in range(options.repeats)]
    ours_seconds, bare_seconds = (statistics.median(column) for column in zip(*pairs, strict=True))
    record(
        "generation",
        [
            Bar("20 s of song, warm, default steps", ours_seconds, "s", most=20.0),
            Bar("20 s of song by the command, start to file", cold, "s"),
            Bar("against the bare pipeline", ours_seconds / bare_seconds, "times"),
        ],
        {"warm_seconds": pairs, "loading_seconds": loading, "cold_seconds": cold},
        {
            "model": options.model,
            "structure": STRUCTURE,
            "steps": asked.steps,
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
