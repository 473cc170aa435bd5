"""Keys reach the song that was just chosen from the list, and the part that was clicked, however short."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_a_song_chosen_from_the_list_is_marked_by_keys_at_once(
    serve: Callable[..., str], visit: Callable[..., Any], song: Callable[..., Path]
):
    root = song("a.wav", seconds=8).parent
    song("b.wav", seconds=9)
    person = visit(serve(root)).opened("a.wav")
    person.page.get_by_role("option", name="b.wav").click()
    person.opened("b.wav")
    person.press("End", "ArrowLeft")
    at = person.root.evaluate("root => root.timeline.head")
    assert 7 < at < 9
    person.press("Shift+B", "4")
    person.saved("2 sections")
    held = json.loads((root / "b.json").read_text())["events"]
    assert [(e["type"], e["start"]) for e in held] == [("intro", 0), ("chorus", pytest.approx(at, abs=0.01))]
    person.page.keyboard.press("ArrowUp")
    person.opened("a.wav")


def test_a_part_no_wider_than_the_handles_on_its_sides_is_named_by_a_click_on_it(
    serve: Callable[..., str], visit: Callable[..., Any], song: Callable[..., Path]
):
    audio = song("a.wav", seconds=60)
    parts = [{"type": "intro", "start": s, "end": e} for s, e in ((0, 30), (30, 31.2), (31.2, 60))]
    audio.with_suffix(".json").write_text(json.dumps({"events": parts}))
    person = visit(serve(audio.parent)).opened("a.wav")
    for t, key in ((31.0, "4"), (31.5, "2"), (29.8, "3")):
        person.click(t, ".sst-sections")
        person.press(key)
    person.saved("3 sections")
    assert [e["type"] for e in json.loads(audio.with_suffix(".json").read_text())["events"]] == [
        "pre-chorus",
        "chorus",
        "verse",
    ]


def test_a_whole_song_is_annotated_without_a_mouse(
    serve: Callable[..., str], visit: Callable[..., Any], song: Callable[..., Path], five_parts: Path
):
    root = song("other.wav", seconds=9).parent
    (root / "band.wav").write_bytes(five_parts.read_bytes())
    person = visit(serve(root)).opened("band.wav")
    person.page.wait_for_selector('#annotate-timeline .sst[data-beats="heard"]', timeout=60_000)
    for _ in range(25):  # past the list of songs, its filter and its buttons
        person.press("Tab")
        if person.root.evaluate("root => root === document.activeElement"):
            break
    assert person.root.evaluate("root => root === document.activeElement")
    for name in ("2", "4", "2", "9"):  # every eight bars a part: verse, chorus, verse, outro, after an intro
        person.press("Control+ArrowRight", "b", name)
    person.saved("5 sections")
    person.press("ArrowUp", "ArrowUp", "w")  # from the outro back to the chorus
    person.page.keyboard.type("full band")
    person.press("Enter", "i", "End", "Enter", "h")
    person.page.keyboard.type("la la la\nla la")
    person.press("Control+Enter", "Shift+6", "Escape", "ArrowDown", "u", ".", ".", "Control+z")
    person.saved("1 unsure")
    held = json.loads((root / "band.json").read_text())["events"]
    parts = [(e["type"], e["start"], e["end"]) for e in held if e["type"] != "crash"]
    starts = [0, 16, 32, 48, 64, 80]
    assert parts == [
        (kind, pytest.approx(a, abs=0.06), pytest.approx(b, abs=0.06))
        for kind, a, b in zip(["intro", "verse", "chorus", "verse", "outro"], starts, starts[1:], strict=False)
    ]
    (chorus,) = (e for e in held if e["type"] == "chorus")
    assert {"label": "full band", "intensity": 1, "lyrics": "la la la\nla la"}.items() <= chorus.items()
    assert [e["start"] for e in held if e["type"] == "crash"] == [pytest.approx(32, abs=0.06)]
    assert [e["type"] for e in held if e.get("unsure")] == ["verse"]
    person.press("PageDown")
    person.opened("other.wav")
