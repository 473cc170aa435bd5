"""Folders of visitors' own: found by their word alone, copies that strangers do not share, bounds that hold."""

import os
import time
import zipfile
from pathlib import Path

import pytest

from annotate import visitors
from annotate.dataset import DatasetError
from annotate.visiting import Folders
from annotate.visitors import UploadError, check_room, check_upload, copy_for, known, size_of, tidy
from structure.history import FOLDER as HISTORY


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Visitors' folders of this test alone."""
    folder = tmp_path / "uploads"
    monkeypatch.setattr(visitors, "UPLOADS", folder)
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    (folder / "song.wav").write_bytes(b"x" * 1000)
    (folder / "song.json").write_text('{"events": []}')
    (folder / HISTORY).mkdir()
    return folder


def test_two_visitors_have_copies_that_know_nothing_of_each_other(dataset):
    mine, yours = copy_for(None, dataset), copy_for(None, dataset)
    (mine.folder / "song.json").write_text('{"caption": "mine"}')
    assert copy_for(mine.word, dataset) == mine  # the same browser again
    assert not (mine.folder / HISTORY).exists()  # what others did before is not for strangers
    for folder in (yours.folder, dataset):
        assert (folder / "song.json").read_text() == '{"events": []}'


@pytest.mark.parametrize("word", ["", "..", "../songs", "/etc", None, 7, ["a"], "0" * 16, "A" * 16, "0" * 16 + "\n"])
def test_a_word_that_nobody_was_given_opens_nothing(dataset, word):
    copy_for(None, dataset)
    assert known(word) is None
    assert copy_for(word, dataset).word != word


def test_old_copies_go_then_those_longest_unused(dataset, uploads, monkeypatch):
    hour, now = 3600.0, time.time()
    monkeypatch.setattr(visitors, "MOST_FOLDERS", 3)
    copies = [copy_for(None, dataset) for _ in range(3)]
    for copy, age in zip(copies, (25 * hour, 3 * hour, 2 * hour), strict=True):
        os.utime(copy.folder, (now - age, now - age))
    (uploads / "song.wav").write_bytes(b"somebody's, from a page for one")
    crashed = uploads / f".{'0' * 16}.0123456789ab.tmp"
    crashed.mkdir()
    os.utime(crashed, (0, 0))
    copies.append(copy_for(None, dataset))  # more than a day old: gone
    assert [copy.folder.exists() for copy in copies] == [False, True, True, True]
    assert (uploads / "song.wav").exists() and not crashed.exists()
    copies.append(copy_for(None, dataset))  # one too many
    assert [copy.folder.exists() for copy in copies] == [False, False, True, True, True]
    monkeypatch.setattr(visitors, "MOST_OF_ALL", 2 * size_of(dataset))
    tidy(copies[2].folder)
    assert [copy.folder.exists() for copy in copies] == [False, False, True, False, True]


def test_a_link_among_the_folders_is_not_followed(dataset, uploads, tmp_path):
    own = copy_for(None, dataset)
    (uploads / ("a" * 16)).symlink_to(dataset)
    tidy(own.folder, now=time.time() + 10**6)
    assert (dataset / "song.wav").exists() and own.folder.exists()


def test_what_comes_at_once_has_a_bound_and_a_kind(monkeypatch):
    check_upload([Path("a.WAV"), Path("a.json"), Path("more.zip")])
    with pytest.raises(UploadError, match=r"`b.exe` is of no kind that is taken here: .*zip"):
        check_upload([Path("a.wav"), Path("b.exe")])
    monkeypatch.setattr(visitors, "MOST_AT_ONCE", 2)
    with pytest.raises(UploadError, match="3 files came at once, and 2 are taken"):
        check_upload([Path("a.wav")] * 3)


def test_a_visitor_may_keep_so_much_whatever_it_is_packed_in(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(visitors, "MOST_KEPT", 5000)
    packed = tmp_path / "songs.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", b"x" * 4500)
    assert packed.stat().st_size < 1000
    check_room([packed], tmp_path / "nothing there")
    with pytest.raises(UploadError, match="may keep"):
        check_room([packed], dataset)


@pytest.mark.parametrize("local", [True, False])
def test_only_at_the_machine_itself_a_request_can_name_a_folder(dataset, local):
    import gradio as gr

    from annotate.tab import build

    with gr.Blocks(analytics_enabled=False) as demo:
        build(dataset, local)
    config = demo.get_config_file()
    (typed,) = [part["id"] for part in config["components"] if part["props"].get("elem_id") == "annotate-folder"]
    assert any(typed in wired["inputs"] for wired in config["dependencies"]) == local


def test_where_strangers_meet_a_program_changes_songs_of_its_own_alone(uploads: Path, tmp_path: Path):
    page = Folders(tmp_path / "songs", local=False, copies=True)
    (tmp_path / "songs").mkdir()
    for folder in ("", "songs", "0" * 16):
        with pytest.raises(DatasetError, match="songs of their own alone"):
            page.to_change(folder)
    place, name = page.for_uploads()
    place.mkdir(parents=True)
    assert page.to_change(name) == place and place.parent == uploads
    assert Folders(tmp_path / "songs", local=False).to_change("") == tmp_path / "songs"
