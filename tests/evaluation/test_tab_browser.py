"""The tab as a person uses it: one press scores a folder, one click opens a song."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit: Any, generated: Path, reference: Path) -> Iterator[Any]:
    """The tab on a page of its own, opened in Chromium; any error of the page fails the test."""
    import gradio as gr

    import evaluation.tab

    with gr.Blocks(analytics_enabled=False) as demo:
        evaluation.tab.build(gr.State(str(reference)), generated, local=True)
    with visit(demo) as opened:
        yield opened


def test_a_folder_is_scored_by_one_press_and_a_song_opened_by_one_click(page: Any, generated: Path):
    page.get_by_role("button", name="Score", exact=True).click()
    page.locator("#score-verdict").get_by_text("Control").wait_for()
    table = page.locator("#score-table")
    for row in ("frames with the right type", "order of sections", "median error of a change of part"):
        # the table keeps a hidden copy of its widest cells, to measure its columns
        page.locator("#score-measures").get_by_text(row, exact=True).locator("visible=true").first.wait_for()
    first, second, _ = (path.name for path in sorted(generated.glob("*.wav")))
    page.locator(f'#score-timeline .sst[data-song="{first}"][data-drawn]').wait_for()
    table.get_by_text(second).click()
    page.locator(f'#score-timeline .sst[data-song="{second}"][data-drawn]').wait_for()
    assert page.locator("#score-timeline .sst-sections .sst-block").count() > 1
    assert page.locator("#score-timeline .sst-compare .sst-block").count() > 1


def test_a_folder_that_is_not_there_is_said_in_a_sentence(page: Any, tmp_path: Path):
    page.get_by_label("or a folder on this machine").fill(str(tmp_path / "nowhere"))
    page.get_by_role("button", name="Score", exact=True).click()
    page.get_by_text("There is no folder").first.wait_for()
