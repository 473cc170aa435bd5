"""The Generate tab for programs, by its API name."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from gradio_client import Client
from gradio_client.exceptions import AppError

from acestep.loading import STARTER_ADAPTER
from generation.adapters import STARTER_NOTE, UNHEARD_NOTE, adapter_choices, describe_adapter
from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER
from generation.tab import blend
from structure.errors import StudioError


@pytest.fixture
def client(random_model) -> Iterator[Client]:
    """A client of a page with only this tab."""
    import gradio as gr

    import generation.tab
    from generation.service import output_folder
    from generation.warm import release

    with gr.Blocks(analytics_enabled=False) as demo:
        generation.tab.build(str(random_model))
    address = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, allowed_paths=[str(output_folder())])[1]
    opened = Client(address, verbose=False)
    yield opened
    opened.close()
    demo.close()
    release()


def test_a_program_asks_by_name(client):
    result = client.predict(structure="verse 0-1, chorus 1-2", steps="2", seed=5, api_name="/generate_sample")
    wav, sidecar = (Path(path) for path in result if str(path).endswith((".wav", ".json")))
    samples, rate = soundfile.read(wav)
    assert len(samples) / rate == pytest.approx(2.0, abs=0.01)
    assert json.loads(sidecar.read_text())["generation"]["seed"] == 5


def test_a_program_is_told_what_is_wrong_and_the_terminal_stays_quiet(client, capfd):
    with pytest.raises(AppError, match="verse"):
        client.predict(structure="verse 4-2", api_name="/generate_sample")
    assert "Traceback" not in "".join(capfd.readouterr())


def test_without_an_event_adapter_the_page_says_what_to_expect():
    assert UNHEARD_NOTE in describe_adapter("some/model", DEFAULT_ADAPTER)
    assert UNHEARD_NOTE in describe_adapter("starter", NO_ADAPTER)
    assert STARTER_NOTE in describe_adapter("starter", NO_ADAPTER)
    assert "no such adapter" in describe_adapter("starter", "/nowhere/at/all")


def test_adapters_are_the_shipped_one_the_trained_ones_and_none(tmp_path):
    chosen = [value for _, value in adapter_choices("starter", lambda: [("my run", str(tmp_path))])]
    assert chosen == [DEFAULT_ADAPTER, str(tmp_path), NO_ADAPTER]


def test_the_card_is_told_and_another_base_named(random_model):
    told = describe_adapter("starter", DEFAULT_ADAPTER)
    assert "Knows breakdown" in told and "rank 16, 600 steps, loss 0.44" in told
    assert "does not fit" in describe_adapter(str(random_model), str(STARTER_ADAPTER))


def test_one_strength_for_all_or_one_for_each():
    assert blend(["a", "b"], "") == [{"adapter": "a", "strength": "1"}, {"adapter": "b", "strength": "1"}]
    assert [other["strength"] for other in blend(["a", "b"], "0.5")] == ["0.5", "0.5"]
    assert [other["strength"] for other in blend(["a", "b"], "0.5; 0.3")] == ["0.5", "0.3"]
    with pytest.raises(StudioError, match="3 strengths for 2 adapters"):
        blend(["a", "b"], "1, 1, 1")
