"""What is remembered of a folder: exactly what reading it says, until a file changes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate import catalogue
from annotate.catalogue import Catalogue, listed
from annotate.dataset import scan

VERSE = {"type": "verse", "start": 0, "end": 2}
FLAWS = ({"events": [{**VERSE, "end": 9}]}, {"events": [{**VERSE, "unsure": True, "comment": "?"}]}, {"bpm": -1})


@pytest.fixture
def root(song: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Songs in every state, two of which share a sidecar, in a folder that was never opened."""
    monkeypatch.setattr(catalogue, "_FOLDER", tmp_path / "catalogues")
    monkeypatch.setattr(catalogue, "SETTLED", 0.0)
    folder = song("done.wav").parent
    (folder / "done.json").write_text(json.dumps({"events": [VERSE]}))
    for number, held in enumerate(FLAWS):
        song(f"deep/flaw-{number}.wav").with_suffix(".json").write_text(json.dumps(held))
    song("new.wav")
    song("done.flac")
    (folder / "broken.wav").write_bytes(b"no sound")
    (folder / "torn.json").write_text("{")
    song("torn.wav")
    return folder


def read(root: Path) -> Catalogue:
    found = Catalogue(root)
    while not found.is_read:
        found.read_some(0.05)
    return found


def as_read_now(root: Path) -> list[catalogue.Listed]:
    return [listed(song) for song in scan(root)]


def test_what_is_remembered_is_what_reading_says(root: Path):
    for _ in range(2):
        assert list(read(root).songs.values()) == as_read_now(root)
    assert Catalogue(root).is_read  # nothing was left to read
    states = {song.name: song.state for song in Catalogue(root).songs.values()}
    assert states["done.flac"] == "done" and states["deep/flaw-1.wav"] == "unsure" and states["new.wav"] == "new"
    assert {name for name, state in states.items() if state == "problem"} == {
        "done.wav", "broken.wav", "torn.wav", "deep/flaw-0.wav", "deep/flaw-2.wav",
    }  # fmt: skip


def test_names_come_before_anything_is_read(root: Path):
    fresh = Catalogue(root)
    assert list(fresh.songs) == [song.name for song in scan(root)]
    assert {song.state for song in fresh.songs.values()} == {None}
    assert [song.name for song in fresh.read_some(0.0)] == [next(iter(fresh.songs))]  # one at least


@pytest.mark.parametrize("file", ["done.json", "new.json", "new.wav", "done.flac"])
def test_a_file_changed_outside_is_read_anew(root: Path, file: str):
    read(root)
    path = root / file
    if file.endswith(".json"):
        text = path.read_text() if path.exists() else json.dumps({"events": [VERSE]})
        path.write_text(text.replace("verse", "outro"))  # as long as before
    elif file == "new.wav":
        path.write_bytes(path.read_bytes()[:-20_000])
    else:
        path.unlink()  # the song that shared its sidecar owns it now
    assert not Catalogue(root).is_read or file == "done.flac"
    assert list(read(root).songs.values()) == as_read_now(root)


@pytest.mark.skipif(os.name == "nt", reason="there a file keeps no time of its own last change")
def test_a_change_that_hides_its_time_is_seen(root: Path):
    read(root)
    path = root / "done.json"
    before = path.stat()
    path.write_text(path.read_text().replace("verse", "outro"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(read(root).songs.values()) == as_read_now(root)


def test_what_changed_just_now_is_not_remembered(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalogue, "SETTLED", 3600.0)
    read(root)
    assert not Catalogue(root).is_read


SPOILT = {
    "cut off": lambda text: text[:-9],
    "another form": lambda _: "[]",
    "older": lambda text: text.replace('"edition": "', '"edition": "0'),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_damaged_or_older_catalogue_is_made_anew(root: Path, spoil: Callable[[str], str]):
    read(root)
    (kept,) = catalogue._FOLDER.glob("*.json")
    kept.write_text(spoil(kept.read_text()))
    assert not Catalogue(root).is_read
    assert list(read(root).songs.values()) == as_read_now(root)
    assert Catalogue(root).is_read


def test_a_song_saved_meanwhile_is_not_overwritten_by_what_was_read(root: Path):
    fresh = Catalogue(root)
    (root / "new.json").write_text(json.dumps({"events": [VERSE]}))
    (saved,) = [song for song in scan(root) if song.name == "new.wav"]
    fresh.put(saved)
    (root / "new.json").unlink()
    while not fresh.is_read:
        fresh.read_some(0.05)
    assert fresh.songs["new.wav"].state == "done"


def test_nothing_of_a_visitors_own_folder_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalogue, "UPLOADS", root.parent)
    read(root)
    assert not list(catalogue._FOLDER.glob("*"))
