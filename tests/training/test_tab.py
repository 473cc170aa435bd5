"""Train tab: a program drives it by its API names; what it starts is a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from training.run_folder import has_adapter, read_state


@pytest.fixture
def page(songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None) -> Iterator[tuple[Client, Path]]:
    """A client of a page with only this tab, and its runs folder."""
    import gradio as gr

    from training.tab import build

    with gr.Blocks(analytics_enabled=False) as demo, gr.Tab("Train"):
        build(gr.State(str(songs)), str(tiny_model), runs_root=tmp_path, root=songs)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    client = Client(url, verbose=False)
    yield client, tmp_path
    client.close()
    demo.close()


@pytest.mark.training
def test_a_program_starts_watches_and_stops_a_run_and_the_one_behind_it_trains_then(page: tuple[Client, Path]):
    client, runs_root = page
    assert client.predict(api_name="/poll_training") == {}
    name = client.predict("starter", 100_000, 1, True, api_name="/start_training")
    behind = client.predict("starter", 2, 1, True, api_name="/start_training")
    deadline = time.monotonic() + 180
    while (state := client.predict(name, api_name="/poll_training"))["step"] < 1 and time.monotonic() < deadline:
        assert state["status"] not in ("failed", "died"), state["message"]
        time.sleep(0.2)
    assert client.predict(behind, api_name="/poll_training")["status"] == "waiting"
    assert client.predict(behind, api_name="/poll_training")["message"] == f"Waits for {name} to end."
    assert client.predict(api_name="/poll_training")["run"] == name  # what goes on comes before what waits
    client.predict(name, api_name="/stop_training")
    while client.predict(name, api_name="/poll_training")["status"] != "stopped" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert has_adapter(runs_root / name)
    while not read_state(runs_root / behind).ended and time.monotonic() < deadline:
        time.sleep(0.2)
    assert (read_state(runs_root / behind).status, read_state(runs_root / behind).step) == ("done", 2)
    started = [read_state(runs_root / run).started for run in (name, behind)]
    assert started[1] > read_state(runs_root / name).updated > started[0]  # one after the other, never both


def test_a_run_is_named_and_never_a_path(page: tuple[Client, Path]):
    client, _ = page
    with pytest.raises(AppError, match="There is no run"):
        client.predict("../../etc", api_name="/stop_training")
    with pytest.raises(AppError, match="no preset"):
        client.predict("fast", 0, 1, True, api_name="/start_training")


def test_the_tab_brings_no_torch_into_the_page():
    code = "import sys, training.tab, training.runs; assert 'torch' not in sys.modules and 'librosa' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_where_training_is_off_no_button_and_no_program_starts_or_changes_a_run(songs: Path, tmp_path: Path):
    import gradio as gr

    from training.tab import build

    with gr.Blocks(analytics_enabled=False) as demo, gr.Tab("Train"):
        build(gr.State(str(songs)), runs_root=tmp_path, root=songs, refusal="Not here.")
    acts = ("_start", "_stop", "_resume", "rename", "delete", "start_training", "stop_training")
    found = {}
    for entry in demo.fns.values():
        name = getattr(getattr(entry.fn, "func", entry.fn), "__name__", "")
        if name in acts:
            found[name] = entry
    assert set(found) == set(acts)
    for name, entry in found.items():
        with pytest.raises(gr.Error, match="Not here."):
            if name == "start_training":
                entry.fn("", 0, 42, True)
            else:
                entry.fn(*[""] * len(entry.inputs))
    assert list(tmp_path.glob("*/config.json")) == []
    config = demo.get_config_file()["components"]
    (train,) = [part["props"] for part in config if part["props"].get("value") == "Train" and part["type"] == "button"]
    assert train["interactive"] is False
