"""Moments by hand, and what is said of an event: keys and pointer, in a real browser."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def events(tmp_path: Path) -> list[dict[str, Any]]:
    return json.loads((tmp_path / "songs" / "band.json").read_text())["events"]


def moments(tmp_path: Path) -> list[tuple[str, float, float]]:
    return [(e["type"], e["start"], e["end"]) for e in events(tmp_path) if e["type"] not in ("intro", "verse")]


def test_moments_are_set_by_keys_on_the_beat_and_undone(person, tmp_path):
    person.click(16)
    person.press("ArrowRight", "ArrowRight", "Shift+Digit6", "Shift+Digit2")
    person.saved("2 sections, 2 moments")
    fill, (crash, at, end) = moments(tmp_path)
    assert (crash, end) == ("crash", at) and at == pytest.approx(1.0, abs=0.06)
    assert fill == ("fill", at, pytest.approx(at + 2, abs=0.06))  # a bar
    person.press("3", "Shift+Period")  # the selected one: named anew, a beat later
    person.saved()
    assert moments(tmp_path)[1] == ("drop-out", pytest.approx(at + 0.5, abs=0.06), pytest.approx(at + 2.5, abs=0.06))
    person.press("Delete", "Control+z", "Control+z", "Control+z", "Control+z")
    person.saved("2 sections, 1 moment")
    assert [m[0] for m in moments(tmp_path)] == ["crash"]


def test_moments_are_drawn_moved_and_made_longer_by_pointer(person, tmp_path):
    mouse = person.page.mouse

    def pull(start: float, end: float) -> None:
        (x, y), (to, _) = person.at(start, ".sst-moments"), person.at(end, ".sst-moments")
        mouse.move(x, y)
        mouse.down()
        mouse.move((x + to) / 2, y)
        mouse.move(to, y)
        mouse.up()

    person.click(16)
    pull(20, 28)
    person.saved("1 moment")
    person.page.get_by_role("button", name="riser 1").click()
    person.saved()
    kind, start, end = moments(tmp_path)[0]
    assert (kind, start, end) == ("riser", pytest.approx(20, abs=0.3), pytest.approx(28, abs=0.3))
    pull(24, 34)
    person.saved()
    pull(end + 10, end + 12)
    person.saved()
    kind, moved, later = moments(tmp_path)[0]
    assert moved == pytest.approx(start + 10, abs=0.3) and later == pytest.approx(end + 12, abs=0.3)
    person.press("Control+z")
    person.saved()
    assert moments(tmp_path)[0][2] == pytest.approx(end + 10, abs=0.3)


def test_words_intensity_comment_and_doubt_by_keys(person, tmp_path):
    person.click(16)
    person.saved()
    person.press("w")
    person.page.keyboard.type("full drums, wide pads")
    person.press("Enter", "c")
    person.page.keyboard.type("is this the chorus?")
    person.press("Enter", "i", "Home", "Enter", "u")
    person.saved("1 unsure")
    verse = events(tmp_path)[1]
    told = {"label": "full drums, wide pads", "comment": "is this the chorus?", "intensity": 0, "unsure": True}
    assert told.items() <= verse.items()
    person.press("ArrowDown")  # the fields follow the selection
    person.page.wait_for_function("document.querySelector('[data-detail=label]').value.startsWith('full')")
    person.press("Home")
    person.click(5, ".sst-sections")
    person.page.wait_for_function("document.querySelector('[data-detail=label]').value === ''")
    assert "label" not in events(tmp_path)[0]


def test_what_is_sung_stays_with_its_part_and_a_stanza_goes_to_each_part(person, tmp_path):
    for t in (16, 32, 48):
        person.click(t)
        person.saved()
    for t, key in ((20, "2"), (36, "4"), (52, "2")):  # intro, verse, chorus, verse
        person.click(t, ".sst-sections")
        person.press(key)
    person.click(20, ".sst-sections")
    person.press("h")
    person.page.keyboard.type("[Verse 1]\nfirst line\nsecond line")
    person.press("Control+Enter")
    person.saved()
    assert events(tmp_path)[1]["lyrics"] == "[Verse 1]\nfirst line\nsecond line"
    person.press("h", "Control+a")
    person.page.keyboard.type("one\ntwo\n\nthree\n\nfour\n\nfive")
    person.root.locator('[data-do="lay"]').click()
    person.saved()
    assert [e.get("lyrics") for e in events(tmp_path)] == [None, "one\ntwo", "three", "four\nfive"]
    person.click(32, ".sst-edges")
    person.press("Delete")
    person.saved()
    assert [e.get("lyrics") for e in events(tmp_path)] == [None, "one\ntwo\nthree", "four\nfive"]
    person.press("Control+z", "Control+z")  # the join; what was typed and laid, in one step
    person.saved()
    assert [e.get("lyrics") for e in events(tmp_path)] == [None, "[Verse 1]\nfirst line\nsecond line", None, None]


def test_a_table_that_can_be_typed_into(person, tmp_path):
    person.click(16)
    person.click(32)
    person.saved("3 sections")
    person.root.locator(".sst-table summary").click()
    rows = person.root.locator(".sst-table tbody tr")
    cell = rows.nth(1).locator("[data-cell=end]")
    cell.fill("0:40.5")
    cell.press("Enter")
    person.saved()
    assert [e["end"] for e in events(tmp_path)] == [pytest.approx(16, abs=0.06), 40.5, 80]
    assert events(tmp_path)[2]["start"] == 40.5  # neighbours share it
    kind = rows.nth(2).locator("[data-cell=type]")
    kind.fill("Chorus")
    kind.press("Tab")
    person.saved()
    assert events(tmp_path)[2]["type"] == "chorus"
    rows.nth(2).locator("[data-cell=unsure]").check()
    person.saved("1 unsure")
    cell.fill("soon")
    cell.press("Enter")
    assert cell.evaluate("box => box.validationMessage") == "Write a time as 64.5 or 1:04.5."
    rows.nth(0).locator("[data-cell=remove]").click()
    person.saved("2 sections")
    assert "1 gap, 16.0 s" in person.root.locator(".sst-total").inner_text()


def test_words_and_rows_of_a_spreadsheet_become_the_events(person, tmp_path):
    person.click(16)
    person.press("u")
    person.saved("1 unsure")
    person.root.locator(".sst-table summary").click()
    words = person.root.locator(".sst-words")
    person.page.wait_for_function("document.querySelector('.sst-words').value.includes('verse 15.9')")
    words.press("Control+End")
    words.press_sequentially(' "big"\ncrash @20')
    words.press("Control+Enter")
    person.saved("2 sections, 1 moment, 1 unsure")  # what words cannot say stays
    assert [e.get("label") for e in events(tmp_path)] == [None, "big", None]
    words.fill("verse 0-50, chorus 40-60")
    words.press("Control+Enter")
    person.page.wait_for_function("document.querySelector('.sst-words-said').innerText.includes('overlap')")
    paste = """text => {
      const data = new DataTransfer();
      data.setData("text", text);
      const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      document.querySelector("[data-cell=start]").dispatchEvent(event);
    }"""
    person.page.evaluate(paste, "Start\tEnd\tName\n0:00\t0:16\tIntro\n0:16\t1:04\tSolo\n")
    person.page.wait_for_function("document.querySelector('.sst-words-said').innerText.includes('2 events taken')")
    person.saved("2 sections")
    assert [(e["type"], e["end"]) for e in events(tmp_path)] == [("intro", 16), ("solo", 64)]
    person.root.focus()
    person.press("Control+z")
    person.saved("2 sections, 1 moment")
