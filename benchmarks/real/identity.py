"""Does the checkpoint stay itself? Songs bit for bit beside bare diffusers, and an adapter that comes and goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import acestep  # noqa: F401  before torch
from benchmarks.real.settings import Proof

if TYPE_CHECKING:
    from acestep.pipeline import SongRequest, StructuredPipeline

CAPTION = "An upbeat indie pop song with drums, bass, guitar and a bright lead."
SEED = 3
LOUD = 0.02  # deviation of the weights of an adapter that is to be heard


def request_of(proof: Proof) -> SongRequest:
    """A song of two parts."""
    from acestep.pipeline import SongRequest
    from structure.events import Event

    end = proof.compared_seconds
    events = [Event(type="verse", start=0, end=end / 2), Event(type="chorus", start=end / 2, end=end)]
    return SongRequest(
        events=events, prompt=CAPTION, bpm=120, seed=SEED, duration=end, steps=proof.denoising_steps, section_tags=False
    )


def bare_song(pipeline: StructuredPipeline, request: SongRequest) -> np.ndarray:
    """The same song by diffusers' own pipeline alone, float32 (samples, channels)."""
    import torch

    asked = pipeline.complete(request)
    audio = pipeline.pipe(
        prompt=asked.prompt, lyrics="", audio_duration=asked.duration, num_inference_steps=asked.steps,
        guidance_scale=asked.guidance_scale, shift=asked.shift, bpm=asked.bpm, timesignature=asked.timesignature,
        generator=torch.Generator().manual_seed(asked.seed),
    ).audios  # fmt: skip
    samples = torch.as_tensor(audio)[0].float().cpu().numpy().T
    return samples[: round(asked.duration * pipeline.sample_rate)]


def identity(proof: Proof) -> dict[str, Any]:
    """Samples that differ from bare diffusers, with nothing loaded and with an adapter that has learned nothing."""
    from acestep.loading import load_pipeline

    pipeline = load_pipeline(str(proof.model), device=proof.device)
    request = request_of(proof)
    one_pass = request.model_copy(update={"event_guidance": 1.0})  # guidance adds rows, and rounding with them
    bare = bare_song(pipeline, request)
    found = {
        "diffusers, twice": _compared(bare_song(pipeline, request), bare),
        "no adapter": _compared(pipeline.generate(request).samples, bare),
    }
    pipeline.load_adapter(untrained_adapter(pipeline, proof.work / "untrained"))
    found["untrained adapter, events told"] = _compared(pipeline.generate(one_pass).samples, bare)
    found["untrained adapter, events guided"] = _compared(pipeline.generate(request).samples, bare)
    exact = ("diffusers, twice", "no adapter", "untrained adapter, events told")
    return {
        "passed": all(found[name]["samples that differ"] == 0 for name in exact),
        "compared": found,
        "must be equal": list(exact),
        "samples": bare.size,
        "note": "Guided events join the batch as a row of their own, whose rounding may differ.",
    }


def adapter(proof: Proof) -> dict[str, Any]:
    """An adapter with weights that are heard: saved, loaded here and by bare diffusers, unloaded, refused elsewhere."""
    import torch

    from acestep.adapter import CARD_FILE, AdapterError
    from acestep.loading import load_pipeline

    pipeline = load_pipeline(str(proof.model), device=proof.device)
    request = request_of(proof)
    silent = request.model_copy(update={"use_events": False})
    bare = bare_song(pipeline, request)
    folder = untrained_adapter(pipeline, proof.work / "random", LOUD)
    seconds = _seconds(lambda: pipeline.load_adapter(folder))
    told, lora = pipeline.generate(request).samples, pipeline.generate(silent).samples
    pipeline.unload_adapter()
    after = _compared(pipeline.generate(silent).samples, bare)
    card = folder / CARD_FILE
    kept = card.read_text("utf-8")
    try:
        card.write_text(kept.replace(pipeline.model_hash, "0" * len(pipeline.model_hash)), "utf-8")
        pipeline.load_adapter(folder)
        refused = ""
    except AdapterError as problem:
        refused = str(problem)
    finally:
        card.write_text(kept, "utf-8")
    pipeline.pipe.load_lora_weights(folder)
    pipeline.pipe.transformer.eval()
    with torch.no_grad():
        by_diffusers = _compared(bare_song(pipeline, request), lora)
    differs = float(np.abs(told - bare).max()), float(np.abs(told - lora).max())
    return {
        "passed": bool(min(differs) > 0 and after["samples that differ"] == 0 and refused)
        and by_diffusers["samples that differ"] == 0,
        "loading, seconds": seconds,
        "on disk, MB": sum(path.stat().st_size for path in folder.iterdir()) / 1e6,
        "it changes the song by": differs[0],
        "its events change the song by": differs[1],
        "its LoRA in bare diffusers, against here": by_diffusers,
        "unloaded, against bare diffusers": after,
        "on another checkpoint": refused or "was not refused",
    }


def untrained_adapter(pipeline: StructuredPipeline, folder: Path, deviation: float = 0.0) -> Path:
    """An adapter as training begins with it, in `folder`; the pipeline is bare again.

    Args:
        deviation: of random weights in the maps that begin as zero; 0 leaves them.
    """
    import torch

    from acestep.adapter import save_adapter
    from structure.plan import DEFAULT_VOCABULARY
    from training.model import adapter_card, make_trainable
    from training.settings import make_settings

    settings = make_settings("real", dataset_dir=Path(), output_dir=folder, gradient_checkpointing=False)
    learned = make_trainable(pipeline, DEFAULT_VOCABULARY, settings)
    if deviation:
        torch.manual_seed(SEED)
        for parameter in learned.values():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=deviation)
    card = adapter_card(pipeline, [], DEFAULT_VOCABULARY, settings, {})
    save_adapter(folder, pipeline.pipe.transformer, pipeline.conditioning.encoder, card)
    pipeline.unload_adapter()
    return folder


def _compared(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    if one.shape != other.shape:
        return {"samples that differ": max(one.size, other.size), "largest difference": None}
    apart = np.abs(one - other)
    return {"samples that differ": int((apart > 0).sum()), "largest difference": float(apart.max())}


def _seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
