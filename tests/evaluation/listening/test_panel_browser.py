"""The panel as its maker uses it: make, open, see who answered, close, read; nothing is shown early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation.listening.shelf import end, folder_of, made_tests
from evaluation.listening.store import open_test
from tests.evaluation.listening.people import answer_all, prefers

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit: Any, arms: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The panel alone, opened in Chromium; any error of the page fails the test."""
    import gradio as gr

    from evaluation.listening.panel import build_panel

    monkeypatch.setenv("STRUCTURE_STUDIO_HOME", str(tmp_path))
    with gr.Blocks(analytics_enabled=False) as demo:
        build_panel(True, lambda: arms)
    try:
        with visit(demo) as opened:
            yield opened
    finally:
        for name in made_tests():
            end(name)


def test_a_test_is_made_opened_closed_and_read(page, arms):
    page.get_by_role("button", name="Show the result").click()
    page.get_by_text("There is no such test.").wait_for()
    typed = "\n".join(f"{name} = {folder}" for name, folder in arms.items())
    page.get_by_label("What to compare").fill(typed)
    page.get_by_label("Listeners").fill("Ann, Bob")
    page.get_by_role("button", name="Make the test").click()
    page.get_by_text("0 of 2 have finished. It is not open to its listeners now.").wait_for()
    page.get_by_role("button", name="Open it to its listeners").click()
    page.get_by_text("0 of 2 have finished. Each opens a link of their own").wait_for()
    test = open_test(folder_of("listening"))
    href = page.locator("#listening-people a >> visible=true").first.get_attribute("href")
    assert href.endswith(f"/?listener={test.sheets[0].token}")
    assert page.request.get(href).ok
    answer_all(test, "Ann", prefers("oursname", 1.0))
    page.get_by_text("1 of 2 have finished.").wait_for()
    page.get_by_role("button", name="Show the result").click()
    page.get_by_text("Results come at the end only.").first.wait_for()
    assert not page.get_by_text("are too few for a verdict").count()
    page.get_by_role("button", name="Close the test").click()
    page.get_by_text("Closed: the result can be shown.").wait_for()
    page.get_by_role("button", name="Show the result").click()
    page.get_by_text("4 decided trials are too few for a verdict").first.wait_for()
    page.get_by_text("One listener counts, so this says nothing about others.").wait_for()
    with pytest.raises(Exception, match="ECONNREFUSED"):
        page.request.get(href)


def test_an_experiments_arms_are_a_choice(page, arms):
    chooser = page.get_by_label("or take them from an experiment")
    for name in arms:
        chooser.click()
        page.get_by_role("option", name=name).click()
    lines = "\n".join(f"{name} = {folder}" for name, folder in arms.items())
    page.wait_for_function("lines => document.querySelector('textarea').value === lines", arg=lines)
