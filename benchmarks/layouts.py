"""What does the event path cost on the sizes of the real checkpoints? Their layouts, 2 B and XL, with random weights.

    python -m benchmarks.layouts

On CUDA both layouts at songs of 240 s; elsewhere the 2 B alone at 10 s, where memory allows. Trained as the preset for
real checkpoints has it, and by the trainer's own steps; what is compared takes turns on one model. Weights are random,
so this tells sizes, times and memory, and nothing about how well anything learns or sounds.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import acestep  # noqa: F401  before torch
from benchmarks.random_checkpoint import LAYOUTS, TOKENS, random_batch, untrained_pipeline
from benchmarks.record import Bar, BenchmarkError, exit_status, record

if TYPE_CHECKING:
    import torch

    from acestep.pipeline import StructuredPipeline
    from training.batch import Batch
    from training.learner import Learner
    from training.settings import TrainingSettings

MOST_LEARNED = 20.0  # million parameters of the event path
GUIDED_AT = 0.5  # t of the forward pass, inside the interval of guidance


def timed(action: Callable[[], object], device: torch.device) -> float:
    """Seconds until the device has done it."""
    import torch

    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    begin = time.perf_counter()
    action()
    wait()
    return time.perf_counter() - begin


def peak_memory(action: Callable[[], object], device: torch.device) -> float | None:
    """Gigabytes (10^9 bytes) that tensors took at most when it was done the second time; None where nobody counts.

    The first time leaves the optimizer's state behind.
    """
    import torch

    action()
    if device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats(device)
    action()
    return torch.cuda.max_memory_allocated(device) / 1e9


def learner_for(pipeline: StructuredPipeline, settings: TrainingSettings) -> Learner:
    """A fresh LoRA, with events an encoder too, and their optimizer, as the trainer makes them."""
    from structure.plan import DEFAULT_VOCABULARY
    from training.learner import Learner
    from training.model import make_optimizer, make_trainable

    learned = make_trainable(pipeline, DEFAULT_VOCABULARY, settings)
    optimizer, _ = make_optimizer(learned, settings)
    pipeline.pipe.transformer.train()
    return Learner.of(learned, optimizer, settings)


def step(pipeline: StructuredPipeline, learner: Learner, batch: Batch, settings: TrainingSettings) -> None:
    """One step as the training loop takes it."""
    from training.step import backward

    backward(pipeline, [batch])
    learner.update(1.0, settings.max_grad_norm)


def change_by_untrained(pipeline: StructuredPipeline, batch: Batch) -> float:
    """Largest difference that the event encoder makes to a velocity as training has it, dropout aside."""
    import torch

    from acestep.flow import velocity
    from training.step import told

    transformer = pipeline.pipe.transformer.eval()
    velocities = []
    for heard in (replace(batch, plan=None), batch):
        with torch.no_grad(), told(pipeline, heard):
            velocities.append(velocity(transformer, batch.noise, batch.condition, batch.context, batch.t))
    transformer.train()
    return (velocities[1] - velocities[0]).abs().max().item()


def reach_of_gradient(pipeline: StructuredPipeline, learner: Learner, batch: Batch) -> dict[str, int]:
    """What of the event encoder gets a gradient once its output map is not zero.

    A single number may get none by chance: in bf16 a sum over a few tokens can be exactly zero. A whole row or column
    of a map cannot: a row is one unit or one channel of one place, a column one input.
    """
    import torch

    from training.step import backward

    encoder = pipeline.conditioning.encoder
    torch.nn.init.normal_(encoder.to_places.weight, std=0.02)
    backward(pipeline, [batch])
    gradients = [
        (torch.zeros_like(p) if p.grad is None else p.grad).reshape(len(p), -1).bool() for p in encoder.parameters()
    ]
    learner.optimizer.zero_grad(set_to_none=True)
    return {
        "event path parameters": sum(g.numel() for g in gradients),
        "event path parameters with a gradient": sum(int(g.sum()) for g in gradients),
        "event path tensors": len(gradients),
        "event path tensors with a gradient": sum(int(g.any()) for g in gradients),
        "rows and columns without a gradient": sum(int((~g.any(axis)).sum()) for g in gradients for axis in (0, 1)),
    }


def in_turns(actions: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each action once a round, forwards and backwards in turns, so that a machine that changes favours none."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(rounds):
        for name in list(actions) if turn % 2 == 0 else reversed(list(actions)):
            taken[name].append(actions[name]())
    return taken


def with_saved_adapter(pipeline: StructuredPipeline, settings: TrainingSettings) -> float:
    """Save what was trained and load it as generation does, in the base's precision; megabytes (10^6) on disk."""
    from acestep.adapter import save_adapter
    from structure.plan import DEFAULT_VOCABULARY
    from training.model import adapter_card

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "adapter"
        card = adapter_card(pipeline, [], DEFAULT_VOCABULARY, settings, {})
        save_adapter(folder, pipeline.pipe.transformer, pipeline.conditioning.encoder, card)
        pipeline.load_adapter(folder)
        return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def forward_seconds(pipeline: StructuredPipeline, batch: Batch, guidance: float) -> float:
    """Seconds of one call of the transformer as sampling makes it: a row with text and one without, then guided."""
    import torch

    transformer = pipeline.pipe.transformer
    t = torch.full((2,), GUIDED_AT, device=pipeline.device, dtype=transformer.dtype)
    null = pipeline.pipe.condition_encoder.null_condition_emb.expand_as(batch.condition)
    rows = {
        "hidden_states": batch.noise.to(transformer.dtype).repeat(2, 1, 1),
        "timestep": t,
        "timestep_r": t,
        "encoder_hidden_states": torch.cat([batch.condition, null]),
        "context_latents": batch.context.repeat(2, 1, 1),
    }
    events = pipeline.conditioning.sampling(batch.plan, guidance, pipeline.defaults.event_interval)
    with torch.no_grad(), events:
        return timed(lambda: transformer(**rows, return_dict=False), pipeline.device)


def lora_alone(pipeline: StructuredPipeline, batch: Batch, settings: TrainingSettings) -> dict[str, Any]:
    """Size and memory of training without events, while nothing of them is there; then all of it is gone again."""
    settings = settings.model_copy(update={"events": False})
    learner = learner_for(pipeline, settings)
    batch = replace(batch, plan=None)
    figures = {
        "LoRA parameters": sum(p.numel() for p in learner.parameters.values()),
        "peak memory of training, LoRA alone, GB": peak_memory(
            lambda: step(pipeline, learner, batch, settings), pipeline.device
        ),
    }
    pipeline.unload_adapter()
    return figures


def lora_and_events(
    pipeline: StructuredPipeline, batch: Batch, settings: TrainingSettings, rounds: int
) -> dict[str, Any]:
    """Size, memory and correctness of training with events, and the time of its steps; both are trained after it."""
    learner = learner_for(pipeline, settings)
    change = change_by_untrained(pipeline, batch)
    reach = reach_of_gradient(pipeline, learner, batch)

    def take(heard: Batch) -> None:
        step(pipeline, learner, heard, settings)

    return {
        **reach,
        "largest change when untrained": change,
        "peak memory of training, LoRA and events, GB": peak_memory(lambda: take(batch), pipeline.device),
        "training step, seconds": in_turns(
            {
                "LoRA alone": lambda: timed(lambda: take(replace(batch, plan=None)), pipeline.device),
                "LoRA and events": lambda: timed(lambda: take(batch), pipeline.device),
            },
            rounds,
        ),
        "optimizer": type(learner.optimizer).__name__,
    }


def inference(pipeline: StructuredPipeline, batch: Batch, settings: TrainingSettings, rounds: int) -> dict[str, Any]:
    """Size of the adapter on disk, and the time of a call without events and with guidance on them."""
    size = with_saved_adapter(pipeline, settings)
    calls = {
        "events off, 2 rows": lambda: forward_seconds(pipeline, batch, 0.0),
        "events guided, 3 rows": lambda: forward_seconds(pipeline, batch, pipeline.defaults.event_guidance),
    }
    in_turns(calls, 1)  # the first call of a shape pays for allocations
    return {"adapter on disk, MB": size, "forward pass, seconds": in_turns(calls, rounds)}


def measure_layout(name: str, device: torch.device, seconds: float, rounds: int) -> dict[str, Any]:
    """All figures of one layout, JSON types."""
    from training.settings import make_settings

    begin = time.perf_counter()

    def note(found: dict[str, Any]) -> dict[str, Any]:
        print(f"[{time.perf_counter() - begin:5.1f} s] {name}: {json.dumps(found)}", flush=True)
        return found

    pipeline = untrained_pipeline(name, device)
    figures = note({"transformer parameters": sum(p.numel() for p in pipeline.pipe.transformer.parameters())})
    settings = make_settings("real", dataset_dir=Path(), base_model=name)
    batch = random_batch(pipeline, seconds)
    figures |= note(lora_alone(pipeline, batch, settings))
    figures |= note(lora_and_events(pipeline, batch, settings, rounds))
    figures |= note(inference(pipeline, batch, settings, rounds))
    return figures


def bars(name: str, figures: dict[str, Any]) -> list[Bar]:
    """What the figures of one layout should be, and those worth a line of their own."""
    unreached = figures["rows and columns without a gradient"]
    step_off, step_on = (statistics.median(taken) for taken in figures["training step, seconds"].values())
    call_off, call_on = (statistics.median(taken) for taken in figures["forward pass, seconds"].values())
    found = [
        Bar(f"{name}: parameters of the event path", figures["event path parameters"] / 1e6, "M", most=MOST_LEARNED),
        Bar(f"{name}: largest change by an untrained event path", figures["largest change when untrained"], most=0.0),
        Bar(f"{name}: rows and columns of the event path without a gradient", unreached, most=0),
        Bar(f"{name}: events' share of a training step", step_on / step_off - 1),
        Bar(f"{name}: a guided call against one without events", call_on / call_off, "times"),
    ]
    peak = figures["peak memory of training, LoRA and events, GB"]
    return found if peak is None else [*found, Bar(f"{name}: peak memory of training with events", peak, "GB")]


def require_memory(name: str, device: torch.device) -> None:
    """Refuse a layout that the CPU's memory cannot hold.

    Raises:
        BenchmarkError: it would not fit.
    """
    import psutil
    import torch
    from diffusers import AceStepTransformer1DModel

    if device.type != "cpu":
        return
    with torch.device("meta"):
        weights = sum(2 * p.numel() for p in AceStepTransformer1DModel(**LAYOUTS[name]).parameters()) / 1e9
    needed, free = 1.3 * weights + 3.0, psutil.virtual_memory().available / 1e9
    if free < needed:
        raise BenchmarkError(
            f"The {name} layout needs about {needed:.0f} GB of memory here, and {free:.0f} GB are free: close other "
            "programs, or run this where there is a GPU."
        )


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layouts", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--layouts", nargs="+", choices=LAYOUTS, metavar="NAME", help=f"of {', '.join(LAYOUTS)} (default all; CPU: 2 B)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        help="length of the song, 10 or more so that it holds every type (default 240 on CUDA, else 10)",
    )
    parser.add_argument("--rounds", type=int, help="measurements of each time (default 5 on CUDA, else 3)")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Measure, print and record."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    on_cuda = device.type == "cuda"
    seconds = options.seconds or (240.0 if on_cuda else 10.0)
    rounds = options.rounds or (5 if on_cuda else 3)
    figures: dict[str, dict[str, Any]] = {}
    for name in options.layouts or (list(LAYOUTS) if on_cuda else ["2 B"]):
        require_memory(name, device)
        figures[name] = measure_layout(name, device, seconds, rounds)
        gc.collect()  # the model before this one is held in circles
        if on_cuda:
            torch.cuda.empty_cache()
    record(
        "layouts",
        [bar for name, found in figures.items() for bar in bars(name, found)],
        figures,
        {
            "device": torch.cuda.get_device_name() if on_cuda else "cpu",
            "threads": torch.get_num_threads(),
            "precision": "bf16",
            "preset": "real",
            "batch size": 1,
            "song, seconds": seconds,
            "condition tokens": TOKENS,
            "rounds": rounds,
        },
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
