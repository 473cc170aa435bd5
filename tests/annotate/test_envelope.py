"""Envelopes: bounds of the samples, brightness that rises with pitch, the same in any blocks."""

import numpy as np
import pytest

from annotate.envelope import EnvelopeBuilder, envelope


def sine(hertz: float, rate: int = 44_100, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate))[:, None].astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_a_hundred_buckets_a_second_at_any_rate(rate: int):
    assert envelope(np.zeros((3 * rate, 1), np.float32), rate).shape == (300, 3)


def test_each_bucket_bounds_its_own_samples():
    rate = 44_100
    samples = np.random.default_rng(0).uniform(-1, 1, (rate, 2)).astype(np.float32)
    rows = envelope(samples, rate)
    for i in (0, 37, 99):
        piece = samples[i * 441 : (i + 1) * 441]
        assert rows[i, 0] == round(piece.min() * 127)
        assert rows[i, 1] == round(piece.max() * 127)


def test_blocks_of_any_size_give_the_same_envelope():
    rate = 22_050  # no whole number of samples in a bucket
    samples = np.random.default_rng(1).uniform(-0.9, 0.9, (rate * 2 + 77, 2)).astype(np.float32)
    for block in (1, 1000, 65_537):
        builder = EnvelopeBuilder(rate)
        stop = len(samples) if block > 1 else 3000
        for start in range(0, stop, block):
            builder.add(samples[start : min(stop, start + block)])
        np.testing.assert_array_equal(builder.finish(), envelope(samples[:stop], rate))


def test_higher_is_brighter_and_silence_is_dark():
    mean = [envelope(sine(hertz), 44_100)[5:-5, 2].mean() for hertz in (100, 400, 1600, 6000)]
    assert mean == sorted(mean)
    assert mean[0] < 5
    assert mean[-1] > 120
    assert envelope(np.zeros((4410, 1), np.float32), 44_100)[:, 2].max() == 0


def test_no_samples_no_buckets():
    assert EnvelopeBuilder(44_100).finish().shape == (0, 3)
