"""Datasets in places that are hard on programs: strange and long names, bytes that are no text, read-only disks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from annotate.dataset import DatasetError, add_songs, scan
from annotate.desk import Desk, DeskError
from annotate.visiting import edit_song, list_songs
from annotate.vocabulary import VocabularyError, save_vocabulary
from structure.sidecar import SidecarError, read_sidecar
from tests.annotate.conftest import RATE, make_tone

FOLDER = """it's "my" songs 🎸 #1 100% a&b \\ """ + "x" * 150
NAMES = (
    "-v.wav", "two  spaces.wav", " lead.wav", "it's.wav", "emo🎸ji.wav", "a#b.wav", "50%20.wav", "a&b.wav", "`b`.wav",
    "$(x).wav", "[x](y).wav", "dot..wav", "<b>.wav", "x" * 246 + ".wav", "ü" * 123 + ".wav",
)  # fmt: skip
ONLY_ON_POSIX = ('"q".wav', "what?.wav", "back\\slash.wav", "line\nbreak.wav") if os.name == "posix" else ()
VERSE = [{"type": "verse", "start": 0.0, "end": 0.5}]


def fill(root: Path, *names: str) -> Path:
    root.mkdir(parents=True)
    for name in names:
        soundfile.write(root / "song.wav", make_tone(1.0), RATE)
        os.rename(root / "song.wav", root / name)
    return root


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A dataset on a disk that takes nothing: one marked song."""
    root = fill(tmp_path / FOLDER, "it's.wav")
    desk = Desk()
    desk.open_dataset(root)
    desk.open_song("it's.wav")
    desk.save_events("it's.wav", VERSE)
    options = (["--bind", str(root), str(root)], ["-o", "remount,ro,bind", str(root)])
    mounted = sys.platform == "linux" and not subprocess.run(["mount", *options[0]], capture_output=True).returncode
    if not mounted:
        pytest.skip("may not mount a read-only disk here")
    try:
        subprocess.run(["mount", *options[1]], check=True)
        yield root
    finally:
        subprocess.run(["umount", str(root)], check=True)


def test_songs_of_any_name_are_marked_and_copied(tmp_path: Path):
    root = fill(tmp_path / FOLDER, *NAMES, *ONLY_ON_POSIX)
    desk = Desk()
    desk.open_dataset(root)
    assert set(desk.songs) == {*NAMES, *ONLY_ON_POSIX}
    for name in desk.songs:
        assert desk.open_song(name).trouble is None
        for end in (0.5, 0.75):  # the second keeps a backup
            desk.save_events(name, [VERSE[0] | {"end": end}])
        assert read_sidecar(root / name).events[0].end == 0.75
    added, refused = add_songs(tmp_path / "copy", [root])
    assert (sorted(added), refused) == (sorted(desk.songs), [])
    assert all(song.events for song in scan(tmp_path / "copy"))
    kinds = {path.suffix for folder in (root, tmp_path / "copy") for path in folder.iterdir() if path.is_file()}
    assert kinds == {".wav", ".json", ".bak"}


@pytest.mark.skipif(sys.platform != "linux", reason="the system allows no such name")
def test_a_name_that_is_no_text_or_leaves_no_room_is_told_and_the_others_open(tmp_path: Path):
    root = fill(tmp_path / "songs", "good.wav", "z" * 251 + ".wav", "old.wav")
    os.rename(os.fsencode(root / "old.wav"), os.fsencode(root) + b"/M\xfcller.wav")  # Latin-1, from an old archive
    (root / os.fsdecode(b"M\xfcller.json")).write_text("{")
    desk = Desk()
    desk.open_dataset(root)
    trouble = {name: desk.open_song(name).trouble for name in desk.songs}
    assert trouble["good.wav"] is None
    assert "not UTF-8 text. Rename it." in trouble["M?ller.wav"]
    assert "no sidecar fits beside it" in trouble["z" * 251 + ".wav"]
    str([song.problems for song in desk.songs.values()]).encode()  # all of it can be sent to a page
    added, refused = add_songs(tmp_path / "copy", [root])
    assert "good.wav" in added and any("Rename it" in sentence for sentence in refused)


def test_a_read_only_dataset_is_shown_and_each_way_to_write_says_why_not(read_only: Path, tmp_path: Path):
    desk = Desk()
    desk.open_dataset(read_only)
    opened = desk.open_song("it's.wav")
    assert opened.track and opened.sidecar.events[0].type == "verse"
    assert opened.trouble.endswith("is read-only, so nothing can be saved: play and look, or open a copy that you may "
                                   "write to.")  # fmt: skip
    with pytest.raises(DeskError, match="read-only"):
        desk.save_events("it's.wav", [])
    (row,) = list_songs(read_only)
    with pytest.raises(SidecarError, match="Read-only file system"):
        edit_song(read_only, "it's.wav", {"caption": "x"}, row["version"])
    with pytest.raises(VocabularyError, match="Read-only file system"):
        save_vocabulary(read_only, ["verse"])
    song = fill(tmp_path / "new", "new.wav") / "new.wav"
    for files in ([song], [song, read_only / "it's.json"]):
        with pytest.raises(DatasetError, match="Read-only file system"):
            add_songs(read_only, files)


@pytest.mark.browser
def test_the_page_of_a_read_only_dataset_plays_it_and_says_that_nothing_can_be_saved(serve, visit, read_only: Path):
    someone = visit(serve(read_only), locale="de-DE", timezone_id="Asia/Kathmandu").opened("it's.wav")
    notice = someone.page.locator("#annotate-notice")
    assert "is read-only, so nothing can be saved" in notice.inner_text()
    assert someone.parts() == ["verse", "free"]
    someone.root.focus()
    someone.press("Space")
    someone.page.wait_for_function("document.querySelector('#annotate-timeline audio').currentTime > 0")
    someone.press("2")  # would mark something
    assert someone.parts() == ["verse", "free"]


@pytest.mark.browser
def test_where_decimals_have_commas_times_are_typed_so_and_saved_with_points(serve, visit, tmp_path: Path):
    name = "it's 🎸 #1 50% a&b.wav"
    root = fill(tmp_path / FOLDER, name)
    desk = Desk()
    desk.open_dataset(root)
    desk.open_song(name)
    desk.save_events(name, [VERSE[0], {"type": "chorus", "start": 0.5, "end": 1.0}])
    someone = visit(serve(root), locale="de-DE", timezone_id="Asia/Kathmandu").opened(name)
    someone.root.locator(".sst-table summary").click()
    end = someone.root.locator(".sst-table tbody tr").nth(1).locator("[data-cell=end]")
    end.fill("0,75")
    end.press("Enter")
    loud = someone.root.locator(".sst-table tbody tr").nth(0).locator("[data-cell=intensity]")
    loud.fill("0,4")
    loud.press("Enter")
    someone.saved()
    text = read_sidecar(root / name).path.read_text()
    assert '"end": 0.75' in text and '"intensity": 0.4' in text
