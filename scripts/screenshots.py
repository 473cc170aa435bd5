"""The README's pictures, taken from the running product: `python scripts/screenshots.py` (`make screenshots`).

Starts the page with a home of its own, goes to the tabs as a person would, and writes into `docs/`.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
STRUCTURE = "intro 0-4, verse 4-12, chorus 12-20, breakdown 20-24, chorus 24-32, outro 32-36"
CAPTION = "Uplifting synthwave, driving: analog pads, a pulsing bass, gated drums and a bright lead."
PATIENCE = 300_000  # milliseconds


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(home: Path) -> tuple[subprocess.Popen, str]:
    """The page in a process of its own, answering; its address."""
    port = free_port()
    environment = {**os.environ, "STRUCTURE_STUDIO_HOME": str(home), "STRUCTURE_STUDIO_CACHE": str(home / "cache")}
    process = subprocess.Popen(
        [sys.executable, "app.py", "--no-browser", "--port", str(port)], cwd=ROOT, env=environment
    )
    url = f"http://127.0.0.1:{port}/"
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5)
            return process, url
        except OSError:
            time.sleep(0.2)
    process.terminate()
    raise SystemExit("The page does not answer.")


def open_page(browser: Any, url: str, dark: bool = False, width: int = 1280, height: int = 800) -> Page:
    """A fresh visitor, once the first song is drawn."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", device_scale_factor=1.5
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url + ("?__theme=dark" if dark else ""))
    page.wait_for_selector("#annotate-timeline .sst[data-drawn]")
    return page


def annotate(page: Page, target: Path) -> None:
    """The annotation tab on a song with its parts marked."""
    page.get_by_text("demo-03.wav").first.click()
    page.wait_for_selector('#annotate-timeline .sst[data-song="demo-03.wav"][data-drawn]')
    page.wait_for_timeout(800)
    page.screenshot(path=target)


def generate(page: Page, target: Path) -> None:
    """The generation tab with a song made from a structure."""
    page.get_by_role("tab", name="Generate").click()
    visible = "visible=true"
    structure = page.get_by_label("Structure", exact=True).locator(visible).first
    structure.fill("")
    structure.press_sequentially(STRUCTURE)
    page.get_by_label("Caption", exact=True).locator(visible).first.fill(CAPTION)
    page.get_by_role("button", name="Generate", exact=True).locator(visible).first.click()
    page.get_by_text("s of song made").wait_for()
    page.wait_for_selector(".sst[data-mode=view] .sst-compare >> visible=true")  # the judge has listened
    page.wait_for_timeout(1500)
    page.add_style_tag(content=".sst-generate { position: static !important }")  # a tall picture has no lower edge
    page.evaluate("scrollTo(0, 0)")
    verdict = page.get_by_text("Heard as asked").locator(visible).bounding_box()
    frame = {
        "x": 0,
        "y": 0,
        "width": page.viewport_size["width"],
        "height": verdict["y"] + 60,
    }
    page.screenshot(path=target, full_page=True, clip=frame)


def main() -> int:
    """Take all pictures."""
    DOCS.mkdir(exist_ok=True)
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, names)), None)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        process, url = start(Path(home))
        try:
            browser = playwright.chromium.launch(executable_path=found, args=QUIET)
            page = open_page(browser, url)
            annotate(page, DOCS / "annotate.png")
            generate(page, DOCS / "generate.png")
            browser.close()
        finally:
            process.terminate()
            process.wait(30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
