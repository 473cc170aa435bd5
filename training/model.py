"""The part of the model that learns: a LoRA in the attention layers and the event encoder, on a frozen base."""

import math
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from acestep.adapter import LORA_NAME, AdapterCard, dora_magnitudes, lora_config
from acestep.conditioning import EventConditioning
from acestep.conditions import source_context
from acestep.event_encoder import EventEncoder, stream_levels
from acestep.lokr import lokr_config
from structure.events import sections
from structure.plan import DEFAULT_VOCABULARY
from training.dataset import TrainingSong
from training.frozen import quantise
from training.settings import PLACES, TrainingSettings

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline


def vocabulary_of(songs: Iterable[TrainingSong]) -> tuple[str, ...]:
    """The default vocabulary, then every other type that the songs use, in alphabetical order."""
    used = {event.type for song in songs for event in song.events}
    return DEFAULT_VOCABULARY + tuple(sorted(used - set(DEFAULT_VOCABULARY)))


def make_trainable(
    pipeline: "StructuredPipeline", vocabulary: tuple[str, ...], settings: TrainingSettings
) -> dict[str, Tensor]:
    """Freeze the base and give it a fresh LoRA and, with events, a fresh event encoder.

    Returns:
        every tensor that learns, by name, in float32; names of the encoder begin with `events.`.
    """
    pipe = pipeline.pipe
    for part in (pipe.transformer, pipe.condition_encoder, pipe.text_encoder, pipe.vae):
        part.requires_grad_(False)
    torch.manual_seed(settings.seed)
    if settings.quantise == "int8":
        quantise(pipe.transformer)
    pipe.transformer.add_adapter(_adapter_config(settings), adapter_name=LORA_NAME)
    if settings.gradient_checkpointing:
        pipe.transformer.enable_gradient_checkpointing()
    learned = {f"lora.{name}": p for name, p in pipe.transformer.named_parameters() if p.requires_grad}
    for parameter in learned.values():
        parameter.data = parameter.data.float()
    for magnitude, frozen in dora_magnitudes(pipe.transformer):
        magnitude.data = frozen  # peft took it in the base's precision, and a rounded one is heard before it has learnt
    if settings.events:
        text_width = pipe.text_encoder.config.hidden_size
        encoder = EventEncoder.for_transformer(pipe.transformer, text_width, vocabulary).to(pipeline.device)
        calibrate(pipeline, encoder)
        pipeline.conditioning = EventConditioning(pipe.transformer, encoder)
        learned |= {f"events.{name}": p for name, p in encoder.named_parameters()}
    return learned


def _adapter_config(settings: TrainingSettings) -> Any:
    """What peft lays over the frozen layers."""
    size = settings.lora_rank, settings.lora_alpha, settings.lora_dropout, settings.lora_targets.split(",")
    return (
        lokr_config(*size)
        if settings.adapter == "lokr"
        else lora_config(*size, settings.lora_rslora, settings.lora_dora)
    )


def calibrate(pipeline: "StructuredPipeline", encoder: EventEncoder) -> None:
    """Scale what an untrained encoder will add to the streams of this pipeline's transformer."""
    encoder.calibrate(stream_levels(pipeline.pipe.transformer, _noise(pipeline), encoder.n_blocks))


def _noise(pipeline: "StructuredPipeline", seconds: float = 10.0) -> dict[str, Tensor]:
    """What the transformer is called with for noise at t = 0.7, without words; the same each time."""
    pipe, n_frames = pipeline.pipe, round(seconds * pipeline.frame_rate)
    null = pipe.condition_encoder.null_condition_emb.detach()
    shape = (1, n_frames, pipe.transformer.config.audio_acoustic_hidden_dim)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(null)
    t = torch.full((1,), 0.7).to(null)
    return {
        "hidden_states": noise,
        "timestep": t,
        "timestep_r": t,
        "encoder_hidden_states": null,
        "context_latents": source_context(pipe, n_frames),
    }


def make_optimizer(learned: dict[str, Tensor], settings: TrainingSettings) -> tuple[torch.optim.Optimizer, str]:
    """AdamW or Prodigy with groups for the LoRA and for the event encoder; each group's `peak` is its highest rate.

    Biases and DoRA's magnitudes, which are vectors, do not decay: a magnitude of zero would silence its layer.

    Prodigy finds one rate for all that learns: both groups' `peak` is then 1, the share of that rate.

    Returns:
        the optimizer, and a sentence where it is not the one asked for or does not heed all settings.
    """
    groups = []
    for prefix, scale in (("lora.", 1.0), ("events.", settings.event_lr_scale)):
        members = [p for name, p in learned.items() if name.startswith(prefix)]
        peak = 1.0 if settings.optimizer == "prodigy" else settings.learning_rate * scale
        for decay, alike in (
            (settings.weight_decay, [p for p in members if p.ndim > 1]),
            (0.0, [p for p in members if p.ndim <= 1]),
        ):
            if alike:
                groups.append({"params": alike, "lr": peak, "peak": peak, "weight_decay": decay})
    if settings.optimizer == "prodigy":
        return _prodigy(groups), "Prodigy finds one rate by itself: --learning-rate and --event-lr-scale do not count."
    if settings.optimizer == "adamw_8bit":
        eight_bit = _eight_bit_adamw(learned)
        if eight_bit is not None:
            return eight_bit(groups), ""
        message = "adamw_8bit needs bitsandbytes and CUDA, which are not here: plain AdamW is used instead."
        return torch.optim.AdamW(groups), message
    return torch.optim.AdamW(groups), ""


def learning_rate_factor(step: int, total: int, settings: TrainingSettings) -> float:
    """Share of the peak learning rate at `step` (from 0) of `total`: a linear warm-up, then the schedule."""
    warm_up = round(settings.warmup_ratio * total)
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    done = (step - warm_up) / max(1, total - warm_up)
    if settings.scheduler == "linear":
        return 1.0 - done
    if settings.scheduler == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * done))
    return 1.0


def adapter_card(
    pipeline: "StructuredPipeline",
    songs: Iterable[TrainingSong],
    vocabulary: tuple[str, ...],
    settings: TrainingSettings,
    scores: dict[str, float],
) -> AdapterCard:
    """What `adapter.json` will say."""
    return AdapterCard(
        name=settings.output_dir.name,
        base_model=pipeline.model_name,
        base_hash=pipeline.model_hash,
        vocabulary=vocabulary,
        has_events=settings.events,
        rank=settings.lora_rank,
        alpha=settings.lora_alpha,
        targets=tuple(settings.lora_targets.split(",")),
        rslora=settings.lora_rslora,
        dora=settings.lora_dora,
        kind=settings.adapter,
        trained_types=tuple(sorted({event.type for song in songs for event in sections(song.events)})),
        settings=settings.model_dump(
            mode="json", exclude=set(PLACES)
        ),  # an adapter travels; its maker's folders do not
        scores={name: value for name, value in scores.items() if math.isfinite(value)},
        licence=settings.license or "",
    )


def _prodigy(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    from prodigyopt import Prodigy

    with redirect_stdout(StringIO()):  # it prints a remark about weight decay
        return Prodigy(groups, use_bias_correction=True, safeguard_warmup=True)  # as its authors advise with a warm-up


def _eight_bit_adamw(learned: dict[str, Tensor]) -> Any:
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError:
        return None
    return AdamW8bit if all(p.is_cuda for p in learned.values()) else None
