"""What a training step costs at the sizes of the real checkpoints: rank 64, crops of 60 and 240 s, every way.

    python -m benchmarks.sizes                    # on a GPU: 2 B and XL with random weights
    python -m benchmarks.sizes --size starter     # anywhere: a rehearsal of the same table with the starter

The preset for real checkpoints, in bf16 and fp32, compiled or not, with gradient checkpointing and without. Weights
are random, so this tells times and memory, and nothing about how well anything learns. What runs out of memory or
cannot be compiled is a row of the table all the same.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import acestep  # noqa: F401  before torch
from benchmarks.cards import peak_of
from benchmarks.layouts import require_memory
from benchmarks.random_checkpoint import LAYOUTS, TOKENS, untrained_pipeline
from benchmarks.record import Bar, exit_status, record
from benchmarks.steps import RANK, every_way, measure_ways, printed

if TYPE_CHECKING:
    import torch

    from acestep.pipeline import StructuredPipeline

STARTER = "starter"
UPSTREAM_LORA = 44.0  # million parameters of rank 64 on the 2 B model, by upstream's own training log
UPSTREAM = "Upstream's log says 44 M parameters for rank 64 on the 2 B model; no times or memory of it are known to us."


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=(__doc__ or "").split("\n")[0])
    sizes = (STARTER, *LAYOUTS)
    parser.add_argument(
        "--size", nargs="+", choices=sizes, metavar="SIZE", help=f"of {', '.join(sizes)} (default on CUDA 2 B and XL)"
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0, 240.0], help="crops (default 60 240)")
    parser.add_argument(
        "--precision", nargs="+", choices=("bf16", "fp32"), default=["bf16", "fp32"], help="default both"
    )
    parser.add_argument(
        "--presets", nargs="+", default=["real"], help="of the trainer (default real; turbo differs in no time)"
    )
    parser.add_argument("--no-compile", action="store_true", help="leave out what torch compiles, which takes minutes")
    parser.add_argument("--rounds", type=int, default=5, help="steps timed of each way (default 5)")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Measure, print and record: as `sizes`, or as `sizes-starter` what is a rehearsal only."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = options.size or (list(LAYOUTS) if device.type == "cuda" else [STARTER])
    compiling = (False,) if options.no_compile else (False, True)
    rows: dict[str, list[dict[str, Any]]] = {}
    for size in sizes:
        pipeline = _pipeline(size, device)
        ways = every_way(options.presets, options.seconds, options.precision, compiling)
        rows[size] = measure_ways(
            pipeline, ways, options.rounds, lambda line, of=size: print(f"{of}: {line}", flush=True)
        )
        del pipeline
        gc.collect()  # the model before the next one is held in circles
        print(f"\n{size}, rank {RANK}, batch size 1\n{printed(rows[size])}\n")
    card = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    record(
        "sizes" if set(sizes) != {STARTER} else f"sizes-{STARTER}",
        [bar for size in sizes for bar in bars(size, rows[size])],
        rows,
        {
            "device": card,
            "peak of the card, TFLOPS and source": peak_of(card),
            "threads": torch.get_num_threads(),
            "rank": RANK,
            "batch size": 1,
            "condition tokens": TOKENS,
            "rounds": options.rounds,
            "weights": "the starter's; a rehearsal of the table" if set(sizes) == {STARTER} else "random",
            "upstream": UPSTREAM,
        },
    )


def bars(size: str, rows: Sequence[dict[str, Any]]) -> list[Bar]:
    """What is worth a line of its own: the parameters, and each length's fastest way."""
    taken = [row for row in rows if "failed" not in row]
    found = []
    if taken:
        millions = taken[0]["lora_parameters"] / 1e6
        limits = {"least": UPSTREAM_LORA - 0.5, "most": UPSTREAM_LORA + 0.5} if size == "2 B" else {}
        found.append(Bar(f"{size}: parameters of a LoRA of rank {RANK}", millions, "M", **limits))
    for seconds in sorted({row["seconds"] for row in taken}):
        best = min((row for row in taken if row["seconds"] == seconds), key=lambda row: row["step_seconds"])
        found.append(Bar(f"{size}: fastest step on {seconds:g} s", best["step_seconds"], "s"))
        shares = [row["utilisation"] for row in taken if row["seconds"] == seconds and row["utilisation"] is not None]
        if shares:
            found.append(Bar(f"{size}: most of the card's peak on {seconds:g} s", max(shares)))
    return found


def _pipeline(size: str, device: torch.device) -> StructuredPipeline:
    if size == STARTER:
        from acestep.loading import load_pipeline

        return load_pipeline(STARTER, device=str(device))
    require_memory(size, device)
    return untrained_pipeline(size, device)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
