"""The starter's text encoder learns what captions, tags and labels mean."""

import numpy as np
import pytest
import torch

from acestep.starter.base_batches import LatentSong, sample_words
from acestep.starter.base_training import train_tokenizer, untrained_pipeline
from acestep.starter.codec import StarterCodec
from acestep.starter.songs import make_song
from acestep.starter.word_training import Facts, train_words


@pytest.fixture(scope="module")
def songs() -> list[LatentSong]:
    made = [make_song(seed, 12.0) for seed in range(8)]
    return [LatentSong(torch.zeros(1, 1), song.sidecar | {"band": vars(song.band)}) for song in made]


def test_a_song_is_told_by_its_style_its_key_and_its_players(songs):
    facts = Facts(songs)
    told = [choice[i] for choice, i in zip(facts.choices, facts.told(songs[3].facts), strict=True)]
    assert told == [songs[3].facts["genre"], songs[3].facts["keyscale"], *songs[3].facts["band"].values()]


@pytest.mark.training
def test_it_learns_the_same_way_each_time_and_leaves_the_transformer_alone(songs):
    tokenizer, results = train_tokenizer(sample_words(songs, 0), 300), []
    for _ in range(2):
        torch.manual_seed(0)
        pipe = untrained_pipeline(StarterCodec(decoder_blocks=1, decoder_width=32), tokenizer, 64, seed=0)
        before = {name: p.detach().clone() for name, p in pipe.transformer.named_parameters()}
        losses: list[float] = []
        train_words(pipe, songs, 20, 0, lambda step, loss, losses=losses: losses.append(loss.item()))
        assert all(torch.equal(p, before[name]) for name, p in pipe.transformer.named_parameters())
        results.append(losses)
    assert results[0] == results[1]
    assert np.mean(results[0][-5:]) < 0.9 * np.mean(results[0][:5])
