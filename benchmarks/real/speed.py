"""Memory and speed of the checkpoint: loading, songs of several lengths, and training steps each way."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import acestep  # noqa: F401  before torch
from benchmarks.cards import peak_of
from benchmarks.layouts import timed
from benchmarks.real.identity import request_of, untrained_adapter
from benchmarks.real.settings import Proof
from benchmarks.steps import as_table, every_way, in_words, make_room, measure_ways

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline


def speed(proof: Proof) -> dict[str, Any]:
    """Seconds and gigabytes (10^9 bytes; None where nobody counts them), and the table of `benchmarks.steps`."""
    import torch

    from acestep.loading import load_pipeline

    begin = time.perf_counter()
    pipeline = load_pipeline(str(proof.model), device=proof.device)
    loading, on_cuda = time.perf_counter() - begin, pipeline.device.type == "cuda"
    peak = peak_of(torch.cuda.get_device_name(pipeline.device)) if on_cuda else None
    folder = untrained_adapter(pipeline, proof.work / "untrained")
    songs = []
    for seconds in proof.song_seconds:
        try:
            songs.append(_song(pipeline, proof, folder, seconds))
        except Exception as problem:  # the longest may not fit: the shorter ones, and the steps, are still told
            songs.append({"song, seconds": seconds, "failed": in_words(problem)})
        make_room(pipeline.device)
        print(songs[-1], flush=True)
    pipeline.unload_adapter()
    precision = ["bf16"] if on_cuda else ["fp32"]
    ways = every_way(["real"], proof.crop_seconds, precision, (False,) if proof.quick else (False, True))
    rows = measure_ways(pipeline, ways, rounds=1 if proof.quick else 5)
    return {
        "passed": all(any("failed" not in row for row in part) for part in (songs, rows)),
        "loading, seconds": loading,
        "songs": songs,
        "training steps": rows,
        "table": as_table(rows),
        "peak of the card, TFLOPS and source": peak,
    }


def _song(pipeline: StructuredPipeline, proof: Proof, folder: Path, seconds: float) -> dict[str, Any]:
    """One song without an adapter and one with events guided: seconds, and peak memory."""
    import torch

    from structure.events import Event

    on_cuda = pipeline.device.type == "cuda"
    events = [Event(type="verse", start=0, end=seconds / 2), Event(type="chorus", start=seconds / 2, end=seconds)]
    request = request_of(proof).model_copy(update={"duration": seconds, "events": events})
    row: dict[str, Any] = {"song, seconds": seconds}
    for name, loaded in (("without adapter", False), ("events guided", True)):
        pipeline.unload_adapter()
        if loaded:
            pipeline.load_adapter(folder)
        pipeline.generate(request.model_copy(update={"steps": 1}))  # the first call of a shape pays for allocations
        if on_cuda:
            torch.cuda.reset_peak_memory_stats(pipeline.device)
        row[f"{name}, seconds"] = timed(lambda: pipeline.generate(request), pipeline.device)
        row[f"{name}, peak GB"] = torch.cuda.max_memory_allocated(pipeline.device) / 1e9 if on_cuda else None
    return row
