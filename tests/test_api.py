"""The page for programs: every function by its name, and what none of them gives away."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from safetensors.numpy import save_file

import lora_ui
from acestep.adapter import CARD_FILE, ENCODER_FILE, LORA_FILE
from acestep.loading import STARTER_ADAPTER
from annotate.page_api import uploaded
from generation.service import output_folder
from structure.errors import StudioError
from training.runs import list_runs, runs_folder, stop_run

DOCS = Path(__file__).parents[1] / "docs" / "api.md"
NAMES = {
    "scan_folder", "load_uploaded", "save_sidecar", "start_training", "stop_training", "poll_training",
    "list_adapters", "upload_adapter_files", "load_adapter", "unload_adapter", "generate_sample", "ab_test",
}  # fmt: skip
ADAPTER_FILES = (CARD_FILE, ENCODER_FILE, LORA_FILE)
STRUCTURE = "verse 0-1, chorus 1-2"


def write_song(path: Path, hertz: float = 220.0, **sidecar: object) -> Path:
    """Four seconds of a tone, with a sidecar where there is something to write into one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(4 * 22_050) / 22_050
    soundfile.write(path, 0.4 * np.sin(2 * np.pi * hertz * t), 22_050)
    if sidecar:
        path.with_suffix(".json").write_text(json.dumps(sidecar))
    return path


@contextmanager
def visit(dataset: Path, local: bool) -> Iterator[Client]:
    """A program at a whole page, whose dataset also is what would teach a judge."""
    page = lora_ui.build_app(dataset, local=local)
    url = page.launch(
        prevent_thread_lock=True, quiet=True, ssr_mode=False, show_error=False, allowed_paths=[str(output_folder())]
    )[1]
    client = Client(url, verbose=False)
    yield client
    client.close()
    page.close()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs, one of them in a folder, beside a song outside and a way to it."""
    outside = tmp_path_factory.mktemp("machine")
    root = outside / "songs"
    write_song(outside / "secret" / "secret.wav")
    write_song(root / "one.wav", caption="warm pads", mood={"kept": True})
    write_song(root / "inner" / "two.wav", 330.0)
    (root / "way").symlink_to(outside / "secret")
    return root


@pytest.fixture(scope="module")
def here(dataset: Path) -> Iterator[Client]:
    """A program on the page's own machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lora_ui, "known_songs", lambda model, dataset: dataset)  # the demo songs take long to make
        with visit(dataset, local=True) as client:
            yield client


@pytest.fixture(scope="module")
def away(dataset: Path) -> Iterator[Client]:
    """A program on another machine."""
    with visit(dataset, local=False) as client:
        yield client


def test_an_address_in_place_of_a_file_is_not_fetched(here: Client, away: Client):
    for client in (here, away):
        with pytest.raises(AppError, match="fetches nothing from other machines"):
            client.predict([handle_file("https://198.51.100.7/song.wav")], api_name="/load_uploaded")


def test_these_functions_are_public_and_no_others_and_each_has_types_and_words(here: Client):
    endpoints = here.view_api(return_format="dict", all_endpoints=True)["named_endpoints"]
    assert {name.strip("/") for name in endpoints} == NAMES
    for name, endpoint in endpoints.items():
        assert endpoint["description"], name
        for value in (*endpoint["parameters"], *endpoint["returns"]):
            assert value["python_type"]["type"] != "Any" and value["python_type"]["description"], (name, value)


def test_songs_are_listed_and_one_is_saved_with_all_that_was_in_it(here: Client, dataset: Path):
    two, one = here.predict(api_name="/scan_folder")
    assert (one["song"], one["caption"], one["duration"], one["events"], one["problems"]) == (
        ("one.wav", "warm pads", 4.0, 0, [])
    )
    assert (two["song"], two["version"]) == ("inner/two.wav", "")
    events = [{"type": "verse", "start": 0, "end": 4}]
    saved = here.predict("one.wav", {"bpm": 92, "events": events}, one["version"], api_name="/save_sidecar")
    held = json.loads((dataset / "one.json").read_text())
    assert (saved["events"], held["caption"], held["mood"], held["bpm"]) == (1, "warm pads", {"kept": True}, 92)
    before = (dataset / "one.json").read_bytes()
    with pytest.raises(AppError, match="not as you saw it"):
        here.predict("one.wav", {"caption": "mine"}, one["version"], api_name="/save_sidecar")
    with pytest.raises(AppError, match="not as you saw it"):
        here.predict("one.wav", {"caption": "mine"}, api_name="/save_sidecar")
    with pytest.raises(AppError, match="before it starts|ends"):
        wrong = [{"type": "verse", "start": 3, "end": 1}]
        here.predict("one.wav", {"events": wrong}, saved["version"], api_name="/save_sidecar")
    with pytest.raises(AppError, match="There is no song"):
        here.predict("../secret/secret.wav", {"caption": "x"}, api_name="/save_sidecar")
    assert (dataset / "one.json").read_bytes() == before
    again = here.predict("one.wav", {"sidecar": "a key"}, saved["version"], api_name="/save_sidecar")
    assert json.loads((dataset / "one.json").read_text())["sidecar"] == "a key" and again["version"]


@pytest.mark.parametrize("folder", ["..", "inner/../..", "../secret", "way", "/etc", "~", "a\0b", "x" * 5000])
def test_another_machine_sees_the_dataset_alone(away: Client, folder: str):
    with pytest.raises(AppError, match="is not a folder of this page's dataset|There is no folder"):
        away.predict(folder, api_name="/scan_folder")


def test_folders_of_the_dataset_are_for_all_and_others_for_its_own_machine(here: Client, away: Client, dataset: Path):
    assert [song["song"] for song in away.predict("inner", api_name="/scan_folder")] == ["two.wav"]
    secret = str(dataset.parent / "secret")
    assert [song["song"] for song in here.predict(secret, api_name="/scan_folder")] == ["secret.wav"]
    with pytest.raises(AppError, match="not a folder of this page's dataset"):
        away.predict(secret, api_name="/scan_folder")


def test_what_another_machine_sends_lies_apart(away: Client, dataset: Path, tmp_path: Path):
    before = sorted(dataset.rglob("*"))
    mine = write_song(tmp_path / "mine.wav", 440.0, caption="mine")
    (tmp_path / "noise.wav").write_bytes(b"no audio")
    files = [handle_file(path) for path in (mine, mine.with_suffix(".json"), tmp_path / "noise.wav")]
    sent = away.predict(files, api_name="/load_uploaded")
    assert sent["added"] == ["mine.wav"] and "noise.wav" in sent["refused"][0]
    assert [song["caption"] for song in away.predict(sent["folder"], api_name="/scan_folder")] == ["mine"]
    assert sorted(dataset.rglob("*")) == before
    with pytest.raises(AppError, match="a folder of their own"):
        away.predict(files, "inner", api_name="/load_uploaded")
    assert away.predict(files[:1], sent["folder"], api_name="/load_uploaded")["folder"] == sent["folder"]


def test_only_what_was_sent_is_taken_for_sent(here: Client, dataset: Path, tmp_path: Path):
    import gradio as gr
    from gradio.utils import get_upload_folder

    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    for path in (dataset / "one.wav", get_upload_folder(), "a\0b"):  # not sent; all that others sent; no path
        with pytest.raises(StudioError, match="was not sent"):
            uploaded([gr.FileData(path=str(path))])
    with pytest.raises(AppError, match="was not sent"):
        here.predict([{"path": str(dataset / "one.wav")}], api_name="/load_uploaded")
    with pytest.raises(AppError, match="No files"):
        here.predict([], api_name="/load_uploaded")


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("scan_folder", (["a", "list"],), "`folder` is"),
        ("save_sidecar", ("one.wav", "no object"), "`fields` is"),
        ("poll_training", ("nobody's",), "There is no run"),
        ("load_adapter", ("../..",), "There is no adapter"),
        ("load_adapter", (str(STARTER_ADAPTER),), "There is no adapter"),
        ("ab_test", ({"structure": STRUCTURE, "output": "/tmp/x.wav"},), "`output` is not taken"),
        ("ab_test", ({"structure": STRUCTURE, "strenght": 1},), "no field of a request"),
        ("ab_test", ({"structure": "verse 4-2"},), "verse"),
    ],
)
def test_a_slip_is_told_in_a_sentence_and_the_terminal_stays_quiet(here, capfd, name, given, says):
    with pytest.raises(AppError, match=says):
        here.predict(*given, api_name=f"/{name}")
    assert "Traceback" not in "".join(capfd.readouterr())


def test_adapters_that_could_harm_or_do_not_fit_are_refused_before_anything_is_written(here: Client, tmp_path: Path):
    from generation.adapters import shelf

    def send(*paths: Path) -> str:
        return here.predict([handle_file(path) for path in paths], "x", api_name="/upload_adapter_files")

    card, encoder, lora = (STARTER_ADAPTER / name for name in ADAPTER_FILES)
    pickle = tmp_path / "adapter_model.bin"
    pickle.write_bytes(b"\x80\x04.")
    (disguised := tmp_path / LORA_FILE).write_bytes(pickle.read_bytes())
    loading = tmp_path / "loading" / LORA_FILE
    loading.parent.mkdir()
    settings = json.dumps({"transformer.megatron_config": {"x": 1}, "transformer.megatron_core": "a_module"})
    save_file({"x": np.ones(1)}, loading, {"lora_adapter_metadata": settings})
    other = tmp_path / "other" / CARD_FILE
    other.parent.mkdir()
    other.write_text(json.dumps(json.loads(card.read_text()) | {"base_hash": "0" * 16}))
    before = sorted(shelf().glob("*")) if shelf().exists() else []
    for files, says in [
        ((pickle,), "pickles"),
        ((card, encoder, disguised), "damaged, or not what its name says"),
        ((card, encoder, loading), "name code to load"),
        ((card, encoder), "No adapter"),
        ((card, lora), "event_encoder.safetensors is missing"),
        ((other, encoder, lora), "was trained on"),
    ]:
        with pytest.raises(AppError, match=says):
            send(*files)
    assert (sorted(shelf().glob("*")) if shelf().exists() else []) == before


def test_a_sent_adapter_is_listed_on_its_own_machine_and_elsewhere_known_to_who_sent_it(here: Client, away: Client):
    files = [handle_file(STARTER_ADAPTER / name) for name in ADAPTER_FILES]
    name = away.predict(files, "../my voice\n", api_name="/upload_adapter_files")
    assert re.fullmatch(r"my-voice-[0-9a-f]{16}", name)
    assert [row["name"] for row in away.predict(api_name="/list_adapters")] == ["default", "none"]
    rows = {row["name"]: row for row in here.predict(api_name="/list_adapters")}
    assert rows[name] == {"name": name, "base_model": "starter", "has_events": True, "problem": ""}
    card = away.predict(name, api_name="/load_adapter")
    assert card["vocabulary"] and "settings" not in card  # they name folders of the machine
    assert away.predict(api_name="/unload_adapter") is True
    assert away.predict(api_name="/unload_adapter") is False


def test_two_adapters_on_one_seed_differ_in_nothing_else(here: Client):
    pair = here.predict({"structure": STRUCTURE, "steps": 2}, "default", "none", 5, api_name="/ab_test")
    (a, made_a), (b, made_b) = (
        (json.loads(Path(side["sidecar"]).read_text()), side["made"]) for side in (pair["a"], pair["b"])
    )
    differ = {key for key in a["generation"] if a["generation"][key] != b["generation"].get(key)}
    assert differ - {"made", "took_seconds", "gain_db"} == {
        *("adapter", "adapter_hash", "adapter_has_events", "adapter_shipped"),
    }
    assert a["events"] == b["events"] == made_a["events"] and made_a["seed"] == made_b["seed"] == 5
    assert [made["adapter_has_events"] for made in (made_a, made_b)] == [True, False]
    assert made_a["score"] is None and "not named by ear" in made_a["remark"]  # a tone teaches no judge
    assert Path(pair["a"]["song"]).read_bytes() != Path(pair["b"]["song"]).read_bytes()
    again, _, _ = here.predict(
        structure=STRUCTURE, caption="", lyrics="", seed=5, steps="2", duration="", api_name="/generate_sample"
    )
    assert soundfile.read(again)[0] == pytest.approx(soundfile.read(pair["a"]["song"])[0])


def test_the_examples_of_the_documentation_run_as_they_stand(
    here: Client, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_song(tmp_path / "mine.wav", 550.0, caption="mine")
    shutil.copytree(STARTER_ADAPTER, tmp_path / "my-adapter")
    monkeypatch.chdir(tmp_path)
    text = DOCS.read_text(encoding="utf-8")
    assert set(re.findall(r"\w+", text)) >= NAMES
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    known: dict[str, object] = {}
    try:
        for block in blocks:
            exec(block.replace("http://127.0.0.1:7860/", here.src), known)
    finally:
        known["client"].close()
        for run in list_runs(runs_folder()):
            stop_run(run.folder)
        deadline = time.monotonic() + 60
        while any(run.running for run in list_runs(runs_folder())) and time.monotonic() < deadline:
            time.sleep(0.2)
    assert json.loads((dataset / "mine.json").read_text())["caption"] == "calm piano"
    assert soundfile.info(known["song"]).duration == pytest.approx(2.0, abs=0.01)
