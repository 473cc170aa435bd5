"""The page as a Hugging Face Space serves it: to strangers, each with a copy of the songs, without training."""

import json
import time
import urllib.request
from typing import Any

import pytest

from deployment import NO_TRAINING

pytestmark = pytest.mark.browser


def call(url: str, name: str, *values: Any) -> str:
    """An endpoint as a program calls it; the stream that answers."""
    body = json.dumps({"data": values}).encode()
    asked = urllib.request.Request(f"{url}gradio_api/call/{name}", body, {"Content-Type": "application/json"})
    event = json.load(urllib.request.urlopen(asked, timeout=60))["event_id"]
    return urllib.request.urlopen(f"{url}gradio_api/call/{name}/{event}", timeout=60).read().decode()


def test_strangers_share_nothing_and_nobody_trains(studio, browser, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    running = studio()
    wave = "#annotate-timeline .sst-wave"
    pages = []
    for _ in range(2):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(90_000)
        page.goto(running.url)
        page.wait_for_selector('#annotate-timeline .sst[data-song="to-mark-1.wav"][data-drawn]')
        pages.append(page)
    mine, yours = pages
    box = mine.locator(wave).bounding_box()
    mine.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.4)
    mine.locator("#annotate-timeline .sst-save").get_by_text("2 sections").wait_for()

    copies = sorted((running.home / "data" / "uploads").iterdir())
    assert len(copies) == 2
    assert sorted((copy / "to-mark-1.json").exists() for copy in copies) == [False, True]
    assert not (running.home / "data" / "demo" / "to-mark-1.json").exists()
    for page, n_boundaries in ((mine, 1), (yours, 0)):  # a reload finds one's own copy again
        page.reload()
        page.wait_for_selector("#annotate-timeline .sst[data-drawn]")
        page.locator(".ssl").get_by_text("to-mark-1").first.click()
        page.wait_for_selector('#annotate-timeline .sst[data-song="to-mark-1.wav"][data-drawn]')
        root = page.locator("#annotate-timeline .sst")
        assert len(root.evaluate("root => root.timeline.boundaries")) == n_boundaries
    assert len(list((running.home / "data" / "uploads").iterdir())) == 2

    yours.get_by_role("tab", name="Train").click()
    yours.get_by_text(NO_TRAINING).wait_for()
    assert yours.get_by_role("button", name="Train", exact=True).is_disabled()
    said = call(running.url, "start_training", "", 1, 42, True)
    assert "event: error" in said and NO_TRAINING in json.loads(said.split("data:", 1)[1])["error"]
    assert "event: error" in call(running.url, "stop_training", "anything")
    time.sleep(0.5)  # a run would be a process that makes its folder first
    assert not (running.home / "runs").exists()
    assert running.refused == []
    for page in pages:
        page.context.close()
