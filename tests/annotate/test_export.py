"""Datasets as others read them."""

import http.server
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from annotate.__main__ import main
from annotate.dataset import add_songs
from annotate.export import ExportError, export_dataset, upload

SIDECAR = {
    "caption": "slow",
    "bpm": 90,
    "timesignature": 4,
    "annotator": "Ada",
    "mine": {"a": 1},
    "events": [{"type": "verse", "start": 0, "end": 2, "label": "soft"}, {"type": "crash", "start": 1, "end": 1}],
}
COLUMNS = ["caption", "lyrics", "bpm", "keyscale", "timesignature", "vocal_language", "duration", "annotator", "events"]


@pytest.fixture
def dataset(song: Callable[..., Path]) -> Path:
    """One song that is marked, one that is new, and one with a problem."""
    root = song("deep/one.wav").parent.parent
    song("new.wav")
    song("wrong.wav")
    (root / "deep/one.json").write_text(json.dumps(SIDECAR))
    (root / "wrong.json").write_text('{"events": [{"type": "verse", "start": 3, "end": 1}]}')
    return root


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_folder_holds_the_audio_and_a_line_for_each_marked_song(dataset: Path, tmp_path: Path):
    out = tmp_path / "out"
    left = export_dataset(dataset, out)
    assert left == [
        "`new.wav` was left out: it has no events.",
        "`wrong.wav` was left out: `wrong.json`: event 1 (verse) ends at 1.0 s, before it starts at 3.0 s. "
        "Swap the times or drag its edge on the waveform.",
    ]
    assert files_in(out) == ["README.md", "data/deep/one.wav", "metadata.jsonl"]
    row = json.loads((out / "metadata.jsonl").read_text())
    assert list(row) == ["file_name", "song", "sidecar", "audio_hash", *COLUMNS]
    assert (out / row["file_name"]).read_bytes() == (dataset / "deep/one.wav").read_bytes()
    assert [row[k] for k in ("caption", "bpm", "lyrics", "duration", "timesignature", "annotator")] == [
        *("slow", 90.0, None, 2.0, "4", "Ada")
    ]
    assert [(e["type"], e["kind"], e["label"]) for e in row["events"]] == [
        ("verse", "section", "soft"),
        ("crash", "moment", None),
    ]
    assert json.loads(row["sidecar"]) == SIDECAR  # whole


def test_the_card_counts_and_its_head_is_yaml_whatever_the_folder_is_called(song: Callable[..., Path], tmp_path: Path):
    root = tmp_path / 'a: "b" # {c}'
    song("one.wav").parent.rename(root)
    (root / "one.json").write_text(json.dumps(SIDECAR))
    export_dataset(root, tmp_path / "out")
    card = (tmp_path / "out/README.md").read_text()
    _, head, body = card.split("---\n", 2)
    import yaml  # comes with the hub's client

    assert yaml.safe_load(head)["pretty_name"] == root.name
    assert "1 songs, 0 minutes, with 1 sections and 1 moments" in body
    assert "Sections by type: verse 1." in body
    assert all(f"`{name}`" in body for name in (*COLUMNS, "file_name", "kind", "intensity"))


def test_annotations_alone_hold_sidecars_and_no_audio(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    out = tmp_path / "out"
    assert main(["export", str(dataset), str(out), "--annotations-only"]) == 0
    assert "new.wav" in capsys.readouterr().err
    assert files_in(out) == ["README.md", "annotations/deep/one.json", "metadata.jsonl"]
    row = json.loads((out / "metadata.jsonl").read_text())
    assert list(row) == ["song", "sidecar", "audio_hash", *COLUMNS]
    assert json.loads((out / row["sidecar"]).read_text()) == SIDECAR
    assert (len(row["audio_hash"]), row["duration"]) == (32, 2.0)
    assert "data_files: metadata.jsonl" in (out / "README.md").read_text()


def test_an_archive_is_imported_as_the_dataset_that_it_was(dataset: Path, song: Callable[..., Path], tmp_path: Path):
    song("two.wav").with_suffix(".json").write_text(json.dumps(SIDECAR))
    archive, again = tmp_path / "out.zip", tmp_path / "again"
    assert main(["export", str(dataset), str(archive), "--zip"]) == 0
    with zipfile.ZipFile(archive) as zipped:
        assert zipped.testzip() is None
        assert len(zipped.read("metadata.jsonl").splitlines()) == 2
    assert add_songs(again, [archive]) == (["deep/one.wav", "two.wav"], [])
    assert files_in(again) == ["deep/one.json", "deep/one.wav", "two.json", "two.wav"]
    assert json.loads((again / "deep/one.json").read_text()) == SIDECAR


def test_nothing_is_overwritten_and_nothing_half_is_left(dataset: Path, tmp_path: Path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ExportError, match="there already"):
        export_dataset(dataset, tmp_path / "there")
    with pytest.raises(ExportError, match="inside the dataset"):
        export_dataset(dataset, dataset / "out")
    (dataset / "deep/one.json").unlink()
    with pytest.raises(ExportError, match="nothing to export"):
        export_dataset(dataset, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["songs", "there"]


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub that has `me/songs`, for everybody to see."""

    def do_POST(self) -> None:
        created = self.path == "/api/repos/create"  # and nothing else may be sent here
        self._answer(409 if created else 500, {"url": "https://huggingface.co/datasets/me/songs"})

    def do_GET(self) -> None:
        self._answer(200, {"id": "me/songs", "private": False, "siblings": [], "tags": [], "sha": "0" * 40})

    def _answer(self, status: int, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", "hf_made_up")
    yield
    server.shutdown()
    server.server_close()


def test_what_is_private_is_never_put_where_everybody_can_see_it(hub: None, tmp_path: Path):
    with pytest.raises(ExportError, match="everybody can see it.*--public"):
        upload(tmp_path, "me/songs")


def test_a_hub_that_cannot_be_reached_is_one_sentence_and_the_folder_stays(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "hf_made_up")
    out = tmp_path / "out"
    assert main(["export", str(dataset), str(out), "--hub", "me/songs"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "The hub did not take `me/songs`" in told and "hf upload me/songs" in told
    assert (out / "metadata.jsonl").is_file()


def test_without_a_token_nothing_is_written(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert main(["export", str(dataset), str(tmp_path / "out"), "--hub", "me/songs"]) == 2
    assert "needs a token" in capsys.readouterr().err
    assert main(["export", str(dataset), str(tmp_path / "out"), "--public"]) == 2
    assert main(["export", str(dataset), str(tmp_path / "out"), "--hub", "me/songs", "--zip"]) == 2
    assert not (tmp_path / "out").exists()
