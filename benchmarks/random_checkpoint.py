"""Checkpoints in the layouts of the real ones, with random weights, and a crop for them to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import acestep  # noqa: F401  before torch
from structure.events import MOMENT_TYPES, SECTION_TYPES, Event
from training.sizes import LAYOUTS

if TYPE_CHECKING:
    import torch

    from acestep.event_encoder import EventPlan
    from acestep.pipeline import StructuredPipeline
    from training.batch import Batch

TEXT_WIDTH = 1024  # of Qwen3-Embedding-0.6B
TOKENS = 512  # of the condition: a caption and the lyrics of a song


def untrained_pipeline(name: str, device: torch.device) -> StructuredPipeline:
    """A checkpoint of a layout, made on the device in bf16; what stands around the transformer is there in name only.

    The transformer has no buffers: rotary frequencies and the timestep's sinusoids are computed in float32 at each
    call, so a default type of bf16 rounds nothing but the weights, as loading a checkpoint in bf16 does.
    """
    import torch
    from diffusers import (
        AceStepPipeline,
        AceStepTransformer1DModel,
        AutoencoderOobleck,
        FlowMatchEulerDiscreteScheduler,
    )
    from diffusers.pipelines.ace_step import AceStepConditionEncoder
    from transformers import Qwen3Config, Qwen3Model

    from acestep.loading import BASE
    from acestep.pipeline import StructuredPipeline

    layout = LAYOUTS[name]
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        with device:
            transformer = AceStepTransformer1DModel(**layout)
            condition_encoder = AceStepConditionEncoder(
                hidden_size=layout["encoder_hidden_size"], text_hidden_dim=TEXT_WIDTH, intermediate_size=64,
                num_lyric_encoder_hidden_layers=1, num_timbre_encoder_hidden_layers=1,
            )  # fmt: skip
    finally:
        torch.set_default_dtype(torch.float32)
    vae = AutoencoderOobleck(
        encoder_hidden_size=2, decoder_channels=2, channel_multiples=[1] * 5, downsampling_ratios=[2, 4, 4, 6, 10],
        sampling_rate=48_000,
    )  # fmt: skip
    text = Qwen3Config(vocab_size=8, hidden_size=TEXT_WIDTH, intermediate_size=64, num_hidden_layers=1)
    pipe = AceStepPipeline(
        vae=vae.to(device), text_encoder=Qwen3Model(text).to(device), tokenizer=None, transformer=transformer,
        condition_encoder=condition_encoder, scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1),
    )  # fmt: skip
    return StructuredPipeline(pipe, name, "random", BASE)


def song_of_every_type(duration: float) -> list[Event]:
    """Each section type in turn and each moment type once, so that every column of the frame plan is used."""
    length = duration / len(SECTION_TYPES)
    events = [
        Event(type=kind, start=i * length, end=(i + 1) * length, intensity=0.5, label=f"like {kind}" if i % 2 else None)
        for i, kind in enumerate(SECTION_TYPES)
    ]
    spread = duration / len(MOMENT_TYPES)
    return events + [
        Event(type=kind, family="moment", start=(i + 0.4) * spread, end=(i + 0.6) * spread)
        for i, kind in enumerate(MOMENT_TYPES)
    ]


def random_plan(n_frames: int, frame_rate: float, text_width: int) -> EventPlan:
    """The plan of a song of every type, whose words have random embeddings of a text encoder's width."""
    import torch

    from acestep.event_encoder import EventPlan
    from structure.plan import frame_plan, frame_words

    events = song_of_every_type(n_frames / frame_rate)
    texts, which = frame_words(events, n_frames, frame_rate)
    numbers = torch.from_numpy(frame_plan(events, n_frames, frame_rate))
    return EventPlan(numbers[None], torch.randn(len(texts), text_width), torch.from_numpy(which)[None])


def random_batch(pipeline: StructuredPipeline, seconds: float) -> Batch:
    """One crop as the trainer would make it of a song that hears its events; latents and condition are noise."""
    import torch

    from acestep.conditions import source_context
    from training.batch import Batch

    n_frames = round(seconds * pipeline.frame_rate)
    device, transformer = pipeline.device, pipeline.pipe.transformer
    torch.manual_seed(1)
    latents = torch.randn(2, 1, n_frames, transformer.config.audio_acoustic_hidden_dim).to(device)
    width = transformer.config.encoder_hidden_size or transformer.config.hidden_size
    condition = torch.randn(1, TOKENS, width)
    text_width = pipeline.pipe.text_encoder.config.hidden_size
    return Batch(
        x_0=latents[0],
        noise=latents[1],
        t=torch.tensor([0.7], device=device),
        condition=condition.to(device, transformer.dtype),
        condition_mask=None,
        context=source_context(pipeline.pipe, n_frames),
        plan=random_plan(n_frames, pipeline.frame_rate, text_width).to(device),
        hears_events=None,
        mask=torch.ones(1, n_frames, device=device),
        weight=torch.ones(1, device=device),
        frames=float(n_frames),
    )
