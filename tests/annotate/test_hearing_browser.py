"""A song beside what a model made of its structure: one key goes from one to the other, at the same place."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from annotate.tab import SongMaker, build
from structure.errors import StudioError

pytestmark = pytest.mark.browser


@pytest.fixture
def page(five_parts: Path, song: Callable[..., Path]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """The tab with a maker that plays another recording, and what that maker was asked for."""
    audio = song("tune.wav", seconds=60)
    audio.with_suffix(".json").write_text('{"caption": "slow", "events": [{"type": "verse", "start": 0, "end": 60}]}')
    asked: list[Mapping[str, Any]] = []

    def make(sidecar: Mapping[str, Any], adapter: str) -> Path:
        if adapter == "broken":
            raise StudioError("This adapter does not fit.")
        asked.append({**sidecar, "adapter": adapter})
        return five_parts

    with gr.Blocks() as demo:
        build(audio.parent, True, maker=SongMaker(lambda: [("Shipped", "default"), ("Broken", "broken")], make))
    yield demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_name="127.0.0.1")[1], asked
    demo.close()


def test_the_model_is_heard_at_the_same_place_and_the_song_again(
    page: tuple[str, list[Mapping[str, Any]]], visit: Callable[..., Any]
):
    address, asked = page
    person = visit(address).opened("tune.wav")
    own = person.root.evaluate("root => root.timeline.track")
    version = person.root.locator("[data-do=version]")
    assert version.is_hidden()
    person.page.get_by_text("Hear what a model makes").click()
    person.page.locator("#annotate-hear").click()
    version.wait_for()
    person.page.wait_for_function(f"document.querySelector('.sst').timeline.track !== '{own}'")
    assert [(a["caption"], a["adapter"], a["events"][0]["end"]) for a in asked] == [("slow", "default", 60)]
    person.root.locator(".sst-wave").click(position={"x": 5, "y": 180})  # on the ruler: takes the focus
    person.press("End", "ArrowLeft")
    place = person.root.evaluate("root => root.timeline.head")
    person.press("x")
    person.page.wait_for_function(f"document.querySelector('.sst').timeline.track === '{own}'")
    person.page.wait_for_function(
        f"Math.abs(document.querySelector('.sst audio').currentTime - {place}) < 0.01"
        f" && document.querySelector('.sst').timeline.head === {place}"
    )
    person.page.wait_for_selector('[data-do=version][aria-pressed="false"]')
    assert person.boundaries() == []


def test_what_goes_wrong_is_said_and_the_song_stays(
    page: tuple[str, list[Mapping[str, Any]]], visit: Callable[..., Any]
):
    person = visit(page[0]).opened("tune.wav")
    person.page.get_by_text("Hear what a model makes").click()
    person.page.locator("#annotate-adapter input").click()
    person.page.get_by_role("option", name="Broken").click()
    person.page.locator("#annotate-hear").click()
    person.page.get_by_text("This adapter does not fit.").wait_for()
    assert person.root.locator("[data-do=version]").is_hidden()
