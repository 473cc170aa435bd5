"""Songs made for the tests, a cache of their own, a page and a browser."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

# Before any test imports the rooms, which read these once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
for variable in ("STRUCTURE_STUDIO_CACHE", "STRUCTURE_STUDIO_HOME"):
    os.environ.setdefault(variable, tempfile.mkdtemp(prefix="structure-studio-tests-"))

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


def find_browser() -> str | None:
    """A Chrome or Chromium; `CHROME` names another one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return os.environ.get("CHROME") or next((found for name in names if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium, headless and quiet."""
    sync_api = pytest.importorskip("playwright.sync_api")
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_api.sync_playwright() as playwright:
        found = find_browser()
        if found is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chrome or Chromium here")
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *quiet])
        yield opened
        opened.close()
