"""Training examples as tensors: what the transformer sees is what it would see when asked to generate that crop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep.conditions import Condition, encode_condition, pad_conditions, source_context
from acestep.flow import sample_timesteps
from structure.plan import frame_plan
from training.crops import NOISE, Crop, Words, crop_events, crop_words, stream
from training.dataset import TrainingSong
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline

MOST_TEXT, MOST_LYRICS = 256, 2048  # tokens; the limits of `AceStepPipeline.encode_prompt`


@dataclass
class Batch:
    """Crops of one length.

    `x_0` and `noise` (batch, frames, channels), `t` (batch,), `condition` (batch, tokens, width) with `condition_mask`
    bool (batch, tokens) or None where every token is real, `context` (batch, frames, 2 * channels), `plan` (batch,
    frames, plan channels) or None without events, `hears_events` bool (batch,).
    """

    x_0: Tensor
    noise: Tensor
    t: Tensor
    condition: Tensor
    condition_mask: Tensor | None
    context: Tensor
    plan: Tensor | None
    hears_events: Tensor

    @property
    def frames(self) -> int:
        """Latent frames in it, all of them real."""
        return self.x_0.shape[0] * self.x_0.shape[1]


class BatchMaker:
    """Turns crops into batches for one pipeline and one set of songs.

    Args:
        pipeline: gives text encoder, silence and frame rate.
        songs: what the crops' song numbers mean.
        latents: of each song, float32 (frames, channels).
        vocabulary: columns of the frame plan.
        settings: timesteps, tags, and whether there are events.
    """

    def __init__(
        self,
        pipeline: "StructuredPipeline",
        songs: Sequence[TrainingSong],
        latents: Sequence[Tensor],
        vocabulary: tuple[str, ...],
        settings: TrainingSettings,
    ) -> None:
        self.pipeline = pipeline
        self.songs = songs
        self.latents = latents
        self.vocabulary = vocabulary
        self.settings = settings
        self._conditions: dict[Words, Condition] = {}  # the text side is frozen: each wording is encoded once

    def condition(self, crop: Crop) -> Condition:
        """The crop's words, encoded by the pipeline's own calls, or as many null embeddings when text is dropped."""
        tags = self.settings.section_tags and self.settings.events
        words = crop_words(self.songs[crop.song], crop, self.pipeline.frame_rate, tags)
        key = replace(words, duration=int(words.duration))  # the template names whole seconds only
        if key not in self._conditions:
            self._conditions[key] = encode_condition(self.pipeline.pipe, **vars(words))
        found = self._conditions[key]
        if not crop.drop_text:
            return found
        null = self.pipeline.pipe.condition_encoder.null_condition_emb.detach()
        return Condition(null.to(found.hidden).expand_as(found.hidden))

    def cut_off(self) -> list[str]:
        """A sentence for each song whose text is longer than the model reads (256 tokens of text, 2048 of lyrics)."""
        pipe, found = self.pipeline.pipe, []
        for number, song in enumerate(self.songs):
            whole = Crop(number, 0, len(self.latents[number]))
            words = dict(vars(crop_words(song, whole, self.pipeline.frame_rate, self.settings.section_tags)))
            texts = pipe._format_prompt(audio_duration=words.pop("duration"), **words)
            limits = (("caption and tempo, key and length after it", MOST_TEXT), ("lyrics", MOST_LYRICS))
            for text, (what, most) in zip(texts, limits, strict=True):
                tokens = len(pipe.tokenizer(text).input_ids)
                if tokens > most:
                    found.append(f"{song.name}: the model reads {most} tokens of {what}, it has {tokens}; shorten it.")
        return found

    def plan(self, crop: Crop) -> Tensor:
        """The crop's frame plan, float32 (frames, plan channels)."""
        events = crop_events(self.songs[crop.song], crop, self.pipeline.frame_rate)
        return torch.from_numpy(frame_plan(events, crop.n_frames, self.pipeline.frame_rate, self.vocabulary))

    def batch(self, crops: Sequence[Crop], noise: Tensor, t: Tensor) -> Batch:
        """One batch of crops of equal length.

        Args:
            crops: all of `n_frames` frames.
            noise: float32 (batch, frames, channels) on the CPU.
            t: float32 (batch,) on the CPU.
        """
        device = self.pipeline.device
        x_0 = torch.stack([self.latents[c.song][c.start_frame : c.start_frame + c.n_frames] for c in crops])
        conditions = [self.condition(crop) for crop in crops]
        hidden, mask = pad_conditions(conditions)
        equal = len({c.hidden.shape[1] for c in conditions}) == 1
        context = source_context(self.pipeline.pipe, crops[0].n_frames)
        return Batch(
            x_0=x_0.to(device),
            noise=noise.to(device),
            t=t.to(device),
            condition=hidden,
            condition_mask=None if equal else mask,
            context=context.expand(len(crops), -1, -1),
            plan=torch.stack([self.plan(crop) for crop in crops]).to(device) if self.settings.events else None,
            hears_events=torch.tensor([not crop.drop_events for crop in crops], device=device),
        )

    def step_batches(self, crops: Sequence[Crop], step: int) -> list[Batch]:
        """The crops of one optimizer step as batches of equal length, at most `batch_size` each.

        Noise and timesteps follow from seed and step alone, and belong to the crop, not to its place in a batch.
        """
        generator = torch.Generator().manual_seed(int(stream(self.settings.seed, NOISE, step).integers(2**62)))
        noises = [torch.randn(c.n_frames, self.latents[0].shape[1], generator=generator) for c in crops]
        times = self.timesteps(len(crops), generator)
        batches = []
        for members in groups_of_equal_length(crops, self.settings.batch_size):
            noise = torch.stack([noises[i] for i in members])
            batches.append(self.batch([crops[i] for i in members], noise, times[members]))
        return batches

    def timesteps(self, n: int, generator: torch.Generator) -> Tensor:
        """Logit-normal times (n,), shifted where the settings say so."""
        t = sample_timesteps(n, self.settings.timestep_mu, self.settings.timestep_sigma, generator)
        return self.settings.shift * t / (1 + (self.settings.shift - 1) * t)


def groups_of_equal_length(crops: Sequence[Crop], largest: int) -> list[list[int]]:
    """Indices of crops that can share a batch: the model has no mask for padding, so lengths must agree."""
    by_length: dict[int, list[int]] = {}
    for index, crop in enumerate(crops):
        by_length.setdefault(crop.n_frames, []).append(index)
    return [same[i : i + largest] for same in by_length.values() for i in range(0, len(same), largest)]
