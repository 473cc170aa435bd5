"""Whole parts by key: named as is likely, named alike, cut, extended, and a machine's accepted or turned down."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def saved_events(tmp_path: Path) -> list[dict[str, Any]]:
    return json.loads((tmp_path / "songs" / "band.json").read_text())["events"]


def likely(person: Any, kind: str) -> None:
    """Wait until this is the likeliest name of the part."""
    person.page.wait_for_selector(f'#annotate-timeline .sst-name[data-likely="first"][data-type="{kind}"]')


def test_one_part_is_cut_every_eight_bars_then_named_by_what_is_likely_and_by_what_sounds_alike(person: Any):
    person.press("Home", "b", "Shift+G")
    assert person.boundaries() == pytest.approx([16, 32, 48, 64], abs=0.1)
    person.click(8, ".sst-sections")
    person.press("2")
    person.click(24, ".sst-sections")
    person.press("4")
    person.click(40, ".sst-sections")
    likely(person, "verse")  # as the first part, which it sounds like
    person.press("p")
    person.click(24, ".sst-sections")
    button = person.root.locator('[data-parts="alike"]')
    button.wait_for()
    assert button.inner_text().startswith("1 more sounds like this: chorus")
    person.press("e")
    person.saved("5 sections")
    assert person.parts() == ["verse", "chorus", "verse", "chorus", "intro"]
    person.press("Control+z")
    person.saved("5 sections")
    assert person.parts()[3] == "intro"
    person.page.keyboard.down("Shift")
    person.click(person.boundaries()[3])
    person.page.keyboard.up("Shift")
    person.saved("4 sections")


def test_a_part_is_cut_in_half_and_ends_after_as_long_as_the_last_of_its_name(person: Any):
    person.press("Home", "b", "2")
    person.click(31.9)
    person.press("4")
    person.click(16, ".sst-sections")
    person.press("s")
    assert person.boundaries() == pytest.approx([16, 32], abs=0.1)
    person.click(40, ".sst-sections")
    person.press("2", "d")
    assert person.boundaries() == pytest.approx([16, 32, 48], abs=0.1)
    person.press("z")
    start, end = person.root.evaluate("root => root.timeline.view")
    assert (start, end) == (pytest.approx(31.2, abs=0.2), pytest.approx(48.8, abs=0.2))
    person.saved("4 sections")


def test_what_a_machine_heard_is_accepted_turned_down_or_all_accepted_that_is_sure(person: Any, tmp_path: Path):
    person.press("g")
    person.saved("5 sections")
    person.click(8, ".sst-sections")
    person.press("a")
    person.saved("5 sections")
    assert person.parts()[0] == "verse"
    person.click(40, ".sst-sections")
    person.press("r")
    assert person.boundaries() == pytest.approx([16, 48, 64], abs=0.1)
    person.press("Control+z")
    person.press("Shift+A")
    person.saved("5 sections")
    for event in saved_events(tmp_path):
        assert event["source"] == ("machine" if event.get("probability", 1) < 0.8 else "edited")
    assert any(event["source"] == "edited" for event in saved_events(tmp_path)[1:])
    person.press("Control+z", "Control+z", "Control+z")
    person.saved("0 sections")
