"""How fast does the page answer? Start, click to paint, click to disk, first waveform.

    python -m benchmarks.page

Start is `python app.py` until the page answers, against a Gradio "hello world" in turns. The rest is measured in
Chromium as a person causes it: with mouse clicks, on a five-minute song that was never opened before.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.record import ROOT, Bar, BenchmarkError, exit_status, record

if TYPE_CHECKING:
    from playwright.sync_api import Page

HELLO = """
import sys, gradio as gr
gr.Interface(lambda name: "Hello " + name, "text", "text").launch(server_port=int(sys.argv[1]), quiet=True)
"""
LONG_SECONDS = 300
CLICKS = 12
PATIENCE = 120.0  # seconds until a server or a picture is given up
TIMELINE = "#annotate-timeline .sst"
MEASURE_WORK = """
window.work = [];
{
  const ask = window.requestAnimationFrame.bind(window);
  let inHandlers = 0;
  window.requestAnimationFrame = (callback) => ask((now) => {
    const before = performance.now();
    callback(now);
    inFrame += performance.now() - before;
  });
  let inFrame = 0;
  const frame = () => {
    if (inFrame + inHandlers > 0.3) window.work.push(inFrame + inHandlers);
    inFrame = inHandlers = 0;
    ask(frame);
  };
  ask(frame);
  for (const kind of ["pointermove", "wheel", "pointerdown", "pointerup", "click"]) {
    let began = 0;
    window.addEventListener(kind, () => (began = performance.now()), { capture: true, passive: true });
    window.addEventListener(kind, () => (inHandlers += performance.now() - began), { passive: true });
  }
}
"""
WORK_DONE = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(window.work))))"
"""What was noted until the last frame, which is noted in the next."""
MEASURE_CLICKS = """
(root) => {
  window.clicks = [];
  root.addEventListener("pointerup", (event) => {
    const before = root.dataset.rev;
    const seen = new MutationObserver(() => {
      if (root.dataset.rev === before) return;
      seen.disconnect();
      const channel = new MessageChannel();  // answers when the frame that the change belongs to has been painted
      channel.port1.onmessage = () => {
        const now = performance.now();
        window.clicks.push({painted: now - event.timeStamp, at: performance.timeOrigin + event.timeStamp});
      };
      channel.port2.postMessage(0);
    });
    seen.observe(root, {attributes: true});
  }, true);
}
"""
MEASURE_WAVEFORM = """
(root) => {
  window.waveform = null;
  document.addEventListener("pointerup", (event) => {
    const seen = new MutationObserver(() => {
      if (!root.dataset.drawn) return;
      seen.disconnect();
      requestAnimationFrame(() => {  // the frame in which it is drawn, then the end of its painting
        const channel = new MessageChannel();
        channel.port1.onmessage = () => { window.waveform = performance.now() - event.timeStamp; };
        channel.port2.postMessage(0);
      });
    });
    delete root.dataset.drawn;
    seen.observe(root, {attributes: true, attributeFilter: ["data-drawn"]});
  }, {capture: true, once: true});
}
"""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Started:
    """A server that runs: the seconds until its page answered, and its process."""

    seconds: float
    pid: int


@contextmanager
def server(command: Sequence[str], port: int, cache: Path, log: Path | None = None, **more: str) -> Iterator[Started]:
    """Run a web server as a process of its own, once its page answers; `log` takes what it says, `more` it is told."""
    environment = os.environ | {
        "STRUCTURE_STUDIO_CACHE": str(cache),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        **more,
    }
    begin = time.perf_counter()
    with (log or Path(os.devnull)).open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - begin > PATIENCE:
                raise BenchmarkError(f"`python {command[0]}` did not answer on port {port}.")
            time.sleep(0.02)
        yield Started(time.perf_counter() - begin, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
            return answer.status == 200 and len(answer.read()) > 0
    except (urllib.error.URLError, ConnectionError):
        return False


def app_command(dataset: Path, port: int) -> list[str]:
    """The page's command line."""
    return ["app.py", "--no-browser", "--port", str(port), "--dataset", str(dataset)]


def measure_start(dataset: Path, cache: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds until each server answers, in turns; a round before them warms the disk's cache."""
    seconds: dict[str, list[float]] = {"app": [], "hello": []}
    for turn in range(rounds + 1):
        for name in seconds:
            port = free_port()
            command = app_command(dataset, port) if name == "app" else ["-c", HELLO, str(port)]
            with server(command, port, cache) as started:
                if turn:
                    seconds[name].append(started.seconds)
    return seconds


def make_dataset(folder: Path) -> list[str]:
    """A short song to click on and two songs of five minutes; names of the long ones."""
    import soundfile

    from acestep.starter.songs import SAMPLE_RATE, make_song, song_seed

    parts = [make_song(song_seed(9, number)).samples for number in range(4)]
    soundfile.write(folder / "a-short.wav", parts[0], SAMPLE_RATE)
    once = np.concatenate(parts)
    long = np.tile(once, -(-LONG_SECONDS * SAMPLE_RATE // len(once)))[: LONG_SECONDS * SAMPLE_RATE]
    import soxr

    stereo = np.repeat(soxr.resample(long, SAMPLE_RATE, 44_100)[:, None], 2, axis=1)
    names = ["long.flac", "long-2.mp3"]
    for name in names:
        with soundfile.SoundFile(folder / name, "w", 44_100, 2) as file:
            for start in range(0, len(stereo), 44_100):
                file.write(stereo[start : start + 44_100])
    return names


@dataclass(frozen=True)
class Clicks:
    """Milliseconds from each click on the waveform to its paint and to the sidecar on disk, and the page's own work
    in handlers and frames until that paint.
    """

    painted: list[float]
    on_disk: list[float]
    work: list[float]

    def figures(self) -> dict[str, list[float]]:
        """For the result file."""
        return {"painted_ms": self.painted, "on_disk_ms": self.on_disk, "own_work_ms": self.work}


def measure_clicks(page: Page, sidecar: Path) -> Clicks:
    """Mark boundaries as a person does; the page was opened with `MEASURE_WORK`."""
    page.wait_for_selector(f"{TIMELINE}[data-drawn]")
    page.locator(TIMELINE).evaluate(MEASURE_CLICKS)
    box = page.locator(f"{TIMELINE} .sst-wave").bounding_box()
    if box is None:
        raise BenchmarkError("The timeline is not on the page.")
    clicks = Clicks([], [], [])
    for number in range(CLICKS):
        before = _state(sidecar)
        x = box["x"] + box["width"] * (number + 1) / (CLICKS + 2)
        y = box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.wait_for_timeout(100)
        page.evaluate("window.work = []")
        page.mouse.click(x, y)
        page.wait_for_function(f"window.clicks.length > {number}")
        click = page.evaluate(f"window.clicks[{number}]")
        clicks.painted.append(click["painted"])
        clicks.work.append(sum(page.evaluate(WORK_DONE)))
        while _state(sidecar) == before:  # a new file lies there
            time.sleep(0.001)
        clicks.on_disk.append(1_000 * sidecar.stat().st_mtime - click["at"])
        page.wait_for_timeout(700)  # a person marks no faster, and reads what was saved
    return clicks


def _state(path: Path) -> tuple[int, int] | None:
    try:
        now = path.stat()
    except FileNotFoundError:
        return None
    return now.st_mtime_ns, now.st_ino


def measure_waveform(page: Page, name: str) -> float:
    """Milliseconds from choosing a song until its waveform is painted."""
    page.locator(TIMELINE).evaluate(MEASURE_WAVEFORM)
    page.locator(f'.ssl-song[data-name="{name}"]').click()
    page.wait_for_function("window.waveform !== null", timeout=1_000 * PATIENCE)
    return page.evaluate("window.waveform")


def find_chromium() -> str | None:
    """`CHROME` from the environment or a Chromium on the path; None leaves it to Playwright."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return os.environ.get("CHROME") or next(filter(None, map(shutil.which, names)), None)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="starts of each server (default 5)")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Start, click, open, print and record."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        dataset, cache = Path(temporary, "songs"), Path(temporary, "cache")
        dataset.mkdir()
        long_songs = make_dataset(dataset)
        starts = measure_start(dataset, cache, options.rounds)
        shutil.rmtree(cache, ignore_errors=True)
        port = free_port()
        with server(app_command(dataset, port), port, cache), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium())
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.add_init_script(MEASURE_WORK)
            page.goto(f"http://127.0.0.1:{port}/")
            clicks = measure_clicks(page, dataset / "a-short.json")
            waveforms = {name: measure_waveform(page, name) for name in long_songs}
            again = [measure_waveform(page, name) for name in long_songs]
            browser.close()
    app, hello = (statistics.median(starts[name]) for name in ("app", "hello"))
    record(
        "page",
        [
            Bar("page start against hello world", app / hello, "times", most=1.3),
            Bar(
                "click: own work until the boundary is painted, median", statistics.median(clicks.work), "ms", most=16.7
            ),
            Bar("click until the boundary is painted, median", statistics.median(clicks.painted), "ms"),
            Bar("click until the sidecar is on disk, median", statistics.median(clicks.on_disk), "ms", most=300),
            Bar("5-minute song until its waveform, first time", max(waveforms.values()) / 1_000, "s", most=1.5),
            Bar("5-minute song until its waveform, once known", max(again) / 1_000, "s", most=0.5),
        ],
        {
            "start_seconds": starts,
            **clicks.figures(),
            "waveform_ms": waveforms,
            "waveform_again_ms": again,
        },
        {"rounds": options.rounds, "clicks": CLICKS, "long_seconds": LONG_SECONDS},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
