"""A caption to keep away from: an identity that must hold, and what it may not change."""

import numpy as np
import pytest

from acestep.loading import STARTER_ADAPTER, load_pipeline
from acestep.pipeline import RequestError, StructuredPipeline

TEXT = {"duration": 3, "seed": 3, "steps": 4, "section_tags": False, "use_events": False, "timesignature": ""}
TIMED = {"structure": "intro 0-1.5, verse 1.5-3", "seed": 3, "steps": 4}


@pytest.fixture(scope="module")
def pipeline() -> StructuredPipeline:
    loaded = load_pipeline("starter", device="cpu")
    loaded.load_adapter(STARTER_ADAPTER)
    return loaded


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


def test_away_from_the_caption_itself_nothing_is_left_to_guide(pipeline: StructuredPipeline):
    alone = pipeline("Techno, dark", guidance_scale=1.0, **TEXT).samples
    guided = pipeline("Techno, dark", guidance_scale=4.0, **TEXT).samples
    assert apart(pipeline("Techno, dark", negative="Techno, dark", guidance_scale=4.0, **TEXT).samples, alone) < 1e-4
    assert apart(guided, alone) > 0.01


@pytest.mark.parametrize("negative", ["Folk", "Folk ballad, warm and slow, with a very long caption " * 4])
def test_with_events_too_it_changes_the_song_and_leaves_nothing_behind(pipeline: StructuredPipeline, negative: str):
    before = pipeline("Techno, dark", **TIMED).samples
    kept_away = pipeline("Techno, dark", negative=negative, **TIMED).samples
    assert apart(kept_away, before) > 0.001
    assert np.array_equal(pipeline("Techno, dark", negative=negative, **TIMED).samples, kept_away)
    assert np.array_equal(pipeline("Techno, dark", **TIMED).samples, before)


def test_without_guidance_it_is_refused(pipeline: StructuredPipeline, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(RequestError, match="off at 1"):
        pipeline("Techno", negative="Folk", guidance_scale=1.0, **TEXT)
    monkeypatch.setattr(pipeline.pipe, "is_turbo", True)
    with pytest.raises(RequestError, match="turbo"):
        pipeline("Techno", negative="Folk", **TEXT)
