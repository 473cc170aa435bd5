"""How many keys, clicks and drags does a song with ten sections take? `python -m benchmarks.actions`.

Made songs of about four minutes, whose structure is known, annotated in the real page by somebody who knows it and
never errs: what is counted is what the page asks for, not how fast a person is. Without proposals a part is begun by a
click and named by a key or a button; with them the machine is asked first, then what it got wrong is put right. Each
run ends by comparing the saved sidecar with the truth. A part begins right within half a second. Which section follows
which, and how many bars it lasts, is drawn as often as in the songs of the Harmonix set, from what the starter's band
can play.

Beside it, what two others ask for, counted from their manuals for ten sections, a typed word as one action. Audacity:
play, then for each label Ctrl+M, the word, Enter. Label Studio: for each region the label's key and one drag over the
waveform (neighbours share no boundary, so both ends must be hit), then Submit.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from acestep.starter.songs import STARTER_TYPES
from annotate.audio import write_audio
from annotate.next_type import counted, likely_next
from annotate.timeline import KEYS
from benchmarks.page import TIMELINE, app_command, find_chromium, free_port, server
from benchmarks.record import Bar, BenchmarkError, exit_status, record
from structure.events import Event, sections

if TYPE_CHECKING:
    from playwright.sync_api import Page

SET, COUNT, PARTS = 66_261, 8, 10
BARS = {8: 0.44, 16: 0.14, 4: 0.12}  # of a section, and how often
NEAR = 0.5  # seconds
AUDACITY, LABEL_STUDIO = 1 + 3 * PARTS, 2 * PARTS + 1


class Annotator:
    """Somebody who knows the structure, at the page. `actions` counts keys and clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(TIMELINE)
        self.actions = 0

    def parts(self) -> list[dict[str, Any]]:
        """The sections as they are now."""
        return self.root.evaluate("root => root.timeline.events")

    def key(self, key: str) -> None:
        self.actions += 1
        self.page.keyboard.press(key)

    def click(self, time: float, lane: str) -> None:
        """A click at a time in a lane of the timeline."""
        self.actions += 1
        stage = self.root.locator(".sst-stage").bounding_box()
        row = self.root.locator(lane).bounding_box()
        if stage is None or row is None:
            raise BenchmarkError("The timeline is not on the page.")
        start, end = self.root.evaluate("root => root.timeline.view")
        x = stage["x"] + 1 + (time - start) / (end - start) * (stage["width"] - 2)
        self.page.mouse.click(x, row["y"] + row["height"] * 0.4)

    def begin(self, time: float) -> None:
        """Begin a part; where the beat that it snapped to is far off, take it back and click with Alt."""
        self.click(time, ".sst-wave")
        if all(abs(part["start"] - time) > NEAR for part in self.parts()):
            self.key("Control+z")
            self.page.keyboard.down("Alt")
            self.click(time, ".sst-wave")
            self.page.keyboard.up("Alt")

    def name(self, kind: str) -> None:
        """Name the selected part."""
        if kind in KEYS:
            self.key(str(KEYS.index(kind) + 1))
        else:
            self.actions += 1
            self.root.locator(f'.sst-name[data-type="{kind}"]').click()

    def name_what_is_wrong(self, truth: list[Event]) -> None:
        """From left to right; a corrected guess may have corrected later ones, and the page goes to the next guess."""
        selected = -1.0  # where the part begins that the page has selected
        for part in truth:
            middle = (part.start + part.end) / 2
            now = next(p for p in self.parts() if p["start"] <= middle < p["end"])
            if now["type"] == part.type:
                continue
            if selected != now["start"]:
                self.click(middle, ".sst-sections")
            self.name(part.type)
            guesses = [p["start"] for p in self.parts() if p.get("source") == "machine" and p["start"] > middle]
            selected = guesses[0] if guesses and now.get("source") == "machine" else -1.0

    def mark_all(self, truth: list[Event]) -> None:
        """Without a machine: begin each part where it begins, and name it at once."""
        for part in truth[1:]:
            self.begin(part.start)
            self.name(part.type)
        self.name_what_is_wrong(truth)

    def correct_proposal(self, truth: list[Event]) -> None:
        """Let the machine go first."""
        self.key("g")
        self.page.wait_for_function("document.querySelector('.sst').timeline.events.length > 0")
        for guess in self.parts()[1:]:
            if all(abs(guess["start"] - part.start) > NEAR for part in truth):
                self.page.keyboard.down("Shift")
                self.click(guess["start"], ".sst-wave")
                self.page.keyboard.up("Shift")
        for part in truth[1:]:
            if all(abs(now["start"] - part.start) > NEAR for now in self.parts()):
                self.begin(part.start)
        self.name_what_is_wrong(truth)


def ten_section_songs(folder: Path) -> dict[str, list[Event]]:
    """Write the songs; the truth of each by its file's name. None has a name for which no proposals are offered."""
    from acestep.starter.songs import SAMPLE_RATE, STYLES, render, song_seed

    found: dict[str, list[Event]] = {}
    for number in range(COUNT):
        rng = np.random.default_rng([SET, number])
        style = list(STYLES)[number % len(STYLES)]
        bpm = int(np.clip(100 + 8 * number, *STYLES[style].tempo))
        parts = drawn_form(rng, bpm)
        samples = render(parts, parts[-1].end, bpm, "A minor", style, song_seed(SET, number))
        found[f"ten-{number}.wav"] = parts
        write_audio(folder / f"ten-{number}.wav", samples, SAMPLE_RATE)
    return found


def drawn_form(rng: np.random.Generator, bpm: int) -> list[Event]:
    """Ten sections, no two neighbours of one type: between those no boundary could be heard."""
    kinds: list[str] = []
    while len(kinds) < PARTS:
        playable = [
            (k, share) for k, share in likely_next(kinds, counted()) if k in STARTER_TYPES and [k] != kinds[-1:]
        ]
        names, weights = zip(*(playable or [("verse", 1.0)]), strict=True)
        kinds.append(str(rng.choice(names, p=np.array(weights) / sum(weights))))
    lengths = rng.choice(list(BARS), PARTS, p=np.array(list(BARS.values())) / sum(BARS.values())) * 4 * 60 / bpm
    edges = np.round(np.cumsum([0, *lengths]), 4)
    return [Event(type=kind, start=a, end=b) for kind, a, b in zip(kinds, edges[:-1], edges[1:], strict=True)]


def annotate(page: Page, name: str, truth: list[Event], sidecar: Path, proposals: bool) -> int:
    """Annotate one song; the number of actions.

    Raises:
        BenchmarkError: what was saved is not the truth.
    """
    page.locator(f'.ssl-song[data-name="{name}"]').click()
    page.wait_for_selector(f'{TIMELINE}[data-song="{name}"][data-drawn][data-beats="heard"]', timeout=60_000)
    person = Annotator(page)
    (person.correct_proposal if proposals else person.mark_all)(truth)
    page.wait_for_function(
        "() => { const r = document.querySelector('.sst'); return Number(r.dataset.saved) >= Number(r.dataset.rev) }"
    )
    saved = sections([Event.model_validate(e) for e in json.loads(sidecar.read_text(encoding="utf-8"))["events"]])
    right = len(saved) == len(truth) and all(
        one.type == other.type and abs(one.start - other.start) <= NEAR for one, other in zip(saved, truth, strict=True)
    )
    if not right:
        told, meant = ([(e.type, round(e.start, 1)) for e in events] for events in (saved, truth))
        raise BenchmarkError(f"{name}: what was saved is not what was meant: {told} instead of {meant}")
    sidecar.unlink()
    return person.actions


def measure() -> None:
    """Measure, print, write the result file."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        dataset, cache = Path(temporary, "songs"), Path(temporary, "cache")
        dataset.mkdir()
        songs = ten_section_songs(dataset)
        port = free_port()
        counts: dict[str, list[int]] = {"off": [], "on": []}
        with server(app_command(dataset, port), port, cache), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            for name, found in counts.items():
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                page.goto(f"http://127.0.0.1:{port}/")
                page.wait_for_selector(f"{TIMELINE}[data-drawn]")
                for song, truth in songs.items():
                    found.append(annotate(page, song, truth, dataset / Path(song).with_suffix(".json"), name == "on"))
                page.close()
            browser.close()
    bars = [
        Bar("actions for ten sections, proposals off, median", statistics.median(counts["off"]), most=25),
        Bar("the same, proposals on", statistics.median(counts["on"]), most=12),
        Bar("the same in Audacity, from its manual", AUDACITY),
        Bar("the same in Label Studio, from its manual", LABEL_STUDIO),
    ]
    record("actions", bars, {"actions": counts}, {"set": SET, "songs": COUNT, "sections": PARTS})


if __name__ == "__main__":
    sys.exit(exit_status(measure))
