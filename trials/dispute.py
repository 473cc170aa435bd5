"""A dispute: two people, or a person and a text editor, change one song at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trials.people import Person, Song, eventually, same

if TYPE_CHECKING:
    from playwright.async_api import Browser

CHOICES = ("Keep mine", "Keep both where they do not collide", "Load theirs")
RIVALS = ("another person", "a text editor", "another person at the same moment")


class Dispute:
    """Two people who have the same song open.

    Args:
        browser: for a context each.
        song: as it lies there before each round.
    """

    def __init__(self, browser: Browser, song: Song) -> None:
        self.browser, self.audio, self.sidecar = browser, song.audio, song.audio.with_suffix(".json")
        self.first = self.sidecar.read_text(encoding="utf-8")

    async def run(self, address: str, rivals: Sequence[str] = RIVALS, choices: Sequence[str] = CHOICES) -> list[str]:
        """Each rival meets each choice; a sentence for each conflict that was not seen, and for all that was lost."""
        self.people = []
        for seed, name in enumerate(("ann", "ben")):
            context = await self.browser.new_context(viewport={"width": 1280, "height": 900})
            self.people.append(Person(name, context, [self._song()], seed))
            await self.people[-1].arrive(address)
        faults = []
        for rival in rivals:
            for choice in choices:
                faults += [f"{rival}, {choice}: {fault}" for fault in await self._round(rival, choice)]
        for person in self.people:
            await person.context.close()
        return faults

    async def _round(self, rival: str, choice: str) -> list[str]:
        self.sidecar.write_text(self.first, encoding="utf-8")
        for person in self.people:
            person.song = self._song()
            person.songs = [person.song]
            await person.page.reload()
            await person.opened()
        ann, ben = self.people
        if rival == RIVALS[2]:
            await asyncio.gather(ann.add_moment(), ben.add_moment())
        else:
            await (ben.add_moment() if rival == RIVALS[0] else self._write())
            await ben.page.evaluate("crowd.saved()")
            await ann.add_moment()
        for person in self.people:
            await person.page.evaluate("crowd.saved()")
        await asked(self.people)
        losers = [person for person in self.people if await disputes(person)]
        if len(losers) != 1 or (rival != RIVALS[2] and losers != [ann]):
            return [f"the conflict was seen by {[person.name for person in losers] or 'nobody'}"]
        return await self._choose(losers[0], choice)

    async def _choose(self, person: Person, choice: str) -> list[str]:
        """What is wrong once a person has chosen: on disk, in the backup, on the page, and with the next edit."""
        theirs, mine = self._held(), person.song.events
        wanted = {
            CHOICES[0]: lambda: same(self._held()["events"], mine),
            CHOICES[1]: lambda: labels(self._held()["events"]) == labels(mine) | labels(theirs["events"]),
            CHOICES[2]: lambda: self._held() == theirs,
        }[choice]
        for _ in range(2):  # once more where the other has saved since the page asked
            if await disputes(person):
                await person.page.get_by_role("button", name=choice).click()
                await gone(person)
        faults = [] if await eventually(wanted) else [f"the file holds {self._held()['events']}"]
        backup = self.sidecar.with_name(f"{self.sidecar.name}.bak")
        if choice != CHOICES[2] and json.loads(backup.read_text(encoding="utf-8")) != theirs:
            faults.append("the version that was not kept is not in the backup")
        if self._held()["caption"] != theirs["caption"]:
            faults.append("a field that only the other changed was lost")
        if await disputes(person):
            return [*faults, "the question stayed"]
        person.song = self._song()
        person.songs = [person.song]
        if not await shows(person):
            return [*faults, "the page shows something else than the file holds"]
        await person.name_part()
        if not await person.saved():
            faults.append(person.tally.lost[-1])
        return faults

    async def _write(self) -> None:
        """As a text editor does: another caption and one more event."""
        held = self._held()
        held["caption"] = "eve-1"
        held["events"].append({"type": "crash", "start": 30.0, "end": 30.0, "label": "eve-1"})
        self.sidecar.write_text(json.dumps(held), encoding="utf-8")

    def _held(self) -> dict[str, Any]:
        return json.loads(self.sidecar.read_text(encoding="utf-8"))

    def _song(self) -> Song:
        """As the file holds it now."""
        held = self._held()
        return Song(Path(self.audio), {key: value for key, value in held.items() if key != "events"}, held["events"])


async def disputes(person: Person) -> bool:
    return await person.page.locator("#annotate-conflict").first.is_visible()


async def gone(person: Person) -> None:
    """Until the question is gone; a few seconds at most, since it may be asked again."""
    for _ in range(50):
        if not await disputes(person):
            return
        await asyncio.sleep(0.1)


async def asked(people: Sequence[Person]) -> None:
    """Until one of them is asked to choose; a while at most."""
    for _ in range(100):
        for person in people:
            if await disputes(person):
                return
        await asyncio.sleep(0.1)


async def shows(person: Person) -> bool:
    """Whether the page comes to show the song as it must be."""
    for _ in range(100):
        if same((await person.look())["events"], person.song.events):
            return True
        await asyncio.sleep(0.1)
    return False


def labels(events: list[dict[str, Any]]) -> set[str]:
    return {event["label"] for event in events if event.get("label")}
