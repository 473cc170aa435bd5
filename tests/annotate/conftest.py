"""Songs made for the tests, and a person at the page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

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


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Starts a page with the tab on a folder and gives its address."""
    import gradio as gr

    from annotate.tab import build

    running = []

    def start(root: Path | None, local: bool = True) -> str:
        with gr.Blocks() as demo:
            with gr.Tab("Annotate"):
                build(root, local)
            with gr.Tab("Elsewhere"):
                gr.Textbox(label="Something else")
        running.append(demo)
        return demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_name="127.0.0.1")[1]

    yield start
    for demo in running:
        demo.close()


class Visitor:
    """A person at the page. Every error of the page and every request that leaves the machine fails the test."""

    def __init__(self, browser: Any, address: str, **settings: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **settings)
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        self.page.on("request", self._watch)
        self.page.goto(address)
        self.root = self.page.locator("#annotate-timeline .sst")

    def _watch(self, request: Any) -> None:
        url = urlparse(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.hostname != "127.0.0.1":
            self.troubles.append(f"request to {url.hostname}")

    def opened(self, song: str) -> "Visitor":
        """Wait until this song's waveform is drawn."""
        self.page.wait_for_selector(f'#annotate-timeline .sst[data-song="{song}"][data-drawn]', timeout=20_000)
        self.page.wait_for_function("document.querySelector('#annotate-timeline .sst-plot .xtick') !== null")
        return self

    def at(self, t: float, lane: str = ".sst-wave") -> tuple[float, float]:
        """Where on the screen a time is."""
        start, end = self.root.evaluate("root => root.timeline.view")
        stage = self.root.locator(".sst-stage").bounding_box()
        row = self.root.locator(lane).bounding_box()
        return stage["x"] + 1 + (t - start) / (end - start) * (stage["width"] - 2), row["y"] + row["height"] * 0.4

    def click(self, t: float, lane: str = ".sst-wave") -> None:
        self.page.mouse.click(*self.at(t, lane))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def drag(self, start: float, end: float) -> None:
        (x, y), (to, _) = self.at(start), self.at(end)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for share in (0.3, 0.7, 1.0):
            self.page.mouse.move(x + (to - x) * share, y)
        self.page.mouse.up()

    def boundaries(self) -> list[float]:
        return self.root.evaluate("root => root.timeline.boundaries")

    def parts(self) -> list[str]:
        """The names written over the wave, from left to right."""
        return self.root.locator(".sst-sections .sst-word").all_inner_texts()

    def hint(self) -> str:
        return self.root.locator(".sst-hint").inner_text()

    def saved(self, words: str = "Saved") -> str:
        """Wait until the newest edit is reported, and give the report."""
        self.page.wait_for_function(
            "words => { const r = document.querySelector('#annotate-timeline .sst');"
            " const text = r.querySelector('.sst-save').innerText;"
            " return Number(r.dataset.saved || 0) >= Number(r.dataset.rev) && text.includes(words) }",
            arg=words,
            timeout=10_000,
        )
        return self.root.locator(".sst-save").inner_text()

    def leave(self) -> None:
        self.context.close()
        assert self.troubles == []


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visitor]]:
    visitors: list[Visitor] = []

    def start(address: str, **settings: Any) -> Visitor:
        visitors.append(Visitor(browser, address, **settings))
        return visitors[-1]

    yield start
    for visitor in visitors:
        visitor.leave()


@pytest.fixture
def person(serve: Callable[..., str], visit: Callable[..., Visitor], five_parts: Path, tmp_path: Path) -> Visitor:
    """At `songs/band.wav`, once its beats are heard: five parts of eight bars, a beat one at every even second."""
    root = tmp_path / "songs"
    root.mkdir()
    (root / "band.wav").write_bytes(five_parts.read_bytes())
    at_page = visit(serve(root)).opened("band.wav")
    at_page.page.wait_for_selector('#annotate-timeline .sst[data-beats="heard"]', timeout=60_000)
    return at_page
