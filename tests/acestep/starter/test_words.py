"""The starter's base listens to what it is told: another song's words cost it."""

import numpy as np
import pytest
import torch

from acestep.conditioning import masked_cross_attention
from acestep.flow import velocity_loss
from acestep.loading import load_pipeline
from acestep.starter.base_batches import BatchMaker, LatentSong, Shares
from acestep.starter.base_training import encode_words, fixed_timbre
from acestep.starter.songs import make_song

SONGS = [make_song(700_000 + seed, 16.0) for seed in range(24)]  # none of them was trained on


@pytest.fixture(scope="module")
def errors() -> dict[str, float]:
    """Error of the base near the noise, told a song's own words, another's section tags, another's caption."""
    pipe = load_pipeline("starter", device="cpu").pipe
    shares, rng = Shares((1.0, 0, 0, 0, 0, 0), seconds=96, tagged=1.0), np.random.default_rng(1)
    with torch.no_grad(), fixed_timbre(pipe):
        songs = [
            LatentSong(
                pipe.vae.encode(torch.from_numpy(song.samples)[None, None]).latent_dist.mode()[0].T.contiguous(),
                song.sidecar | {"band": vars(song.band)},
            )
            for song in SONGS
        ]
        maker, found = BatchMaker(pipe, songs, shares), {"own": 0.0, "lyric": 0.0, "text": 0.0}
        for number in range(6):
            batch = maker.draw(rng)
            noise = torch.randn(batch["x_0"].shape, generator=torch.Generator().manual_seed(number))
            t = torch.full((len(noise),), 0.95)
            for told in found:
                changed = batch if told == "own" else _of_another(batch, told)
                hidden, real = encode_words(pipe, changed)
                with masked_cross_attention(pipe.transformer, real):
                    found[told] += velocity_loss(
                        pipe.transformer, batch["x_0"], hidden, batch["context"], batch["mask"], t, noise
                    ).item()
    return found


def _of_another(batch, told):
    return {**batch, **{name: batch[name].roll(1, 0) for name in (told, f"{told}_mask")}}


def test_another_songs_section_tags_cost_the_base(errors):
    assert errors["lyric"] > 1.05 * errors["own"]


def test_another_songs_caption_costs_the_base(errors):
    assert errors["text"] > 1.05 * errors["own"]
