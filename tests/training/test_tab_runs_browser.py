"""Runs in the Train tab as a person handles them: in line, out of it, another name, once more, side by side, away."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from training.device_lock import try_lock
from training.presets import PRESETS
from training.run_folder import LOG_FILE, RunState, append_metrics, write_config, write_state
from training.runs import list_runs
from training.settings import make_settings

pytestmark = pytest.mark.browser


@pytest.fixture
def runs_root(tmp_path: Path) -> Path:
    """One run that is done and one that died, of the same songs."""
    root = tmp_path / "runs"
    for name, status, seed, fall in (("first", "done", 5, 0.02), ("second", "died", 6, 0.015)):
        folder = root / name
        folder.mkdir(parents=True)
        told = {**PRESETS["quick"].values, "max_steps": 40, "seed": seed, "learning_rate": 0.0123}
        write_config(folder, make_settings(**told, dataset_dir=tmp_path / "songs", output_dir=folder))
        points = [{"step": step, "loss": 1.8 - fall * step} for step in range(1, 41)]
        append_metrics(folder, [*points, {"step": 40, "held_out_loss": 1.1}])
        (folder / LOG_FILE).write_text("12:00:00  Step 40/40\nMemoryError: no room for 3 GB\n")
        write_state(folder, RunState(status=status, step=40, max_steps=40, started=float(seed)))
    write_state(folder, RunState(status="training", step=40, max_steps=40, pid=2**22 + 1, started=6.0))
    return root


@pytest.fixture
def page(browser: Any, runs_root: Path, tmp_path: Path, own_machine: None) -> Iterator[Any]:
    """The tab alone; any error of the page fails the test."""
    import gradio as gr

    import training.tab

    songs = tmp_path / "songs"
    songs.mkdir()
    soundfile.write(songs / "one.wav", 0.1 * np.random.default_rng(0).standard_normal(48_000), 24_000)
    (songs / "one.json").write_text(json.dumps({"events": [{"type": "verse", "start": 0, "end": 2}]}))
    with gr.Blocks(analytics_enabled=False) as demo, gr.Tab("Train"):
        training.tab.build(gr.State(str(songs)), runs_root=runs_root)
    address = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)[1]
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.set_default_timeout(30_000)
    opened.goto(address)
    opened.get_by_role("gridcell", name="second").wait_for()
    yield opened
    opened.close()
    demo.close()
    assert troubles == []


def shown(page: Any, words: str) -> None:
    page.locator(".tr-card").filter(has_text=words).first.wait_for()


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def test_runs_stand_in_line_and_are_taken_out_of_it(page: Any, runs_root: Path, machine: dict[str, str]):
    with try_lock("cpu", "training elsewhere", Path(machine["STRUCTURE_STUDIO_LOCK_DIR"]), lasting=True):
        button(page, "Train").click()
        shown(page, "Waiting for the device")
        shown(page, "training elsewhere")
        button(page, "Add to the line").click()
        shown(page, "2nd in line")
        page.reload()
        shown(page, "Waiting for the device")  # the head of the line, without asking
        for place in ("2nd in line", "Waiting for the device"):
            page.get_by_role("gridcell", name=place).click()
            shown(page, place)
            button(page, "Stop").click()
            shown(page, "Taken out of the line")
        button(page, "Train").wait_for()
    assert [run.state.status for run in list_runs(runs_root)][:2] == ["stopped", "stopped"]


def test_a_run_is_renamed_compared_taken_as_a_pattern_and_deleted_when_one_is_sure(page: Any, runs_root: Path):
    shown(page, "ended with an error: MemoryError: no room for 3 GB")
    assert "Step 40/40" in page.locator(".tr-tail").inner_text()
    page.get_by_text("This run", exact=True).click()
    name = page.get_by_label("Name")
    page.wait_for_function("field => field.value === 'second'", arg=name.element_handle())
    name.fill("first")
    button(page, "Rename").click()
    page.get_by_test_id("toast-body").get_by_text("There is a run or a folder 'first' already").wait_for()
    name.fill("no memory")
    name.press("Enter")
    shown(page, "no memory")
    assert sorted(path.name for path in runs_root.iterdir()) == ["first", "no memory"]

    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="first").click()
    compared = page.locator(".tr-compare")
    compared.get_by_role("row", name="seed 6 5").wait_for()
    assert compared.locator("polyline").count() == 2
    assert compared.get_by_text("learning rate").count() == 0  # the same in both

    button(page, "Once more, with changes").click()
    page.get_by_text("Like no memory, with what you change.").wait_for()
    assert page.get_by_label("Quick try").is_checked()
    assert (
        page.get_by_label("Steps", exact=True).input_value(),
        page.get_by_label("Seed", exact=True).input_value(),
    ) == ("40", "6")
    page.get_by_label("Seed", exact=True).fill("77")
    page.get_by_label("A song each so many steps").fill("20")
    with try_lock("cpu", "training elsewhere", lasting=True):
        button(page, "Train").click()
        shown(page, "Waiting for the device")
        new = next(run for run in list_runs(runs_root) if run.running)
        assert (new.settings.seed, new.settings.learning_rate, new.settings.max_steps) == (77, 0.0123, 40)
        assert new.settings.sample_every_steps == 20
        assert button(page, "Delete").is_disabled()
        button(page, "Stop").click()
        shown(page, "Taken out of the line")

    page.get_by_text("no memory", exact=True).last.click()
    shown(page, "MemoryError")
    button(page, "Delete").click()
    page.get_by_text(re.compile("Delete no memory for good")).wait_for()
    button(page, "Keep it").click()
    button(page, "Delete it").wait_for(state="hidden")
    assert (runs_root / "no memory").exists()
    button(page, "Delete").click()
    button(page, "Delete it").click()
    page.get_by_role("gridcell", name="no memory").wait_for(state="detached")
    assert not (runs_root / "no memory").exists()


def test_what_a_run_will_need_stands_under_its_preset_and_follows_the_form(page: Any):
    needs = page.locator(".tr-needs")
    needs.filter(has_text=re.compile(r"^About .+ (s|min|h), .+ GB")).wait_for()
    usual = needs.inner_text()
    page.get_by_label("Quick try").check()
    needs.filter(has_not_text=usual).wait_for()
    page.get_by_role("button", name="More").first.click()
    page.get_by_label("Batch").fill("100000")
    needs.filter(has_text="It does not fit: this machine has").wait_for()
    page.get_by_label("Any other setting").fill("--no-such-thing")
    page.get_by_label("Any other setting").press("Enter")
    needs.filter(has_text="unrecognized arguments: --no-such-thing").wait_for()
