"""Is the timeline smooth, does its play head tell the truth, and does an hour fit?

    python -m benchmarks.timeline

Zoom, pan and drag are a person's wheel and mouse on a five-minute song with forty sections; what is measured is the
page's own work, in handlers and in the frame that follows, not the browser's painting. The play head is compared with
the sound itself: a song of clicks runs through Web Audio, which says when each click comes out of the browser's
decoder, while every frame notes where the play head stands. What Web Audio itself adds on the way out is taken off: a
song that is merely played does not pass through it. Speeds are measured after the page has learned how its browser
stretches sound, which it does once, while it is first heard.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.page import (
    MEASURE_WORK,
    TIMELINE,
    app_command,
    find_chromium,
    free_port,
    make_dataset,
    server,
)
from benchmarks.record import Bar, BenchmarkError, exit_status, record

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

SECTIONS = 40
MOVES = 60
SPEEDS = (0.5, 1.0, 2.0)
SEEKS = 20
CLICK_EVERY = 0.5  # seconds
CLICK_SECONDS = 120
HOUR = 3600
FORMATS = ("wav", "flac", "ogg", "mp3")
LISTEN = """
async () => {
  const audio = document.querySelector("#annotate-timeline audio");
  const root = document.querySelector("#annotate-timeline .sst");
  const context = new AudioContext();
  const source = context.createMediaElementSource(audio);
  const code = `registerProcessor("onsets", class extends AudioWorkletProcessor {
    process([input]) {
      const samples = input[0];
      if (!samples) return true;
      for (let i = 0; i < samples.length; i++) {
        const t = currentTime + i / sampleRate;
        if (Math.abs(samples[i]) > 0.2 && !(t - this.last < 0.1)) this.port.postMessage((this.last = t));
        else if (Math.abs(samples[i]) > 0.2) this.last = t;
      }
      return true;
    }
  });`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "onsets");
  window.onsets = [];
  window.heads = [];
  node.port.onmessage = ({ data }) => {
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    window.onsets.push(performanceTime + 1000 * (data - contextTime - context.outputLatency));
  };
  source.connect(node);
  source.connect(context.destination);
  const note = () => {
    const now = performance.now(); // the page may move its play head after this, in the same frame
    setTimeout(() => window.heads.push([now, root.timeline.head]));
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
}
"""

HEARD = f'{TIMELINE}[data-beats="heard"]'
LEARNED = "Object.keys(JSON.parse(localStorage.getItem('structure-studio-stretch') ?? '{}')).length === 6"


def sidecar_of(duration: float) -> dict[str, Any]:
    """Forty sections of equal length."""
    edges = np.linspace(0, duration, SECTIONS + 1).round(3)
    kinds = ("verse", "chorus", "bridge", "solo")
    return {
        "events": [
            {"type": kinds[i % 4], "start": float(a), "end": float(b)} for i, (a, b) in enumerate(pairwise(edges))
        ]
    }


def write_clicks(folder: Path) -> list[str]:
    """A song with a click every half second, from 1 s on, in each format; names."""
    import soundfile

    rate = 44_100
    samples = np.zeros(rate * CLICK_SECONDS, np.float32)
    ring = 0.9 * np.cos(2 * np.pi * 2000 * np.arange(400) / rate) * np.exp(-np.arange(400) / 80)
    for t in np.arange(1.0, CLICK_SECONDS - 1, CLICK_EVERY):
        samples[round(t * rate) :][: len(ring)] = ring
    names = []
    for suffix in FORMATS:
        name = f"clicks-{suffix}.{suffix}"
        mode = "VARIABLE" if suffix == "mp3" else None
        with soundfile.SoundFile(folder / name, "w", rate, 1, bitrate_mode=mode) as file:
            for start in range(0, len(samples), rate):  # libsndfile's MP3 writer falls over long blocks
                file.write(samples[start : start + rate])
        names.append(name)
    return names


def write_hour(folder: Path, song: str) -> str:
    """An hour of a song, again and again."""
    import soundfile

    samples, rate = soundfile.read(folder / song, dtype="float32")
    name = "hour.flac"
    with soundfile.SoundFile(folder / name, "w", rate, samples.shape[1]) as file:
        for _ in range(-(-HOUR * rate // len(samples))):
            file.write(samples)
    return name


def open_song(page: Page, name: str) -> None:
    """Choose a song from the list and wait until its waveform is drawn."""
    page.locator(f'.ssl-song[data-name="{name}"]').click()
    page.wait_for_selector(f'{TIMELINE}[data-song="{name}"][data-drawn]', timeout=180_000)
    page.wait_for_timeout(500)


def measure_work(page: Page, act: Callable[[int], None]) -> list[float]:
    """Milliseconds of own work in each frame while a person does `act` sixty times."""
    page.evaluate("window.work = []")
    for number in range(MOVES):
        act(number)
        page.wait_for_timeout(20)
    return page.evaluate("window.work")


def measure_smoothness(page: Page) -> dict[str, list[float]]:
    """Zoom by wheel, pan by drag, and a boundary dragged to and fro."""
    box = page.locator(f"{TIMELINE} .sst-wave").bounding_box()
    if box is None:
        raise BenchmarkError("The timeline is not on the page.")
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle, height)
    work = {"zoom": measure_work(page, lambda i: page.mouse.wheel(0, -120 if i % 20 < 10 else 120))}
    page.keyboard.press("f")
    for _ in range(3):
        page.keyboard.press("=")
    page.mouse.move(middle + 40, height)
    page.mouse.down()
    work["pan"] = measure_work(page, lambda i: page.mouse.move(middle + 40 + 5 * (i % 30 - 15), height))
    page.mouse.up()
    page.keyboard.press("f")
    page.wait_for_timeout(200)
    edge = page.locator(f"{TIMELINE} .sst-edge").nth(SECTIONS // 2).bounding_box()
    if edge is None:
        raise BenchmarkError("There is no boundary to drag.")
    at = edge["x"] + edge["width"] / 2
    page.mouse.move(at, height)
    page.mouse.down()
    work["drag"] = measure_work(page, lambda i: page.mouse.move(at + 8 * (1 if i % 2 else -1), height))
    page.keyboard.press("Escape")
    page.mouse.up()
    return work


def measure_head(page: Page) -> dict[str, list[float]]:
    """Milliseconds by which the play head was ahead of each click that was heard, at each speed, after seeks."""
    page.evaluate(LISTEN)
    rng = np.random.default_rng(5)
    errors: dict[str, list[float]] = {}
    faster = {0.5: ["j", "j"], 1.0: ["l", "l"], 2.0: ["l", "l", "l"]}
    page.locator(TIMELINE).focus()
    page.keyboard.press("Space")
    page.wait_for_function(LEARNED, timeout=60_000)
    for speed in SPEEDS:
        for key in faster[speed]:
            page.keyboard.press(key)
        for _ in range(SEEKS):
            page.keyboard.press("Home")
            for _ in range(int(rng.integers(1, 5))):
                page.keyboard.press("Control+ArrowRight" if rng.random() < 0.3 else "Shift+ArrowRight")
            page.wait_for_timeout(60)
        page.wait_for_timeout(700)
        page.evaluate("(window.onsets = [], window.heads = [])")
        page.wait_for_timeout(int(5000 / speed))
        onsets, heads = page.evaluate("[window.onsets, window.heads]")
        when, where = np.array(heads).T
        told = [np.interp(t, when, where) for t in onsets if when[0] < t < when[-1]]
        errors[f"{speed:g}"] = [1000 * (t - round((t - 1) / CLICK_EVERY) * CLICK_EVERY - 1) for t in told]
        page.keyboard.press("Home")
    page.keyboard.press("k")
    return errors


def resident(pid: int, what: str = "VmRSS") -> float:
    """Megabytes of memory that a process holds; `VmHWM`: that it held at most since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise BenchmarkError(f"Process {pid} tells nothing of its memory.")


def forget_peak(pid: int) -> None:
    """Let `VmHWM` begin anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def renderer(session: CDPSession) -> int:
    """The process that holds most of the pages: Chromium has one for each site."""
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return max((p["id"] for p in found if p["type"] == "renderer"), key=resident)


def measure_hour(page: Page, session: CDPSession, server_pid: int, name: str, before: str) -> dict[str, float]:
    """Memory that an hour takes, in megabytes, beside a song of five minutes; and work while zooming in it.

    Of the server it is the highest at any moment, beats included; of the browser, what it holds at the end.
    """
    open_song(page, before)
    page.wait_for_selector(HEARD, timeout=180_000)  # what hears beats is loaded once, whatever the song
    here = renderer(session)
    server_before, browser_before = resident(server_pid), resident(here)
    forget_peak(server_pid)
    open_song(page, name)
    page.wait_for_selector(HEARD, timeout=180_000)
    work = measure_smoothness(page)
    return {
        "server": resident(server_pid, "VmHWM") - server_before,
        "browser": resident(here) - browser_before,
        **{f"{what}_p95": float(np.quantile(found, 0.95)) for what, found in work.items()},
    }


def measure(options: argparse.Namespace) -> None:
    """Zoom, pan, drag, play, open an hour; print and record."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        dataset, cache = Path(temporary, "songs"), Path(temporary, "cache")
        dataset.mkdir()
        long = make_dataset(dataset)[0]
        hour = write_hour(dataset, long)
        clicks = write_clicks(dataset)
        for name, seconds in ((long, 300.0), (hour, float(HOUR))):
            dataset.joinpath(name).with_suffix(".json").write_text(json.dumps(sidecar_of(seconds)))
        port = free_port()
        with server(app_command(dataset, port), port, cache) as started, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=["--autoplay-policy=no-user-gesture-required"]
            )
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.add_init_script(MEASURE_WORK)
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_selector(f"{TIMELINE}[data-drawn]")
            open_song(page, long)
            work = measure_smoothness(page)
            session = browser.new_browser_cdp_session()
            of_hour = measure_hour(page, session, started.pid, hour, long)
            heads = {}
            for name in clicks:
                page.goto(f"http://127.0.0.1:{port}/")
                page.wait_for_selector(f"{TIMELINE}[data-drawn]")
                open_song(page, name)
                heads[name] = measure_head(page)
            browser.close()
    off = {name: [abs(e) for found in by.values() for e in found] for name, by in heads.items()}
    heard = min(len(found) for by in heads.values() for found in by.values())
    if not heard:
        raise BenchmarkError("No click was heard: the browser played nothing.")
    worst = max(float(np.quantile(found, 0.95)) for found in off.values())
    usual = statistics.median(e for found in off.values() for e in found)
    record(
        "timeline",
        [
            *(Bar(f"{what}, own work a frame, 95th percentile", float(np.quantile(found, 0.95)), "ms", most=16.7)
              for what, found in work.items()),
            Bar("play head against sound, 95th percentile of the worst format", worst, "ms", most=20),
            Bar("play head against sound, median", usual, "ms"),
            Bar("an hour: server's memory at its highest", of_hour["server"], "MB", most=200),
            Bar("an hour: browser's memory", of_hour["browser"], "MB", most=300),
            Bar("an hour: zoom, own work a frame, 95th percentile", of_hour["zoom_p95"], "ms", most=16.7),
        ],
        {"work_ms": work, "head_ms": heads, "hour": of_hour},
        {"sections": SECTIONS, "moves": MOVES, "seeks": SEEKS, "speeds": SPEEDS},
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timeline", description=(__doc__ or "").split("\n")[0])
    options = parser.parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
