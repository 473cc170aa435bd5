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
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page, once its first song without parts is drawn."""
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
