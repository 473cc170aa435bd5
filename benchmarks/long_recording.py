"""How soon is a recording of three hours on the page, and what does it take?

    python -m benchmarks.long_recording

A person chooses a recording that was never opened before, in each format. Measured are the first waveform, as
`benchmarks.page` does it, the time until it can be played, memory, and the page's own work while zooming, panning and
dragging in all of it. The sidecars bring beats: what hearing them takes is not the subject here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.page import (
    PATIENCE,
    TIMELINE,
    app_command,
    find_chromium,
    free_port,
    make_dataset,
    measure_waveform,
    server,
)
from benchmarks.record import WORK, Bar, exit_status, record
from benchmarks.timeline import MEASURE_WORK, forget_peak, measure_smoothness, renderer, resident, sidecar_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOURS = 3
FORMATS = ("wav", "flac", "ogg", "mp3")
RATE = 44_100
READ = 3600.0  # seconds until a recording that does not come is given up
PLAYABLE = f"document.querySelector('{TIMELINE} audio').src !== ''"


def write_recordings(folder: Path, seconds: int) -> dict[str, Path]:
    """Five minutes of songs again and again, in each format; made once, since an MP3 takes minutes."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    paths = {suffix: folder / f"long-{suffix}-{seconds}.{suffix}" for suffix in FORMATS}
    missing = [path for path in paths.values() if not path.exists()]
    if missing:
        with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
            samples, _ = soundfile.read(Path(temporary, make_dataset(Path(temporary))[0]), dtype="float32")
    for path in missing:
        partial = path.with_name(f"partial-{path.name}")
        with soundfile.SoundFile(partial, "w", RATE, 2) as file:
            for second in range(seconds):
                begin = second * RATE % (len(samples) - RATE)
                file.write(samples[begin : begin + RATE])
        partial.rename(path)
    return paths


def measure_one(page: Page, server_pid: int, name: str) -> dict[str, float]:
    """Seconds until a recording's waveform and until it can be played; megabytes that the page's process grows by."""
    measure_waveform(page, "a-short.wav")
    before = resident(server_pid)
    forget_peak(server_pid)
    begun = time.perf_counter()
    waveform = measure_waveform(page, name) / 1_000
    sketched = page.locator(".sst-note").first.inner_text()
    page.wait_for_function(PLAYABLE, timeout=1_000 * READ)
    return {
        "waveform": waveform,
        "sketched": float(sketched.startswith("Reading the sound")),
        "playable": time.perf_counter() - begun,
        "server": resident(server_pid, "VmHWM") - before,
    }


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.long_recording", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--hours", type=float, default=HOURS, help=f"of each recording (default {HOURS})")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Choose each recording, wait for it, zoom in the last; print and record."""
    from playwright.sync_api import sync_playwright

    seconds = round(3600 * options.hours)
    recordings = write_recordings(WORK / "long-recording", seconds)
    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        dataset, cache = Path(temporary, "songs"), Path(temporary, "cache")
        dataset.mkdir()
        short = make_dataset(dataset)[0]
        sidecar = sidecar_of(float(seconds)) | {"beats": {"times": list(range(seconds)), "ones": [0]}}
        for path in recordings.values():
            (dataset / path.name).symlink_to(path)
            (dataset / path.name).with_suffix(".json").write_text(json.dumps(sidecar))
        port = free_port()
        with server(app_command(dataset, port), port, cache) as started, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium())
            session = browser.new_browser_cdp_session()
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.add_init_script(MEASURE_WORK)
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_selector(f"{TIMELINE}[data-drawn]", timeout=1_000 * PATIENCE)
            measure_waveform(page, short)
            browser_before = resident(renderer(session))
            found = {}
            for suffix, path in recordings.items():
                found[suffix] = measure_one(page, started.pid, path.name)
                print(suffix, found[suffix], flush=True)
            page.wait_for_timeout(2_000)
            browser_after = resident(renderer(session))
            work = {what: float(np.quantile(ms, 0.95)) for what, ms in measure_smoothness(page).items()}
            browser.close()
        shutil.rmtree(cache)
    record(
        "long_recording",
        [
            *(Bar(f"{options.hours:g} h of {suffix.upper()} until its waveform", one["waveform"], "s", most=3)
              for suffix, one in found.items()),
            *(Bar(f"{options.hours:g} h of {suffix.upper()} until it can be played", one["playable"], "s")
              for suffix, one in found.items()),
            Bar("page's process, growth at its highest", max(one["server"] for one in found.values()), "MB", most=200),
            Bar("browser's memory", browser_after - browser_before, "MB", most=300),
            *(Bar(f"{what}, own work a frame, 95th percentile", ms, "ms", most=16.7) for what, ms in work.items()),
        ],
        {"recordings": found, "work_p95_ms": work},
        {"hours": options.hours, "formats": FORMATS},
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
