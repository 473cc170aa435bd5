"""The starter's codec: synthesis without seams, and songs that survive the round trip."""

import numpy as np
import pytest
import torch

from acestep.loading import STARTER_DIR
from acestep.starter.codec import StarterCodec, oscillator_frequencies
from acestep.starter.songs import SAMPLE_RATE, make_song


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(0)
    return StarterCodec(decoder_width=32, decoder_blocks=1)


@pytest.fixture(scope="module")
def shipped():
    return StarterCodec.from_pretrained(STARTER_DIR / "vae", use_safetensors=True)


def test_every_note_of_the_tempered_scale_has_its_oscillator():
    frequencies = oscillator_frequencies()
    notes = 440 * 2 ** (torch.arange(-36, 44, dtype=torch.float64) / 12)
    gaps = (frequencies[:, None] - notes).abs().min(0).values
    assert gaps.max() < 1e-6
    assert (frequencies.diff() > 0).all()


def test_a_steady_oscillator_is_a_steady_sine(untrained):
    frequencies = oscillator_frequencies()
    tones, noise = torch.zeros(1, len(frequencies), 100), torch.zeros(1, 64, 200)
    tones[0, (frequencies - 440).abs().argmin()] = 0.5
    audio = untrained.synthesise(tones, noise, untrained.tone_phase, torch.Generator())[0, 2400:21600].numpy()
    n = np.arange(len(audio))
    basis = np.stack([np.sin(2 * np.pi * 440 * n / SAMPLE_RATE), np.cos(2 * np.pi * 440 * n / SAMPLE_RATE)], 1)
    weights, *_ = np.linalg.lstsq(basis, audio, rcond=None)
    assert np.hypot(*weights) == pytest.approx(0.5, rel=1e-4)
    assert np.abs(audio - basis @ weights).max() < 1e-4


def test_noise_of_loudness_one_is_white_noise_of_deviation_one(untrained):
    tones, noise = torch.zeros(1, len(oscillator_frequencies()), 200), torch.ones(1, 64, 400)
    audio = untrained.synthesise(tones, noise, untrained.tone_phase, torch.Generator().manual_seed(0))[0, 2400:-2400]
    assert audio.std() == pytest.approx(1.0, abs=0.03)


def test_whitening_changes_the_latents_and_not_the_sound():
    torch.manual_seed(0)
    codec = StarterCodec(decoder_width=32, decoder_blocks=1).eval()
    audio = torch.from_numpy(make_song(3, 8.0).samples)[None, None]
    with torch.no_grad():
        before = codec.encode(audio).latent_dist.mode()
        sound = codec.decode(before).sample
        codec.fold_whitening(before[0].T)
        after = codec.encode(audio).latent_dist.mode()
        torch.testing.assert_close(torch.cov(after[0]), torch.eye(32), atol=1e-3, rtol=0)
        torch.testing.assert_close(codec.decode(after).sample, sound, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("seed", [9001, 9002])
def test_an_unseen_song_survives_the_shipped_codec(shipped, seed):
    song = make_song(seed, 12.0).samples
    with torch.no_grad():
        latents = shipped.encode(torch.from_numpy(song)[None, None]).latent_dist.mode()
        heard = shipped.decode(latents).sample[0, 0, : len(song)].numpy()
    assert latents.shape[1:] == (32, -(-len(song) // 960))
    assert 0.5 < latents.std() < 1.5

    def loudness(x, hop=960):  # dB in steps of one latent frame
        x = x[: len(x) // hop * hop].reshape(-1, hop)
        return 10 * np.log10((x**2).mean(1) + 1e-6)

    assert np.corrcoef(loudness(song), loudness(heard))[0, 1] > 0.9
    assert abs(loudness(song).mean() - loudness(heard).mean()) < 2


def test_silence_stays_silent(shipped):
    with torch.no_grad():
        heard = shipped.decode(shipped.encode(torch.zeros(1, 1, 48000)).latent_dist.mode()).sample
    assert heard.abs().max() < 0.02
