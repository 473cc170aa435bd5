"""Two recordings on one timeline: is there a gap when one switches, and are they at the same place?

python -m benchmarks.switching

Both recordings hold a soft tone and a click every half second at the same times, at another pitch in each. What the
page plays is recorded within the browser while X is pressed again and again.
"""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.page import find_chromium
from benchmarks.record import Bar, exit_status, record

if TYPE_CHECKING:
    from playwright.sync_api import Page

RATE = 44_100  # Hz
SECONDS = 60
EVERY = 0.5  # seconds from click to click
PITCHES = (2000.0, 5000.0)  # Hz of the clicks of each recording
TONE = 440.0  # Hz, in both
WINDOW = 0.005  # seconds in which the tone's level is taken
RECORD = """
async () => {
  const [song, twin] = document.querySelectorAll(".sst audio");
  const context = new AudioContext();
  const code = `registerProcessor("tape", class extends AudioWorkletProcessor {
    constructor() { super(); this.block = new Float32Array(8192); this.at = 0; }
    process([input]) {
      const samples = input[0] ?? new Float32Array(128);
      this.block.set(samples, this.at);
      this.at += samples.length;
      if (this.at >= this.block.length) { this.port.postMessage(this.block.slice()); this.at = 0; }
      return true;
    }
  });`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const tape = new AudioWorkletNode(context, "tape");
  window.tape = [];
  window.tapeRate = context.sampleRate;
  tape.port.onmessage = ({ data }) => window.tape.push(data);
  for (const element of [song, twin]) context.createMediaElementSource(element).connect(tape);
  tape.connect(context.destination);
}
"""
TAKE = """
() => {
  const all = new Float32Array(window.tape.reduce((n, block) => n + block.length, 0));
  window.tape.reduce((at, block) => (all.set(block, at), at + block.length), 0);
  window.tape = [];
  let text = "";
  const bytes = new Uint8Array(all.buffer);
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return [btoa(text), window.tapeRate];
}
"""


def write_recordings(folder: Path) -> list[Path]:
    """The two recordings as WAV files."""
    from annotate.audio import write_audio

    t = np.arange(RATE * SECONDS) / RATE
    paths = []
    for number, pitch in enumerate(PITCHES):
        samples = 0.1 * np.sin(2 * np.pi * TONE * t)
        ring = 0.6 * np.cos(2 * np.pi * pitch * np.arange(600) / RATE) * np.exp(-np.arange(600) / 100)
        for begin in np.arange(EVERY, SECONDS - 1, EVERY):
            samples[round(begin * RATE) :][: len(ring)] += ring
        paths.append(folder / f"{'ab'[number]}.wav")
        write_audio(paths[-1], samples[:, None], RATE)
    return paths


def listen(page: Page, switches: int) -> tuple[np.ndarray, float]:
    """What sounds while X is pressed `switches` times, float32 (n,), and its rate (Hz)."""
    rng = np.random.default_rng(7)
    page.evaluate(RECORD)
    page.locator(".sst").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(3000)  # the two come together
    page.evaluate("(window.tape = [])")
    for _ in range(switches):
        page.wait_for_timeout(int(rng.integers(900, 1600)))
        page.keyboard.press("x")
    page.wait_for_timeout(1500)
    text, rate = page.evaluate(TAKE)
    return np.frombuffer(base64.b64decode(text), np.float32), float(rate)


def gaps(heard: np.ndarray, rate: float) -> float:
    """The longest stretch in milliseconds in which the tone is less than a third of its usual level."""
    from scipy.signal import butter, sosfiltfilt

    tone = sosfiltfilt(butter(2, [TONE * 0.8, TONE * 1.25], "bandpass", fs=rate, output="sos"), heard)
    size = round(WINDOW * rate)
    levels = np.sqrt((tone[: len(tone) // size * size].reshape(-1, size) ** 2).mean(axis=1))
    quiet, longest, run = levels < np.median(levels) / 3, 0, 0
    for is_quiet in quiet:
        run = run + 1 if is_quiet else 0
        longest = max(longest, run)
    return 1000 * longest * WINDOW


def clicks(heard: np.ndarray, rate: float, pitch: float) -> np.ndarray:
    """Seconds of each click of one pitch."""
    from scipy.signal import butter, sosfiltfilt

    band = sosfiltfilt(butter(4, [pitch * 0.8, pitch * 1.2], "bandpass", fs=rate, output="sos"), heard)
    loud = np.abs(band)
    found, at = [], 0
    threshold = 0.3 * loud.max()
    while at < len(loud):
        if loud[at] > threshold:
            found.append(at + int(loud[at : at + 200].argmax()))
            at += round(0.2 * rate)
        at += 1
    return np.array(found) / rate


def offsets(heard: np.ndarray, rate: float) -> np.ndarray:
    """Milliseconds from each click of one recording to where the other's clicks would have it come, around switches."""
    first, second = (clicks(heard, rate, pitch) for pitch in PITCHES)
    every = sorted([(t, 0) for t in first] + [(t, 1) for t in second])
    found = []
    for (t, which), (u, other) in pairwise(every):
        if which != other:
            found.append(1000 * ((u - t + EVERY / 2) % EVERY - EVERY / 2))
    return np.array(found)


def measure(options: argparse.Namespace) -> None:
    """Switch, listen, print and record."""
    import gradio as gr
    from playwright.sync_api import sync_playwright

    from annotate.timeline import CACHE_DIR, Timeline, register_track, timeline_value

    with tempfile.TemporaryDirectory() as folder, gr.Blocks(analytics_enabled=False) as demo:
        song, other = (register_track(path) for path in write_recordings(Path(folder)))
        timeline = Timeline(timeline_value(SECONDS, [], track=song, song="clicks"))
        demo.load(lambda: gr.update(other={"song": "clicks", "track": other, "hear": False}), None, timeline)
        address = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, allowed_paths=[str(CACHE_DIR)])[1]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=["--autoplay-policy=no-user-gesture-required"]
            )
            page = browser.new_page()
            page.goto(address)
            page.locator("[data-do=version]").wait_for()
            page.wait_for_timeout(1000)
            heard, rate = listen(page, options.switches)
            browser.close()
        demo.close()
    apart = np.abs(offsets(heard, rate))
    record(
        "switching",
        [
            Bar("longest gap at a switch", gaps(heard, rate), "ms", most=30),
            Bar("one recording against the other at a switch, 95 %", float(np.quantile(apart, 0.95)), "ms", most=30),
        ],
        {"apart_ms": apart.tolist()},
        {"switches": options.switches},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where a bar is missed, 2 where it cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.switching", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--switches", type=int, default=20, help="how often (default 20)")
    options = parser.parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
