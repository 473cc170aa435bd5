"""The experiment's report as a colleague opens it: from the disk, without a network."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate.audio import write_audio
from evaluation.experiment.report.page import write_report

pytestmark = pytest.mark.browser

PITCHES = (400, 800, 1600)  # Hz, one an arm
SECONDS = 6.0
PATIENCE = 30.0  # s: a busy machine is slow, not broken
LISTEN = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    if (!window.ear) {
      window.ear = to.context.createAnalyser();
      window.ear.fftSize = 2048;
      window.ear.smoothingTimeConstant = 0;
    }
    connect.call(this, window.ear);
  }
  return connect.call(this, to, ...rest);
};
window.pitch = () => {
  if (!window.ear) return 0;
  const bins = new Float32Array(ear.frequencyBinCount);
  ear.getFloatFrequencyData(bins);
  return (bins.indexOf(Math.max(...bins)) * ear.context.sampleRate) / ear.fftSize;
};
window.watch = () => {
  window.quietest = 1;
  const wave = new Float32Array(ear.fftSize);
  const look = () => {
    ear.getFloatTimeDomainData(wave);
    window.quietest = Math.min(window.quietest, Math.max(...wave.map(Math.abs)));
    window.watching = requestAnimationFrame(look);
  };
  look();
};
"""


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two structures whose arms are a tone each, so that one can tell which is heard."""
    folder = tmp_path_factory.mktemp("tones")
    t = np.arange(int(SECONDS * 24_000)) / 24_000
    asked = [{"type": "verse", "start": 0.0, "end": 3.0}, {"type": "chorus", "start": 3.0, "end": SECONDS}]
    for pitch in PITCHES:
        write_audio(folder / f"{pitch}.wav", 0.5 * np.sin(2 * np.pi * pitch * t), 24_000)

    def song(name: str, pitch: int) -> dict[str, Any]:
        return {
            "name": name,
            "seed": 1,
            "audio": f"{pitch}.wav",
            "duration": SECONDS,
            "requested": asked,
            "heard": asked,
        }

    arms = [{"key": str(p), "name": f"{p} Hz", "songs": [song("one", p), song("two", p)]} for p in PITCHES]
    return write_report({"title": "Tones", "arms": arms}, folder, folder / "report.html")


@pytest.fixture(scope="module")
def report(experiment: tuple[dict[str, Any], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(*experiment, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Opens a file without a network; an error, a refused script or a request elsewhere fails the test."""
    contexts, troubles, requests = [], [], []

    def opened(path: Path, **more: Any) -> Any:
        context = browser.new_context(offline=True, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: requests.append(request.url))
        page.set_default_timeout(60_000)
        page.add_init_script(LISTEN)
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []
    assert [url for url in requests if not url.startswith("file://")] == []


def drawn(page: Any) -> None:
    page.locator(".figure > .plot-container").nth(5).wait_for()


def until(page: Any, condition: str) -> None:
    """Wait for a condition; the page's policy forbids the polling that Playwright would do inside it."""
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"never came true: {condition}"
        page.wait_for_timeout(20)


def at(page: Any) -> float:
    return float(page.locator(".deck").first.get_attribute("data-at"))


def pitch_becomes(page: Any, pitch: float) -> None:
    until(page, f"Math.abs(window.pitch() - {pitch}) < 40")


def test_it_opens_and_asks_nobody(report: Path, open_page: Any):
    page = open_page(report)
    drawn(page)
    assert page.get_by_role("heading", level=1).inner_text().startswith("An event LoRA puts 93")


@pytest.mark.parametrize("width", [390, 1280])
def test_no_width_makes_the_page_scroll_sideways(report: Path, open_page: Any, width: int):
    page = open_page(report, viewport={"width": width, "height": 844})
    drawn(page)
    for fold in page.locator("summary").all():
        fold.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_figures_turn_with_the_page_and_with_paper(report: Path, open_page: Any):
    page = open_page(report, color_scheme="light")
    drawn(page)
    ink = "getComputedStyle(document.querySelector('[data-figure=main] .ytick text')).fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    until(page, f"{ink} !== '{light}'")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(ink) == light


def test_switching_arms_leaves_no_gap_and_the_keys_work(tones: Path, open_page: Any):
    page = open_page(tones)
    deck = page.locator(".deck").first
    deck.get_by_role("button", name="Play").click()
    pitch_becomes(page, PITCHES[0])
    page.evaluate("window.watch()")
    for number, pitch in ((2, PITCHES[1]), (3, PITCHES[2]), (1, PITCHES[0])):
        before = at(page)
        page.keyboard.press(str(number))
        pitch_becomes(page, pitch)
        assert deck.get_by_role("button", pressed=True).inner_text().split() == [str(number), str(pitch), "Hz"]
        assert before <= at(page) < before + 3
        page.wait_for_timeout(100)
    assert page.evaluate("window.quietest") > 0.2  # of 0.5: sound went on through every switch
    page.evaluate("cancelAnimationFrame(window.watching)")

    page.keyboard.press("Space")
    stopped = at(page)
    page.wait_for_timeout(200)
    assert at(page) == stopped
    deck.get_by_role("button", name="800 Hz").click()  # hearing another goes on from the same place
    pitch_becomes(page, PITCHES[1])
    assert at(page) >= stopped


def test_a_click_on_a_strip_goes_there_and_one_deck_plays_at_a_time(tones: Path, open_page: Any):
    page = open_page(tones)
    first, second = page.locator(".deck").all()
    first.get_by_role("button", name="1600 Hz").click()
    pitch_becomes(page, PITCHES[2])
    strip = first.locator(".heard .strip").first
    strip.click(position={"x": strip.bounding_box()["width"] / 2, "y": 5})
    assert at(page) == pytest.approx(SECONDS / 2, abs=1.0)
    second.get_by_role("button", name="400 Hz").click()
    pitch_becomes(page, PITCHES[0])
    assert first.get_attribute("data-playing") is None
    stopped = at(page)
    page.keyboard.press("ArrowRight")
    assert float(second.get_attribute("data-at")) >= 1
    assert at(page) == stopped


def test_the_end_stops_and_play_begins_again(tones: Path, open_page: Any):
    page = open_page(tones)
    deck = page.locator(".deck").first
    deck.get_by_role("slider").fill(str(SECONDS - 0.3))
    deck.get_by_role("button", name="Play").click()
    until(page, f"Number(document.querySelector('.deck').dataset.at) === {SECONDS}")
    deck.get_by_role("button", name="Play").click()
    pitch_becomes(page, PITCHES[0])
    assert at(page) < SECONDS - 1


def test_the_command_is_copied_or_marked(report: Path, open_page: Any):
    page = open_page(report)
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").or_(page.get_by_role("button", name="Marked")).wait_for()
