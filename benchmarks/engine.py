"""What does the training loop cost beyond the mathematics? Steps against bare steps, the second start, the event path.

    python -m benchmarks.engine

Everything is compared within one process and in turns, since machines are noisy: a few steps of the real loop, the
same batches bare (forward, backward, optimizer), and so on; with events and without them, batch by batch.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from io import StringIO
from itertools import pairwise
from pathlib import Path

import acestep  # noqa: F401  before torch
from benchmarks.record import WORK, Bar, exit_status, record, run

MANY_SONGS = 100


@contextmanager
def noted(times: list[float]) -> Iterator[None]:
    """Within the block, the moment of every call of the transformer goes into `times`."""
    from diffusers import AceStepTransformer1DModel
    from torch.nn.modules.module import register_module_forward_pre_hook

    def note(module: object, inputs: object) -> None:
        if isinstance(module, AceStepTransformer1DModel):
            times.append(time.perf_counter())

    handle = register_module_forward_pre_hook(note)
    try:
        yield
    finally:
        handle.remove()


def train_quietly(dataset: Path, folder: Path, steps: int) -> None:
    """The real loop, as `lora_train.py` runs it on the starter, without a word; no checkpoint but first and last."""
    from training.loop import train
    from training.settings import make_settings

    shutil.rmtree(folder, ignore_errors=True)
    settings = make_settings(
        "starter",
        dataset_dir=dataset,
        output_dir=folder,
        device="cpu",
        max_steps=steps,
        save_every_steps=10**6,
        held_out=0,
        cache_dir=folder.with_name("latents"),
    )
    with redirect_stdout(StringIO()):
        train(settings)


class Steps:
    """The same batches that a run on a dataset sees, to be computed without the loop."""

    def __init__(self, dataset: Path, cache: Path, count: int) -> None:
        from acestep.loading import load_pipeline
        from training.batch import BatchMaker
        from training.dataset import read_dataset
        from training.latents import LatentCache
        from training.model import make_optimizer, make_trainable, vocabulary_of
        from training.settings import make_settings
        from training.training_set import TrainingSet

        self.pipeline = load_pipeline("starter", device="cpu")
        settings = make_settings("starter", dataset_dir=dataset, held_out=0)
        songs = read_dataset(dataset, held_out=0).songs
        latents = LatentCache(self.pipeline.pipe.vae, self.pipeline.sample_rate, self.pipeline.frame_rate, 240.0, cache)
        vocabulary = vocabulary_of(songs)
        learned = make_trainable(self.pipeline, vocabulary, settings)
        self.optimizer, _ = make_optimizer(learned, settings)
        self.pipeline.pipe.transformer.train()
        training_set = TrainingSet(songs, [[latents.load(song.audio)] for song in songs], self.pipeline.frame_rate)
        maker = BatchMaker(self.pipeline, training_set, vocabulary, settings)
        self.batches = [maker.step(number) for number in range(count)]

    def bare(self, number: int, events: bool = True) -> float:
        """Seconds of forward, backward and optimizer for step `number`; without events, as for a plain LoRA."""
        from training.step import backward

        batches = self.batches[number]
        if not events:
            batches = [replace(batch, plan=None) for batch in batches]
        begin = time.perf_counter()
        backward(self.pipeline, batches)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - begin


def efficiency(dataset: Path, work: Path, steps: int, rounds: int) -> tuple[float, list[float]]:
    """Bare time over our time of the same first `steps` steps.

    Loop and bare steps go first in turns, so that a machine that gets slower or faster favours neither.

    Returns:
        the share of all rounds' totals, and of each round's; the steps at the beginning, whose words are encoded for
        the first time, weigh more in them than in a run of 400.
    """
    same = Steps(dataset, work / "latents", steps)
    same.bare(0)
    all_bare, all_ours = [], []
    for turn in range(rounds):
        bare = [same.bare(number) for number in range(steps - 1)] if turn % 2 else []
        times: list[float] = []
        with noted(times):
            train_quietly(dataset, work / "loop", steps)
        ours = [b - a for a, b in pairwise(times)]  # from the beginning of a step to that of the next
        bare = bare or [same.bare(number) for number in range(steps - 1)]
        all_bare.append(sum(bare))
        all_ours.append(sum(ours))
    return sum(all_bare) / sum(all_ours), [b / o for b, o in zip(all_bare, all_ours, strict=True)]


def second_start(dataset: Path, work: Path) -> tuple[float, float]:
    """Seconds from the start of a run to its first step, everything imported: the first time, and once cached."""
    seconds = []
    shutil.rmtree(work / "latents", ignore_errors=True)
    for _ in range(2):
        times: list[float] = []
        with noted(times):
            begin = time.perf_counter()
            train_quietly(dataset, work / "start", 1)
        seconds.append(times[0] - begin)
    return seconds[0], seconds[1]


def event_cost(dataset: Path, work: Path, rounds: int) -> tuple[float, float]:
    """Share that events add to a step: the same batch with and without them in turns; medians, and the fastest."""
    steps = Steps(dataset, work / "latents", 4)
    with_events, without = [], []
    for number in range(rounds):
        pair = [(with_events, True), (without, False)]
        for times, events in pair if number // 4 % 2 else reversed(pair):
            times.append(steps.bare(number % 4, events))
    medians, fastest = (
        statistics.fmean(  # over the four batches, whose lengths differ
            how(with_events[batch::4]) / how(without[batch::4]) - 1 for batch in range(4)
        )
        for how in (statistics.median, min)
    )
    return medians, fastest


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, default=60, help="steps of the loop in a round (default 60)")
    parser.add_argument("--rounds", type=int, default=6, help="rounds of loop and bare steps (default 6)")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Measure, print and record."""
    work = WORK / "engine"
    demo, many = WORK / "demo", work / "many"
    run("-m", "acestep.starter.demo", demo)
    if len(list(many.glob("*.wav"))) < MANY_SONGS:
        run("-m", "acestep.starter", "songs", many, "--count", str(MANY_SONGS), "--seed", "500")
    train_quietly(demo, work / "loop", 1)  # everything imported
    share, totals = efficiency(demo, work, options.steps, options.rounds)
    median, fastest = event_cost(demo, work, 160)
    first, second = second_start(many, work)
    record(
        "engine",
        [
            Bar("time of bare steps over time of the loop's", share, least=0.95),
            Bar(f"second start with {MANY_SONGS} cached songs, imports aside", second, "s", most=1.0),
            Bar("events' share of a training step", median, most=0.03),
        ],
        {
            "bare over loop, totals of each round": totals,
            "events' share by the fastest of each": fastest,
            "first start of the same songs, seconds": first,
        },
        {"steps": options.steps, "rounds": options.rounds, "preset": "starter", "device": "cpu"},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where a command failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
