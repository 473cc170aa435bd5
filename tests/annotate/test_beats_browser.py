"""Beats in the page: what is snapped to them, and how a person corrects them, in Chromium."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def heard(person: Any, how: str = "heard") -> dict[str, list]:
    person.page.wait_for_selector(f'#annotate-timeline .sst[data-beats="{how}"]', timeout=60_000)
    return person.root.evaluate("root => root.timeline.beats")


def sidecar(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "songs" / "band.json").read_text())


def test_a_click_beside_a_beat_one_begins_the_part_on_it_unless_it_is_to_be_exact(person: Any):
    beats = heard(person)
    one = beats["times"][beats["ones"][8]]
    assert one % 2 == pytest.approx(0, abs=0.05) or one % 2 == pytest.approx(2, abs=0.05)
    person.click(one + 0.15)
    assert person.boundaries() == [pytest.approx(one, abs=1e-3)]
    exact = one + 20.3
    person.page.keyboard.down("Alt")
    person.click(exact)
    person.page.keyboard.up("Alt")
    assert person.boundaries()[1] == pytest.approx(exact, abs=0.06)
    assert person.boundaries()[1] not in beats["times"]
    person.press("n")
    person.click(exact + 20)
    assert person.boundaries()[2] == pytest.approx(exact + 20, abs=0.06)
    person.press("n")
    person.drag(person.boundaries()[2], one + 44.15)
    assert person.boundaries()[2] == pytest.approx(beats["times"][beats["ones"][30]], abs=1e-3)


def test_keys_go_and_nudge_by_beats_and_bars(person: Any):
    beats = heard(person)
    times, first = beats["times"], beats["ones"][0]
    head = "root => root.timeline.head"
    person.press("Home", "ArrowRight", "ArrowRight")
    assert person.root.evaluate(head) == pytest.approx(times[2], abs=1e-3)
    person.press("Shift+ArrowRight")
    assert person.root.evaluate(head) == pytest.approx(times[6], abs=1e-3)
    person.press("Control+ArrowRight", "ArrowLeft")
    assert person.root.evaluate(head) == pytest.approx(times[37], abs=1e-3)
    person.press("Shift+B")
    assert person.boundaries() == [pytest.approx(times[37], abs=1e-3)]
    person.press("Shift+Comma")
    assert person.boundaries() == [pytest.approx(times[36], abs=1e-3)]
    assert (36 - first) % 4 == 0 or person.root.locator(".sst-bar").inner_text().startswith("bar ")


def test_a_person_says_which_beat_is_one_and_the_sidecar_keeps_it(person: Any, tmp_path: Path):
    times = heard(person)["times"]
    person.press("Home", "ArrowRight", "ArrowRight", "ArrowRight", "t")
    person.saved()
    assert heard(person, "told")["ones"][:2] == [3, 7]
    assert sidecar(tmp_path)["beats"] == {"times": times, "ones": list(range(3, len(times), 4))}
    assert "corrected by you" in person.root.locator(".sst-beats-state").inner_text()
    person.page.reload()
    person.opened("band.wav")
    assert heard(person, "told")["ones"][:2] == [3, 7]
    person.root.locator(".sst-beats summary").click()
    person.root.locator("[data-beats=half]").click()
    person.saved()
    assert len(sidecar(tmp_path)["beats"]["times"]) == pytest.approx(len(times) / 2, abs=1)
    person.press("Control+z")
    assert heard(person, "told")["times"] == times
    person.press("Control+y")
    person.root.locator("[data-beats=heard]").click()
    assert heard(person)["times"] == times
    person.saved()
    assert sidecar(tmp_path)["beats"] is None


def test_the_pointer_shows_where_a_part_would_begin_and_how_sure_that_is(person: Any):
    beats = heard(person)
    person.page.mouse.move(*person.at(beats["times"][beats["ones"][4]] + 0.1))
    ghost = person.root.locator(".sst-ghost")
    assert ghost.is_visible()
    assert " · bar 5 · " in ghost.inner_text() and ghost.inner_text().endswith("% sure")
    person.page.mouse.move(*person.at(10, ".sst-sections"))
    assert ghost.is_hidden()
