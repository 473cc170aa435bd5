"""What one sees while a run trains: songs that play on, bands of the loss, the best checkpoint at the end."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate.audio import write_audio
from structure.events import Event
from structure.processes import process_start
from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields
from training.checkpoint import checkpoint_folder
from training.run_folder import ADAPTER_FILE, RunState, append_metrics, write_config, write_state
from training.sample_files import JUDGED, sample_path
from training.settings import PRESETS, make_settings

pytestmark = pytest.mark.browser


def add_song(run: Path, step: int, score: float | None, said: str) -> None:
    """A real song of three seconds in a run's folder."""
    audio = sample_path(run, step)
    tone = 0.1 * np.sin(np.arange(3 * 24_000) * (0.03 + step / 1e5))
    write_audio(audio, tone.astype(np.float32), 24_000, form="FLAC")
    events = [Event(type="intro", start=0, end=1), Event(type="verse", start=1, end=3)]
    judged = {"step": step, "structure_score": score, "said": said, "heard": [e.to_dict() for e in events if score]}
    fields = {"duration": 3.0, "caption": "house", JUDGED: judged}
    save_sidecar(with_events(with_fields(read_sidecar(audio), **fields), events))


def stand(run: Path, status: str, step: int, **more: Any) -> None:
    """Where the run stands; its process is this one, so it is alive."""
    me = {"pid": os.getpid(), "pid_started": process_start(os.getpid())}
    write_state(run, RunState(status=status, step=step, max_steps=200, loss=1.0, started=5.0, **me, **more))


def points(first: int, last: int) -> list[dict[str, float]]:
    bands = [("fine", 0.5), ("middle", 1.0), ("outline", 1.5)]
    return [
        {"step": s, "loss": 2.0 - s / 200, "grad_norm": s / 100, "lr": 1e-3, "crops_a_second": 8.0, "memory_mb": 700.0}
        | {f"loss_{band}": start - s / 500 for band, start in bands}
        for s in range(first, last + 1)
    ]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run at step 100 of 200 that has made one song."""
    folder = tmp_path / "runs" / "going"
    folder.mkdir(parents=True)
    told = {**PRESETS["quick"].values, "max_steps": 200, "sample_every_steps": 50}
    write_config(folder, make_settings(**told, dataset_dir=tmp_path, output_dir=folder))
    append_metrics(folder, [*points(1, 100), {"step": 100, "held_out_loss": 1.1, "held_out_loss_outline": 1.3}])
    add_song(folder, 50, None, "Not judged: the judge knows the starter's sound alone.")
    stand(folder, "training", 100)
    return folder


@pytest.fixture
def page(browser: Any, run: Path, own_machine: None) -> Iterator[Any]:
    """The tab alone; any error of the page fails the test."""
    import gradio as gr

    import training.tab

    with gr.Blocks(analytics_enabled=False) as demo, gr.Tab("Train"):
        training.tab.build(gr.State(""), runs_root=run.parent)
    address = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)[1]
    opened = browser.new_page(viewport={"width": 1280, "height": 1200})
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.set_default_timeout(30_000)
    opened.goto(address)
    yield opened
    opened.close()
    demo.close()
    assert troubles == []


def test_songs_play_on_while_the_page_looks_and_another_one_arrives(page: Any, run: Path):
    first = page.locator(".tr-sample")
    first.get_by_text("not judged", exact=True).wait_for()
    player = first.locator("audio")
    player.evaluate("one => { one.mine = true; one.muted = true; one.loop = true; return one.play() }")
    assert player.evaluate("one => one.duration") == pytest.approx(3, abs=0.1)
    append_metrics(run, points(101, 120))
    stand(run, "training", 120)
    page.get_by_text("step 120 of 200").wait_for()
    assert player.evaluate("one => one.mine && !one.paused")  # a look that brought no song left the list alone
    add_song(run, 100, 0.87, "<b>Heard</b> as asked: 80% of the time.")
    page.locator(".tr-sample").nth(1).wait_for()
    steps = page.locator(".tr-sample header b").all_inner_texts()
    assert steps == ["Step 100", "Step 50"]
    newest, older = page.locator(".tr-sample").all()
    assert "87 %" in newest.inner_text() and "<b>Heard</b>" in newest.inner_text()  # words, never markup
    assert newest.locator("i b").count() == 2 and older.locator("i b").count() == 0
    assert older.locator("audio").evaluate("one => one.mine && !one.paused")
    newest.locator("audio").evaluate("one => { one.muted = true; return one.play() }")
    assert older.locator("audio").evaluate("one => one.paused")  # one song at a time


def test_a_closer_look_stays_open_and_the_best_checkpoint_is_offered_at_the_end(page: Any, run: Path):
    page.get_by_text("A closer look").click()
    bands = page.locator(".tr-bands")
    bands.wait_for()
    assert (bands.locator("polyline").count(), bands.locator("circle").count()) == (3, 1)
    page.locator(".tr-legend").filter(has_text="outline: form and beat (much noise)").wait_for()
    gradients = page.locator(".tr-small figure").filter(has_text="Gradient norm")
    gradients.get_by_text("1", exact=True).wait_for()
    append_metrics(run, points(101, 150))
    stand(run, "training", 150)
    gradients.get_by_text("1.5", exact=True).wait_for()
    assert bands.is_visible()
    assert page.get_by_role("button", name="Use the best in Generate").count() == 0
    best = checkpoint_folder(run, 50)
    best.mkdir(parents=True)
    (best / ADAPTER_FILE).write_text("{}")
    stand(run, "done", 200, best_step=50, best_said="its loss on held-out songs is the lowest, 0.9000")
    page.get_by_role("button", name="Use the best in Generate").wait_for()
    page.locator(".tr-sample em", has_text="best").wait_for()
