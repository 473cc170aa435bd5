"""Datasets as others read them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.__main__ import main
from annotate.export import ExportError, export_dataset, upload

SIDECAR = {
    "caption": "slow",
    "bpm": 90,
    "mine": {"a": 1},
    "events": [{"type": "verse", "start": 0, "end": 2, "label": "soft"}, {"type": "crash", "start": 1, "end": 1}],
}


@pytest.fixture
def dataset(song: Callable[..., Path]) -> Path:
    root = song("deep/one.wav").parent.parent
    song("new.wav")
    song("wrong.wav")
    (root / "deep/one.json").write_text(json.dumps(SIDECAR))
    (root / "wrong.json").write_text('{"events": [{"type": "verse", "start": 3, "end": 1}]}')
    return root


def test_a_folder_holds_the_audio_and_a_line_for_each_marked_song(dataset: Path, tmp_path: Path):
    out = tmp_path / "out"
    left = export_dataset(dataset, out)
    assert len(left) == 2 and any("new.wav" in line for line in left) and any("wrong.wav" in line for line in left)
    row = json.loads((out / "metadata.jsonl").read_text())
    assert (out / row["file_name"]).read_bytes() == (dataset / "deep/one.wav").read_bytes()
    assert (row["caption"], row["bpm"], row["lyrics"], row["duration"]) == ("slow", 90, None, 2.0)
    assert [(e["type"], e["kind"], e["label"]) for e in row["events"]] == [
        ("verse", "section", "soft"),
        ("crash", "moment", None),
    ]
    assert json.loads(row["sidecar"]) == SIDECAR  # whole
    assert "verse 1" in (out / "README.md").read_text()


def test_annotations_alone_hold_no_audio(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["export", str(dataset), str(tmp_path / "out"), "--annotations-only"]) == 0
    assert sorted(p.name for p in (tmp_path / "out").rglob("*")) == ["README.md", "metadata.jsonl"]
    row = json.loads((tmp_path / "out/metadata.jsonl").read_text())
    assert "file_name" not in row and len(row["audio_hash"]) == 32
    assert "new.wav" in capsys.readouterr().err


def test_nothing_is_overwritten_and_nothing_half_is_left(dataset: Path, tmp_path: Path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ExportError, match="there already"):
        export_dataset(dataset, tmp_path / "there")
    (dataset / "deep/one.json").unlink()
    with pytest.raises(ExportError, match="nothing to export"):
        export_dataset(dataset, tmp_path / "out")
    assert not list(tmp_path.glob(".out*")) and not (tmp_path / "out").exists()


def test_a_hub_that_cannot_be_reached_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ExportError, match="hub"):
        upload(tmp_path, "me/songs")
