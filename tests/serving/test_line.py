"""Turns, room, patience and the end of the line, with work that waits for a word instead of a model."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from generation.warm import Cancelled
from serving.line import Gone, Line, Refused

Made = TypeVar("Made")


def run(trial: Coroutine[Any, Any, Made]) -> Made:
    """In a thread of its own: a browser of another test keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, trial).result(120)


async def stays() -> bool:
    return False


class Work:
    """Something that is made when `done` is set, and stops when it is told to."""

    def __init__(self, name: str = "song") -> None:
        self.name, self.begun, self.done = name, threading.Event(), threading.Event()

    def __call__(self, stopped: Callable[[], bool], waited: float) -> str:
        self.begun.set()
        while not self.done.wait(0.01):
            if stopped():
                raise Cancelled
        return self.name


async def begun(work: Work) -> None:
    while not work.begun.is_set():
        await asyncio.sleep(0.01)


def test_songs_are_made_one_at_a_time_in_order():
    async def trial() -> None:
        line, works = Line(longest=2, patience=60), [Work(str(n)) for n in range(3)]
        tasks = []
        for work in works:
            tasks.append(asyncio.create_task(line.take(work, stays)))
            await asyncio.sleep(0.02)
        await begun(works[0])
        assert line.waiting == 2 and not works[1].begun.is_set()
        with pytest.raises(Refused) as full:
            await line.take(Work(), stays)
        assert (full.value.status, full.value.retry_after > 0) == (429, True)
        for work in works:
            work.done.set()
        assert await asyncio.gather(*tasks) == ["0", "1", "2"]
        assert line.waiting == 0

    run(trial())


@pytest.mark.parametrize("is_begun", [True, False])
def test_who_hangs_up_is_not_waited_for(is_begun: bool):
    async def trial() -> None:
        line, first, second = Line(longest=4, patience=60), Work(), Work()
        gone = False

        async def is_gone() -> bool:
            return gone

        if not is_begun:
            ahead = asyncio.create_task(line.take(first, stays))
            await begun(first)
        task = asyncio.create_task(line.take(second, is_gone))
        await (begun(second) if is_begun else asyncio.sleep(0.05))
        gone = True
        with pytest.raises(Gone):
            await task
        first.done.set()
        if not is_begun:
            assert await ahead == "song"
        third = Work()
        third.done.set()
        assert await line.take(third, stays) == "song"  # the worker is free again

    run(trial())


def test_patience_ends():
    async def trial() -> None:
        with pytest.raises(Refused) as late:
            await Line(longest=1, patience=0.3).take(Work(), stays)
        assert late.value.status == 504

    run(trial())


def test_at_the_end_the_song_under_way_is_finished_and_the_rest_are_refused():
    async def trial() -> None:
        line, first = Line(longest=4, patience=60), Work()
        ahead = asyncio.create_task(line.take(first, stays))
        await begun(first)
        waiting = asyncio.create_task(line.take(Work(), stays))
        await asyncio.sleep(0.05)
        line.close()
        with pytest.raises(Refused) as refused:
            await waiting
        assert (refused.value.status, refused.value.retry_after > 0) == (503, True)
        with pytest.raises(Refused, match="shutting down"):
            await line.take(Work(), stays)
        first.done.set()
        assert await ahead == "song"

    run(trial())


def test_what_the_work_raises_is_raised():
    def breaks(stopped: Callable[[], bool], waited: float) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run(Line(longest=1, patience=60).take(breaks, stays))
