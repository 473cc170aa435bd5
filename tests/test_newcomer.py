"""A newcomer's whole round in the page, on a real song: mark it, save, reload, train, generate, hear.

Any error of the page fails it, and so does any request that would leave this machine, of the page or of Python.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

pytestmark = [pytest.mark.browser, pytest.mark.training, pytest.mark.slow]

REAL_SONGS = Path("/usr/share/games/fretsonfire/data/songs/sectoid")  # Debian: fretsonfire-songs-sectoid
MARKS = [(20.0, "2"), (55.0, "4"), (80.0, "2")]  # second, key of the part's type
TYPES = ["intro", "verse", "chorus", "verse"]
PATIENCE = 240.0  # seconds; training starts a process that imports torch on a busy machine


@pytest.fixture
def real_song(tmp_path: Path) -> Path:
    """A song of Debian's, its guitar mixed back in; a made one where the package is not installed."""
    songs = tmp_path / "songs"
    songs.mkdir()
    stems = next(REAL_SONGS.glob("*/guitar.ogg"), None)
    if stems is None:
        from acestep.starter.songs import make_song

        made = make_song(1, duration=110.0)
        soundfile.write(songs / "song.wav", made.samples, made.sample_rate)
        return songs / "song.wav"
    guitar, rate = soundfile.read(stems, dtype="float32", always_2d=True)
    rest, _ = soundfile.read(stems.with_name("song.ogg"), dtype="float32", always_2d=True)
    length = min(len(guitar), len(rest))
    soundfile.write(songs / "song.wav", 0.5 * (guitar[:length] + rest[:length]), rate)
    return songs / "song.wav"


class Newcomer:
    """Somebody at the page, and everything that goes wrong there."""

    def __init__(self, browser: Any, url: str) -> None:
        self.page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        self.page.set_default_timeout(60_000)
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        self.page.on("request", self._watch)
        self.page.goto(url)

    def _watch(self, request: Any) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.hostname != "127.0.0.1":
            self.troubles.append(f"request to {url.hostname}")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True).locator("visible=true").first

    def unfold(self, name: str) -> None:
        self.page.get_by_role("button", name=name).locator("visible=true").first.click()

    def field(self, label: str) -> Any:
        return self.page.get_by_label(label, exact=True).locator("visible=true").first

    def click_wave(self, t: float) -> None:
        """Click the waveform of the annotation tab at a time of the song."""
        root = self.page.locator("#annotate-timeline .sst")
        start, end = root.evaluate("root => root.timeline.view")
        wave = root.locator(".sst-wave").bounding_box()
        self.page.mouse.click(wave["x"] + (t - start) / (end - start) * wave["width"], wave["y"] + wave["height"] * 0.4)

    def song_is_drawn(self) -> None:
        self.page.wait_for_selector('#annotate-timeline .sst[data-song="song.wav"][data-drawn]')

    def parts(self) -> list[str]:
        return self.page.locator("#annotate-timeline .sst-sections .sst-word").all_inner_texts()


def wait_until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Ask again and again; give what comes once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        time.sleep(0.2)
    return found


def read_events(sidecar: Path) -> list[dict[str, Any]]:
    return json.loads(sidecar.read_text())["events"] if sidecar.exists() else []


def test_a_newcomer_marks_trains_asks_and_hears(studio, browser, real_song):
    running = studio("--dataset", str(real_song.parent))
    person = Newcomer(browser, running.url)

    person.song_is_drawn()
    sidecar = real_song.with_suffix(".json")
    for t, key in MARKS:
        person.click_wave(t)
        person.page.keyboard.press(key)
    person.click_wave(5.0)
    person.page.keyboard.press("Delete")  # a slip, taken back
    person.page.locator("#annotate-timeline .sst-sections .sst-block").first.click()
    person.page.keyboard.press("1")
    wait_until(lambda: [e["type"] for e in read_events(sidecar)] == TYPES, f"{TYPES} in {sidecar}", 30)
    for event, (t, _) in zip(read_events(sidecar)[1:], MARKS, strict=True):
        assert event["start"] == pytest.approx(t, abs=0.5)

    person.page.reload()
    person.song_is_drawn()
    wait_until(lambda: person.parts() == TYPES, "the parts after a reload", 30)

    person.tab("Train")
    person.unfold("More")
    steps = person.field("Steps")
    steps.fill("2")
    steps.blur()
    person.button("Train").click()
    dot = person.page.locator(".studio-busy")
    dot.wait_for()
    runs = running.home / "runs"
    done = wait_until(lambda: [*runs.glob("*/adapter.json")], "a trained adapter")
    dot.wait_for(state="detached")
    person.button("Use in Generate").click(timeout=PATIENCE * 1000)

    wait_until(
        lambda: person.field("Adapter").input_value() == done[0].parent.name, "the run's adapter in Generate", 30
    )
    structure = person.field("Structure")
    structure.fill("")
    structure.press_sequentially("intro 0-2, verse 2-6, chorus 6-10")
    wait_until(lambda: person.page.locator(".sst-word:visible").all_inner_texts() == ["intro", "verse", "chorus"],
               "the structure on the timeline", 30)  # fmt: skip
    person.unfold("More")
    person.field("Steps").fill("4")
    person.button("Generate").click()
    person.page.get_by_text("s of song made").wait_for(timeout=PATIENCE * 1000)

    (wav,) = (running.home / "outputs").glob("*.wav")
    samples, rate = soundfile.read(wav, always_2d=True)
    assert len(samples) / rate == pytest.approx(10.0, abs=0.05)
    loudness = np.sqrt((samples.reshape(-1, rate // 2, samples.shape[1]) ** 2).mean(axis=(1, 2)))  # of each half second
    assert (loudness > 1e-3).all()
    made = json.loads(wav.with_suffix(".json").read_text())
    assert [(e["type"], e["start"], e["end"]) for e in made["events"]] == [
        ("intro", 0, 2), ("verse", 2, 6), ("chorus", 6, 10),
    ]  # fmt: skip
    assert made["generation"]["adapter"] == str(done[0].parent) and made["generation"]["adapter_has_events"]
    person.page.wait_for_selector(".sst[data-mode=view][data-drawn] >> visible=true")

    assert person.troubles == []
    assert running.refused == []
