"""The list of songs: states that follow every edit, filter, chips, sort, and the ways to the next song."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotate import catalogue
from annotate.dataset import Song
from structure.events import Event

pytestmark = pytest.mark.browser

SECONDS = {"a": 5, "b": 9, "c": 4, "d": 8, "e": 3, "f": 7, "g": 6, "h": 10}
FINISHED = [{"type": "verse", "start": 0, "end": 2}, {"type": "chorus", "start": 2, "end": 10}]


def events_of(stem: str) -> list[dict[str, Any]] | None:
    """a, e, f and h are done, b is new, c has a doubt, d a problem, g is proposed."""
    if stem == "b":
        return None
    length = SECONDS[stem]
    part = {"type": "verse", "start": 0, "end": length}
    wrong = {"c": {"unsure": True}, "d": {"end": 99}, "g": {"source": "machine", "probability": 0.9}}
    return [part | wrong.get(stem, {}), {"type": "crash", "start": 1, "end": 1}][: 1 if stem == "g" else 2]


@pytest.fixture
def eight(serve: Callable[..., str], visit: Callable[..., Any], song: Callable[..., Path]) -> Any:
    """A person at eight songs, the new one open."""
    for stem, seconds in SECONDS.items():
        path = song(f"{stem}.wav", seconds=seconds)
        if (events := events_of(stem)) is not None:
            path.with_suffix(".json").write_text(json.dumps({"events": events}))
    return visit(serve(path.parent)).opened("b.wav")


def row(person: Any, name: str) -> Any:
    return person.page.get_by_role("option", name=f"{name}.wav")


def listed(person: Any) -> str:
    """The letters of the songs shown, from top to bottom."""
    rows = person.page.locator(".ssl-song").all()
    return "".join(str(one.get_attribute("data-name"))[0] for one in rows)


def count(person: Any) -> str:
    return person.page.locator(".ssl-count").inner_text()


def eventually(check: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def tab_to(person: Any, selector: str) -> None:
    """Press Tab until something has the focus, as who has no mouse does."""
    for _ in range(40):
        if person.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        person.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


def test_every_song_says_how_far_it_is(eight: Any):
    said = {name: row(eight, name).locator(".ssl-state").inner_text() for name in SECONDS}
    assert said == {
        "a": "✓ 2 events", "b": "new", "c": "1 unsure", "d": "1 problem", "e": "✓ 2 events", "f": "✓ 2 events",
        "g": "new", "h": "✓ 2 events",
    }  # fmt: skip
    assert count(eight) == "5 of 8 marked, 0 min"  # 29 s; a doubt is no gap


def test_a_folder_too_large_to_be_read_at_once_is_listed_first(eight: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("annotate.desk.AT_ONCE", 0.0)  # a song at a time
    monkeypatch.setattr("annotate.catalogue.SETTLED", 3600.0)  # nothing is remembered
    eight.page.reload()
    eight.opened("b.wav")
    eventually(lambda: count(eight) == "5 of 8 marked, 0 min")
    assert row(eight, "d").locator(".ssl-state").inner_text() == "1 problem"


def test_states_follow_the_hand(eight: Any):
    eight.press("End", "ArrowLeft", "Shift+B")
    eventually(lambda: "2 events" in row(eight, "b").inner_text())
    assert count(eight).startswith("6 of 8")
    eight.saved()
    eight.press("Control+z")
    eventually(lambda: "new" in row(eight, "b").inner_text())
    assert count(eight).startswith("5 of 8")
    eight.saved()
    row(eight, "g").click()
    eight.opened("g.wav")
    assert "new" in row(eight, "g").inner_text()
    eight.click(3, ".sst-sections")
    eight.press("4")
    eventually(lambda: "1 event" in row(eight, "g").inner_text())
    eight.saved()
    row(eight, "d").click()
    eight.opened("d.wav")
    assert "problem" in row(eight, "d").inner_text()
    eight.click(4)
    eight.saved("2 sections")
    eventually(lambda: "✓ 3 events" in row(eight, "d").inner_text())


def test_a_doubt_is_shown_as_soon_as_it_is_noted(eight: Any):
    doubt = {"song": "a.wav", "events": [{"type": "verse", "start": 0, "end": 5, "unsure": True}]}
    tell = "detail => document.dispatchEvent(new CustomEvent('structure-studio:events', { detail }))"
    eight.page.evaluate(tell, doubt)
    assert "1 unsure" in row(eight, "a").inner_text()
    assert count(eight).startswith("5 of 8")
    eight.page.evaluate(tell, {"song": "a.wav", "events": [{"type": "verse", "start": 0, "end": 2}]})
    assert "in work" in row(eight, "a").inner_text()
    assert count(eight).startswith("4 of 8")


def test_filter_chips_and_sort_by_keys_alone(eight: Any):
    tab_to(eight, ".ssl-filter")
    eight.page.keyboard.type("E.W")
    assert listed(eight) == "e"
    eight.press("Enter")
    eight.opened("e.wav")
    eight.page.locator(".ssl-filter").focus()
    eight.press("Escape")  # as in every search field
    assert listed(eight) == "abcdefgh"
    tab_to(eight, ".ssl-sort")
    eight.press("ArrowDown")
    eventually(lambda: listed(eight) == "ecagfdbh")
    eight.press("ArrowDown")
    eventually(lambda: listed(eight) == "dcbgaefh")
    eight.press("Home")
    eventually(lambda: listed(eight) == "abcdefgh")
    tab_to(eight, '.ssl-chip[data-state="new"]')
    eight.press("Space")
    assert listed(eight) == "beg"  # the open song stays in sight
    tab_to(eight, '.ssl-chip[data-state="problem"]')
    eight.press("Enter")
    assert listed(eight) == "bdeg"
    tab_to(eight, ".ssl-songs")
    eight.press("ArrowDown")
    eight.opened("g.wav")
    assert listed(eight) == "bdg"
    eight.press("ArrowUp")
    eight.opened("d.wav")
    assert eight.page.locator(".ssl-chip").all_inner_texts() == ["Done 4", "New 2", "Unsure 1", "Problem 1"]
    assert [c.get_attribute("aria-pressed") for c in eight.page.locator(".ssl-chip").all()] == [
        "false", "true", "false", "true",
    ]  # fmt: skip


def test_what_fits_nothing_says_so(eight: Any):
    eight.page.locator(".ssl-filter").fill("zzz")
    assert listed(eight) == ""
    assert eight.page.get_by_text("No song fits.").is_visible()
    assert eight.page.get_by_role("button", name="unmarked").is_disabled()
    eight.page.locator(".ssl-filter").fill("")
    assert eight.page.get_by_text("No song fits.").is_hidden()


def test_to_the_next_song_of_a_kind(eight: Any):
    for name, song in (("unsure", "c"), ("problem", "d"), ("unmarked", "g"), ("unmarked", "b")):
        eight.page.get_by_role("button", name=name, exact=True).click()
        eight.opened(f"{song}.wav")
    eight.press("End", "ArrowLeft", "Shift+B")  # keys are for the song at once
    eight.saved("2 sections")
    tab_to(eight, '[data-next="unsure"]')
    eight.press("Enter")
    eight.opened("c.wav")
    assert eight.page.get_by_role("button", name="unsure", exact=True).is_disabled()


def test_the_timelines_keys_lead_on_too(eight: Any):
    for what, song in (("problem", "d"), ("unsure", "c"), ("unmarked", "g"), ("song", "h")):
        detail = {"what": what}
        eight.page.evaluate(
            "detail => window.dispatchEvent(new CustomEvent('structure-studio:next', { detail }))", detail
        )
        eight.opened(f"{song}.wav")


def test_another_tab_and_a_reload_leave_the_list_as_it_is(eight: Any):
    row(eight, "f").click()
    eight.opened("f.wav")
    eight.page.get_by_role("tab", name="Elsewhere").click()
    eight.page.get_by_role("tab", name="Annotate").click()
    assert listed(eight) == "abcdefgh"
    eight.page.reload()
    eight.opened("f.wav")
    assert listed(eight) == "abcdefgh"
    assert row(eight, "f").get_attribute("aria-selected") == "true"


@pytest.fixture
def ten_thousand() -> Iterator[str]:
    """The address of a page with nothing but a list of ten thousand songs, every other one marked."""
    import gradio as gr

    from annotate.song_list import SongList, song_list_value

    parts = [Event(type=kind, start=20 * i, end=20 * i + 20) for i, kind in enumerate(["verse", "chorus"] * 6)]

    def one(number: int) -> catalogue.Listed:
        events = parts if number % 2 else []
        name = f"folder/{number:05}.wav"
        return catalogue.listed(Song(Path(name), name, Path(name), [], 240.0, events))

    with gr.Blocks() as demo:
        songs, chosen = SongList(), gr.Textbox(elem_id="chosen")
        demo.load(lambda: song_list_value(map(one, range(10_000)), "folder/00000.wav"), None, songs)
        songs.input(lambda name: name, songs, chosen, trigger_mode="always_last")
    yield demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_name="127.0.0.1")[1]
    demo.close()


def test_ten_thousand_songs_are_a_few_rows(ten_thousand: str, browser: Any):
    page = browser.new_page()
    page.goto(ten_thousand)
    page.wait_for_selector(".ssl-song")
    rows = page.locator(".ssl-song")
    assert page.locator(".ssl-count").inner_text() == "5000 of 10000 marked, 333 h"
    assert rows.count() < 40
    page.locator(".ssl-songs").focus()
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    chosen = page.locator('.ssl-song[aria-selected="true"]')
    assert chosen.get_attribute("data-name") == "folder/00030.wav"
    assert chosen.is_visible() and rows.count() < 40
    page.wait_for_function("document.querySelector('#chosen textarea, #chosen input').value === 'folder/00030.wav'")
    page.locator(".ssl-filter").fill("09999")
    assert rows.count() == 1
    page.locator(".ssl-filter").fill("")
    page.locator(".ssl-songs").evaluate("list => (list.scrollTop = list.scrollHeight)")
    page.get_by_role("option", name="09999").click()
    assert chosen.get_attribute("aria-posinset") == chosen.get_attribute("aria-setsize") == "10000"
    page.close()
