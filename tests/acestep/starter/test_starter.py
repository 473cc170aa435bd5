"""The starter as it ships: loads, obeys a structure, and is small."""

from pathlib import Path

import numpy as np
import pytest
import torch

from acestep.loading import STARTER_ADAPTER, STARTER_DIR, load_pipeline
from acestep.pipeline import SongRequest
from acestep.starter.songs import STARTER_TYPES
from structure.events import Event

EVENTS = [
    Event(type="breakdown", start=0, end=4),
    Event(type="chorus", start=4, end=8),
    Event(type="breakdown", start=8, end=12),
]


@pytest.fixture(scope="module")
def starter():
    pipeline = load_pipeline("starter", device="cpu")
    pipeline.load_adapter(STARTER_ADAPTER)
    return pipeline


def loudness_db(samples: np.ndarray, rate: int, start: float, end: float) -> float:
    """RMS level between two times, half a second in from each boundary."""
    part = samples[int((start + 0.5) * rate) : int((end - 0.5) * rate)]
    return 10 * np.log10((part**2).mean())


def test_the_shipped_adapter_knows_the_types_that_the_songs_have(starter):
    assert set(starter.card.trained_types) == set(STARTER_TYPES)
    assert starter.card.has_events
    assert starter.card.base_model == "starter"


def test_a_chorus_is_louder_than_the_breakdowns_around_it_and_the_other_way_round(starter):
    """Means over three seeds: the adapter is right in 94 of 100 frames, not in all."""
    swapped = [e.model_copy(update={"type": "chorus" if e.type == "breakdown" else "breakdown"}) for e in EVENTS]
    levels = {}
    for name, events in (("chorus inside", EVENTS), ("breakdown inside", swapped)):
        songs = [
            starter.generate(SongRequest(events=events, prompt="Driving synthwave", bpm=120, seed=seed))
            for seed in (5, 6, 7)
        ]
        assert all(song.samples.shape == (12 * 24000, 1) and np.isfinite(song.samples).all() for song in songs)
        levels[name] = np.mean([[loudness_db(s.samples, 24000, e.start, e.end) for e in events] for s in songs], axis=0)
    before, chorus, after = levels["chorus inside"]
    assert chorus > max(before, after) + 3
    first, breakdown, last = levels["breakdown inside"]
    assert breakdown < min(first, last) - 2


def test_the_same_request_gives_the_same_samples(starter):
    request = SongRequest(events=EVENTS, prompt="Mellow lo-fi beats", steps=4, seed=2)
    np.testing.assert_array_equal(starter.generate(request).samples, starter.generate(request).samples)


def test_the_starter_is_small_and_holds_no_pickle(starter):
    files = [p for folder in (STARTER_DIR, STARTER_ADAPTER) for p in Path(folder).rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 20e6
    assert {p.suffix for p in files} <= {".safetensors", ".json", ".md"}
    assert sum(p.numel() for p in starter.pipe.transformer.parameters()) < 5e6
    assert all(p.dtype == torch.float32 for p in starter.pipe.transformer.parameters())
