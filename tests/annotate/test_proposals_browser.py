"""A proposal as a person asks for it: keys and clicks in Chromium, and the sidecar on disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_a_proposal_is_heard_shown_as_guesses_and_undone_in_one_step(
    serve: Callable[..., str], visit: Callable[..., Any], five_parts: Path, song: Callable[..., Path]
):
    root = song("tone.wav", seconds=1).parent
    audio = root / "a-band.wav"
    audio.write_bytes(five_parts.read_bytes())
    sidecar = audio.with_suffix(".json")
    person = visit(serve(root)).opened("a-band.wav")
    person.press("g")
    person.saved("5 sections")
    assert person.parts() == ["verse?", "chorus?", "verse?", "chorus?", "outro?"]
    assert person.boundaries() == pytest.approx([16, 32, 48, 64], abs=0.1)
    assert "guesses" in person.hint()
    assert person.root.locator("[data-do=propose]").is_hidden()
    held = json.loads(sidecar.read_text())["events"]
    assert [(e["source"], e["probability"] >= 0.4) for e in held] == [("machine", True)] * 5
    person.click(20, ".sst-sections")
    person.press("4")  # that is what it is
    person.saved("5 sections")
    assert person.parts() == ["verse?", "chorus", "verse?", "chorus?", "outro?"]
    assert [e["source"] for e in json.loads(sidecar.read_text())["events"]].count("edited") == 1
    person.press("Control+z", "Control+z")
    person.saved("0 sections")
    assert json.loads(sidecar.read_text())["events"] == []
    person.page.get_by_role("option", name="tone.wav").click()
    person.opened("tone.wav")
    person.root.locator("[data-do=propose]").click()
    person.page.wait_for_function(
        "document.querySelector('#annotate-timeline .sst-note').innerText.includes('mark its parts by ear')"
    )
