"""Listening: one part, a loop, speed, clicks on the beats, and taps that are measured; in a real browser."""

import time
from itertools import pairwise
from typing import Any

import pytest

pytestmark = pytest.mark.browser

AUDIO = "document.querySelector('#annotate-timeline audio')"
RECORD = """() => {
  window.sounded = [];
  const create = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function () {
    const made = create.call(this), start = made.start.bind(made);
    made.start = (when) => {
      window.sounded.push({ hertz: made.frequency.value, in: when - this.currentTime, at: performance.now() / 1000 });
      start(when);
    };
    return made;
  };
}"""


def head(person: Any) -> float:
    return person.root.evaluate("root => root.timeline.head")


def until(person: Any, condition: str) -> None:
    person.page.wait_for_function(condition, timeout=15_000)


def test_a_part_plays_to_its_end_and_the_play_head_is_back(person: Any):
    for t in (10, 12):
        person.click(t)
    start, end = person.boundaries()
    person.click(start + 1, ".sst-sections")
    person.press("Shift+Space")
    until(person, f"{AUDIO}.currentTime > {start + 0.5}")
    assert start < head(person) < end
    until(person, "document.querySelector('.sst').dataset.playing === 'no'")
    assert head(person) == pytest.approx(start)


def test_a_loop_goes_round_until_it_is_left(person: Any):
    person.press("ArrowRight")
    start = head(person)
    person.press("[", "ArrowRight", "ArrowRight", "]", "Home")
    person.page.wait_for_selector('[data-do="loop"][aria-pressed="false"]')  # who goes elsewhere leaves it
    person.press("ArrowRight", "[", "ArrowRight", "ArrowRight", "]")
    end = head(person)
    assert end - start == pytest.approx(1, abs=0.1)
    person.press("ArrowLeft", "l")
    seen = []
    for _ in range(50):
        seen.append(head(person))
        time.sleep(0.05)
    assert min(seen) >= start - 0.001 and max(seen) <= end + 0.05
    assert sum(b < a - 0.3 for a, b in pairwise(seen)) >= 2  # it went round
    person.press("o")
    until(person, f"{AUDIO}.currentTime > {end + 0.2}")


def test_speed_keeps_the_pitch_and_is_one_again(person: Any):
    rate = lambda: person.page.evaluate(f"[{AUDIO}.playbackRate, {AUDIO}.preservesPitch]")  # noqa: E731
    person.press("l", "l", "l")
    assert rate() == [1.5, True]
    person.press("j", "j", "j", "j", "j", "j")
    assert rate() == [0.5, True]
    before, began = head(person), time.monotonic()
    time.sleep(1.5)
    assert (head(person) - before) / (time.monotonic() - began) == pytest.approx(0.5, abs=0.1)
    person.press("k")
    assert rate()[0] == 1
    until(person, "document.querySelector('.sst').dataset.playing === 'no'")
    person.root.locator('[data-do="speed"]').click()
    person.page.wait_for_selector('[data-do="speed"]:text("1.25")')


def test_what_a_changed_speed_delays_is_learned_while_the_page_is_first_heard(person: Any):
    kept = "JSON.parse(localStorage.getItem('structure-studio-stretch') ?? '{}')"
    assert person.page.evaluate(kept) == {}
    person.press("Space")
    until(person, f"Object.keys({kept}).length === 6")
    slow, usual = person.page.evaluate("[0.5, 1].map((speed) => window.timelineStretch.lead(speed))")
    assert usual == 0 and 0.005 < abs(slow) < 0.15
    for spoilt in ("not ours", "5", "null"):  # what is kept there may be anything
        person.page.evaluate("spoilt => localStorage.setItem('structure-studio-stretch', spoilt)", spoilt)
        person.page.reload()
        person.page.wait_for_function("window.timelineStretch?.lead(0.5) === 0")


def test_clicks_sound_on_the_beats_with_an_accent_on_one_and_a_blip_on_a_boundary(person: Any):
    person.page.evaluate(RECORD)
    person.click(2)
    person.press("Home", "m", "Space")
    until(person, "window.sounded.length >= 9")
    person.press("Space")
    sounded = person.page.evaluate("window.sounded")
    heard = [round(s["hertz"]) for s in sounded]
    bar = heard[heard.index(1760) :][:5]  # from the first beat one on; the part that begins there blips beside it
    assert sorted(bar) == [587, 1175, 1175, 1175, 1760] and bar[:2] in ([1760, 587], [1760, 1175])
    times = [s["at"] + s["in"] for s in sounded if s["hertz"] > 600]
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps == pytest.approx([0.5] * len(gaps), abs=0.06)


def test_who_taps_late_is_measured_and_marks_move_by_that(person: Any):
    person.page.evaluate(RECORD)
    person.root.locator(".sst-beats summary").click()
    person.root.get_by_role("button", name="Measure my taps").click()
    person.page.evaluate(
        """() => {
          const tap = () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "b", bubbles: true }));
          for (const sound of window.sounded.slice(4)) setTimeout(tap, 1000 * (sound.in + 0.12));
        }"""
    )
    person.page.wait_for_function("document.querySelector('.sst-note').innerText.includes('You tap')", timeout=20_000)
    late = float(person.page.evaluate("localStorage.getItem('structure-studio-tap')"))
    assert 0.0 < late < 0.2
    person.root.get_by_role("button", name="Snap to beats").click()
    person.press("Home", "ArrowRight", "ArrowRight", "ArrowRight", "Space")
    until(person, f"{AUDIO}.currentTime > 3")
    person.root.evaluate(
        """root => window.addEventListener("keydown", () => {
          window.before ??= root.timeline.head;
        }, { capture: true })"""
    )
    person.press("b")
    at = person.page.evaluate("() => window.before")  # just before the page took the key
    person.press("Space")
    assert person.boundaries()[0] == pytest.approx(at - late, abs=0.05)
