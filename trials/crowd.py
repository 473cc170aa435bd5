"""A crowd: many people mark songs of their own at one page for minutes, and nobody loses anything or sees another's.

    python -m trials.crowd --people 20 --seconds 600

The page is served as `python app.py` serves it, on this machine, and each person has a browser of their own (a context
of one Chromium). Nothing may be lost: after every save, and in the end, each sidecar holds exactly what its person did.
A save is timed in the page, from the key or click until the page says `Saved`, and on its way to the server and back.
Then two people and a text editor change one song at once: each conflict must be seen, and nothing be
lost, whichever version is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.page import app_command, find_chromium, free_port, server
from benchmarks.record import WORK, Bar, BenchmarkError, exit_status, record
from trials.dispute import CHOICES, RIVALS, Dispute
from trials.people import PATIENCE, Person, Song, Tally

SONG_SECONDS = 40.0
SONGS_EACH = 2
SHARED = "zz-shared.wav"
MINUTE = 60.0
BEHIND = 19  # niceness of what draws a page, which elsewhere has a processor of its own
DRAWING = ("renderer", "gpu-process", "zygote")  # Chromium's processes, the last for those to come
WINDOW = {"width": 1024, "height": 700}  # px: a processor paints it, twenty times
CHEAP = (  # pages as ever, without what nobody looks at
    "--no-sandbox", "--disable-gpu", "--mute-audio", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions",
)  # fmt: skip


@dataclass
class Load:
    """What the server's process took: megabytes each second, and shares of one core."""

    megabytes: list[float] = field(default_factory=list)
    server_share: float = 0.0
    browser_share: float = 0.0
    trial_share: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What became of a crowd.

    Attributes:
        tallies: of each person.
        load: of the server, while they worked.
        disputes: conflicts that were to be seen.
        unseen: conflicts that were not, and what was lost by a choice, a sentence each.
        crashes: tracebacks that the server wrote.
    """

    tallies: list[Tally]
    load: Load
    disputes: int
    unseen: list[str]
    crashes: int

    def all(self, what: str) -> list[Any]:
        """What all people met: `lost`, `page_ms` …"""
        return [entry for tally in self.tallies for entry in getattr(tally, what)]

    @property
    def edits(self) -> Counter[str]:
        return sum((tally.edits for tally in self.tallies), Counter())


class CrowdTrial:
    """A server, songs for everybody, and people.

    Args:
        folder: for songs, the page's cache and its log.
        people: how many.
        seed: of what they do.
    """

    def __init__(self, folder: Path, people: int, seed: int = 0) -> None:
        self.folder, self.seed = folder, seed
        self.names = [f"p{number:02d}" for number in range(people)]
        shutil.rmtree(folder, ignore_errors=True)
        self.dataset = folder / "songs"
        self.dataset.mkdir(parents=True)
        self.songs = {
            name: [self._song(f"{name}-{n}.wav", name, SONGS_EACH * place + n) for n in range(SONGS_EACH)]
            for place, name in enumerate(self.names)
        }
        self.shared = self._song(SHARED, "shared", SONGS_EACH * people)

    def run(self, seconds: float, rivals: Sequence[str] = RIVALS, choices: Sequence[str] = CHOICES) -> Outcome:
        """Let everybody work for so long, and then dispute about one song."""
        return asyncio.run(self._run(seconds, rivals, choices))

    async def _run(self, seconds: float, rivals: Sequence[str], choices: Sequence[str]) -> Outcome:
        from playwright.async_api import async_playwright

        port, log = free_port(), self.folder / "server.log"
        address = f"http://127.0.0.1:{port}/"
        home = str(self.folder / "home")
        command = app_command(self.dataset, port)
        with server(command, port, self.folder / "cache", log, STRUCTURE_STUDIO_HOME=home) as started:
            saves = save_numbers(address)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(CHEAP))
                crowd = []
                for place, name in enumerate(self.names):
                    context = await browser.new_context(viewport=WINDOW)
                    crowd.append(Person(name, context, self.songs[name], seed=1000 * self.seed + place))
                    await crowd[-1].arrive(address)
                    crowd[-1].time_answers(saves)
                load = await watched(started.pid, asyncio.gather(*(p.work(time.monotonic() + seconds) for p in crowd)))
                for person in crowd:
                    await self._end(person)
                    await person.context.close()
                unseen = await Dispute(browser, self.shared).run(address, rivals, choices)
                await browser.close()
        crashes = log.read_text().count("Traceback (most recent call last)")
        return Outcome([p.tally for p in crowd], load, len(rivals) * len(choices), unseen, crashes)

    async def _end(self, person: Person) -> None:
        """Each of a person's sidecars is exactly what they made, and speaks of nobody else."""
        await person.look()
        for song in person.songs:
            if not song.on_disk():
                person.tally.lost.append(f"{song.audio.name} is not what {person.name} made of it")
            text = song.audio.with_suffix(".json").read_text(encoding="utf-8")
            person.tally.mixed += [
                f"{song.audio.name} holds {n}-" for n in self.names if n != person.name and f"{n}-" in text
            ]

    def _song(self, name: str, owner: str, number: int) -> Song:
        """Music of this project's generator, in three parts that say whose they are."""
        import soundfile

        from acestep.starter.songs import make_song, song_seed

        music, audio = make_song(song_seed(5, number), SONG_SECONDS), self.dataset / name
        soundfile.write(audio, music.samples, music.sample_rate)
        cuts = [0.0, 10.0, 25.0, SONG_SECONDS]
        events = [
            {"type": kind, "start": start, "end": end, "label": f"{owner}-0 {kind}"}
            for kind, start, end in zip(("intro", "verse", "chorus"), cuts, cuts[1:], strict=False)
        ]
        data = {"caption": f"{owner}-0", "duration": SONG_SECONDS, "owner": owner}
        audio.with_suffix(".json").write_text(json.dumps({**data, "events": events}))
        return Song(audio, data, events)


async def watched(pid: int, work: asyncio.Future[Any]) -> Load:
    """Do the work, and see meanwhile what server, browsers and this process take.

    What draws the pages, which everybody else has on a machine of their own, comes after the server here.
    """
    process, here, load, begin = psutil.Process(pid), psutil.Process(), Load(), time.monotonic()
    own = {pid, *(child.pid for child in process.children(recursive=True))}
    browsers = [child for child in here.children(recursive=True) if child.pid not in own]
    for browser in browsers:
        if any(f"--type={kind}" in part for kind in DRAWING for part in browser.cmdline()):
            browser.nice(BEHIND)
    before = seconds_of([process]), seconds_of(browsers), seconds_of([here])
    while not (await asyncio.wait([work], timeout=1.0))[0]:
        load.megabytes.append(process.memory_info().rss / 2**20)
    after, wall = (seconds_of([process]), seconds_of(browsers), seconds_of([here])), time.monotonic() - begin
    load.server_share, load.browser_share, load.trial_share = (
        (a - b) / wall for a, b in zip(after, before, strict=True)
    )
    work.result()
    return load


def seconds_of(processes: Sequence[psutil.Process]) -> float:
    """Processor seconds that they have taken."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def save_numbers(address: str) -> set[int]:
    """Gradio's numbers of the handlers that save: they are told what is on the timeline."""
    page = _ask(f"{address}config")
    timeline = next(c["id"] for c in page["components"] if c["props"].get("elem_id") == "annotate-timeline")
    return {d["id"] for d in page["dependencies"] if timeline in d["inputs"]}


def _ask(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
        return json.load(answer)


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and longest of some.

    Raises:
        BenchmarkError: there is none.
    """
    if not milliseconds:
        raise BenchmarkError("Nobody saved anything. Let them work longer with --seconds.")
    p50, p95, most = np.percentile(milliseconds, (50, 95, 100))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "max": round(float(most), 1)}


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trials.crowd", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, default=20, help="each with a browser (default 20)")
    parser.add_argument("--seconds", type=float, default=600.0, help="that they work (default 600)")
    parser.add_argument("--seed", type=int, default=0, help="of what they do and when (default 0)")
    parser.add_argument("--work", type=Path, default=WORK / "crowd", help="folder for songs, cache and log")
    return parser


def measure(options: argparse.Namespace) -> int:
    """Do the trial and record the counts; 1 where a bar was missed."""
    outcome = CrowdTrial(options.work, options.people, options.seed).run(options.seconds)
    page, load = percentiles(outcome.all("page_ms")), outcome.load
    served = percentiles(outcome.all("server_ms"))
    minute = round(MINUTE)
    troubles = ("lost", "strange", "mixed", "conflicts", "errors")
    bars = [
        Bar("edits that were lost, or made something else", len(outcome.all("lost") + outcome.all("strange")), most=0),
        Bar("songs and words of another that somebody saw", len(outcome.all("mixed")), most=0),
        Bar("conflicts where nobody else edits", len(outcome.all("conflicts")), most=0),
        Bar("errors shown, and tracebacks of the server", len(outcome.all("errors")) + outcome.crashes, most=0),
        Bar(f"conflicts of {outcome.disputes} not seen, or with a loss", len(outcome.unseen), most=0),
        Bar("a save's way to the server and back, 95th percentile", served["p95"], "ms", most=500),
        Bar("edit until the page says it is saved, 95th percentile", page["p95"], "ms", most=500),
    ]
    record(
        "crowd",
        bars,
        {
            "edits": dict(outcome.edits),
            "saves": len(outcome.all("page_ms")),
            "page_ms": page,
            "disk_ms": percentiles(outcome.all("disk_ms")),
            "server_ms": served,
            "server_megabytes": {
                "first minute": round(float(np.mean(load.megabytes[:minute])), 1),
                "last minute": round(float(np.mean(load.megabytes[-minute:])), 1),
            },
            "cores_taken": {"server": load.server_share, "browsers": load.browser_share, "trial": load.trial_share},
            **{what: outcome.all(what)[:20] for what in troubles},
            "disputes": outcome.unseen,
        },
        {"people": options.people, "seconds": options.seconds, "seed": options.seed, "songs each": SONGS_EACH},
    )
    return 0 if all(bar.met for bar in bars) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where something was lost, mixed or late, 2 where the trial could not be made."""
    return exit_status(lambda: measure(get_parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
