"""Teaches the starter's base model: music from captions and metadata, without ever seeing an event.

Words matter where nothing else tells: at high noise and in short crops, which hold one section. So times are spread
wide, short crops are common, batches are large, some crops hear their section tags alone, and the text encoder knows
what words mean before it starts (`word_training`) and stays as it is, as a real checkpoint's does. With small batches
and a text encoder that learned beside the music, hardly a word was learned (docs/structure-control.md).

What the real base knows, it knows too: section tags in lyrics (order, no times), words for how sections
sound in a third of the captions (again without times) and, in a fifth of the batches, a masked span of the song as
source (so that repaint works).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from diffusers import AceStepPipeline, AceStepTransformer1DModel, FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.ace_step import AceStepConditionEncoder
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from acestep.conditioning import masked_cross_attention
from acestep.conditions import silent_reference
from acestep.flow import sample_timesteps, velocity_loss
from acestep.starter.base_batches import BatchMaker, LatentSong, Shares, endless
from acestep.starter.codec import StarterCodec

WARM_UP = 150
CONDITION_DROPOUT = 0.15
EMA_DECAY = 0.998


@dataclass(frozen=True)
class Course:
    """How a base is taught.

    Attributes:
        steps: optimizer steps; warm-up, then a cosine to a twentieth.
        learning_rate: peak.
        timestep_mu, timestep_sigma: mean and spread of the logit-normal times; above 0 is towards noise.
        shares: what is drawn how often.
        text_learns: whether the text encoder learns too.
    """

    steps: int
    learning_rate: float
    timestep_mu: float
    timestep_sigma: float
    shares: Shares
    text_learns: bool = False


COURSE = Course(
    3300, 3e-3, 0.5, 2.0, Shares((0.45, 0.2, 0.15, 0.1, 0.05, 0.05), seconds=768, tagged=0.8, lyrics_alone=0.35)
)


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


class _FixedTimbre(nn.Module):
    """Stands in for the timbre encoder while training: there is only silence to hear, so its answer is constant."""

    def __init__(self, embedding: Tensor):
        super().__init__()
        self.register_buffer("embedding", embedding)  # (1, 1, width)

    def forward(self, packed: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        n = len(order)
        return self.embedding.expand(n, -1, -1), torch.ones(n, 1, dtype=torch.long, device=order.device)


@contextmanager
def fixed_timbre(pipe: AceStepPipeline) -> Iterator[None]:
    """Within the block, the timbre is a constant: that of silence, computed once."""
    encoder = pipe.condition_encoder.timbre_encoder
    with torch.no_grad():
        silence = silent_reference(pipe)
        embedding, _ = encoder(silence, torch.zeros(1, dtype=torch.long, device=silence.device))
    pipe.condition_encoder.timbre_encoder = _FixedTimbre(embedding)
    try:
        yield
    finally:
        pipe.condition_encoder.timbre_encoder = encoder


def encode_words(pipe: AceStepPipeline, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Condition (batch, tokens, width) of a batch that `BatchMaker` drew, and which of its tokens are real."""
    text, lyric = batch["text"], batch["lyric"]
    hidden, real = pipe.condition_encoder(
        text_hidden_states=pipe.text_encoder(input_ids=text).last_hidden_state,
        text_attention_mask=batch["text_mask"],
        lyric_hidden_states=pipe.text_encoder.get_input_embeddings()(lyric),
        lyric_attention_mask=batch["lyric_mask"],
        refer_audio_acoustic_hidden_states_packed=text,  # unread by the fixed timbre
        refer_audio_order_mask=torch.arange(len(text), device=text.device),
    )
    caption_begins = batch["lyric_mask"].sum(1, keepdim=True) + 1  # after lyrics and timbre
    unheard = batch["alone"][:, None] & (torch.arange(real.shape[1], device=real.device) >= caption_begins)
    return hidden, real & ~unheard


def train_base(
    pipe: AceStepPipeline,
    songs: Sequence[LatentSong],
    course: Course,
    seed: int,
    on_step: Callable[[int, Tensor], None] = lambda step, loss: None,
) -> None:
    """Train transformer and condition encoder of `pipe` in place, on its device; ends with averaged weights.

    Args:
        on_step: told step and loss, a scalar on the device, after each step.
    """
    with fixed_timbre(pipe):
        _train(pipe, songs, course, seed, on_step)


def _train(
    pipe: AceStepPipeline,
    songs: Sequence[LatentSong],
    course: Course,
    seed: int,
    on_step: Callable[[int, Tensor], None],
) -> None:
    parts = nn.ModuleList([pipe.transformer, pipe.condition_encoder, pipe.text_encoder])
    parts.train().requires_grad_(True)
    pipe.text_encoder.requires_grad_(course.text_learns)
    averaged = torch.optim.swa_utils.AveragedModel(
        parts, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(EMA_DECAY), use_buffers=False
    )
    parameters = [p for p in parts.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, course.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min(1, (i + 1) / WARM_UP) * (0.05 + 0.475 * (1 + math.cos(math.pi * i / course.steps)))
    )
    device = parameters[0].device
    generator = torch.Generator(device).manual_seed(seed)
    batches = endless(BatchMaker(pipe, songs, course.shares).draw, seed, device)
    for step in range(course.steps):
        batch = next(batches)
        hidden, real = encode_words(pipe, batch)
        n = len(hidden)
        dropped = torch.rand(n, device=device, generator=generator) < CONDITION_DROPOUT
        hidden = torch.where(dropped[:, None, None], pipe.condition_encoder.null_condition_emb, hidden)
        t = sample_timesteps(n, course.timestep_mu, course.timestep_sigma, generator)
        noise = torch.randn(batch["x_0"].shape, device=device, generator=generator)
        with masked_cross_attention(pipe.transformer, real):
            loss = velocity_loss(pipe.transformer, batch["x_0"], hidden, batch["context"], batch["mask"], t, noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(parts)
        on_step(step, loss.detach())
    parts.load_state_dict(averaged.module.state_dict())
    parts.eval().requires_grad_(False)
