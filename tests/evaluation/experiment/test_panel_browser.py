"""The panel as a person uses it: an experiment that ended is read, one that runs is stopped, a useless one refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotate.timeline import CACHE_DIR
from evaluation.experiment.progress import Progress, write_json
from evaluation.experiment.report.page import write_report
from evaluation.experiment.settings import make_settings
from evaluation.experiment.shelf import arms_to_hear, experiments_folder, made_experiments

pytestmark = pytest.mark.browser


def begin(name: str, dataset: Path) -> Path:
    """An experiment's folder as its command begins it."""
    folder = experiments_folder() / name
    folder.mkdir(parents=True)
    settings = make_settings(dataset=dataset)
    (folder / "experiment.json").write_text(json.dumps({"settings": settings.model_dump(mode="json")}), "utf-8")
    return folder


@pytest.fixture
def page(
    visit: Any, generated: Path, experiment: tuple[dict, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The panel alone, with an experiment that has ended; the dataset holds three songs, too few for a new one."""
    import gradio as gr

    from evaluation.experiment.panel import build_panel

    monkeypatch.setenv("STRUCTURE_STUDIO_HOME", str(tmp_path))
    results, songs = experiment
    folder = begin("demo-1", generated)
    write_json(folder / "results.json", results)
    write_report(results, songs, folder / "report.html")
    Progress(folder, {"train": 0, "make": 0, "judge": 0}).say("done", results["answer"]["sentence"])
    with gr.Blocks(analytics_enabled=False) as demo:
        build_panel(gr.State(str(generated)), "starter", local=True)
    with visit(demo, allowed_paths=[str(CACHE_DIR)]) as opened:
        yield opened


def test_an_experiment_that_ended_is_read_and_its_report_taken_home(page: Any, experiment: tuple[dict, Path]):
    page.locator("#experiment-answer").get_by_text("An event LoRA puts 93 %").wait_for()
    table = page.locator("#experiment-arms")
    for row in ("event LoRA", "by chance", "real songs (ceiling)"):
        table.get_by_text(row, exact=True).locator("visible=true").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    saved = Path(download.value.path()).read_text("utf-8")
    assert "An event LoRA puts 93 %" in saved


def test_one_that_runs_shows_how_far_it_is_and_stops(page: Any, generated: Path):
    folder = begin("demo-2", generated)
    progress = Progress(folder, {"train": 4, "make": 60, "judge": 60})
    progress.done("train", 240.0)
    told = {"step": 120, "max_steps": 600}
    progress.say("running", "Training events/seed-1.", training=told)
    page.reload()
    state = page.locator("#experiment-state")
    state.get_by_text("Training events/seed-1.").wait_for()
    assert "Step 120 of 600." in state.inner_text()
    assert "minutes left" in state.inner_text()
    assert 0 < float(state.locator("progress").get_attribute("value")) < 1
    page.get_by_role("button", name="Stop", exact=True).click()
    for _ in range(100):
        if (folder / "stop").exists():
            break
        page.wait_for_timeout(100)
    assert (folder / "stop").exists()
    progress.say("stopped", "Stopped. Start it again: it goes on where it was.")
    page.get_by_role("button", name="Go on", exact=True).wait_for()


def test_a_dataset_of_three_songs_is_refused_in_a_sentence_and_leaves_nothing(page: Any):
    page.get_by_role("button", name="Start the experiment").click()
    page.get_by_text("an experiment needs 4").first.wait_for()
    assert made_experiments() == ["demo-1"]
    assert [path.name for path in experiments_folder().iterdir() if path.is_dir()] == ["demo-1"]


def test_arms_can_be_chosen_for_a_listening_test(generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STRUCTURE_STUDIO_HOME", str(tmp_path))
    folder = begin("demo-3", generated) / "events" / "seed-1" / "asked"
    folder.mkdir(parents=True)
    assert arms_to_hear() == {"demo-3: events, seed-1": folder}
