"""What is heard of a track is heard once: the cache has it, while it can be trusted, and where it can be written."""

from pathlib import Path

import numpy as np
import pytest

import annotate.track
from annotate.grid import track_beats, track_grid
from annotate.track import register_track, sweep, track_audio, track_beats_path, track_grid_path


@pytest.fixture
def track(five_parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(annotate.track, "CACHE_DIR", tmp_path)
    track_beats.cache_clear()
    return register_track(five_parts)


def same(one: object, other: object) -> bool:
    return all(np.array_equal(value, vars(other)[name]) for name, value in vars(one).items())


def test_beats_that_were_heard_once_are_read_by_the_next_server(track: str):
    heard = track_beats(track)
    stamp = track_beats_path(track).stat().st_mtime_ns
    track_beats.cache_clear()
    assert same(heard, track_beats(track))
    assert track_beats_path(track).stat().st_mtime_ns == stamp
    assert track_grid(track)["times"] == [round(float(t), 3) for t in heard.edges[:-1]]


@pytest.mark.parametrize("left", [slice(-60), slice(0), slice(7)])
def test_a_spoilt_file_is_heard_anew(track: str, left: slice):
    heard, kept = track_beats(track), track_beats_path(track)
    whole = kept.read_bytes()
    kept.write_bytes(whole[left])
    track_beats.cache_clear()
    assert same(heard, track_beats(track))
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_no_more_than_hearing_again(track: str):
    track_beats_path(track).mkdir()
    assert track_beats(track) is not None


def test_what_was_heard_goes_with_its_track(track: str):
    track_grid(track)
    assert track_beats_path(track).exists() and track_grid_path(track).exists()
    sweep(limit=0)
    assert not any(path.exists() for path in (track_audio(track), track_beats_path(track), track_grid_path(track)))
