"""The Generate tab as a person uses it: text and timeline move together, slips are told beside the text."""

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Any, random_model) -> Iterator[Any]:
    """The tab alone, on a model with random weights; any error of the page fails the test."""
    import gradio as gr

    import generation.tab
    from generation.service import output_folder, release

    with gr.Blocks(analytics_enabled=False) as demo:
        generation.tab.build(str(random_model))
    address = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, allowed_paths=[str(output_folder())])[1]
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.set_default_timeout(60_000)
    opened.goto(address)
    opened.locator(".sst[data-mode=compose][data-ready]").wait_for()
    yield opened
    opened.close()
    demo.close()
    release()
    assert troubles == []


def parts(page: Any, *expected: str) -> None:
    """Wait until the structure's timeline shows these parts."""
    wanted = ",".join(expected)
    page.wait_for_function(
        "wanted => [...document.querySelectorAll('.sst[data-mode=compose] .sst-sections .sst-word')]"
        ".map(word => word.textContent).join() === wanted",
        arg=wanted,
    )


def text(page: Any, expected: str) -> None:
    """Wait until the structure's text is this."""
    page.wait_for_function("wanted => document.querySelector('textarea').value === wanted", arg=expected)


def retype(page: Any, structure: str) -> None:
    field = page.get_by_label("Structure", exact=True)
    field.fill("")
    field.press_sequentially(structure)


def test_what_is_typed_is_drawn_and_a_slip_is_told_beside_it(page):
    parts(page, "intro", "verse", "chorus")
    retype(page, "verse 0-6, solo 6-9")
    parts(page, "verse", "solo")
    page.get_by_label("Structure", exact=True).press_sequentially(", chorus 8-12")
    page.get_by_text("Sections may not overlap").wait_for()
    parts(page, "verse", "solo")


def test_what_is_drawn_is_written(page):
    stage = page.locator(".sst[data-mode=compose] .sst-stage").bounding_box()
    wave = page.locator(".sst[data-mode=compose] .sst-wave").bounding_box()
    middle = wave["y"] + 12
    page.mouse.move(stage["x"] + stage["width"] * 4 / 20, middle)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 5 / 20, middle, steps=5)
    page.mouse.move(stage["x"] + stage["width"] * 6 / 20, middle, steps=5)
    page.mouse.up()
    page.wait_for_function("() => /^intro 0-(5.9|6)/.test(document.querySelector('textarea').value)")


def test_a_template_is_one_click(page):
    page.locator("button[data-template='With a bridge']").click()
    text(page, "intro 0-4, verse 4-12, chorus 12-20, bridge 20-26, chorus 26-34, outro 34-38")
    parts(page, "intro", "verse", "chorus", "bridge", "chorus", "outro")


def test_a_song_is_made_and_can_be_taken_home(page):
    page.get_by_text("Without an event adapter the structure will not be followed.").first.wait_for()
    retype(page, "verse 0-2, chorus 2-4")
    page.get_by_role("button", name="More").click()
    page.get_by_label("Steps", exact=True).fill("2")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("4.0 s of song made").wait_for()
    page.locator(".sst[data-mode=view][data-drawn]").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download sidecar").click()
    assert download.value.suggested_filename.endswith(".json")


def test_a_number_that_is_none_is_told(page):
    page.get_by_label("BPM", exact=True).fill("fast")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("`bpm` is 'fast'").first.wait_for()


def test_a_song_that_is_being_made_can_be_stopped(page):
    page.get_by_role("button", name="More").click()
    page.get_by_label("Steps", exact=True).fill("200")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("Making the song").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("Stopped. Nothing was written.").wait_for()
    assert page.locator(".sst[data-mode=view]:visible").count() == 0
