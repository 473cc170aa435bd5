"""Does the event path's learning rate carry over to other widths? Four small bases, the same songs, a sweep of rates.

Only the event encoder learns here, on a frozen base; what it gains is the drop of the held-out error that its plan
brings. Two ways of writing its outputs are compared: as they are, and scaled to the stream that they are added to,
which is the product's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acestep.conditioning import EventConditioning
from acestep.event_encoder import EventEncoder, EventPlan, stream_levels
from acestep.flow import sample_timesteps, velocity_error
from acestep.loading import STARTER_DIR
from acestep.starter.base_batches import LatentSong, Shares, sample_words
from acestep.starter.base_training import Course, train_base, train_tokenizer, untrained_pipeline
from acestep.starter.codec import StarterCodec
from acestep.starter.songs import make_song
from structure.events import Event, rebase
from structure.plan import frame_plan

WIDTHS = (64, 128, 192, 256)
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
SONGS, EVENT_STEPS, FRAMES, BATCH = 60, 80, 400, 6
BASE_COURSE = Course(500, 1.2e-3, 0.0, 1.0, Shares((0.15, 0.25, 0.25, 0.15, 0.1, 0.1), seconds=96, tagged=0.5))


def latent_songs(codec: StarterCodec) -> list[LatentSong]:
    """Songs as the base learns them."""
    songs = []
    for seed in range(SONGS):
        song = make_song(400_000 + seed)
        with torch.no_grad():
            latents = codec.encode(torch.from_numpy(song.samples)[None, None]).latent_dist.mode()[0].T
        songs.append(LatentSong(latents.contiguous(), song.sidecar | {"band": vars(song.band)}))
    return songs


def batches(songs: list[LatentSong], silence: Tensor, rate: float, count: int, seed: int) -> list[dict[str, Any]]:
    """Crops with their plans, noise and times; no words, since every base here knows them equally little."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        chosen = [songs[i] for i in rng.integers(len(songs), size=BATCH)]
        starts = [int(rng.integers(max(1, len(song.latents) - FRAMES))) for song in chosen]
        x_0 = torch.stack([song.latents[start : start + FRAMES] for song, start in zip(chosen, starts, strict=True)])
        plans = [
            frame_plan(rebase([Event(**event) for event in song.facts["events"]], start / rate), FRAMES, rate)
            for song, start in zip(chosen, starts, strict=True)
        ]
        context = torch.cat([silence.expand_as(x_0), torch.ones_like(x_0)], -1)
        made.append({"x_0": x_0, "plan": torch.from_numpy(np.stack(plans)), "context": context,
                     "t": sample_timesteps(BATCH, 0.4, generator=generator),
                     "noise": torch.randn(x_0.shape, generator=generator)})  # fmt: skip
    return made


def widths_study(seed: int = 0) -> list[dict[str, Any]]:
    """One row for each width, way of scaling and rate: share of the held-out error that the plan takes away."""
    codec = StarterCodec.from_pretrained(STARTER_DIR / "vae", use_safetensors=True)
    songs = latent_songs(codec)
    tokenizer = train_tokenizer(sample_words(songs, seed))
    rows = []
    for width in WIDTHS:
        pipe = untrained_pipeline(codec, tokenizer, width, seed)
        train_base(pipe, songs[:50], BASE_COURSE, seed)
        transformer, text_width = pipe.transformer, pipe.text_encoder.config.hidden_size
        null = pipe.condition_encoder.null_condition_emb.detach().expand(BATCH, 1, -1)
        silence = pipe.condition_encoder.silence_latent[0, 0]
        learned = batches(songs[:50], silence, pipe.latents_per_second, EVENT_STEPS, seed)
        measured = batches(songs[50:], silence, pipe.latents_per_second, 6, seed + 1)
        first = learned[0]
        inputs = {"hidden_states": torch.lerp(first["x_0"], first["noise"], 0.7), "timestep": torch.full((BATCH,), 0.7),
                  "timestep_r": torch.full((BATCH,), 0.7), "encoder_hidden_states": null,
                  "context_latents": first["context"]}  # fmt: skip
        usual = EventEncoder.for_transformer(transformer, text_width)
        levels = stream_levels(transformer, inputs, usual.n_blocks)
        for name in ("plain", "scaled"):
            for rate in RATES:
                torch.manual_seed(seed)
                encoder = EventEncoder.for_transformer(transformer, text_width)
                if name == "scaled":
                    encoder.calibrate(levels)
                gain = _learn(transformer, encoder, null, learned, measured, rate)
                rows.append({"width": width, "outputs": name, "rate": rate, "gain": gain, "levels": levels.tolist()})
                print(f"width {width}, {name}, rate {rate:g}: {100 * gain:.2f} %", flush=True)
    return rows


def _learn(
    transformer: nn.Module, encoder: EventEncoder, null: Tensor, learned: list[dict], measured: list[dict], rate: float
) -> float:
    """Train the encoder at a rate; how much less error there is with its plan than without, as a share."""
    conditioning = EventConditioning(transformer, encoder)
    optimizer = torch.optim.AdamW(encoder.parameters(), rate, weight_decay=0.0)
    for step, batch in enumerate(learned):
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + np.cos(np.pi * step / len(learned)))
        _error(conditioning, null, batch).backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        with_plan = np.mean([_error(conditioning, null, batch).item() for batch in measured])
        without = np.mean([_error(conditioning, null, batch, told=False).item() for batch in measured])
    return float((without - with_plan) / without)


def _error(conditioning: EventConditioning, null: Tensor, batch: dict[str, Any], told: bool = True) -> Tensor:
    keep = None if told else torch.zeros(BATCH, dtype=torch.bool)
    silent = torch.zeros(0, conditioning.encoder.from_words.in_features)
    plan = EventPlan(batch["plan"], silent, torch.zeros(batch["plan"].shape[:2], dtype=torch.long))
    with conditioning.training(plan, keep):
        return velocity_error(
            conditioning.transformer, batch["x_0"], null, batch["context"], batch["t"], batch["noise"]
        ).mean()
