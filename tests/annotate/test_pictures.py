"""Pictures of a track: tones at their height, parts that come back bright, and browsers that ask for anything."""

import base64
from pathlib import Path

import numpy as np
import pytest
import soundfile

from annotate.pictures import BANDS, RATE, likeness, picture, spectrogram
from annotate.track import register_track

SOUND = 44_100


def track_of(tmp_path: Path, samples: np.ndarray) -> str:
    path = tmp_path / "tones.wav"
    soundfile.write(path, samples, SOUND)
    return register_track(path)


@pytest.fixture
def tones(tmp_path: Path) -> str:
    """70 s: a low tone, from 35 s on a high one, and a click at 10 s."""
    t = np.arange(70 * SOUND) / SOUND
    samples = 0.3 * np.where(t < 35, np.sin(2 * np.pi * 200 * t), np.sin(2 * np.pi * 6000 * t))
    samples[10 * SOUND : 10 * SOUND + 200] += 0.9
    return track_of(tmp_path, samples)


def test_a_spectrogram_has_low_tones_low_and_high_ones_high_at_their_times(tones: str):
    cells = spectrogram(tones, 0, 70, 700)
    assert cells.shape == (BANDS, 700) and cells.dtype == np.uint8
    loudest = cells.argmax(axis=0)
    assert set(loudest[5:95]) <= set(range(8)) and set(loudest[355:695]) <= set(range(40, BANDS))
    assert abs(int(np.argmax(loudest > 40)) - 350) <= 1  # where the tone changes, past the first minute's block too
    assert int(cells[50:, :300].max(axis=0).argmax()) == pytest.approx(100, abs=1)  # the click


def test_a_close_view_has_its_own_columns_and_no_more_than_are_known(tones: str):
    assert spectrogram(tones, 34, 36, 1000).shape[1] == 2 * RATE
    assert spectrogram(tones, 500, 600, 100).shape == (BANDS, 1)
    close = spectrogram(tones, 34.5, 35.5, 1000).argmax(axis=0)
    assert (close[:20] < 8).all() and (close[-20:] > 40).all()


def test_a_part_is_like_itself_and_like_where_it_comes_back(five_parts: Path):
    from annotate.beats import find_beats

    beats = find_beats(five_parts)  # quiet, loud, quiet, loud, other: 16 s each
    alike = likeness(beats, 0, 16)
    middle = [
        alike[(beats.edges[:-1] > start + 2) & (beats.edges[:-1] < start + 14)].mean() for start in range(0, 80, 16)
    ]
    assert min(middle[0], middle[2]) > 0.6 > 0.3 > max(middle[1], middle[3])
    assert likeness(beats, 500, 600).max() == 0


def test_a_browser_gets_bytes_or_a_sentence(tones: str, five_parts: Path):
    answer = picture({"kind": "spectrogram", "track": tones, "start": 0, "end": 70, "columns": 10**9})
    assert answer["ok"] and answer["columns"] <= 2000
    assert len(base64.b64decode(answer["cells"])) == answer["rows"] * answer["columns"]
    heard = picture({"kind": "likeness", "track": register_track(five_parts), "start": 0, "end": 16})
    assert len(heard["edges"]) == heard["columns"] + 1
    for wrong in (None, [], {}, {"track": "../x", "start": 0, "end": 1}, {"track": tones, "start": -1, "end": 1}):
        assert picture(wrong)["ok"] is False
