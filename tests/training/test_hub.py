"""Upload and download, by the real client against a small hub: what goes, what never does, what is said."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
from safetensors.numpy import save_file

import lora_train as program
from acestep.adapter import AdapterCard
from annotate.export import export_dataset
from tests.training.small_hub import COMMIT, Repository, SmallHub
from training.dataset import read_dataset
from training.hub import HubError, HubPlace, NotUploadedError, parcels_of, require_inside, upload_lines, upload_run
from training.hub_dataset import download_dataset
from training.hub_songs import song_lines, upload_songs
from training.run_folder import RunState, append_metrics, write_config, write_state
from training.settings import make_settings

ROOT = Path(__file__).parents[2]
TOKEN = "hf_not_to_be_seen"
GOES = ["README.md", "adapter.json", "event_encoder.safetensors", "loss.svg", "pytorch_lora_weights.safetensors"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """A hub that this process and those it starts talk to."""
    server = SmallHub()
    constants = {
        "ENDPOINT": server.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
    }
    for name, value in constants.items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield server
    server.stop()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has ended, with everything in its folder that is nobody's business."""
    folder = tmp_path / "run"
    (folder / "checkpoints" / "step-000004").mkdir(parents=True)
    base = tmp_path / "models" / "base"
    base.mkdir(parents=True)
    settings = make_settings(dataset_dir=tmp_path / "private songs", output_dir=folder, base_model=str(base))
    write_config(folder, settings)
    write_state(folder, RunState(status="done", step=4, max_steps=4))
    append_metrics(folder, [{"step": n, "loss": 1 / n} for n in range(1, 5)])
    for name in ("log.txt", "origin.json", "notes.txt", ".secret", "checkpoints/step-000004/trainer.safetensors"):
        (folder / name).write_text(str(tmp_path))
    for name in ("pytorch_lora_weights", "event_encoder"):
        save_file({"lora_a": np.full((4, 4), len(name), np.float32)}, folder / f"{name}.safetensors")
    card = AdapterCard(
        base_model=str(base),
        base_hash="0" * 16,
        rank=4,
        alpha=4,
        settings={"base_model": str(base), "list": ["C:\\a\\b"]},
    )
    (folder / "adapter.json").write_text(card.model_dump_json())
    return folder


def test_the_adapter_its_card_and_picture_go_and_nothing_else(hub: SmallHub, run: Path):
    address = upload_run(run, HubPlace("me/rock"))
    there = hub.repositories["models/me/rock"]
    assert address == f"{hub.url}/me/rock" and there.private
    assert sorted(there.files) == GOES
    for name in set(GOES) - {"adapter.json"}:
        assert there.files[name] == (run / name).read_bytes()
    assert {request.token for request in hub.requests if "/large/" not in request.path} == {TOKEN}


def test_what_arrives_tells_no_folder_of_this_machine(hub: SmallHub, run: Path):
    upload_run(run, HubPlace("me/rock"))
    files = hub.repositories["models/me/rock"].files
    assert not [name for name, content in files.items() if str(run.parent).encode() in content]
    card = json.loads(files["adapter.json"])
    assert (card["base_model"], card["settings"]) == ("base", {"base_model": "base", "list": ["b"]})
    assert json.loads((run / "adapter.json").read_text())["base_model"] == str(run.parent / "models" / "base")


def test_a_dry_run_lists_each_file_with_its_size_and_asks_the_hub_nothing(hub: SmallHub, run: Path):
    lines = upload_lines(run, HubPlace("me/rock", "songs/v1"))
    assert sorted(line.split()[-1] for line in lines[:-1]) == [f"songs/v1/{name}" for name in GOES]
    sizes = [int(line.split()[0].replace(",", "")) for line in lines]
    assert sizes[0] == (run / "pytorch_lora_weights.safetensors").stat().st_size and sum(sizes[:-1]) == sizes[-1]
    assert "me/rock, which only its owner can see" in lines[-1]
    assert hub.requests == []


def test_a_folder_in_the_repository_holds_them_where_asked(hub: SmallHub, run: Path):
    upload_run(run, HubPlace("me/rock", "songs/v1", private=False))
    there = hub.repositories["models/me/rock"]
    assert sorted(there.files) == [f"songs/v1/{name}" for name in GOES] and not there.private


def test_what_everybody_can_see_takes_nothing_unless_that_is_meant(hub: SmallHub, run: Path):
    hub.repositories["models/me/rock"] = Repository(private=False)
    with pytest.raises(NotUploadedError, match="everybody can see it.*--no-upload-private"):
        upload_run(run, HubPlace("me/rock"))
    assert hub.repositories["models/me/rock"].files == {} and not hub.sent("preupload")
    upload_run(run, HubPlace("me/rock", private=False))
    assert sorted(hub.repositories["models/me/rock"].files) == GOES


def test_an_upload_that_broke_off_goes_on_and_sends_nothing_twice(hub: SmallHub, run: Path):
    hub.failing = "/commit/"
    with pytest.raises(NotUploadedError, match=r"me/rock.*safe in .*python -m training upload .* --repo me/rock"):
        upload_run(run, HubPlace("me/rock"))
    assert len(hub.sent("/large/")) == 2 and hub.repositories["models/me/rock"].files == {}
    hub.failing = ""
    upload_run(run, HubPlace("me/rock"))
    assert len(hub.sent("/large/")) == 2 and sorted(hub.repositories["models/me/rock"].files) == GOES
    commits = len(hub.sent("/commit/"))
    upload_run(run, HubPlace("me/rock"))  # nothing has changed since
    assert (len(hub.sent("/large/")), len(hub.sent("/commit/"))) == (2, commits)


def test_a_card_written_by_hand_goes_as_it_is(hub: SmallHub, run: Path):
    (run / "README.md").write_text("---\nlicense: mit\n---\nMine.")
    upload_run(run, HubPlace("me/rock"))
    assert hub.repositories["models/me/rock"].files["README.md"].endswith(b"Mine.")


def test_the_token_is_in_no_file_and_no_sentence(hub: SmallHub, run: Path, capfd: pytest.CaptureFixture):
    hub.failing = "/create"
    command = [sys.executable, "-m", "training", "upload", str(run), "--repo", "me/rock"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert "The hub did not take `me/rock`" in done.stderr
    hub.failing = ""
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).returncode == 0
    assert TOKEN not in done.stdout + done.stderr + "".join(capfd.readouterr())
    assert not [path for path in run.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert not [name for name, content in hub.repositories["models/me/rock"].files.items() if TOKEN.encode() in content]


def test_a_token_in_the_hubs_own_words_is_hidden(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(
        "huggingface_hub.HfApi.create_repo", lambda *_, **__: (_ for _ in ()).throw(OSError(f"Bearer {TOKEN} refused"))
    )
    with pytest.raises(NotUploadedError) as caught:
        upload_run(run, HubPlace("me/rock"))
    assert TOKEN not in str(caught.value) and "[token] refused" in str(caught.value)


def test_the_token_comes_from_the_variable_named_and_from_nowhere_else(
    hub: SmallHub, run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "saved").write_text("hf_of_somebody_else")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "saved"))
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="HF_TOKEN"):
        upload_run(run, HubPlace("me/rock"))
    monkeypatch.setenv("MY_TOKEN", f"{TOKEN}\n")
    upload_run(run, HubPlace("me/rock", token_variable="MY_TOKEN"))
    assert {request.token for request in hub.requests} <= {TOKEN, ""}
    monkeypatch.setenv("MY_TOKEN", "two words")
    with pytest.raises(HubError, match="holds no token") as caught:
        upload_run(run, HubPlace("me/rock", token_variable="MY_TOKEN"))
    assert "two words" not in str(caught.value)
    for use in (
        lambda: upload_run(run, HubPlace("me/rock", token_variable=TOKEN)),
        lambda: download_dataset("me/songs", token_variable=TOKEN),
    ):
        with pytest.raises(HubError, match="looks like a token") as caught:
            use()
        assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["rock", "me/rock/v1", "../rock", "me/..", "me/ro ck", "", "/rock", "me/a--b", "me/a..b"]
)
def test_what_is_no_repository_is_refused(name: str):
    with pytest.raises(HubError, match="OWNER/NAME"):
        HubPlace(name)


@pytest.mark.parametrize("path", ["/etc", "..", "a/../b", "a\\..\\b", "C:x", "C:\\x", "\\\\host\\x", "\\x"])
def test_a_path_that_leads_out_is_refused(path: str):
    with pytest.raises(HubError, match="leads out"):
        require_inside(path)


def test_a_folder_without_a_whole_adapter_is_refused(run: Path):
    (run / "pytorch_lora_weights.safetensors").unlink()
    with pytest.raises(HubError, match="no whole adapter"):
        parcels_of(run)


# ---- datasets


@pytest.fixture
def dataset(hub: SmallHub, songs: Path) -> Repository:
    """`me/songs` as a person put it there, with more in it than songs."""
    files = {f"rock/{path.name}": path.read_bytes() for path in sorted(songs.iterdir())}
    files |= {"README.md": b"hello", "rock/run.py": b"import os", "rock/weights.bin": b"pickle", "other/x.wav": b"RIFF"}
    hub.repositories["datasets/me/songs"] = Repository(files=files)
    return hub.repositories["datasets/me/songs"]


def test_a_dataset_comes_with_its_sidecars_and_without_the_rest(
    hub: SmallHub, dataset: Repository, songs: Path, tmp_path: Path
):
    folder = download_dataset("me/songs", subdir="rock", cache=tmp_path)
    assert folder == tmp_path / "me--songs" / COMMIT / "rock"
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in songs.iterdir())
    assert {song.name for song in read_dataset(folder).songs} == {song.name for song in read_dataset(songs).songs}
    assert not (folder.parent / "other").exists()
    assert {request.token for request in hub.requests} == {TOKEN}


def test_what_was_fetched_is_not_fetched_again(hub: SmallHub, dataset: Repository, tmp_path: Path):
    download_dataset("me/songs", subdir="rock", cache=tmp_path)
    fetched = [request for request in hub.sent("/resolve/") if request.method == "GET"]
    download_dataset("me/songs", subdir="rock", cache=tmp_path)
    assert [request for request in hub.sent("/resolve/") if request.method == "GET"] == fetched and fetched


def test_without_a_token_none_is_sent_and_a_private_dataset_is_said_to_need_one(
    hub: SmallHub, dataset: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "saved").write_text("hf_of_somebody_else")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "saved"))
    with pytest.raises(HubError, match="token in NO_SUCH_VARIABLE"):
        download_dataset("me/songs", token_variable="NO_SUCH_VARIABLE", cache=tmp_path)
    dataset.private = False
    download_dataset("me/songs", token_variable="NO_SUCH_VARIABLE", cache=tmp_path, subdir="rock")
    assert {request.token for request in hub.requests} == {""}


@pytest.mark.parametrize("name", ["../../evil.wav", "/tmp/evil.wav", "rock/../../../evil.wav", "C:\\evil.wav"])
def test_a_dataset_with_a_name_that_leads_out_is_not_fetched_at_all(
    hub: SmallHub, dataset: Repository, tmp_path: Path, name: str
):
    dataset.files[name] = b"RIFF"
    with pytest.raises(HubError, match="leads out"):
        download_dataset("me/songs", subdir="rock", cache=tmp_path / "cache")
    assert not hub.sent("/resolve/") and not (tmp_path / "cache").exists()


def test_a_folder_without_songs_and_a_name_that_is_not_there_are_named(
    hub: SmallHub, dataset: Repository, tmp_path: Path
):
    with pytest.raises(HubError, match="no audio in nowhere.*--dataset-subdir"):
        download_dataset("me/songs", subdir="nowhere", cache=tmp_path)
    with pytest.raises(HubError, match="me/none: could not be fetched.*--dataset-dir"):
        download_dataset("me/none", cache=tmp_path)
    with pytest.raises(HubError, match="leads out"):
        download_dataset("me/songs", subdir="../x", cache=tmp_path)


def test_an_exported_dataset_gets_its_sidecars_back(hub: SmallHub, songs: Path, tmp_path: Path):
    export_dataset(songs, tmp_path / "out")
    exported = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    hub.repositories["datasets/me/songs"] = Repository(files=exported)
    for subdir in ("", "data"):
        found = read_dataset(download_dataset("me/songs", subdir=subdir, cache=tmp_path / f"cache{subdir}"))
        assert [song.events for song in found.songs] == [song.events for song in read_dataset(songs).songs]


def test_a_table_that_names_a_place_outside_writes_nothing_there(hub: SmallHub, dataset: Repository, tmp_path: Path):
    (tmp_path / "victim.wav").write_bytes(b"RIFF")
    row = {"file_name": "../../../victim.wav", "sidecar": '{"events": []}'}
    dataset.files["metadata.jsonl"] = json.dumps(row).encode()
    with pytest.raises(HubError, match="leads out"):
        download_dataset("me/songs", cache=tmp_path / "cache")
    assert not (tmp_path / "victim.json").exists()


def test_a_disk_without_room_is_refused_before_anything_is_fetched(
    hub: SmallHub, dataset: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.hub_dataset.shutil.disk_usage", lambda _: type("Disk", (), {"free": 10}))
    with pytest.raises(HubError, match="Make room"):
        download_dataset("me/songs", subdir="rock", cache=tmp_path)
    assert not hub.sent("/resolve/")


# ---- the command line


def test_songs_go_with_their_sidecars_alone_and_come_back(hub: SmallHub, songs: Path, tmp_path: Path):
    dataset = tmp_path / "songs"
    shutil.copytree(songs, dataset)
    (dataset / "notes.md").write_text("mine")
    (dataset / "first.json.bak").write_text("{}")
    (dataset / ".hidden.json").write_text("{}")
    one = sorted(dataset.glob("*.wav"))[0].with_suffix(".json")
    one.write_text(json.dumps({**json.loads(one.read_text()), "mood": "kept", "generation": {"adapter": "/home/me/x"}}))
    names = sorted(path.name for path in dataset.iterdir() if path.suffix in (".wav", ".json") and path.name[0] != ".")
    by_song = sorted(names, key=lambda name: (name.rpartition(".")[0], name.endswith(".json")))
    assert [line.split()[-1] for line in song_lines(dataset, HubPlace("me/songs"))[:-1]] == by_song
    assert hub.requests == []
    hub.failing = "/commit/"
    with pytest.raises(NotUploadedError, match="The same command goes on"):
        upload_songs(dataset, HubPlace("me/songs"))
    large = len(hub.sent("/large/"))
    hub.failing = ""
    upload_songs(dataset, HubPlace("me/songs"))
    there = hub.repositories["datasets/me/songs"]
    assert there.private and sorted(there.files) == names and len(hub.sent("/large/")) == large > 0
    assert json.loads(there.files[one.name]) == {**json.loads(one.read_text()), "generation": {"adapter": "x"}}
    back = download_dataset("me/songs", cache=tmp_path / "cache", say=lambda _: None)
    assert {p.name: p.read_bytes() for p in back.glob("*.wav")} == {p.name: p.read_bytes() for p in songs.glob("*.wav")}
    there.private = False
    with pytest.raises(HubError, match="everybody can see it"):
        upload_songs(dataset, HubPlace("me/songs"))


def test_names_and_token_are_looked_at_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    common = ["--dataset-dir", str(tmp_path), "--output-dir", str(tmp_path / "run")]
    for more, said in (
        (["--upload-repo", "me/rock"], "environment variable HF_TOKEN"),
        (["--upload-repo", "me/rock", "--hf-token-env", "MINE"], "environment variable MINE"),
        (["--upload-repo", "rock"], "OWNER/NAME"),
        (["--upload-repo", "me/rock", "--upload-path", "../x"], "leads out"),
        (["--upload-dry-run"], "--upload-repo"),
        (["--dataset-repo", "me/songs"], "--dataset-dir and --dataset-repo"),
    ):
        assert program.main([*common, *more]) == 2
        told = capsys.readouterr().err
        assert said in told and len(told.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.training
def test_trained_from_the_hub_and_back_and_a_hub_that_fails_costs_status_three_and_no_adapter(
    hub: SmallHub, dataset: Repository, tiny_model: Path, tmp_path: Path, machine: dict
):
    environment = {**machine, **{name: os.environ[name] for name in ("HF_ENDPOINT", "HF_HUB_DISABLE_XET", "HF_TOKEN")}}

    def train(name: str, *more: object) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable, ROOT / "lora_train.py", "--dataset-repo", "me/songs", "--dataset-subdir", "rock",
            "--model-config", tiny_model, "--output-dir", tmp_path / name, "--preset", "starter", "--device", "cpu",
            "--rank", 2, "--batch-size", 2, "--max-steps", 1, "--upload-repo", f"me/{name}", *more,
        ]  # fmt: skip
        return subprocess.run(
            [str(part) for part in command], env=environment, capture_output=True, text=True, timeout=120
        )

    done = train("rock")
    assert done.returncode == 0, done.stderr
    assert f"The adapter is at {hub.url}/me/rock" in done.stdout
    assert sorted(hub.repositories["models/me/rock"].files) == GOES
    config = json.loads((tmp_path / "rock" / "config.json").read_text())
    assert not {name for name in config if name.startswith(("upload", "hf_token"))}

    hub.failing = "/create"
    done = train("pop")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (3, 1), done.stderr
    assert "python -m training upload" in done.stderr
    assert json.loads((tmp_path / "pop" / "state.json").read_text())["status"] == "done"
    assert (tmp_path / "pop" / "adapter.json").is_file() and TOKEN not in done.stdout + done.stderr

    asked = len(hub.sent("/repos/create"))
    done = train("jazz", "--upload-dry-run")
    assert done.returncode == 0 and "bytes  pytorch_lora_weights.safetensors" in done.stdout
    assert len(hub.sent("/repos/create")) == asked
