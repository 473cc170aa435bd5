"""Training steps of a loaded checkpoint, each way that they can be taken: time, memory, and share of the card's peak.

The FLOPs are the model's own, whatever a way computes on top. One forward pass of the transformer with its LoRA is
counted by torch on the meta device; a step is that, backward to the inputs (linear layers as much again, attention
twice) and to the LoRA's own weights, since the base is frozen. Attention is counted in full where a window would do,
and the event path, under one per cent, not at all.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import acestep  # noqa: F401  before torch
from benchmarks.cards import peak_of
from benchmarks.layouts import learner_for, peak_memory, step, timed
from benchmarks.random_checkpoint import TOKENS, random_batch
from benchmarks.record import table

if TYPE_CHECKING:
    import torch
    from torch import nn

    from acestep.pipeline import StructuredPipeline

RANK = 64


@dataclass(frozen=True)
class Way:
    """One way to take a step.

    Attributes:
        preset: a key of `training.settings.PRESETS`.
        seconds: of the crop.
        precision: of the frozen model.
        compiled: whether torch compiles the blocks.
        checkpointing: whether activations are computed again in the backward pass.
    """

    preset: str
    seconds: float
    precision: str
    compiled: bool
    checkpointing: bool

    @property
    def name(self) -> str:
        """In words, for a line that says what goes on."""
        compiled = ", compiled" if self.compiled else ""
        saving = ", checkpointing" if self.checkpointing else ""
        return f"{self.preset}, {self.seconds:g} s, {self.precision}{compiled}{saving}"


def every_way(
    presets: Sequence[str], seconds: Sequence[float], precisions: Sequence[str], compiling: Sequence[bool]
) -> list[Way]:
    """All combinations, each with and without gradient checkpointing; precisions outermost, since weights are cast."""
    return [
        Way(preset, length, precision, compiled, checkpointing)
        for precision, preset, length, compiled, checkpointing in product(
            precisions, presets, seconds, compiling, (True, False)
        )
    ]


def measure_ways(
    pipeline: StructuredPipeline, ways: Sequence[Way], rounds: int, say: Callable[[str], object] = print
) -> list[dict[str, Any]]:
    """A row for each way, JSON types; one that cannot be taken has a sentence under `failed`.

    Args:
        pipeline: a bare checkpoint; its weights are cast, and are in the last way's precision afterwards.
        ways: what to measure.
        rounds: steps that are timed, after one that warms up and one whose memory is counted.
        say: told a line after each.
    """
    rows = []
    for way in ways:
        try:
            row = asdict(way) | _measure(pipeline, way, rounds)
            say(f"{way.name}: {row['step_seconds']:.3g} s a step")
        except Exception as problem:  # out of memory, no compiler: whatever it is, it belongs into the table
            row = asdict(way) | {"failed": in_words(problem)}
            say(f"{way.name}: {row['failed']}")
        finally:
            pipeline.unload_adapter()
            make_room(pipeline.device)
        rows.append(row)
    return rows


def step_flops(transformer: nn.Module, frames: int, tokens: int = TOKENS, rank: int = RANK) -> float:
    """FLOPs of one training step of a LoRA in the attention of a frozen transformer, batch 1.

    Args:
        transformer: whose config counts; its weights are not touched.
        frames: latent frames of the crop.
        tokens: of the condition.
        rank: of the LoRA.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from acestep.adapter import LORA_NAME, lora_config
    from acestep.flow import velocity

    with torch.device("meta"):
        shape = type(transformer).from_config(transformer.config)
        bare = _forward_flops(shape, frames, tokens, FlopCounterMode, velocity)
        shape.add_adapter(lora_config(rank, rank), adapter_name=LORA_NAME)
        both = _forward_flops(shape, frames, tokens, FlopCounterMode, velocity)
    lora = both["linear"] - bare["linear"]
    return 2 * both["linear"] + 3 * both["attention"] + lora


def as_table(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Rows of `measure_ways` as cells, a heading first."""
    head = ["preset", "crop", "precision", "compiled", "checkpointing", "step", "songs a second", "peak memory"]
    cells = [[*head, "TFLOP a step", "TFLOPS", "of the card's peak"]]
    for row in rows:
        told = [row["preset"], f"{row['seconds']:g} s", row["precision"]]
        told += ["yes" if row[key] else "no" for key in ("compiled", "checkpointing")]
        if "failed" in row:
            cells.append([*told, row["failed"], *[""] * 5])
            continue
        memory, share = row["peak_gb"], row["utilisation"]
        told += [f"{row['step_seconds']:.3g} s", f"{row['songs_a_second']:.3g}"]
        told += ["-" if memory is None else f"{memory:.1f} GB", f"{row['step_tflop']:.3g}", f"{row['tflops']:.3g}"]
        cells.append([*told, "-" if share is None else f"{share:.0%}"])
    return cells


def printed(rows: Sequence[dict[str, Any]]) -> str:
    """The same as text."""
    return table(as_table(rows))


def _measure(pipeline: StructuredPipeline, way: Way, rounds: int) -> dict[str, Any]:
    import torch

    from training.settings import make_settings

    transformer, device = pipeline.pipe.transformer, pipeline.device
    for part in (transformer, pipeline.pipe.condition_encoder):
        part.to({"bf16": torch.bfloat16, "fp32": torch.float32}[way.precision])
    transformer.disable_gradient_checkpointing()
    settings = make_settings(
        way.preset, dataset_dir=Path(), lora_rank=RANK, lora_alpha=RANK, gradient_checkpointing=way.checkpointing
    )
    with _compiled(transformer) if way.compiled else _as_it_is():
        learner = learner_for(pipeline, settings)
        batch = random_batch(pipeline, way.seconds)
        take = lambda: step(pipeline, learner, batch, settings)  # noqa: E731
        peak = peak_memory(take, device)
        taken = [timed(take, device) for _ in range(rounds)]
    seconds = statistics.median(taken)
    flops = step_flops(transformer, batch.x_0.shape[1])
    known = peak_of(torch.cuda.get_device_name(device)) if device.type == "cuda" and way.precision == "bf16" else None
    return {
        "step_seconds": seconds,
        "all_seconds": taken,
        "songs_a_second": len(batch.x_0) / seconds,
        "peak_gb": peak,
        "step_tflop": flops / 1e12,
        "tflops": flops / seconds / 1e12,
        "utilisation": flops / seconds / 1e12 / known[0] if known else None,
        "optimizer": type(learner.optimizer).__name__,
        "lora_parameters": sum(p.numel() for name, p in learner.parameters.items() if name.startswith("lora.")),
    }


def _forward_flops(shape: nn.Module, frames: int, tokens: int, counter: type, velocity: Callable) -> dict[str, float]:
    """FLOPs of a forward pass on the meta device: matrix products of attention, and all else."""
    import torch

    config = shape.config
    channels, width = config.audio_acoustic_hidden_dim, config.encoder_hidden_size or config.hidden_size
    x, context = torch.zeros(1, frames, channels), torch.zeros(1, frames, 2 * channels)
    with counter(display=False) as counted, torch.no_grad():
        velocity(shape, x, torch.zeros(1, tokens, width), context, torch.full((1,), 0.7))
    counts = counted.get_flop_counts()["Global"]
    attention = sum(flops for operation, flops in counts.items() if operation is torch.ops.aten.bmm)
    return {"attention": attention, "linear": counted.get_total_flops() - attention}


@contextmanager
def _compiled(transformer: nn.Module) -> Iterator[None]:
    """Within the block, torch compiles what each block computes; hooks that add events stay outside of it."""
    import torch

    torch._dynamo.reset()
    for block in transformer.layers:
        block.forward = torch.compile(block.forward, dynamic=False)
    try:
        yield
    finally:
        for block in transformer.layers:
            del block.forward


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


def in_words(problem: Exception) -> str:
    """Why something could not be measured, for a cell of a table."""
    from acestep.memory import is_out_of_memory

    if is_out_of_memory(problem):
        return "out of memory"
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:200]


def make_room(device: torch.device) -> None:
    """Give back the memory of what nobody uses any more."""
    import torch

    gc.collect()  # models, learners and hooks hold each other in circles
    if device.type == "cuda":
        torch.cuda.empty_cache()
