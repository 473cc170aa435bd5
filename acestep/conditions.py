"""What the transformer is told besides events: text, lyrics and metadata, and the source context.

The same calls that `AceStepPipeline` makes for a text-to-music request, so training sees exactly what
generation will.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from diffusers import AceStepPipeline


@dataclass
class Condition:
    """One song's condition for cross-attention: `hidden` (1, tokens, condition width), every token real."""

    hidden: Tensor


@torch.no_grad()
def encode_condition(
    pipe: "AceStepPipeline",
    prompt: str,
    lyrics: str = "",
    duration: float = 30.0,
    bpm: int | None = None,
    keyscale: str = "",
    timesignature: str = "",
    vocal_language: str = "en",
) -> Condition:
    """Encode one song's words as the pipeline does when it generates.

    Args:
        duration: seconds; the prompt template names it in whole seconds.
    """
    text, text_mask, lyric, lyric_mask = pipe.encode_prompt(
        prompt=prompt,
        lyrics=lyrics,
        device=pipe._execution_device,
        vocal_language=vocal_language,
        audio_duration=duration,
        bpm=bpm,
        keyscale=keyscale,
        timesignature=timesignature,
    )
    hidden, _ = pipe.condition_encoder(
        text_hidden_states=text,
        text_attention_mask=text_mask,
        lyric_hidden_states=lyric,
        lyric_attention_mask=lyric_mask,
        refer_audio_acoustic_hidden_states_packed=silent_reference(pipe),
        refer_audio_order_mask=torch.zeros(1, dtype=torch.long, device=text.device),
    )
    return Condition(hidden)


def silent_reference(pipe: "AceStepPipeline") -> Tensor:
    """Thirty seconds of encoded silence, (1, frames, latent channels): the timbre of a song without a reference."""
    frames = math.ceil(30 * pipe.latents_per_second)
    silence = pipe.condition_encoder.silence_latent[:, :frames]
    return silence.to(device=pipe._execution_device, dtype=pipe.transformer.dtype)


def source_context(pipe: "AceStepPipeline", n_frames: int) -> Tensor:
    """Source latents and chunk mask of a text-to-music request, (1, n_frames, 2 * latent channels).

    The source is silence (never the song itself, which would give the answer away) and the mask is one.
    """
    device, dtype = pipe._execution_device, pipe.transformer.dtype
    silence, _ = pipe.prepare_src_latents(device=device, dtype=dtype, latent_length=n_frames)
    return torch.cat([silence, torch.ones_like(silence)], dim=-1)


def pad_conditions(conditions: list[Condition]) -> tuple[Tensor, Tensor]:
    """Conditions as a batch: hidden (batch, longest, width), zero-padded, and the mask for `masked_cross_attention`."""
    longest = max(c.hidden.shape[1] for c in conditions)
    hidden = conditions[0].hidden.new_zeros(len(conditions), longest, conditions[0].hidden.shape[2])
    mask = torch.zeros(len(conditions), longest, dtype=torch.bool, device=hidden.device)
    for i, condition in enumerate(conditions):
        hidden[i, : condition.hidden.shape[1]] = condition.hidden[0]
        mask[i, : condition.hidden.shape[1]] = True
    return hidden, mask
