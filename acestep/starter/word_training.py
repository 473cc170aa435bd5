"""Teaches the starter's text encoder what words mean, before the base model hears any.

A real base has a language model to read with. The starter's encoder is small and new, and music alone teaches it next
to nothing: among a hundred tokens the few that matter are lost in the mean that an untrained cross-attention takes. So
it first learns to say, in the mean of its states, what a caption names (style, tempo, key, instruments, sections) and
which section a label means, and the lyric encoder which sections its tags name. Half of the labels come in another
order with words left out, since people describe a chorus in words of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from diffusers import AceStepPipeline
from torch import Tensor, nn
from torch.nn import functional as F

from acestep.starter.arrangement import Band
from acestep.starter.base_batches import BatchMaker, LatentSong, Shares, endless
from acestep.starter.captions import WORDS, parts
from acestep.starter.styles import STYLES

BATCH = 48
LEARNING_RATE = 1e-3
WARM_UP = 50
LEFT_OUT = 0.3  # share of a label's words
KINDS = tuple(WORDS)
SHARES = Shares((0.4, 0.25, 0.15, 0.1, 0.05, 0.05), seconds=0, tagged=0.6)


class Facts:
    """What can be said about songs, as numbers.

    Args:
        songs: their facts name every instrument and key that occurs.
    """

    def __init__(self, songs: Sequence[LatentSong]) -> None:
        facts = [song.facts for song in songs]
        self.choices: list[tuple[str, ...]] = [
            tuple(STYLES),
            tuple(sorted({f["keyscale"] for f in facts})),
            *(tuple(sorted({f["band"][part] for f in facts})) for part in facts[0]["band"]),
        ]

    def told(self, facts: dict) -> list[int]:
        """Which of each row of `choices` is true of a song."""
        said = (facts["genre"], facts["keyscale"], *facts["band"].values())
        return [choice.index(word) for choice, word in zip(self.choices, said, strict=True)]


class _WordMaker(BatchMaker):
    """Draws words and what is true of them."""

    def __init__(self, pipe: AceStepPipeline, songs: Sequence[LatentSong], facts: Facts):
        super().__init__(pipe, songs, SHARES)
        self.facts = facts

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Tokens of prompts, lyrics and labels; which of each row of facts is true, tempo, sections, what is meant."""
        drawn = [self.draw_words(rng) for _ in range(BATCH)]
        meant = rng.integers(len(KINDS), size=BATCH)
        labels = [
            parts(rng, [KINDS[kind]], Band(**words.facts["band"])) for kind, words in zip(meant, drawn, strict=True)
        ]
        labels = [_loosely(rng, label) if rng.random() < 0.5 else label for label in labels]
        label = self.pipe.tokenizer(labels, padding="longest", return_tensors="pt")
        return {
            **self.tokens([words.text for words in drawn], [words.lyric for words in drawn]),
            "label": label.input_ids,
            "label_mask": label.attention_mask.bool(),
            "meant": torch.from_numpy(meant),
            "choices": torch.tensor([self.facts.told(words.facts) for words in drawn]),
            "tempo": torch.tensor([[words.facts["bpm"] / 100 - 1] for words in drawn]),
            "sounding": torch.tensor([[float(kind in words.kinds) for kind in KINDS] for words in drawn]),
            "tagged": torch.tensor([words.tagged for words in drawn]),
        }


def train_words(
    pipe: AceStepPipeline,
    songs: Sequence[LatentSong],
    steps: int,
    seed: int,
    on_step: Callable[[int, Tensor], None] = lambda step, loss: None,
) -> None:
    """Train text encoder, text projection and lyric encoder of `pipe` in place, on its device.

    Args:
        on_step: told step and loss, a scalar on the device, after each step.
    """
    torch.manual_seed(seed)
    facts = Facts(songs)
    width, text_width = pipe.condition_encoder.null_condition_emb.shape[-1], pipe.text_encoder.config.hidden_size
    sizes = [*map(len, facts.choices), 1, len(KINDS)]  # …, tempo, sections
    heads = nn.ModuleDict({
        name: nn.Linear(n, m)
        for name, n, m in (
            ("text", width, sum(sizes)), ("lyric", width, len(KINDS)), ("label", text_width, len(KINDS)),
        )
    }).to(pipe.text_encoder.device)  # fmt: skip
    learned = nn.ModuleList([pipe.text_encoder, pipe.condition_encoder, heads])
    learned.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(learned.parameters(), LEARNING_RATE, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, (i + 1) / WARM_UP) * (1.0 - i / steps))
    batches = endless(_WordMaker(pipe, songs, facts).draw, seed, pipe.text_encoder.device)
    for step in range(steps):
        batch = next(batches)
        *choices, tempo, sounding = heads["text"](_text_means(pipe, batch)).split(sizes, dim=1)
        sung, label = heads["lyric"](_lyric_means(pipe, batch)), heads["label"](_label_means(pipe, batch))
        named = F.binary_cross_entropy_with_logits(sung, batch["sounding"], reduction="none").mean(1)
        loss = (
            sum(F.cross_entropy(logits, batch["choices"][:, i]) for i, logits in enumerate(choices)) / len(choices)
            + F.mse_loss(tempo, batch["tempo"])
            + F.binary_cross_entropy_with_logits(sounding, batch["sounding"])
            + (named * batch["tagged"]).mean()
            + F.cross_entropy(label, batch["meant"])
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        on_step(step, loss.detach())
    learned.eval().requires_grad_(False)


def _loosely(rng: np.random.Generator, text: str) -> str:
    """Some of a text's words, at least one, in any order."""
    words = rng.permutation(text.split())
    return " ".join(words[rng.random(len(words)) > LEFT_OUT]) or str(words[0])


def _text_means(pipe: AceStepPipeline, batch: dict[str, Tensor]) -> Tensor:
    """Means over the tokens of each text, (batch, width)."""
    read = pipe.condition_encoder.text_projector(pipe.text_encoder(input_ids=batch["text"]).last_hidden_state)
    return _mean(read, batch["text_mask"])


def _lyric_means(pipe: AceStepPipeline, batch: dict[str, Tensor]) -> Tensor:
    """Means over the tokens of the lyrics, (batch, width)."""
    embedded = pipe.text_encoder.get_input_embeddings()(batch["lyric"])
    sung = pipe.condition_encoder.lyric_encoder(inputs_embeds=embedded, attention_mask=batch["lyric_mask"])
    return _mean(sung, batch["lyric_mask"])


def _label_means(pipe: AceStepPipeline, batch: dict[str, Tensor]) -> Tensor:
    """What events hear of each label, (batch, text width): the mean of the text encoder's states."""
    return _mean(pipe.text_encoder(input_ids=batch["label"]).last_hidden_state, batch["label_mask"])


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
