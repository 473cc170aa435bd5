"""Edits that never reached the server: whoever opens the song again has them again."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

LENGTH = 40.0  # seconds


@pytest.fixture
def songs(song: Callable[..., Path]) -> Path:
    song("one.wav", seconds=LENGTH, hertz=200.0)
    return song("two.wav", seconds=LENGTH, hertz=300.0).parent


def cut_off(someone: Any) -> None:
    """The server is gone: whatever the page asks for from now on fails."""
    someone.page.route("**/gradio_api/**", lambda route: route.abort())


def come_back(someone: Any) -> None:
    someone.page.unroute("**/gradio_api/**")
    someone.page.reload()
    someone.opened("one.wav")


def starts(songs: Path) -> list[int]:
    path = songs / "one.json"
    return [round(e["start"]) for e in json.loads(path.read_text())["events"]] if path.exists() else []


def eventually(check: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not (done := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done


def test_edits_made_while_the_server_was_gone_are_made_once_more(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    someone.click(10)
    someone.press("w")
    someone.page.keyboard.insert_text("with strings")
    someone.press("Enter")
    someone.saved()
    assert starts(songs) == [0, 10]
    cut_off(someone)
    someone.click(20)
    someone.click(30)
    assert starts(songs) == [0, 10]
    come_back(someone)
    assert [round(t) for t in someone.boundaries()] == [10, 20, 30]
    assert eventually(lambda: starts(songs) == [0, 10, 20, 30])
    someone.saved("4 sections")
    someone.press("Control+z")  # all of them are one step
    assert eventually(lambda: starts(songs) == [0, 10])


def test_the_first_edit_after_the_server_is_back_saves_all(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    cut_off(someone)
    someone.click(10)
    someone.click(20)
    time.sleep(0.5)
    someone.page.unroute("**/gradio_api/**")
    someone.click(30)
    assert eventually(lambda: starts(songs) == [0, 10, 20, 30])


def test_what_somebody_else_has_saved_meanwhile_stays_and_undo_brings_the_edits(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    someone.click(10)
    someone.saved()
    cut_off(someone)
    someone.click(20)
    time.sleep(0.1)
    (songs / "one.json").write_text('{"events": [{"type": "outro", "start": 30, "end": 40}]}')
    come_back(someone)
    assert someone.parts() == ["free", "outro"]
    assert "Undo brings those back" in someone.page.locator("#annotate-timeline .sst-save").inner_text()
    assert starts(songs) == [30]
    someone.press("Control+z")
    assert eventually(lambda: starts(songs) == [0, 10, 20])
    come_back(someone)
    assert [round(t) for t in someone.boundaries()] == [10, 20]
