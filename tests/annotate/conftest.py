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
