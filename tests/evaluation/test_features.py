"""Spectra and window statistics against direct computation."""

import numpy as np
import pytest

from evaluation.features import FRAME_RATE, N_BANDS, centred_stats, log_mel, mel_bands, window_stats


def tone(frequency: float, seconds: float, sample_rate: int) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * sample_rate)) / sample_rate).astype(np.float32)


def test_every_band_hears_something_and_weighs_one():
    bands = mel_bands()
    np.testing.assert_allclose(bands.sum(axis=1), 1, rtol=1e-5)
    assert (np.diff(bands.argmax(axis=1)) >= 0).all()


@pytest.mark.parametrize("sample_rate", [16_000, 24_000, 44_100])
def test_a_song_sounds_the_same_at_any_rate_level_and_number_of_channels(sample_rate: int):
    rng = np.random.default_rng(0)
    mono = tone(440, 2.0, sample_rate) + 0.1 * tone(1_700, 2.0, sample_rate)
    mono *= np.repeat(rng.uniform(0.2, 1, 4), len(mono) // 4).astype(np.float32)
    mel = log_mel(mono, sample_rate)
    assert mel.shape == (2 * FRAME_RATE, N_BANDS)
    np.testing.assert_allclose(log_mel(0.1 * mono, sample_rate), mel, atol=1e-3)
    np.testing.assert_allclose(log_mel(np.stack([mono, mono], axis=1), sample_rate), mel, atol=1e-5)
    at_16k = log_mel(tone(440, 2.0, 16_000), 16_000)
    assert mel.mean(axis=0).argmax() == at_16k.mean(axis=0).argmax()


def test_a_sound_is_found_at_its_time():
    samples = np.zeros(16_000 * 3, np.float32)
    samples[16_000:32_000] = tone(500, 1.0, 16_000)
    loud = np.flatnonzero(log_mel(samples, 16_000).max(axis=1) > -3) / FRAME_RATE
    assert loud[0] == pytest.approx(1.0, abs=0.04)
    assert loud[-1] == pytest.approx(2.0, abs=0.04)


def test_silence_is_finite():
    assert np.isfinite(log_mel(np.zeros(8_000, np.float32), 16_000)).all()


def test_window_statistics_equal_numpys():
    rng = np.random.default_rng(1)
    mel = rng.normal(size=(60, 3)).astype(np.float32)
    first, stop = np.array([0, 10, 59, -5]), np.array([60, 35, 70, 4])
    stats = window_stats(mel, first, stop)
    for row, (a, b) in zip(stats, [(0, 60), (10, 35), (59, 60), (0, 4)], strict=True):
        np.testing.assert_allclose(row, np.concatenate([mel[a:b].mean(axis=0), mel[a:b].std(axis=0)]), atol=1e-4)


def test_a_centred_window_reaches_equally_far_both_ways():
    mel = np.arange(200, dtype=np.float32)[:, None]
    np.testing.assert_allclose(centred_stats(mel, np.array([1.0, 2.0]))[:, 0], [50, 100], atol=1e-4)
