"""What the starter's base learns from, drawn without end: crops of songs, the words for them, their source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AceStepPipeline
from diffusers.pipelines.ace_step.pipeline_ace_step import DEFAULT_DIT_INSTRUCTION, SFT_GEN_PROMPT
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from acestep.conditions import MOST_LYRICS, MOST_TEXT
from acestep.starter.arrangement import Band
from acestep.starter.captions import caption, parts
from structure.events import Event, sections
from structure.lyrics import section_tags

LENGTHS = (8.0, 16.0, 24.0, 48.0, 96.0, 120.0)  # seconds of crops
FILLED = 0.6  # share of a crop that a song must be able to fill to be chosen for it
DESCRIBED_PARTS = 0.35
MASKED_SOURCE = 0.2
WORKERS = 5  # processes that draw for a GPU; another number draws other crops


@dataclass
class LatentSong:
    """A song ready for training: `latents` float32 (frames, channels) and its sidecar with the band beside it."""

    latents: Tensor
    facts: dict


@dataclass(frozen=True)
class Shares:
    """How often what is drawn.

    Attributes:
        lengths: of each of `LENGTHS`.
        seconds: of audio in a batch.
        tagged: crops whose lyrics name their sections.
        lyrics_alone: crops that are told their lyrics and no caption. Two or three of a hundred tokens are a tag, which
            an attention that does not know them yet cannot find.
    """

    lengths: tuple[float, ...]
    seconds: float
    tagged: float
    lyrics_alone: float = 0.0


@dataclass(frozen=True)
class DrawnWords:
    """What is said about a part of a song: `kinds` of its sections, `tagged` where its lyrics name them."""

    facts: dict
    kinds: list[str]
    text: str
    lyric: str
    tagged: bool


class BatchMaker:
    """Draws crops, their words and their source context; what it draws is on the CPU."""

    def __init__(self, pipe: AceStepPipeline, songs: Sequence[LatentSong], shares: Shares):
        self.pipe, self.songs, self.shares = pipe, songs, shares
        self.rate = pipe.latents_per_second
        self.lengths = np.array([len(song.latents) for song in songs])
        self.silence = pipe.condition_encoder.silence_latent[0, 0].cpu()

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One batch: x_0, mask, context; ids and masks of its words' tokens; which rows hear their lyrics alone."""
        seconds = LENGTHS[rng.choice(len(LENGTHS), p=self.shares.lengths)]
        n_frames, batch = int(seconds * self.rate), max(1, int(self.shares.seconds / seconds))
        long_enough = np.flatnonzero(self.lengths >= min(FILLED * n_frames, self.lengths.max()))
        chosen = [self.songs[i] for i in rng.choice(long_enough, size=batch)]
        channels = chosen[0].latents.shape[1]
        x_0, mask = torch.zeros(batch, n_frames, channels), torch.zeros(batch, n_frames)
        texts, lyrics = [], []
        for i, song in enumerate(chosen):
            room = max(0, len(song.latents) - n_frames)
            start = rng.choice([0, room, rng.integers(room + 1)], p=[0.35, 0.2, 0.45])
            crop = song.latents[start : start + n_frames]
            x_0[i, : len(crop)], mask[i, : len(crop)] = crop, 1
            said = self._words(rng, song.facts, start / self.rate, (start + len(crop)) / self.rate)
            texts.append(said.text)
            lyrics.append(said.lyric)
        source, chunk = self.silence.expand_as(x_0).clone(), torch.ones_like(x_0)
        if rng.random() < MASKED_SOURCE:
            begin = rng.integers(n_frames // 2)
            end = begin + rng.integers(n_frames // 8, n_frames // 2)
            source, chunk = x_0.clone(), torch.zeros_like(x_0)
            source[:, begin:end], chunk[:, begin:end] = self.silence, 1
        alone = torch.from_numpy(rng.random(batch) < self.shares.lyrics_alone)
        context = torch.cat([source, chunk], -1)
        return {"x_0": x_0, "mask": mask, "context": context, "alone": alone, **self.tokens(texts, lyrics)}

    def draw_words(self, rng: np.random.Generator) -> DrawnWords:
        """Words for a part of some song, without its sound."""
        facts = self.songs[rng.integers(len(self.songs))].facts
        seconds = min(LENGTHS[rng.choice(len(LENGTHS), p=self.shares.lengths)], facts["duration"])
        begin = float(rng.uniform(0, facts["duration"] - seconds))
        return self._words(rng, facts, begin, begin + seconds)

    def tokens(self, texts: list[str], lyrics: list[str]) -> dict[str, Tensor]:
        """Token ids and masks of both, padded, cut as the pipeline cuts them."""
        found = {}
        for name, lines, limit in (("text", texts, MOST_TEXT), ("lyric", lyrics, MOST_LYRICS)):
            read = self.pipe.tokenizer(lines, padding="longest", truncation=True, max_length=limit, return_tensors="pt")
            found |= {name: read.input_ids, f"{name}_mask": read.attention_mask.bool()}
        return found

    def _words(self, rng: np.random.Generator, facts: dict, begin: float, end: float) -> DrawnWords:
        """Prompt and lyrics in the pipeline's template; tags of the sections that the crop holds, where drawn."""
        kinds = kinds_heard(facts, begin, end)
        lyrics = facts["lyrics"]
        tagged = bool(rng.random() < self.shares.tagged)
        if tagged:
            lyrics = section_tags([Event(type=kind, start=0, end=1) for kind in kinds])
        known = rng.random() < 0.9  # people do not always give tempo and key
        text, lyric = self.pipe._format_prompt(
            prompt=told(rng, facts, kinds),
            lyrics=lyrics,
            vocal_language=facts["vocal_language"],
            audio_duration=end - begin,
            bpm=facts["bpm"] if known else None,
            keyscale=facts["keyscale"] if known else None,
            timesignature=facts["timesignature"],
        )
        return DrawnWords(facts, kinds, text, lyric, tagged)


def told(rng: np.random.Generator, facts: dict, kinds: list[str]) -> str:
    """A caption of a song, sometimes with a sentence about the sections that are heard."""
    band, mode = Band(**facts["band"]), facts["keyscale"].split()[1]
    text = caption(rng, facts["genre"], band, facts["bpm"], mode)
    return f"{text} {parts(rng, kinds, band)}" if rng.random() < DESCRIBED_PARTS and kinds else text


def kinds_heard(facts: dict, begin: float = 0.0, end: float = math.inf) -> list[str]:
    """Types of the sections of which more than half a second lies between two times."""
    heard = sections(Event.model_validate(e) for e in facts["events"])
    return [e.type for e in heard if e.start < end - 0.5 and e.end > begin + 0.5]


def sample_words(songs: Sequence[LatentSong], seed: int, each: int = 3) -> list[str]:
    """Texts such as the model will read, for the tokenizer: `each` of every song."""
    rng = np.random.default_rng(seed)
    texts = []
    for song in songs:
        for _ in range(each):
            tags = section_tags([Event.model_validate(e) for e in song.facts["events"]])
            metas = f"- bpm: {song.facts['bpm']}\n- timesignature: 4\n- keyscale: {song.facts['keyscale']}\n"
            metas += f"- duration: {int(song.facts['duration'])} seconds\n"
            words = told(rng, song.facts, kinds_heard(song.facts))
            prompt = SFT_GEN_PROMPT.format(DEFAULT_DIT_INSTRUCTION, words, metas)
            texts.append(f"{prompt}# Languages\nen\n\n# Lyric\n{tags}")
    return texts


def endless(
    draw: Callable[[np.random.Generator], dict[str, Tensor]], seed: int, device: torch.device
) -> Iterator[dict[str, Tensor]]:
    """What `draw` gives, on the device, again and again; for a GPU several processes draw, each its own."""
    ahead = {"num_workers": WORKERS, "pin_memory": True, "prefetch_factor": 4, "multiprocessing_context": "fork"}
    loader = DataLoader(_Draws(draw, seed), batch_size=None, **(ahead if device.type == "cuda" else {}))
    for drawn in loader:
        yield {name: tensor.to(device, non_blocking=True) for name, tensor in drawn.items()}


class _Draws(IterableDataset):
    def __init__(self, draw: Callable[[np.random.Generator], dict[str, Tensor]], seed: int):
        self.draw, self.seed = draw, seed

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        worker = get_worker_info()
        if worker:
            torch.set_num_threads(1)
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            yield self.draw(rng)
