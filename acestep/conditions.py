"""What the transformer is told besides events: text, lyrics and metadata, and the source context.

The same calls that `AceStepPipeline` makes for a text-to-music request, so training sees exactly what
generation will.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from acestep.event_encoder import EventPlan
from structure.events import Event
from structure.plan import frame_plan, frame_words

if TYPE_CHECKING:
    from diffusers import AceStepPipeline

MOST_TEXT, MOST_LYRICS = 256, 2048
"""Tokens that the model reads; the limits of `AceStepPipeline.encode_prompt`."""


@dataclass
class Condition:
    """One song's condition for cross-attention: `hidden` (1, tokens, condition width), every token real."""

    hidden: Tensor


class WordEncoder:
    """Encodes songs' words as the pipeline does when it generates, each text, each lyrics and the timbre once.

    The condition encoder puts lyrics, timbre and text of one song behind one another, and none of the three depends on
    the others, so crops of one song share what they have in common. Everything here is frozen.

    Args:
        pipe: the diffusers pipeline.
        most_bytes: how much is kept, on the model's device; beyond it the longest unused goes first.
    """

    def __init__(self, pipe: "AceStepPipeline", most_bytes: int = 2**28) -> None:
        self.pipe = pipe
        self.most_bytes = most_bytes
        self._device = pipe._execution_device  # asking walks through every module
        self._kept: dict[tuple, Tensor] = {}  # the most recently used last
        self._bytes = 0

    @torch.no_grad()
    def __call__(
        self,
        prompt: str,
        lyrics: str = "",
        duration: float = 30.0,
        bpm: int | None = None,
        keyscale: str = "",
        timesignature: str = "",
        vocal_language: str = "en",
    ) -> Condition:
        """One song's condition; `duration` in seconds, of which the prompt template names the whole ones."""
        metas = {"bpm": bpm, "keyscale": keyscale, "timesignature": timesignature}
        text = self._once(("text", prompt, int(duration), *metas.values()), lambda: self._text(prompt, duration, metas))
        sung = self._once(("lyrics", lyrics, vocal_language), lambda: self._lyrics(lyrics, vocal_language))
        timbre = self._once(("timbre",), self._timbre)
        return Condition(torch.cat([sung, timbre, text], dim=1))

    @torch.no_grad()
    def embed(self, text: str) -> Tensor:
        """A text about a section as one vector (text width,): the mean of the text encoder's states over its tokens."""
        return self._once(("words", text), lambda: self._states(text).mean(1)[0])

    def count_tokens(self, prompt: str, lyrics: str, vocal_language: str, duration: float, **metas: Any) -> list[int]:
        """How many tokens text and lyrics would be if nothing were cut; `metas` are bpm, keyscale and timesignature."""
        written = self.pipe._format_prompt(prompt, lyrics, vocal_language, duration, **metas)
        return [len(self.pipe.tokenizer(text).input_ids) for text in written]

    def _text(self, prompt: str, duration: float, metas: dict[str, Any]) -> Tensor:
        text, *_ = self.pipe.encode_prompt(
            prompt=prompt, lyrics="", device=self._device, audio_duration=duration, **metas
        )
        return self.pipe.condition_encoder.text_projector(text)

    def _states(self, text: str) -> Tensor:
        tokens = self.pipe.tokenizer(text, truncation=True, max_length=MOST_TEXT, return_tensors="pt")
        return self.pipe.text_encoder(input_ids=tokens.input_ids.to(self._device)).last_hidden_state

    def _lyrics(self, lyrics: str, vocal_language: str) -> Tensor:
        """As `encode_prompt` has it, without a pass of the text encoder, which lyrics do not need."""
        _, written = self.pipe._format_prompt("", lyrics, vocal_language)
        tokens = self.pipe.tokenizer(written, truncation=True, max_length=MOST_LYRICS, return_tensors="pt")
        tokens = tokens.to(self._device)
        embedded = self.pipe.text_encoder.get_input_embeddings()(tokens.input_ids)
        real = tokens.attention_mask.bool()
        return self.pipe.condition_encoder.lyric_encoder(inputs_embeds=embedded, attention_mask=real)

    def _timbre(self) -> Tensor:
        silence = silent_reference(self.pipe)
        first = torch.zeros(1, dtype=torch.long, device=silence.device)
        return self.pipe.condition_encoder.timbre_encoder(silence, first)[0]

    def _once(self, key: tuple, make: Callable[[], Tensor]) -> Tensor:
        part = self._kept.pop(key, None)
        if part is None:
            part = make()
            self._bytes += part.nbytes
        self._kept[key] = part
        while self._bytes > self.most_bytes and len(self._kept) > 1:
            self._bytes -= self._kept.pop(next(iter(self._kept))).nbytes
        return part


def event_plan(
    songs: Sequence[Sequence[Event]], n_frames: int, frame_rate: float, vocabulary: Sequence[str], encode: WordEncoder
) -> EventPlan:
    """The plan of a batch of songs or crops of one length, on the CPU but for the words.

    Args:
        songs: the events of each, in seconds from its first frame.
        n_frames: length of all of them in latent frames.
        frame_rate: latent frames per second (Hz).
        vocabulary: types that have a column.
        encode: reads labels, and types that have none.
    """
    numbers = [torch.from_numpy(frame_plan(events, n_frames, frame_rate, vocabulary)) for events in songs]
    texts: list[str] = []
    rows = []
    for events in songs:
        said, which = frame_words(events, n_frames, frame_rate, vocabulary)
        texts += [text for text in said if text not in texts]
        places = torch.tensor([0, *(1 + texts.index(text) for text in said)])
        rows.append(places[torch.from_numpy(which)])
    words = [encode.embed(text).float() for text in texts]
    width = encode.pipe.text_encoder.config.hidden_size
    return EventPlan(torch.stack(numbers), torch.stack(words) if words else torch.zeros(0, width), torch.stack(rows))


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
