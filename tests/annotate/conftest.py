"""Songs made for the tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 22_050


def make_tone(seconds: float, hertz: float = 220.0, channels: int = 1, rate: int = RATE) -> np.ndarray:
    """A sine with a little fixed noise: float32 (frames, channels)."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(round(hertz)).standard_normal(len(t))
    tone = 0.4 * np.sin(2 * np.pi * hertz * t) + 0.01 * noise
    return np.repeat(tone[:, None], channels, axis=1).astype(np.float32)


@pytest.fixture
def song(tmp_path: Path) -> Callable[..., Path]:
    """Writes a song of the given length into the dataset `tmp_path/songs`."""

    def write(name: str = "one.wav", seconds: float = 2.0, hertz: float = 220.0) -> Path:
        path = tmp_path / "songs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, make_tone(seconds, hertz), RATE)
        return path

    return write


BEAT = 0.5  # seconds


def band(chords: list[list[float]], bright: float, level: float) -> np.ndarray:
    """Eight bars at 120 beats a minute: a drum on each beat, two on beat one, and a chord for each bar."""
    rng = np.random.default_rng(round(bright))
    t = np.arange(round(BEAT * RATE)) / RATE
    kick, tick = np.sin(2 * np.pi * 60 * t) * np.exp(-t * 18), rng.standard_normal(len(t)) * np.exp(-t * 60)
    beats = []
    for beat in range(32):
        tones = chords[beat // 4 % 2]
        chord = sum(np.sin(2 * np.pi * f * t) + bright / 1000 * np.sin(6 * np.pi * f * t) for f in tones)
        beats.append(0.1 * level * chord + 0.3 * tick + (0.8 if beat % 4 == 0 else 0.2) * kick)
    return np.concatenate(beats)


@pytest.fixture(scope="session")
def five_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quiet, loud, quiet, loud, other: five parts of 16 s."""
    quiet = band([[220, 262, 330], [175, 220, 262]], 200, 0.4)
    loud = band([[196, 247, 294], [262, 330, 392]], 2500, 1.2)
    other = band([[233, 277, 349], [311, 370, 466]], 900, 0.8)
    path = tmp_path_factory.mktemp("proposals") / "song.wav"
    soundfile.write(path, 0.4 * np.concatenate([quiet, loud, quiet, loud, other]), RATE)
    return path
