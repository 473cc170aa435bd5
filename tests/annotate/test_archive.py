"""Zip archives of songs: taken whole, or refused in a sentence with nothing left behind."""

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.__main__ import main
from annotate.archive import look_at
from annotate.dataset import add_songs

SIDECAR = {"events": [{"type": "verse", "start": 0, "end": 2}], "mine": 1}


@pytest.fixture
def sound(song: Callable[..., Path]) -> bytes:
    path = song("made.wav")
    content = path.read_bytes()
    path.unlink()
    return content


def packed(tmp_path: Path, entries: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    path = tmp_path / "songs.zip"
    with zipfile.ZipFile(path, "w", how) as zipped:
        for name, content in entries.items():
            zipped.writestr(name, content)
    return path


def left_behind(tmp_path: Path) -> list[str]:
    return [p.name for p in tmp_path.rglob("*") if p.is_file() and p.name != "songs.zip"]


def test_songs_come_with_their_sidecars_and_nothing_else(tmp_path: Path, sound: bytes):
    text = json.dumps(SIDECAR).encode()
    entries = {
        "a/one.wav": sound,
        "a/one.json": text,
        "__MACOSX/a/._one.wav": b"x",
        "a/.DS_Store": b"x",
        "run.exe": b"MZ",
    }
    root = tmp_path / "data"
    assert main(["import", str(packed(tmp_path, entries)), str(root)]) == 0
    assert sorted(p.name for p in root.iterdir()) == ["one.json", "one.wav"]
    assert json.loads((root / "one.json").read_text()) == SIDECAR
    (root / "one.json").write_text('{"events": []}')
    added, refused = add_songs(root, [tmp_path / "songs.zip"])
    assert added == ["one.wav"] and "annotated already" in refused[0]
    assert (root / "one.json").read_text() == '{"events": []}'


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"../out.wav": b"x"}, "outside"),
        ({"/etc/out.wav": b"x"}, "outside"),
        ({"a\\..\\..\\out.wav": b"x"}, "outside"),
        ({"C:/out.wav": b"x"}, "outside"),
        ({"one.wav": b"\0" * 50_000_000}, "no music"),
        ({"One.wav": b"x", "one.WAV": b"x"}, "twice"),
        ({"notes.txt": b"x"}, "no audio"),
        ({f"{i}.wav": b"" for i in range(2_001)}, "Divide"),
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path, entries: dict[str, bytes], told: str):
    added, refused = add_songs(tmp_path / "data", [packed(tmp_path, entries)])
    assert added == [] and len(refused) == 1 and told in refused[0]
    assert left_behind(tmp_path) == []


def test_links_spoilt_and_lying_archives_are_refused(tmp_path: Path, sound: bytes):
    link = zipfile.ZipInfo("link.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "songs.zip", "w") as zipped:
        zipped.writestr(link, "/etc/passwd")
    assert "link" in add_songs(tmp_path / "data", [tmp_path / "songs.zip"])[1][0]
    (tmp_path / "songs.zip").write_bytes(b"no zip")
    assert "no zip archive" in add_songs(tmp_path / "data", [tmp_path / "songs.zip"])[1][0]
    whole = packed(tmp_path, {"one.wav": sound}, zipfile.ZIP_STORED).read_bytes()
    (tmp_path / "songs.zip").write_bytes(whole[:100] + b"\xff" * 50 + whole[150:])
    assert "spoilt" in add_songs(tmp_path / "data", [tmp_path / "songs.zip"])[1][0]
    assert left_behind(tmp_path) == []


def test_audio_that_is_none_is_named_and_the_rest_is_taken(tmp_path: Path, sound: bytes):
    added, refused = add_songs(tmp_path / "data", [packed(tmp_path, {"a.wav": b"no audio", "b.wav": sound})])
    assert added == ["b.wav"] and "a.wav" in refused[0]
    assert len(look_at(tmp_path / "songs.zip")) == 2
    assert (tmp_path / "data/b.wav").read_bytes() == sound
