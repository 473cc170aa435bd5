"""Training examples as tensors: what the transformer sees is what it would see when asked to generate that crop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from acestep.conditions import (
    MOST_LYRICS,
    MOST_TEXT,
    Condition,
    WordEncoder,
    event_plan,
    pad_conditions,
    source_context,
)
from acestep.event_encoder import EventPlan
from acestep.flow import sample_timesteps, schedule_timesteps, shifted
from training.crops import NOISE, Crop, crop_events, crop_words, draw_crops, stream
from training.processes import ALONE, Processes
from training.settings import TrainingSettings
from training.training_set import TrainingSet

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline


@dataclass
class Batch:
    """Crops of one length.

    `x_0` and `noise` (batch, frames, channels), `t` (batch,), `condition` (batch, tokens, width) with `condition_mask`
    bool (batch, tokens) or None where every token is real, `context` (batch, frames, 2 * channels), `plan` or None
    without events, `hears_events` bool (batch,) or None where all rows do, `mask`
    (batch, frames), zero at splices, `weight` (batch,) of each song, `frames`: how many frames the mask leaves,
    `push` (batch, frames, channels) or None: what is added to the velocity to be learned.
    """

    x_0: Tensor
    noise: Tensor
    t: Tensor
    condition: Tensor
    condition_mask: Tensor | None
    context: Tensor
    plan: EventPlan | None
    hears_events: Tensor | None
    mask: Tensor
    weight: Tensor
    frames: float
    push: Tensor | None = None


class BatchMaker:
    """Turns crops into batches for one pipeline and one set of songs. For one thread: tokenizers allow no two.

    Args:
        pipeline: gives text encoder, silence and frame rate.
        training_set: what the crops' song numbers mean.
        vocabulary: columns of the frame plan.
        settings: timesteps, tags, and whether there are events.
        processes: among whom a step's crops are shared out.
    """

    def __init__(
        self,
        pipeline: "StructuredPipeline",
        training_set: TrainingSet,
        vocabulary: tuple[str, ...],
        settings: TrainingSettings,
        processes: Processes = ALONE,
    ) -> None:
        self.pipeline = pipeline
        self.training_set = training_set
        self.vocabulary = vocabulary
        self.settings = settings
        self.processes = processes
        self._encode = WordEncoder(pipeline.pipe)
        self._device = pipeline.device
        self._context = source_context(pipeline.pipe, training_set.longest)  # once: asking the pipeline takes a while

    def condition(self, crop: Crop) -> Condition:
        """The crop's words, encoded by the pipeline's own parts, or as many null embeddings when text is dropped."""
        song = self.training_set.heard(crop.song, crop.arrangement, crop.levels).song
        tags = self.training_set.section_tags
        found = self._encode(**vars(crop_words(song, crop, self.training_set.frame_rate, tags)))
        if not crop.drop_text:
            return found
        null = self.pipeline.pipe.condition_encoder.null_condition_emb.detach()
        return Condition(null.to(found.hidden).expand_as(found.hidden))

    def cut_off(self) -> list[str]:
        """A sentence for each song whose text is longer than the model reads (256 tokens of text, 2048 of lyrics)."""
        found = []
        for number, song in enumerate(self.training_set.songs):
            whole = Crop(number, 0, len(self.training_set.latents[number][0]))
            words = crop_words(song, whole, self.training_set.frame_rate, self.training_set.section_tags)
            limits = (("caption and tempo, key and length after it", MOST_TEXT), ("lyrics", MOST_LYRICS))
            for tokens, (what, most) in zip(self._encode.count_tokens(**vars(words)), limits, strict=True):
                if tokens > most:
                    found.append(f"{song.name}: the model reads {most} tokens of {what}, it has {tokens}; shorten it.")
        return found

    def batch(self, crops: Sequence[Crop], noise: Tensor, t: Tensor) -> Batch:
        """One batch of crops of equal length.

        Args:
            crops: all of `n_frames` frames.
            noise: float32 (batch, frames, channels) on the CPU.
            t: float32 (batch,) on the CPU.
        """
        rate = self.training_set.frame_rate
        heard = [self.training_set.heard(crop.song, crop.arrangement, crop.levels) for crop in crops]
        cuts = [slice(crop.start_frame, crop.start_frame + crop.n_frames) for crop in crops]
        conditions = [self.condition(crop) for crop in crops]
        hidden, condition_mask = pad_conditions(conditions)
        equal = len({c.hidden.shape[1] for c in conditions}) == 1
        plan = hears_events = None
        if self.settings.events:
            alone = self.settings.words_alone
            told = [crop_events(one.song, crop, rate, alone) for one, crop in zip(heard, crops, strict=True)]
            plan = event_plan(told, crops[0].n_frames, rate, self.vocabulary, self._encode)
            plan = EventPlan(self._to_device(plan.numbers), plan.words.to(self._device), self._to_device(plan.which))
            if any(crop.drop_events for crop in crops):
                hears_events = self._to_device(torch.tensor([not crop.drop_events for crop in crops]))
        mask = torch.stack([one.mask[cut] for one, cut in zip(heard, cuts, strict=True)])
        return Batch(
            x_0=self._to_device(torch.stack([one.latents[cut] for one, cut in zip(heard, cuts, strict=True)])),
            noise=self._to_device(noise),
            t=self._to_device(t),
            condition=hidden,
            condition_mask=None if equal else condition_mask,
            context=self._context[:, : crops[0].n_frames].expand(len(crops), -1, -1),
            plan=plan,
            hears_events=hears_events,
            mask=self._to_device(mask),
            weight=self._to_device(torch.tensor([one.song.weight for one in heard])),
            frames=float(mask.sum()),
        )

    def _to_device(self, made: Tensor) -> Tensor:
        """From pinned memory on CUDA, so that the copy waits in line there and nobody waits for it here."""
        if self._device.type == "cuda":
            return made.pin_memory().to(self._device, non_blocking=True)
        return made.to(self._device)

    def step(self, number: int) -> list[Batch]:
        """This process's share of optimizer step `number` (from 0); the whole follows from seed and number alone."""
        patch_size = self.pipeline.pipe.transformer.config.patch_size
        return self.step_batches(draw_crops(self.training_set, number, patch_size, self.settings), number)

    def step_batches(self, crops: Sequence[Crop], step: int) -> list[Batch]:
        """The crops of one optimizer step as batches of equal length, at most `batch_size` each.

        Noise and timesteps follow from seed and step alone, and belong to the crop, not to its place in a batch or to
        the process that sees it; they are drawn for every crop, and the batches are those of this process's share.
        """
        generator = torch.Generator().manual_seed(int(stream(self.settings.seed, NOISE, step).integers(2**62)))
        noises = [torch.randn(c.n_frames, self.training_set.channels, generator=generator) for c in crops]
        times = self.timesteps(len(crops), generator)
        batches = []
        mine = self.processes.share([crop.n_frames for crop in crops])
        for group in groups_of_equal_length([crops[i] for i in mine], self.settings.batch_size):
            members = [mine[place] for place in group]
            noise = torch.stack([noises[i] for i in members])
            batches.append(self.batch([crops[i] for i in members], noise, times[members]))
        return batches

    def timesteps(self, n: int, generator: torch.Generator) -> Tensor:
        """Times (n,) at which the model is asked: logit-normal, or the sampler's own steps; shifted."""
        settings = self.settings
        if settings.timesteps == "schedule":
            t = schedule_timesteps(n, settings.schedule_steps, generator)
        else:
            t = sample_timesteps(n, settings.timestep_mu, settings.timestep_sigma, generator)
        return shifted(t, settings.shift)


def groups_of_equal_length(crops: Sequence[Crop], largest: int) -> list[list[int]]:
    """Indices of crops that can share a batch: the model has no mask for padding, so lengths must agree."""
    by_length: dict[int, list[int]] = {}
    for index, crop in enumerate(crops):
        by_length.setdefault(crop.n_frames, []).append(index)
    return [same[i : i + largest] for same in by_length.values() for i in range(0, len(same), largest)]
