"""Teaches the starter's base model: music from captions and metadata, without ever seeing an event.

It learns in three courses: how music sounds, then what captions ask for, then what section tags ask for. Words matter
where nothing else tells, at high noise and in short crops, which hold one section; and tags are two or three among a
hundred tokens, so that some crops are told nothing else. In a single course no word was ever learned
(docs/structure-control.md).

What the real base knows, it knows too: section tags in lyrics (order, no times), words for how sections
sound in a third of the captions (again without times) and, in a fifth of the batches, a masked span of the song as
source (so that repaint works).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AceStepPipeline, AceStepTransformer1DModel, FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.ace_step import AceStepConditionEncoder
from diffusers.pipelines.ace_step.pipeline_ace_step import DEFAULT_DIT_INSTRUCTION, SFT_GEN_PROMPT
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from acestep.conditioning import masked_cross_attention
from acestep.conditions import MOST_LYRICS, MOST_TEXT, silent_reference
from acestep.flow import sample_timesteps, velocity_loss
from acestep.starter.arrangement import Band
from acestep.starter.captions import caption, parts
from acestep.starter.codec import StarterCodec
from structure.events import Event, sections
from structure.lyrics import section_tags

LENGTHS = ((8.0, 12), (16.0, 6), (24.0, 4), (48.0, 2), (96.0, 1), (120.0, 1))  # seconds of crops, crops in a batch
FILLED = 0.6  # share of a crop that a song must be able to fill to be chosen for it
WARM_UP = 150
CONDITION_DROPOUT = 0.15
DESCRIBED_PARTS = 0.35
MASKED_SOURCE = 0.2
EMA_DECAY = 0.997


@dataclass(frozen=True)
class Course:
    """How a base is taught.

    Attributes:
        steps: optimizer steps; warm-up, then a cosine to a twentieth.
        learning_rate: peak.
        timestep_mu, timestep_sigma: mean and spread of the logit-normal times; above 0 is towards noise.
        lengths: how often each of `LENGTHS` is drawn.
        tagged: share of crops whose lyrics name their sections.
        lyrics_alone: share of crops that are told their lyrics and no caption. Two or three of a hundred tokens are a
            tag, which an attention that does not know them yet cannot find.
        only_words: only what words pass through learns, so that nothing else is lost.
    """

    steps: int
    learning_rate: float
    timestep_mu: float
    lengths: tuple[float, ...]
    tagged: float
    lyrics_alone: float = 0.0
    timestep_sigma: float = 1.0
    only_words: bool = False


SOUND_COURSE = Course(5000, 1.2e-3, 0.0, (0.15, 0.25, 0.25, 0.15, 0.1, 0.1), 0.5)
CAPTION_COURSE = Course(2500, 8e-4, 0.6, (0.4, 0.25, 0.15, 0.1, 0.05, 0.05), 0.6)
TAG_COURSE = Course(
    700,
    2e-3,
    2.5,
    (0.7, 0.15, 0.08, 0.04, 0.02, 0.01),
    0.9,
    lyrics_alone=0.4,
    timestep_sigma=1.5,
    only_words=True,
)


@dataclass
class LatentSong:
    """A song ready for training: `latents` float32 (frames, channels) and its sidecar with the band beside it."""

    latents: Tensor
    facts: dict


def train_tokenizer(texts: list[str], vocabulary: int = 1200) -> PreTrainedTokenizerFast:
    """Byte-level BPE fitted on these texts; any other text still encodes, byte by byte if need be."""
    from tokenizers import ByteLevelBPETokenizer

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        texts, vocab_size=vocabulary, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, pad_token="<|endoftext|>", eos_token="<|endoftext|>", padding_side="right"
    )


def untrained_pipeline(
    codec: StarterCodec, tokenizer: PreTrainedTokenizerFast, width: int, seed: int
) -> AceStepPipeline:
    """The classes of a real checkpoint, tiny and with random weights."""
    torch.manual_seed(seed)
    channels = codec.config.latent_channels
    attention = {"num_attention_heads": width // 32, "num_key_value_heads": width // 64, "head_dim": 32}
    text = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, pad_token_id=tokenizer.pad_token_id, max_position_embeddings=4096,
    )  # fmt: skip
    transformer = AceStepTransformer1DModel(
        hidden_size=width, intermediate_size=width * 5 // 2, num_hidden_layers=6, in_channels=3 * channels,
        audio_acoustic_hidden_dim=channels, patch_size=2, rope_theta=10000.0, sliding_window=128, **attention,
    )  # fmt: skip
    encoder = AceStepConditionEncoder(
        hidden_size=width, intermediate_size=width * 2, text_hidden_dim=128, timbre_hidden_dim=channels,
        num_lyric_encoder_hidden_layers=1, num_timbre_encoder_hidden_layers=1, rope_theta=10000.0, **attention,
    )  # fmt: skip
    with torch.no_grad():
        silence = codec.encode(torch.zeros(1, 1, 200 * codec.frame)).latent_dist.mode()[0, :, 100]
        encoder.silence_latent[:] = silence
    return AceStepPipeline(
        vae=codec, text_encoder=Qwen3Model(text), tokenizer=tokenizer, transformer=transformer,
        condition_encoder=encoder, scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    )  # fmt: skip


def sample_words(songs: list[LatentSong], seed: int, each: int = 3) -> list[str]:
    """Texts such as the model will read, for the tokenizer: `each` of every song."""
    rng = np.random.default_rng(seed)
    texts = []
    for song in songs:
        for _ in range(each):
            tags = section_tags([Event.model_validate(e) for e in song.facts["events"]])
            metas = f"- bpm: {song.facts['bpm']}\n- timesignature: 4\n- keyscale: {song.facts['keyscale']}\n"
            metas += f"- duration: {int(song.facts['duration'])} seconds\n"
            prompt = SFT_GEN_PROMPT.format(DEFAULT_DIT_INSTRUCTION, _told(rng, song.facts, _kinds(song.facts)), metas)
            texts.append(f"{prompt}# Languages\nen\n\n# Lyric\n{tags}")
    return texts


def _told(rng: np.random.Generator, facts: dict, kinds: list[str]) -> str:
    """A caption of a song, sometimes with a sentence about the sections that are heard."""
    band, mode = Band(**facts["band"]), facts["keyscale"].split()[1]
    text = caption(rng, facts["genre"], band, facts["bpm"], mode)
    return f"{text} {parts(rng, kinds, band)}" if rng.random() < DESCRIBED_PARTS and kinds else text


def _kinds(facts: dict, begin: float = 0.0, end: float = math.inf) -> list[str]:
    """Types of the sections of which more than half a second lies between two times."""
    heard = sections(Event.model_validate(e) for e in facts["events"])
    return [e.type for e in heard if e.start < end - 0.5 and e.end > begin + 0.5]


@dataclass(frozen=True)
class DrawnWords:
    """What is said about a part of a song: `kinds` of its sections, `tagged` where its lyrics name them."""

    facts: dict
    kinds: list[str]
    text: str
    lyric: str
    tagged: bool


class BatchMaker:
    """Draws training batches: crops, their words, their source context."""

    def __init__(self, pipe: AceStepPipeline, songs: list[LatentSong], seed: int, course: Course):
        self.pipe, self.songs, self.course = pipe, songs, course
        self.rng = np.random.default_rng(seed)
        self.lengths = np.array([len(song.latents) for song in songs])
        self.silence = pipe.condition_encoder.silence_latent[0, 0]

    def draw(self) -> dict[str, Tensor]:
        """x_0, mask and context of one batch, and the token ids and masks of its words."""
        rng, rate = self.rng, self.pipe.latents_per_second
        seconds, batch = LENGTHS[rng.choice(len(LENGTHS), p=self.course.lengths)]
        n_frames = int(seconds * rate)
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
            said = self._words(song.facts, start / rate, (start + len(crop)) / rate)
            texts.append(said.text)
            lyrics.append(said.lyric)
        source, chunk = self.silence.expand_as(x_0).clone(), torch.ones_like(x_0)
        if rng.random() < MASKED_SOURCE:
            begin = rng.integers(n_frames // 2)
            end = begin + rng.integers(n_frames // 8, n_frames // 2)
            source, chunk = x_0.clone(), torch.zeros_like(x_0)
            source[:, begin:end], chunk[:, begin:end] = self.silence, 1
        text, lyric = self.tokens(texts, lyrics)
        return {"x_0": x_0, "mask": mask, "context": torch.cat([source, chunk], -1), "text": text, "lyric": lyric}

    def draw_words(self) -> DrawnWords:
        """Words for a part of some song, without its sound."""
        facts = self.songs[self.rng.integers(len(self.songs))].facts
        seconds = min(LENGTHS[self.rng.choice(len(LENGTHS), p=self.course.lengths)][0], facts["duration"])
        begin = float(self.rng.uniform(0, facts["duration"] - seconds))
        return self._words(facts, begin, begin + seconds)

    def tokens(self, texts: list[str], lyrics: list[str]) -> tuple[Any, Any]:
        """Token ids and masks of both, padded, cut as the pipeline cuts them."""
        made = (
            self.pipe.tokenizer(lines, padding="longest", truncation=True, max_length=limit, return_tensors="pt")
            for lines, limit in ((texts, MOST_TEXT), (lyrics, MOST_LYRICS))
        )
        return tuple(made)

    def _words(self, facts: dict, begin: float, end: float) -> DrawnWords:
        """Prompt and lyrics in the pipeline's template; tags of the sections that the crop holds, where drawn."""
        kinds = _kinds(facts, begin, end)
        lyrics = facts["lyrics"]
        tagged = bool(self.rng.random() < self.course.tagged)
        if tagged:
            lyrics = section_tags([Event(type=kind, start=0, end=1) for kind in kinds])
        known = self.rng.random() < 0.9  # people do not always give tempo and key
        text, lyric = self.pipe._format_prompt(
            prompt=_told(self.rng, facts, kinds),
            lyrics=lyrics,
            vocal_language=facts["vocal_language"],
            audio_duration=end - begin,
            bpm=facts["bpm"] if known else None,
            keyscale=facts["keyscale"] if known else None,
            timesignature=facts["timesignature"],
        )
        return DrawnWords(facts, kinds, text, lyric, tagged)


class _FixedTimbre(nn.Module):
    """Stands in for the timbre encoder while training: there is only silence to hear, so its answer is constant."""

    def __init__(self, embedding: Tensor):
        super().__init__()
        self.register_buffer("embedding", embedding)  # (1, 1, width)

    def forward(self, packed: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        n = len(order)
        return self.embedding.expand(n, -1, -1), torch.ones(n, 1, dtype=torch.long)


@contextmanager
def fixed_timbre(pipe: AceStepPipeline) -> Iterator[None]:
    """Within the block, the timbre is a constant: that of silence, computed once."""
    encoder = pipe.condition_encoder.timbre_encoder
    with torch.no_grad():
        embedding, _ = encoder(silent_reference(pipe), torch.zeros(1, dtype=torch.long))
    pipe.condition_encoder.timbre_encoder = _FixedTimbre(embedding)
    try:
        yield
    finally:
        pipe.condition_encoder.timbre_encoder = encoder


def encode_words(pipe: AceStepPipeline, batch: dict) -> tuple[Tensor, Tensor]:
    """Condition (batch, tokens, width) and its mask, with gradients into the text encoder."""
    text, lyric = batch["text"], batch["lyric"]
    return pipe.condition_encoder(
        text_hidden_states=pipe.text_encoder(input_ids=text.input_ids).last_hidden_state,
        text_attention_mask=text.attention_mask.bool(),
        lyric_hidden_states=pipe.text_encoder.get_input_embeddings()(lyric.input_ids),
        lyric_attention_mask=lyric.attention_mask.bool(),
        refer_audio_acoustic_hidden_states_packed=text.attention_mask,  # unread by the fixed timbre
        refer_audio_order_mask=torch.arange(len(text.input_ids)),
    )


def train_base(
    pipe: AceStepPipeline,
    songs: list[LatentSong],
    course: Course,
    seed: int,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train transformer, condition encoder and text encoder of `pipe` in place; ends with averaged weights.

    Args:
        on_step: told (step, loss) after each step.
    """
    with fixed_timbre(pipe):
        _train(pipe, songs, course, seed, on_step)


def _train(
    pipe: AceStepPipeline, songs: list[LatentSong], course: Course, seed: int, on_step: Callable[[int, float], None]
) -> None:
    parts = nn.ModuleList([pipe.transformer, pipe.condition_encoder, pipe.text_encoder])
    parts.train().requires_grad_(True)
    if course.only_words:
        pipe.transformer.requires_grad_(False)
        for name, parameter in pipe.transformer.named_parameters():
            parameter.requires_grad_("cross_attn" in name or "condition_embedder" in name)
    averaged = torch.optim.swa_utils.AveragedModel(
        parts, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(EMA_DECAY), use_buffers=False
    )
    parameters = [p for p in parts.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, course.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min(1, (i + 1) / WARM_UP) * (0.05 + 0.475 * (1 + math.cos(math.pi * i / course.steps)))
    )
    batches = BatchMaker(pipe, songs, seed, course)
    generator = torch.Generator().manual_seed(seed)
    for step in range(course.steps):
        batch = batches.draw()
        hidden, real = encode_words(pipe, batch)
        n = len(hidden)
        dropped = torch.rand(n, generator=generator) < CONDITION_DROPOUT
        hidden = torch.where(dropped[:, None, None], pipe.condition_encoder.null_condition_emb, hidden)
        alone = torch.rand(n, generator=generator) < course.lyrics_alone
        caption_begins = batch["lyric"].attention_mask.sum(1, keepdim=True) + 1  # after lyrics and timbre
        real = real & ~(alone[:, None] & (torch.arange(real.shape[1]) >= caption_begins))
        t = sample_timesteps(n, course.timestep_mu, course.timestep_sigma, generator)
        noise = torch.randn(batch["x_0"].shape, generator=generator)
        with masked_cross_attention(pipe.transformer, real):
            loss = velocity_loss(pipe.transformer, batch["x_0"], hidden, batch["context"], batch["mask"], t, noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(parts)
        on_step(step, loss.item())
    parts.load_state_dict(averaged.module.state_dict())
    parts.eval().requires_grad_(False)
