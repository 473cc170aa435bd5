"""The page for people who see it enlarged, in the dark, or not at all, and for those who use no mouse."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from annotate.colours import SECTION_COLOURS

pytestmark = pytest.mark.browser

TABS = ("Annotate", "Train", "Generate", "Evaluate")
RATE = 22_050
SECONDS = 42
TIMELINE = "#annotate-timeline .sst"
UNFOLD = """() => {
  const seen = (e) => e.getClientRects().length > 0;
  for (const fold of document.querySelectorAll("details:not([open])")) if (seen(fold)) fold.open = true;
  for (const fold of document.querySelectorAll("button.label-wrap:not(.open)")) if (seen(fold)) fold.click();
}"""
CONTRASTS = """() => {
  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...brush.getImageData(0, 0, 1, 1).data].map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll("#annotate-timeline .sst-sections .sst-block")].flatMap((block) => {
    const [fill, word] = block.children, ink = light(getComputedStyle(word).color);
    return [fill, block].map((under) => {
      const [a, b] = [ink, light(getComputedStyle(under).backgroundColor)].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    });
  });
}"""
HIDDEN_BUTTONS = """() => [...document.querySelectorAll("#annotate-timeline .sst button")].filter((button) => {
  if (!button.getClientRects().length) return false;
  button.scrollIntoView({ block: "center", inline: "center" });
  const { left, top, width, height } = button.getBoundingClientRect();
  const at = document.elementFromPoint(left + width / 2, top + height / 2);
  return !(at && button.contains(at));
}).map((button) => button.textContent)"""
# The timeline shows the keyboard's place round its stage.
LOOK = """() => {
  const look = (e) => { const s = getComputedStyle(e.matches(".sst") ? e.querySelector(".sst-stage") : e);
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow].join(" ") };
  const before = window.lastStop, now = document.activeElement;
  const left = before?.at.isConnected && before.at !== now;
  const lost = left && look(before.at) === before.look ? before.at.outerHTML : "";
  window.lastStop = { at: now, look: look(now) };
  return lost.slice(0, 200);
}"""


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a.wav` has every type of part and a moment, `b.wav`, on which the page opens, and `c.wav` have none."""
    folder = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    for name in "abc":
        soundfile.write(folder / f"{name}.wav", 0.1 * rng.standard_normal(SECONDS * RATE), RATE)
    length = SECONDS / len(SECTION_COLOURS)
    parts = [
        {"type": kind, "start": i * length, "end": (i + 1) * length, "intensity": 0.4}
        for i, kind in enumerate(SECTION_COLOURS)
    ]
    moment = {"type": "crash", "start": 16, "end": 16}
    (folder / "a.json").write_text(json.dumps({"events": [*parts, moment]}))
    return folder


@pytest.fixture(scope="module")
def address(shared_studio: Any, songs: Path) -> str:
    return shared_studio("--dataset", str(songs)).url


@pytest.fixture
def page(browser: Any, address: str, songs: Path) -> Iterator[Any]:
    """The page, once its first song without parts is drawn."""
    for name in "bc":  # a test that is tried again marks them again
        (songs / f"{name}.json").unlink(missing_ok=True)
    opened = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    opened.set_default_timeout(60_000)
    opened.goto(address)
    opened.wait_for_selector(f"{TIMELINE}[data-song][data-drawn]")
    yield opened
    opened.context.close()


def test_every_tab_in_both_themes_enlarged_or_not_has_no_grave_finding_and_nothing_out_of_reach(page: Any):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.get_by_role("option", name="a.wav").click()
    page.wait_for_selector(f'{TIMELINE}[data-song="a.wav"][data-drawn]')
    grave: list[str] = []
    for tab in TABS:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.get_by_role("tab", name=tab).click()
        page.get_by_role("tabpanel").locator("visible=true").first.wait_for()
        for _ in range(2):  # a fold may lie in a fold
            page.evaluate(UNFOLD)
            page.wait_for_timeout(300)
        for width in (1280, 390, 320):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{tab} at {width} px"
            if width < 1280 and tab == "Annotate":
                assert page.evaluate(HIDDEN_BUTTONS) == []
            if width == 390:
                continue
            for theme in ("light", "dark"):
                page.evaluate("theme => document.body.classList.toggle('dark', theme === 'dark')", theme)
                page.wait_for_timeout(300)  # colours fade from one into the other
                found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
                grave += [
                    f"{tab}, {theme}, {width} px: {finding['id']}: {finding['nodes'][0]['html'][:300]}"
                    for finding in found
                    if finding["impact"] in ("serious", "critical")
                ]
                if tab == "Annotate":
                    contrasts = page.evaluate(CONTRASTS)
                    assert len(contrasts) == 2 * len(SECTION_COLOURS)
                    assert min(contrasts) >= 4.5, theme
    assert grave == []


class Keyboard:
    """Somebody without a mouse: every place that Tab comes to must be seen, and have a name."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.cdp = page.context.new_cdp_session(page)

    def tab_to(self, selector: str, most: int = 60) -> None:
        for _ in range(most):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(LOOK) == "", "looks the same with the focus as without it"
            assert self.named(), self.page.evaluate("document.activeElement.outerHTML.slice(0, 300)")
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                return
        raise AssertionError(f"{most} times Tab do not come to {selector}")

    def name(self) -> str:
        """What a screen reader calls the place of the focus, as Chromium computes it."""
        place = self.cdp.send("Runtime.evaluate", {"expression": "document.activeElement"})["result"]["objectId"]
        tree = self.cdp.send("Accessibility.getPartialAXTree", {"objectId": place, "fetchRelatives": False})
        return tree["nodes"][0].get("name", {}).get("value", "").strip()

    def named(self) -> bool:
        """Whether it has a name; what is being drawn anew has none for a moment."""
        return any(self.name() or self.page.wait_for_timeout(100) for _ in range(50))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def hears(self, words: str) -> None:
        """Wait until a live region of the timeline says so."""
        self.page.wait_for_function(
            "([root, words]) => [...document.querySelectorAll(`${root} :is([role=status], [aria-live=polite])`)]"
            ".some((region) => region.textContent.includes(words))",
            arg=[TIMELINE, words],
        )


def test_a_song_is_marked_and_another_described_by_keys_alone(page: Any, songs: Path):
    page.add_style_tag(content="*, *::before, *::after { transition: none !important }")  # a focus is seen at once
    keyboard = Keyboard(page)
    playing = f'{TIMELINE}[data-playing="yes"]'
    keyboard.tab_to(TIMELINE)
    song = page.evaluate(f"document.querySelector('{TIMELINE}').dataset.song")
    keyboard.press("Space")
    page.wait_for_selector(playing)
    keyboard.press("Space")
    page.wait_for_selector(playing, state="detached")
    keyboard.press("Home", "ArrowRight", "ArrowRight", "Shift+B", "Control+ArrowRight", "Shift+B", "4")
    keyboard.hears("3 sections")
    keyboard.hears("chorus")
    keyboard.press("ArrowUp")
    keyboard.hears("Boundary at")
    boundaries = f"document.querySelector('{TIMELINE}').timeline.boundaries"
    marked = page.evaluate(boundaries)
    keyboard.press(".")
    moved = page.evaluate(boundaries)
    assert len(moved) == len(marked) and moved != marked
    keyboard.press("Control+z")
    assert page.evaluate(boundaries) == marked
    keyboard.hears("Saved")
    assert _held(songs / song)["events"][-1]["type"] == "chorus"
    keyboard.press("PageUp")
    page.wait_for_selector(f'{TIMELINE}[data-song]:not([data-song="{song}"])[data-drawn]')
    song = page.evaluate(f"document.querySelector('{TIMELINE}').dataset.song")
    keyboard.tab_to("button.label-wrap")
    assert keyboard.name().startswith("Song: caption")
    keyboard.press("Enter")
    page.get_by_label("Caption", exact=True).wait_for()  # whoever is faster goes past it
    keyboard.tab_to("textarea:not(.sst *)")
    assert keyboard.name() == "Caption"
    keyboard.press("Control+a")
    page.keyboard.type("slow rock")
    keyboard.tab_to("textarea:not(.sst *)")
    for _ in range(100):  # "Saved" is said of each letter
        if _held(songs / song).get("caption") == "slow rock":
            break
        page.wait_for_timeout(100)
    assert _held(songs / song)["caption"] == "slow rock"


def _held(song: Path) -> dict[str, Any]:
    return json.loads(song.with_suffix(".json").read_text())
