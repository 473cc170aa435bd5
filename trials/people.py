"""People at a page: each marks songs of their own in a browser, and knows what must be there.

A `Person` does with mouse and keys what a person does, at a person's pace. What each edit must have made of the song is
worked out here as well, so that a page which shows something else than was asked for is noticed, not believed.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.vocabulary import VOCABULARIES
from structure.events import MOMENT_TYPES

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Request

SCRIPT = (Path(__file__).parent / "people.js").read_text(encoding="utf-8")
TIMELINE = "#annotate-timeline .sst"
PATIENCE = 60.0  # seconds until a save, or a song, is given up
NEAR = 0.1  # seconds: how exactly a place on the screen is hit
SNAPPED = 1.5  # seconds: how far the nearest beat may be from a moment
ROOM = 2.0  # seconds on each side of a boundary, so that no two are taken for one
MOST_MOMENTS = 6
NAMES = VOCABULARIES["Ours"][:9]  # on the digits
HURRY = 0.5  # share of those who leave a song, or reload, right after an edit
GLANCE = 0.5  # seconds from the opening of a fold to the first key in it
PACE = (6.0, 18.0)  # seconds between two edits, of somebody who listens meanwhile
OFTEN = 6  # times as often as a person reloads the page, they do each of the other things

Events = list[dict[str, Any]]


@dataclass
class Song:
    """A person's song as it must be: what the sidecar holds, and what undo and redo bring back on the open page."""

    audio: Path
    data: dict[str, Any]
    events: Events
    past: list[Events] = field(default_factory=list)
    future: list[Events] = field(default_factory=list)

    @property
    def sections(self) -> Events:
        return [event for event in self.events if event["type"] not in MOMENT_TYPES]

    @property
    def boundaries(self) -> list[float]:
        return [section["start"] for section in self.sections[1:]]

    def on_disk(self) -> bool:
        """Whether the sidecar says just that."""
        held = json.loads(self.audio.with_suffix(".json").read_text(encoding="utf-8"))
        return held == {**self.data, "events": self.events}

    def reopened(self) -> None:
        self.past, self.future = [], []


@dataclass
class Tally:
    """What happened to a person: edits by kind, milliseconds of saves, and every trouble in a sentence."""

    edits: Counter[str] = field(default_factory=Counter)
    page_ms: list[float] = field(default_factory=list)
    disk_ms: list[float] = field(default_factory=list)
    server_ms: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Person:
    """One browser, with storage of its own, and the songs that nobody else marks.

    Args:
        name: such as `p07`: in the names of the songs, and in all that this person writes.
        context: of the browser.
        songs: at least two, in the order of the list of songs.
        seed: of what is done when.
    """

    def __init__(self, name: str, context: BrowserContext, songs: Sequence[Song], seed: int) -> None:
        self.name, self.context, self.songs, self.rng = name, context, list(songs), random.Random(seed)
        self.song = self.songs[0]
        self.tally = Tally()
        self.page: Page
        self._written = 0

    # ---------------------------------------------------------------- coming, looking, waiting

    async def arrive(self, address: str) -> None:
        """Open the page, then the first song."""
        await self.context.add_init_script(SCRIPT)
        self.page = await self.context.new_page()
        self.page.on("pageerror", lambda error: self.tally.errors.append(f"page error: {error}"))
        await self.page.goto(address)
        await self.page.wait_for_selector(f"{TIMELINE}[data-drawn]", timeout=1000 * PATIENCE)
        if await self.page.locator(".ssl-filter").is_visible():  # a short list has none
            await self.page.locator(".ssl-filter").fill(self.song.audio.stem.partition("-")[0])
        await self.page.locator(f'.ssl-song[data-name="{self.song.audio.name}"]').click()
        await self.opened()

    def time_answers(self, saves: Container[int]) -> None:
        """From now on, note how long the server takes for what Gradio has under these numbers."""

        def note(request: Request) -> None:
            told = request.post_data_json if request.url.endswith("/run/predict") else {}
            if told and told.get("fn_index") in saves:
                self.tally.server_ms.append(request.timing["responseEnd"] - request.timing["requestStart"])

        self.page.on("requestfinished", note)

    async def opened(self) -> None:
        """Wait for the song that must be open now, and see whether it is as it must be."""
        self.song.reopened()
        there = f'{TIMELINE}[data-song="{self.song.audio.name}"][data-drawn]'
        await self.page.wait_for_selector(there, timeout=1000 * PATIENCE)
        seen = await self.look()
        if not same(seen["events"], self.song.events):
            self.tally.lost.append(f"{self.song.audio.name} opened with other events than it was left with")
        self.song.events = seen["events"]

    async def look(self) -> dict[str, Any]:
        """What the page shows; whatever of it is not this person's, and every error, is noted."""
        seen = await self.page.evaluate("crowd.look()")
        if seen["song"] not in {song.audio.name for song in self.songs}:
            self.tally.mixed.append(f"{self.name} sees {seen['song']}")
        words = [*(event.get("label") or "" for event in seen["events"]), seen["caption"] or ""]
        self.tally.mixed += [f"{self.name} sees {text!r}" for text in words if text and not text.startswith(self.name)]
        for trouble in [*seen["troubles"], seen["notice"]]:
            if trouble:
                (self.tally.conflicts if "changed on disk" in trouble else self.tally.errors).append(trouble)
        return seen

    async def saved(self) -> bool:
        """Wait until the page says that all is saved: then it must lie on the disk."""
        try:
            await asyncio.wait_for(self.page.evaluate("crowd.saved()"), PATIENCE)
        except TimeoutError:
            self.tally.lost.append(f"{self.song.audio.name}: not saved in {PATIENCE:g} s")
            return False
        stamp = self.song.audio.with_suffix(".json").stat().st_ctime  # when the new file took its place
        saves = await self.page.evaluate("crowd.saves.splice(0)")
        self.tally.page_ms += [save["ms"] for save in saves]
        self.tally.disk_ms += [1000 * stamp - save["at"] for save in saves[-1:]]  # of those before it the file is gone
        if not self.song.on_disk():
            self.tally.lost.append(f"{self.song.audio.name}: said to be saved, and not on the disk")
            return False
        return True

    # ---------------------------------------------------------------- edits: each says what the events must be then

    async def edited(self, kind: str, must: Callable[[Events], Events | None], travels: bool = False) -> None:
        """Compare what the page shows with what the edit must have made; `must` gets what it shows, for exact times."""
        seen = (await self.look())["events"]
        expected = must(seen)
        self.tally.edits[kind] += 1
        if expected is None or not same(seen, expected):
            self.tally.strange.append(f"{self.song.audio.name}: {kind} made {seen} of {self.song.events}")
        if not travels:
            self.song.past.append(self.song.events)
            self.song.future = []
        self.song.events = seen

    async def mark(self) -> None:
        """Begin a part at a time; where there is no room left, join two parts."""
        edges = [0.0, *self.song.boundaries, self.song.sections[-1]["end"]]
        gaps = [(a + ROOM, b - ROOM) for a, b in pairwise(edges) if b - a > 2 * ROOM]
        if not gaps:
            return await self.join()
        t = self.rng.uniform(*self.rng.choice(gaps))
        await self.page.keyboard.down("Alt")  # where the hand is, not where a beat is
        await self.page.mouse.click(*await self.at(t, ".sst-wave", 0.4))
        await self.page.keyboard.up("Alt")

        def must(seen: Events) -> Events | None:
            found = [e["start"] for e in seen if abs(e["start"] - t) < NEAR and e["type"] not in MOMENT_TYPES]
            part = next(s for s in self.song.sections if s["start"] < t < s["end"])
            halves = [{**part, "end": found[0]}, {**part, "start": found[0]}] if found else []
            return [e for e in self.song.events if e is not part] + halves if found else None

        await self.edited("mark", must)

    async def join(self) -> None:
        """Take a boundary away: what was before it goes on."""
        before = self.rng.choice(self.song.sections[:-1])
        after = next(s for s in self.song.sections if s["start"] == before["end"])
        await self.page.keyboard.down("Shift")
        await self.page.mouse.click(*await self.at(before["end"], ".sst-wave", 0.4))
        await self.page.keyboard.up("Shift")
        rest = [e for e in self.song.events if e is not before and e is not after]
        await self.edited("join", lambda seen: [*rest, {**before, "end": after["end"]}])

    async def move(self) -> None:
        """Drag a boundary."""
        if not self.song.boundaries:
            return await self.mark()
        edges = [0.0, *self.song.boundaries, self.song.sections[-1]["end"]]
        place = self.rng.randrange(1, len(edges) - 1)
        t, to = edges[place], self.rng.uniform(edges[place - 1] + ROOM / 2, edges[place + 1] - ROOM / 2)
        if abs(to - t) < 4 * NEAR:  # less than a hand's tremble would be a click
            to = t + (4 * NEAR if edges[place + 1] - t > ROOM else -4 * NEAR)
        start, end = await self.at(t, ".sst-wave", 0.4), await self.at(to, ".sst-wave", 0.4)
        await self.page.mouse.move(*start)
        await self.page.mouse.down()
        await self.page.keyboard.down("Alt")
        await self.page.mouse.move((start[0] + end[0]) / 2, start[1])
        await self.page.mouse.move(*end)
        await self.page.mouse.up()
        await self.page.keyboard.up("Alt")

        def must(seen: Events) -> Events | None:
            found = next((e["start"] for e in seen if abs(e["start"] - to) < NEAR and e["type"] not in MOMENT_TYPES), t)
            swap = {t: found}
            return None if found == t else [
                e if e["type"] in MOMENT_TYPES
                else {**e, "start": swap.get(e["start"], e["start"]), "end": swap.get(e["end"], e["end"])}
                for e in self.song.events
            ]  # fmt: skip

        await self.edited("move", must)

    async def name_part(self) -> None:
        """Give a part another name, by its digit."""
        part = await self.select_part()
        name = self.rng.choice([name for name in NAMES if name != part["type"]])
        await self.page.keyboard.press(f"Digit{NAMES.index(name) + 1}")
        rest = [e for e in self.song.events if e is not part]
        await self.edited("name", lambda seen: [*rest, {**part, "type": name}])

    async def label_part(self) -> None:
        """Say in words what a part is."""
        part = await self.select_part()
        text = await self.type_words()
        rest = [e for e in self.song.events if e is not part]
        await self.edited("label", lambda seen: [*rest, {**part, "label": text}])

    async def add_moment(self) -> None:
        """A crash at the play head, then words for it: two edits."""
        if len(self.song.events) - len(self.song.sections) >= MOST_MOMENTS:
            return await self.name_part()
        there = [event["start"] for event in self.song.events if event["type"] == "crash"]
        while True:  # two on one beat could not be told apart
            t = self.rng.uniform(1.0, self.song.sections[-1]["end"] - 1.0)
            if all(abs(t - other) > 2 * SNAPPED for other in there):
                break
        await self.page.mouse.click(*await self.at(t, ".sst-wave", 0.95))  # the ruler
        await self.page.keyboard.press(f"Shift+Digit{MOMENT_TYPES.index('crash') + 1}")
        new: dict[str, Any] = {}

        def must(seen: Events) -> Events:
            new.update(next((e for e in seen if e not in self.song.events and abs(e["start"] - t) < SNAPPED), {}))
            return [*self.song.events, {"type": "crash", "start": new.get("start"), "end": new.get("start")}]

        await self.edited("moment", must)
        text, rest = await self.type_words(), [e for e in self.song.events if e != new]
        await self.edited("label", lambda seen: [*rest, {**new, "label": text}])

    async def undo(self) -> None:
        """Undo what was done since the song was opened; what was saved before that is not what the trial counts."""
        if not self.song.past:
            return
        await self.focus()
        await self.page.keyboard.press("Control+z")
        self.song.future.append(self.song.events)
        before = self.song.past.pop()
        await self.edited("undo", lambda seen: before, travels=True)

    async def redo(self) -> None:
        """Redo, as `undo`."""
        await self.focus()
        await self.page.keyboard.press("Control+y")
        if self.song.future:
            self.song.past.append(self.song.events)
            after = self.song.future.pop()
            return await self.edited("redo", lambda seen: after, travels=True)
        await self.edited("redo of nothing", lambda seen: self.song.events, travels=True)

    async def write_caption(self) -> None:
        """A caption, at once, as one pastes it; the page says no more than of the save before, in one second."""
        caption = self.page.locator(".sst-page").get_by_label("Caption", exact=True)
        if not await caption.is_visible():
            await self.page.get_by_role("button", name="Song: caption").click()
            await asyncio.sleep(GLANCE)
        text = self.words()
        await caption.fill(text)
        self.song.data["caption"] = text
        self.tally.edits["caption"] += 1
        if not await eventually(self.song.on_disk, PATIENCE):
            self.tally.lost.append(f"{self.song.audio.name}: its caption was not saved in {PATIENCE:g} s")

    # ---------------------------------------------------------------- leaving a song, and coming back

    async def reload(self) -> None:
        """Load the page anew: the same song opens, with all that was done to it; in a hurry, before it is saved."""
        if self.rng.random() < HURRY:
            await self.name_part()
            await asyncio.sleep(self.rng.uniform(0.1, 0.4))
        await self.page.reload()
        await self.opened()

    async def other_song(self) -> None:
        """Go on to the next of one's songs, or back; in a hurry, before the last edit is saved."""
        hurry = self.rng.random() < HURRY
        if hurry:
            await self.name_part()
        left, here = self.song, self.songs.index(self.song)
        self.song = self.songs[(here + 1) % len(self.songs)]
        await self.focus()
        await self.page.evaluate("crowd.forget()")
        await self.page.keyboard.press("PageDown" if here + 1 < len(self.songs) else "PageUp")
        await self.opened()
        if hurry and not await eventually(left.on_disk):
            self.tally.lost.append(f"{left.audio.name}: what was done before it was left is not on the disk")

    # ---------------------------------------------------------------- hands

    async def at(self, t: float, lane: str, height: float) -> tuple[float, float]:
        x, y = await self.page.evaluate("place => crowd.at(place)", [t, lane, height])
        return x, y

    async def focus(self) -> None:
        await self.page.locator(TIMELINE).focus()

    async def select_part(self) -> dict[str, Any]:
        part = self.rng.choice(self.song.sections)
        await self.page.mouse.click(*await self.at((part["start"] + part["end"]) / 2, ".sst-sections", 0.5))
        return part

    def words(self) -> str:
        """Words that say whose they are."""
        self._written += 1
        return f"{self.name}-{self._written} warm pads"

    async def type_words(self) -> str:
        text = self.words()
        await self.page.keyboard.press("w")
        await self.page.keyboard.insert_text(text)
        await self.page.keyboard.press("Enter")
        return text

    async def work(self, until: float) -> None:
        """Edit at a person's pace until `time.monotonic()` says so."""
        edits = [self.mark, self.name_part, self.move, self.add_moment, self.label_part, self.write_caption]
        others = [self.undo, self.undo, self.redo, self.other_song]
        from playwright.async_api import Error

        while (pause := self.rng.uniform(*PACE)) < until - time.monotonic():
            await asyncio.sleep(pause)
            act = self.rng.choice(OFTEN * (edits * 2 + others) + 2 * [self.reload])
            try:
                await act()
                await self.saved()
            except Error as problem:  # the page does not answer; what was done must be on the disk even so
                return self.tally.errors.append(f"{self.song.audio.name}, {act.__name__}: {problem}")


def same(these: Events, those: Events) -> bool:
    """The same events, in whichever order."""
    return sorted(map(_spelled, these)) == sorted(map(_spelled, those))


def _spelled(event: dict[str, Any]) -> str:
    return json.dumps({key: float(v) if isinstance(v, int) else v for key, v in event.items()}, sort_keys=True)


async def eventually(check: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not (done := check()) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return done
