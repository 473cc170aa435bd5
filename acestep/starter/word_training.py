"""Teaches the starter's text encoder what words mean, before the base model hears any.

A real base has a language model to read with. The starter's encoder is small and new, and music alone teaches it next
to nothing: among a hundred tokens the few that matter are lost in the mean that an untrained cross-attention takes. So
it first learns to say, in the mean of its states, what a caption names (style, tempo, key, instruments, sections) and
which section a label means, and the lyric encoder which sections its tags name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from diffusers import AceStepPipeline
from torch import Tensor, nn
from torch.nn import functional as F

from acestep.starter.arrangement import Band
from acestep.starter.base_training import CAPTION_COURSE, BatchMaker, DrawnWords, LatentSong
from acestep.starter.captions import WORDS, parts
from acestep.starter.styles import STYLES

BATCH = 32
LEARNING_RATE = 1e-3
WARM_UP = 50
KINDS = tuple(WORDS)


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


def train_words(
    pipe: AceStepPipeline,
    songs: Sequence[LatentSong],
    steps: int,
    seed: int,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train text encoder, text projection and lyric encoder of `pipe` in place.

    Args:
        on_step: told (step, loss) after each step.
    """
    torch.manual_seed(seed)
    facts, maker = Facts(songs), BatchMaker(pipe, list(songs), seed, CAPTION_COURSE)
    width, text_width = pipe.condition_encoder.null_condition_emb.shape[-1], pipe.text_encoder.config.hidden_size
    sizes = [*map(len, facts.choices), 1, len(KINDS)]  # …, tempo, sections
    of_text, of_lyric, of_label = (
        nn.Linear(n, m) for n, m in ((width, sum(sizes)), (width, len(KINDS)), (text_width, len(KINDS)))
    )
    learned = nn.ModuleList([pipe.text_encoder, pipe.condition_encoder, of_text, of_lyric, of_label])
    learned.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(learned.parameters(), LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, (i + 1) / WARM_UP) * (1.0 - i / steps))
    for step in range(steps):
        drawn = [maker.draw_words() for _ in range(BATCH)]
        lyric, text = _means(pipe, maker, drawn)
        *choices, tempo, sounding = of_text(text).split(sizes, dim=1)
        true = torch.tensor([facts.told(words.facts) for words in drawn])
        kinds = torch.tensor([[float(kind in words.kinds) for kind in KINDS] for words in drawn])
        bpm = torch.tensor([[words.facts["bpm"] / 100 - 1] for words in drawn])
        loss = sum(F.cross_entropy(logits, true[:, i]) for i, logits in enumerate(choices)) / len(choices)
        loss = loss + F.mse_loss(tempo, bpm) + F.binary_cross_entropy_with_logits(sounding, kinds)
        tagged = torch.tensor([words.tagged for words in drawn])
        if tagged.any():
            loss = loss + F.binary_cross_entropy_with_logits(of_lyric(lyric)[tagged], kinds[tagged])
        meant = maker.rng.integers(len(KINDS), size=BATCH)
        labels = [
            parts(maker.rng, [KINDS[kind]], Band(**words.facts["band"]))
            for kind, words in zip(meant, drawn, strict=True)
        ]
        loss = loss + F.cross_entropy(of_label(_label_means(pipe, labels)), torch.from_numpy(meant))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        on_step(step, loss.item())
    learned.eval().requires_grad_(False)


def _means(pipe: AceStepPipeline, maker: BatchMaker, drawn: Sequence[DrawnWords]) -> tuple[Tensor, Tensor]:
    """Means over the tokens of the lyrics and of the text, (batch, width) each."""
    text, lyric = maker.tokens([d.text for d in drawn], [d.lyric for d in drawn])
    encoder = pipe.condition_encoder
    sung = encoder.lyric_encoder(
        inputs_embeds=pipe.text_encoder.get_input_embeddings()(lyric.input_ids),
        attention_mask=lyric.attention_mask.bool(),
    )
    read = encoder.text_projector(pipe.text_encoder(input_ids=text.input_ids).last_hidden_state)
    return _mean(sung, lyric.attention_mask), _mean(read, text.attention_mask)


def _label_means(pipe: AceStepPipeline, labels: list[str]) -> Tensor:
    """What events hear of a label, (batch, text width): the mean of the text encoder's states."""
    tokens = pipe.tokenizer(labels, padding="longest", return_tensors="pt")
    return _mean(pipe.text_encoder(input_ids=tokens.input_ids).last_hidden_state, tokens.attention_mask)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
