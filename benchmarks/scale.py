"""Does the page stay quick with ten thousand songs, with five thousand events in one song, with two hundred runs?

    python -m benchmarks.scale

A person opens a folder of ten thousand songs for the first time and again, filters and sorts them, goes to the next
problem and the next song, marks one; then edits a song of five thousand events; then looks at two hundred runs, one of
which goes on. Most songs are headers over empty files; those that are opened hold sound. Times are the clock's, from
the person's click until what they wait for is painted; beside them stands what the processors of server and page were
busy with it, which a crowded machine does not change.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.page import (
    MEASURE_WORK,
    PATIENCE,
    TIMELINE,
    Clicks,
    app_command,
    find_chromium,
    free_port,
    measure_clicks,
    server,
)
from benchmarks.record import Bar, exit_status, record
from benchmarks.timeline import measure_smoothness, renderer, resident

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

SONGS = 10_000
HEARD = 12  # of them hold sound
SECONDS = 180  # that the header of the others tells
RATE = 22_050
EVENTS = 5_000
LONG = 300  # seconds of the song that has them
CROWDED = 240  # of them; the rest is empty, so that a click marks something
CLOSER = 4  # presses of the key that shows less of a song, until its empty end fills the view
RUNS = 200
WATCHED = 10.0  # seconds
SMOOTH = 1_000 / 60  # ms
ANSWER = """
({kinds, ready}) => {
  window.answered = null;
  const test = new Function(`return ${ready}`);
  const begin = (event) => {
    for (const kind of kinds) window.removeEventListener(kind, begin, true);
    const look = () => {
      if (!test()) return requestAnimationFrame(look);
      const channel = new MessageChannel();  // answers when this frame has been painted
      channel.port1.onmessage = () => (window.answered = performance.now() - event.timeStamp);
      channel.port2.postMessage(0);
    };
    requestAnimationFrame(look);
  };
  for (const kind of kinds) window.addEventListener(kind, begin, true);
}
"""
DRAWN = """(() => {{ const r = document.querySelector("#annotate-timeline .sst");
  return r.dataset.song === "{name}" && r.dataset.drawn; }})()"""
ROW = """document.querySelector('.ssl-song[data-name="{name}"]')"""
SEEN = """[...document.querySelectorAll("span.text")].some((one) => one.textContent.startsWith("run-")
  && one.checkVisibility())"""
LISTED = """document.querySelector(".ssl-count").textContent.includes(" of {songs} ")"""
COUNTED = """document.querySelector(".ssl-count").textContent.startsWith("{count} of {songs} ")"""


def make_songs(folder: Path, count: int) -> int:
    """A dataset of which every other song is marked; how many count as marked.

    The first `HEARD` hold some seconds of sound, the third and the seventh of these a problem; the others are a header
    and a file without content.
    """
    import soundfile

    folder.mkdir(parents=True)
    t = np.arange(8 * RATE) / RATE
    for number in range(HEARD):
        soundfile.write(folder / f"{number:05}.wav", 0.3 * np.sin(2 * np.pi * (110 + 20 * number) * t), RATE)
        end = 99.0 if number in (3, 7) else 8.0
        if number in (1, 3, 5, 7):
            _write_sidecar(folder / f"{number:05}.json", [("verse", 0.0, 4.0), ("chorus", 4.0, end)])
    size = 2 * RATE * SECONDS
    soundfile.write(folder / "header.wav", np.zeros(1), RATE)
    header = (folder / "header.wav").read_bytes()[:44]
    (folder / "header.wav").unlink()
    header = header[:4] + struct.pack("<I", 36 + size) + header[8:40] + struct.pack("<I", size)
    parts = [("verse" if i % 2 else "chorus", 20.0 * i, 20.0 * i + 20) for i in range(SECONDS // 20)]
    for number in range(HEARD, count):
        with (folder / f"{number:05}.wav").open("wb") as file:
            file.write(header)
            file.truncate(len(header) + size)
        if number % 2:
            _write_sidecar(folder / f"{number:05}.json", parts)
    return 2 + (count - HEARD) // 2


def make_crowded(folder: Path, count: int) -> str:
    """A song with so many events, two of five of them sections; its name."""
    import soundfile

    folder.mkdir(parents=True)
    noise = np.random.default_rng(3).standard_normal(LONG * RATE) * 0.1
    soundfile.write(folder / "crowded.wav", noise, RATE)
    edges = np.linspace(0, CROWDED, 2 * count // 5 + 1).round(3)
    kinds = ("verse", "chorus", "bridge", "solo")
    rows = [(kinds[i % 4], float(edges[i]), float(edges[i + 1])) for i in range(len(edges) - 1)]
    points = np.linspace(0, CROWDED, count - len(rows)).round(3)
    _write_sidecar(folder / "crowded.json", rows + [("crash", float(t), float(t)) for t in points])
    return "crowded.wav"


def _write_sidecar(path: Path, rows: Sequence[tuple[str, float, float]]) -> None:
    events = [{"type": kind, "start": start, "end": end} for kind, start, end in rows]
    path.write_text(json.dumps({"events": events}), encoding="utf-8")


def make_runs(folder: Path, count: int, dataset: Path) -> None:
    """Run folders as training leaves them; the first goes on, as far as anybody can tell: its process is this one."""
    import psutil

    from training.run_folder import RunState, append_metrics, write_config, write_state
    from training.settings import make_settings

    me = psutil.Process()
    for number in range(count):
        run = folder / f"run-{number:03}"
        run.mkdir(parents=True)
        write_config(run, make_settings("starter", dataset_dir=dataset, output_dir=run))
        ended = {"status": "done", "step": 400}
        going_on = {"status": "training", "step": 200, "pid": me.pid, "pid_started": me.create_time()}
        state = {"max_steps": 400, "loss": 0.5, "started": 1.7e9 + number, **(ended if number else going_on)}
        write_state(run, RunState.model_validate(state), durable=False)
        append_metrics(run, [{"step": step, "loss": 1 / step} for step in range(1, state["step"] + 1)])


class Answers:
    """How long a person waits for the page, and what the processors do meanwhile."""

    def __init__(self, page: Page, session: CDPSession, server_pid: int) -> None:
        self.page, self._session, self._server = page, session, server_pid
        self.busy: dict[str, dict[str, float]] = {}

    def wait(self, what: str, act: Callable[[], object], ready: str, kinds: Sequence[str] = ("pointerup",)) -> float:
        """Milliseconds from the first event of `kinds` that `act` causes until `ready`, an expression, is painted."""
        before = self._processors()
        self.page.evaluate(ANSWER, {"kinds": list(kinds), "ready": ready})
        act()
        self.page.wait_for_function("window.answered !== null", timeout=1_000 * PATIENCE)
        after = self._processors()
        self.busy[what] = {name: round(1_000 * (after[name] - before[name])) for name in after}
        return self.page.evaluate("window.answered")

    def _processors(self) -> dict[str, float]:
        """Seconds that the processors have worked for the server and for the page so far."""
        return {"server": processor_seconds(self._server), "page": processor_seconds(renderer(self._session))}


def processor_seconds(pid: int) -> float:
    """How long the processors have worked for a process."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def fresh_page(browser: Any, port: int) -> Page:
    """A page of somebody who was never here, once its first song is drawn."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.add_init_script(MEASURE_WORK)
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector(f"{TIMELINE}[data-drawn]")
    page.wait_for_timeout(1_500)  # what the other tabs ask for when a page is opened
    return page


def open_folder(page: Page, folder: Path) -> Callable[[], object]:
    """Type a folder; the click that opens it."""
    page.get_by_role("button", name="Folder", exact=False).first.click()
    page.wait_for_timeout(500)  # a hand's way to the field: Gradio fills what a fold holds once more in its first frame
    page.locator("#annotate-folder textarea, #annotate-folder input").fill(str(folder))
    return lambda: page.get_by_role("button", name="Open folder").click()


def measure_list(browser: Any, port: int, pid: int, folder: Path, count: int, marked: int) -> dict[str, Any]:
    """A folder of many songs: opened twice by two people, then worked in."""
    session = browser.new_browser_cdp_session()
    page = fresh_page(browser, port)
    before = {"server": resident(pid), "page": resident(renderer(session))}
    answers = Answers(page, session, pid)
    first, whole = ROW.format(name="00000.wav"), COUNTED.format(count=marked, songs=count)
    ms = {"first time": answers.wait("first time", open_folder(page, folder), LISTED.format(songs=count))}
    busy = answers.busy
    begin = time.perf_counter()
    page.wait_for_function(whole, timeout=1_000 * PATIENCE)
    read = time.perf_counter() - begin
    page.context.close()

    page = fresh_page(browser, port)
    answers = Answers(page, session, pid)
    ms["known"] = answers.wait("known", open_folder(page, folder), whole)
    page.wait_for_selector(f'{TIMELINE}[data-song="00000.wav"][data-drawn]')
    page.wait_for_timeout(1_000)
    words = page.locator(".ssl-filter")
    last = f"{count - 2:05}.wav"
    ms["filter"] = answers.wait("filter", lambda: words.fill(last), ROW.format(name=last), ["input"])
    ms["no filter"] = answers.wait("no filter", lambda: words.fill(""), first, ["input"])
    order = page.locator(".ssl-sort")
    ms["sort"] = answers.wait(
        "sort", lambda: order.select_option("state"), "document.querySelector('.ssl-song').dataset.state", ["change"]
    )
    order.select_option("name")
    problem = page.get_by_role("button", name="problem", exact=True)
    ms["next problem"] = answers.wait("next problem", problem.click, DRAWN.format(name="00003.wav"))
    page.wait_for_timeout(700)
    nexts = []
    for name in ("00004.wav", "00005.wav", "00006.wav"):
        step = page.get_by_role("button", name="Next", exact=True)
        nexts.append(answers.wait("next song", step.click, DRAWN.format(name=name)))
        page.wait_for_timeout(700)
    ms["next song"] = statistics.median(nexts)
    clicks = measure_clicks(page, folder / "00006.json")
    memory = {"server": resident(pid), "page": resident(renderer(session))}
    page.context.close()
    return {
        "ms": ms,
        "busy_ms": {**busy, **answers.busy},
        "all read, seconds": read,
        "clicks": clicks,
        "memory": memory,
        "memory_before": before,
    }


def measure_crowded(browser: Any, port: int, folder: Path, name: str) -> tuple[dict[str, list[float]], Clicks]:
    """Work of each frame in a song of many events, and edits of it."""
    page = fresh_page(browser, port)
    open_folder(page, folder)()
    page.wait_for_selector(f'{TIMELINE}[data-song="{name}"][data-drawn]', timeout=1_000 * PATIENCE)
    page.wait_for_timeout(1_000)
    work = measure_smoothness(page)
    page.keyboard.press("f")
    page.keyboard.press("End")
    for _ in range(CLOSER):
        page.keyboard.press("=")
    page.wait_for_timeout(500)
    clicks = measure_clicks(page, (folder / name).with_suffix(".json"))
    page.context.close()
    return work, clicks


def measure_runs(browser: Any, port: int, pid: int) -> dict[str, float]:
    """Until the runs are shown, and what looking at one that goes on costs each second."""
    session = browser.new_browser_cdp_session()
    page = fresh_page(browser, port)
    answers = Answers(page, session, pid)
    shown = answers.wait(
        "runs",
        lambda: page.get_by_role("tab", name="Train").click(),
        SEEN,
    )
    page.wait_for_timeout(2_000)
    here = renderer(session)
    before = processor_seconds(pid), processor_seconds(here)
    page.wait_for_timeout(1_000 * WATCHED)
    spent = processor_seconds(pid) - before[0], processor_seconds(here) - before[1]
    page.context.close()
    return {"shown": shown, "server": 1_000 * spent[0] / WATCHED, "page": 1_000 * spent[1] / WATCHED}


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--songs", type=int, default=SONGS, help=f"in the folder (default {SONGS})")
    parser.add_argument("--events", type=int, default=EVENTS, help=f"in one song (default {EVENTS})")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"in the list (default {RUNS})")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Make, open, edit, watch; print and record."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        work = Path(temporary)
        marked = make_songs(work / "songs", options.songs)
        crowded = make_crowded(work / "crowded", options.events)
        make_runs(work / "home" / "runs", options.runs, work / "songs")
        time.sleep(2.5)  # files as young as that are not remembered
        port = free_port()
        make_songs(work / "begun", HEARD)
        with (
            server(
                app_command(work / "begun", port), port, work / "cache", STRUCTURE_STUDIO_HOME=str(work / "home")
            ) as started,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=find_chromium())
            many = measure_list(browser, port, started.pid, work / "songs", options.songs, marked)
            frames, edits = measure_crowded(browser, port, work / "crowded", crowded)
            runs = measure_runs(browser, port, started.pid)
            browser.close()
    ms, memory, before = many["ms"], many["memory"], many["memory_before"]
    songs, events = f"{options.songs} songs", f"{options.events} events"
    record(
        "scale",
        [
            Bar(f"{songs}, opened for the first time until rows are shown", ms["first time"], "ms", most=1_000),
            Bar(f"{songs}, known, until all are shown", ms["known"], "ms", most=1_000),
            Bar(f"{songs}: filter", max(ms["filter"], ms["no filter"]), "ms", most=300),
            Bar(f"{songs}: sort", ms["sort"], "ms", most=300),
            Bar(f"{songs}: next problem until its waveform", ms["next problem"], "ms", most=300),
            Bar(f"{songs}: next song until its waveform, median", ms["next song"], "ms", most=300),
            Bar(f"{songs}: edit until on disk, median", statistics.median(many["clicks"].on_disk), "ms", most=300),
            Bar(f"{songs}: server's memory more", memory["server"] - before["server"], "MB"),
            Bar(f"{songs}: page's memory more", memory["page"] - before["page"], "MB"),
            *(Bar(f"{events}: {what}, own work a frame, 95th percentile", float(np.quantile(found, 0.95)), "ms",
                  most=SMOOTH) for what, found in frames.items()),
            Bar(f"{events}: edit until it is on disk, median", statistics.median(edits.on_disk), "ms", most=300),
            Bar(f"{options.runs} runs, until they are shown", runs["shown"], "ms", most=1_000),
            Bar(f"{options.runs} runs: the server's work for each second of watching", runs["server"], "ms", most=100),
            Bar(f"{options.runs} runs: the page's work for each second of watching", runs["page"], "ms", most=100),
        ],
        {
            "list": many | {"clicks": many["clicks"].figures()},
            "work_ms": frames,
            "edits": edits.figures(),
            "runs": runs,
        },
        {"songs": options.songs, "events": options.events, "runs": options.runs, "load": os.getloadavg()},
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
