"""From a key in the structure's text until the timeline shows it: the page on this machine, in Chromium.

python -m benchmarks.composing
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import app_command, find_chromium, free_port, make_dataset, server
from benchmarks.record import Bar, exit_status, record

SECTIONS = 10  # of the structure that is typed
WATCH = """
() => {
  const lane = document.querySelector(".sst[data-mode=compose] .sst-sections");
  window.painted = 0;
  new MutationObserver(() => requestAnimationFrame(() => (window.painted = performance.now())))
    .observe(lane, { childList: true, subtree: true, attributes: true, characterData: true });
  document.addEventListener("keydown", () => (window.pressed = performance.now()), true);
}
"""


def measure(options: argparse.Namespace) -> None:
    """Type, wait for the picture, print and record."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        dataset, cache = Path(temporary, "songs"), Path(temporary, "cache")
        dataset.mkdir()
        make_dataset(dataset)
        port = free_port()
        with server(app_command(dataset, port), port, cache), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium())
            page = browser.new_page(viewport={"width": 1366, "height": 900})
            page.goto(f"http://127.0.0.1:{port}/")
            page.get_by_role("tab", name="Generate").click()
            page.locator(".sst[data-mode=compose][data-ready]").wait_for()
            field = page.get_by_label("Structure", exact=True)
            field.press_sequentially(", ".join(f"verse {n}s" for n in range(2, SECTIONS)) + ", chorus 4s")
            field.press("ArrowLeft")
            page.wait_for_timeout(1000)
            page.evaluate(WATCH)
            taken = []
            for key in range(options.keys):
                field.press(str(key % 10))  # `chorus 40s`, `chorus 41s` …: each is another structure
                page.wait_for_timeout(400)
                pressed, painted = page.evaluate("[window.pressed, window.painted]")
                taken.append(painted - pressed)
                field.press("Backspace")
                page.wait_for_timeout(400)
            browser.close()
    record(
        "composing",
        [
            Bar("key until the timeline follows, median", statistics.median(taken), "ms", most=100),
            Bar("key until the timeline follows, 95 %", float(np.quantile(taken, 0.95)), "ms"),
        ],
        {"ms": taken},
        {"keys": options.keys, "sections": SECTIONS},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.composing", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--keys", type=int, default=40, help="how many (default 40)")
    options = parser.parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
