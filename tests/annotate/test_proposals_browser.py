"""A proposal as a person asks for it: keys and clicks in Chromium, and the sidecar on disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotate.progress import is_blind

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


def test_every_tenth_song_is_marked_by_ear_unless_one_insists(
    serve: Callable[..., str], visit: Callable[..., Any], five_parts: Path, tmp_path: Path
):
    name = next(f"{i}.wav" for i in range(100) if is_blind(f"{i}.wav"))
    root = tmp_path / "songs"
    root.mkdir()
    (root / name).write_bytes(five_parts.read_bytes())
    person = visit(serve(root)).opened(name)
    person.press("g")
    person.page.wait_for_function("document.querySelector('.sst-note').innerText.includes('by ear alone')")
    assert person.parts() == ["free"]
    person.press("g")
    person.saved("5 sections")


def test_a_dataset_has_names_of_its_own(
    serve: Callable[..., str], visit: Callable[..., Any], song: Callable[..., Path]
):
    root = song("tone.wav", seconds=20).parent
    person = visit(serve(root)).opened("tone.wav")
    person.page.get_by_role("button", name="Names of parts").click()
    names = person.page.locator("#annotate-names textarea")
    names.fill("intro, build-up, drop, wobble")
    person.page.get_by_role("button", name="Use these names").click()
    person.page.wait_for_selector('#annotate-timeline .sst-name[data-type="wobble"]')
    person.click(8)
    person.press("4")
    person.saved("2 sections")
    person.page.wait_for_function("document.querySelectorAll('.sst-sections .sst-word')[1].innerText === 'wobble'")
    assert person.root.locator('.sst-name[data-kind="part"]').all_inner_texts()[:2] == ["intro\n1", "build-up\n2"]
    person.page.reload()
    person.opened("tone.wav")
    person.page.wait_for_selector('#annotate-timeline .sst-name[data-type="wobble"]')
