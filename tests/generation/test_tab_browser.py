"""The Generate tab as a person uses it: text and timeline move together, slips are told beside the text."""

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Any, random_model, tmp_path, monkeypatch) -> Iterator[Any]:
    """The tab alone, on a model with random weights; any error of the page fails the test."""
    monkeypatch.setenv("STRUCTURE_STUDIO_HOME", str(tmp_path))
    import gradio as gr

    import generation.tab
    from generation.service import output_folder
    from generation.warm import release

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


def wish(page: Any, structure: str, steps: str = "2") -> None:
    retype(page, structure)
    page.get_by_role("button", name="More").click()
    page.get_by_label("Steps", exact=True).fill(steps)


def test_bars_are_typed_and_dragged_and_what_is_sung_stays(page):
    page.get_by_label("BPM", exact=True).fill("120")
    retype(page, 'verse 4 bars "quiet", chorus 4 bars')
    parts(page, "verse", "chorus")
    page.wait_for_selector(".sst[data-mode=compose][data-beats=told]")
    page.locator(".sst[data-mode=compose] .sst-sections .sst-word").nth(1).click()
    page.keyboard.press("h")
    page.keyboard.type("All of us")
    page.keyboard.press("Control+Enter")
    stage = page.locator(".sst[data-mode=compose] .sst-stage").bounding_box()
    wave = page.locator(".sst[data-mode=compose] .sst-wave").bounding_box()
    page.mouse.move(stage["x"] + stage["width"] / 2, wave["y"] + 12)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 10.05 / 16, wave["y"] + 12, steps=6)  # bar 6 begins at 10 s
    page.mouse.up()
    text(page, 'verse 5 bars "quiet", chorus 3 bars')
    page.get_by_label("Structure", exact=True).press_sequentially(", outro 1 bar")
    parts(page, "verse", "chorus", "outro")
    sung = page.evaluate("document.querySelector('.sst[data-mode=compose]').timeline.events.map(e => e.lyrics)")
    assert sung == [None, "All of us", None]


def test_a_word_that_the_adapter_never_learnt_is_said(page):
    retype(page, "verse 0-4, chorus")
    page.get_by_text("has no length. Give it one").wait_for()
    page.get_by_label("Length (s)", exact=True).fill("12")
    parts(page, "verse", "chorus")


def test_songs_are_compared_changed_kept_and_deleted(page):
    wish(page, "verse 0-1.5, chorus 1.5-3")
    page.get_by_label("number input for Songs at once").fill("2")
    page.get_by_label("number input for Songs at once").press("Tab")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("2 of 2 songs made.").wait_for()
    cards = page.locator(".sst-take")
    assert cards.count() == 2 and page.locator(".sst-take[data-shown=a]").count() == 1
    player = page.locator(".sst[data-mode=view]")
    own = player.evaluate("root => root.timeline.track")
    page.locator(".sst-take[data-shown='']").get_by_role("button", name="Compare").click()
    page.locator(".sst-take[data-shown=b]").wait_for()
    page.wait_for_function(f"document.querySelector('.sst[data-mode=view]').timeline.track !== '{own}'")
    player.focus()
    page.keyboard.press("x")
    page.wait_for_function(f"document.querySelector('.sst[data-mode=view]').timeline.track === '{own}'")
    page.locator(".sst-take[data-shown=a]").get_by_title("Keep it").click()
    page.locator(".sst-take[data-shown=a] button[aria-pressed=true]").wait_for()

    page.get_by_label("How", exact=True).fill('bridge "strings"')
    page.get_by_role("button", name="Change this part").click()
    page.get_by_text("Make it again: done").wait_for()
    words = player.locator(".sst-sections .sst-word")
    assert words.all_text_contents() == ["bridge", "chorus"] and cards.count() == 3

    page.get_by_label("Search:", exact=False).or_(page.get_by_placeholder("Search:")).fill("bridge")
    page.wait_for_function("document.querySelectorAll('.sst-take').length === 1")
    page.get_by_placeholder("Search:").fill("")
    page.wait_for_function("document.querySelectorAll('.sst-take').length === 3")
    page.locator(".sst-take").last.get_by_role("button", name="Delete").click()
    page.locator(".sst-take").last.get_by_role("button", name="Really?").click()
    page.wait_for_function("document.querySelectorAll('.sst-take').length === 2")


def test_a_song_is_taken_home_in_another_form(page):
    wish(page, "verse 0-1.5")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("1.5 s of song made").wait_for()
    for form, ending in (("FLAC", ".flac"), ("Audacity labels", ".txt")):
        with page.expect_response(lambda answer, ending=ending: "predict" in answer.url and ending in answer.text()):
            page.get_by_label("Take home as").click()
            page.get_by_role("option", name=form).click()
        page.wait_for_timeout(300)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download", exact=True).click()
        assert download.value.suggested_filename.endswith(ending)


def test_what_cannot_be_changed_is_said_and_the_song_stays(page):
    wish(page, "verse 0-1.5, chorus 1.5-3")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("3.0 s of song made").wait_for()
    page.get_by_label("Change it").click()
    page.get_by_role("option", name="Shorter by").click()
    page.get_by_label("How", exact=True).fill("9s")
    page.get_by_role("button", name="Change this part").click()
    page.get_by_text("cannot be cut from it").first.wait_for()
    assert page.locator(".sst-take").count() == 1
