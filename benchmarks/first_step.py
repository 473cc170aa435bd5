"""From the click on Train until the first step is shown, against the bare command until its first step is on disk.

    python -m benchmarks.first_step

The starter on the demo songs, encoded before. Command and click take turns, so that a machine that gets slower or
faster favours neither: `python lora_train.py` from the start of its process to the first point in `metrics.jsonl`, and
a click in Chromium until the page shows the first step.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.page import app_command, find_chromium, free_port, server
from benchmarks.record import ROOT, WORK, Bar, BenchmarkError, exit_status, record, run
from training.run_folder import METRICS_FILE, ask_to_stop, read_log, read_state
from training.runs import list_runs

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE = 300.0  # seconds until a step is given up
AWAIT_STEP = """
() => {
  window.shown = null;
  document.addEventListener("pointerup", (event) => {
    const begun = event.timeStamp;
    const seen = new MutationObserver(() => {
      const facts = document.querySelector(".tr-card progress")?.parentElement.querySelector(".tr-facts");
      if (!/(Training|Saving).* step [1-9]/.test(facts?.textContent ?? "")) return;
      seen.disconnect();
      window.shown = performance.now() - begun;
    });
    seen.observe(document.body, {subtree: true, childList: true, characterData: true});
  }, {capture: true, once: true});
}
"""


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Look every hundredth of a second.

    Raises:
        BenchmarkError: it did not come about.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what} did not come within {PATIENCE:.0f} s.")
        time.sleep(0.01)


def by_command(dataset: Path, folder: Path) -> float:
    """Seconds from the start of `lora_train.py` until its first step is on disk; the run is stopped after it."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "lora_train.py", "--dataset-dir", str(dataset), "--output-dir", str(folder)]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--model-config", "starter"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    metrics = folder / METRICS_FILE
    try:
        wait_for(
            lambda: process.poll() is not None or (metrics.exists() and metrics.stat().st_size > 0), "The first step"
        )
        seconds = time.perf_counter() - begin
        if process.poll() is not None:
            raise BenchmarkError(f"`lora_train.py` ended before its first step: {read_log(folder, 1)}")
        ask_to_stop(folder)
        process.wait(PATIENCE)
    finally:
        process.terminate()
        process.wait(PATIENCE)
    return seconds


def by_click(page: Page, runs: Path) -> float:
    """Seconds from a click on Train until the page shows its first step; the run is stopped after it."""
    page.evaluate(AWAIT_STEP)
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function("window.shown !== null", polling=200, timeout=1_000 * PATIENCE)
    shown = page.evaluate("window.shown") / 1_000
    newest = next(found for found in list_runs(runs) if found.running)
    ask_to_stop(newest.folder)
    wait_for(lambda: read_state(newest.folder).ended, "The end of the run")
    page.get_by_role("button", name="Train", exact=True).wait_for()  # no longer `Add to the line`
    return shown


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_step", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="clicks and commands, in turns (default 5)")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Click, command, print and record."""
    from playwright.sync_api import sync_playwright

    work, dataset = WORK / "first-step", WORK / "demo"
    run("-m", "acestep.starter.demo", dataset)
    shutil.rmtree(work, ignore_errors=True)
    cache, home = work / "cache", work / "home"
    os.environ |= {"STRUCTURE_STUDIO_CACHE": str(cache), "STRUCTURE_STUDIO_HOME": str(home)}
    os.environ["STRUCTURE_STUDIO_LOCK_DIR"] = str(work / "locks")  # apart from a program that a person runs
    by_command(dataset, work / "by-hand")  # encodes the songs, and warms the disk's cache
    taken: dict[str, list[float]] = {"command": [], "click": []}
    port = free_port()
    with server(app_command(dataset, port), port, cache), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium())
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_role("tab", name="Train").click()
        page.get_by_role("button", name="Train", exact=True).wait_for()
        page.wait_for_timeout(3_000)  # the page has heard the songs
        ways: dict[str, Callable[[], float]] = {
            "command": lambda: by_command(dataset, work / "by-hand"),
            "click": lambda: by_click(page, home / "runs"),
        }
        for turn in range(options.rounds):
            for name in list(ways) if turn % 2 == 0 else reversed(list(ways)):
                taken[name].append(ways[name]())
                print(f"{name}: {taken[name][-1]:.1f} s", flush=True)
        browser.close()
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    record(
        "first_step",
        [
            Bar("click until the first step is shown, against the command", medians["click"] / medians["command"],
                "times", most=1.2),
            Bar("click until the first step is shown, median", medians["click"], "s"),
            Bar("command until the first step is on disk, median", medians["command"], "s"),
        ],
        {"seconds": taken},
        {"rounds": options.rounds, "dataset": "demo songs, encoded before", "model": "starter"},
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
