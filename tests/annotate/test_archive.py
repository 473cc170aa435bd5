"""Zip archives and folders of songs: taken whole, or refused in a sentence with nothing left behind."""

import json
import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate import archive
from annotate.__main__ import main
from annotate.archive import look_at
from annotate.dataset import add_songs, scan

SIDECAR = {"events": [{"type": "verse", "start": 0, "end": 2}], "mine": 1}
TEXT = json.dumps(SIDECAR).encode()


@pytest.fixture
def sound(song: Callable[..., Path]) -> bytes:
    path = song("made.wav")
    content = path.read_bytes()
    path.unlink()
    path.parent.rmdir()
    return content


def packed(tmp_path: Path, entries: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    path = tmp_path / "songs.zip"
    with zipfile.ZipFile(path, "w", how) as zipped:
        for name, content in entries.items():
            zipped.writestr(name, content)
    return path


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def refusal(tmp_path: Path) -> str:
    """The one sentence with which `songs.zip` is refused; not a file or folder is left of it."""
    before = sorted(tmp_path.rglob("*"))
    added, refused = add_songs(tmp_path / "new" / "data", [tmp_path / "songs.zip"])
    assert added == [] and len(refused) == 1
    assert sorted(tmp_path.rglob("*")) == before
    return refused[0]


def test_songs_come_with_what_belongs_to_them_and_nothing_else(tmp_path: Path, sound: bytes):
    entries = {
        "set/one.wav": sound,
        "set/one.json": TEXT,
        "set/one.caption.txt": b"slow",
        "set/deep/Two.wav": sound,
        "set/notes.txt": b"of no song",
        "__MACOSX/set/._one.wav": b"x",
        "__MACOSX/set/three.wav": b"x",
        "set/.DS_Store": b"x",
        "run.exe": b"MZ",
    }
    root = tmp_path / "data"
    assert main(["import", str(packed(tmp_path, entries)), str(root)]) == 0
    assert files_in(root) == ["deep/Two.wav", "one.caption.txt", "one.json", "one.wav"]
    assert json.loads((root / "one.json").read_text()) == SIDECAR
    assert (root / "deep/Two.wav").read_bytes() == sound
    assert [song.problems for song in scan(root)] == [[], []]


def test_what_is_there_is_kept_and_said(tmp_path: Path, sound: bytes, capsys: pytest.CaptureFixture):
    root = tmp_path / "data"
    root.mkdir()
    (root / "one.wav").write_bytes(sound)
    (root / "one.json").write_text('{"events": []}')
    (root / "two.wav").write_bytes(sound + b"else")
    (root / "three.flac").write_bytes(b"shares a stem")
    (root / "four.wav").write_bytes(sound)
    before = {name: (root / name).read_bytes() for name in files_in(root)}
    names = ("one", "two", "three", "four")
    entries = {f"{name}.wav": sound for name in names} | {f"{name}.json": TEXT for name in names}
    assert main(["import", str(packed(tmp_path, entries)), str(root)]) == 1
    said, told = capsys.readouterr()
    assert said == f"{root}: 0 songs added\n"
    assert told.count("\n") == 5
    for sentence in (
        "`one.wav` is there already.",
        "`one.wav` is annotated otherwise already",
        "`two.wav` was left out: another song",
        "`three.wav` was left out: it would share",
        "`four.wav` is there already.",
    ):
        assert sentence in told
    after = {name: (root / name).read_bytes() for name in files_in(root)}
    assert json.loads(after.pop("four.json")) == SIDECAR  # new words for a song that had none
    assert after == before


def test_a_folder_comes_as_an_archive_does(tmp_path: Path, song: Callable[..., Path]):
    source = song("deep/one.wav").parent.parent
    (source / "deep/one.json").write_bytes(TEXT)
    (source / ".hidden").mkdir()
    (source / ".hidden/two.wav").write_bytes(b"x")
    assert add_songs(tmp_path / "data", [source]) == (["deep/one.wav"], [])
    assert files_in(tmp_path / "data") == ["deep/one.json", "deep/one.wav"]
    assert (source / "deep/one.wav").is_file()
    (tmp_path / "empty").mkdir()
    assert "holds no audio" in add_songs(tmp_path / "data", [tmp_path / "empty"])[1][0]


def test_a_sidecar_that_is_wrong_or_audio_that_is_none_is_named_and_the_rest_is_taken(tmp_path: Path, sound: bytes):
    wrong = b'{"events": [{"type": "verse", "start": 3, "end": 1}]}'
    entries = {"a.wav": b"no audio", "a.json": TEXT, "b.wav": sound, "b.json": wrong, "c.wav": sound, "c.json": b"{"}
    added, refused = add_songs(tmp_path / "data", [packed(tmp_path, entries)])
    assert added == ["b.wav", "c.wav"]
    assert ["a.wav" in refused[0], "before it starts" in refused[1], "not JSON" in refused[2]] == [True] * 3
    assert files_in(tmp_path / "data") == ["b.wav", "c.wav"]
    assert len(look_at(tmp_path / "songs.zip")) == 6


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"../out.wav": b"x"}, "outside"),
        ({"one.wav": b"x", "../../run.sh": b"x"}, "outside"),
        ({"/etc/out.wav": b"x"}, "outside"),
        ({"a\\..\\..\\out.wav": b"x"}, "outside"),
        ({"a\\out.wav": b"x"}, "does not take"),
        ({"C:/out.wav": b"x"}, "outside"),
        ({"a\nb.wav": b"x"}, "does not take"),
        ({"one.wav": b"\0" * 50_000_000}, "no music"),
        ({"one.wav": b"x", "one.json": b" " * (archive.MOST_TEXT + 1)}, "larger than 64 MB"),
        ({"One.wav": b"x", "one.WAV": b"x"}, "twice"),
        ({"\u00e9.wav": b"x", "e\u0301.wav": b"x"}, "twice"),
        ({"notes.txt": b"x"}, "no audio"),
        ({f"{i}.wav": b"" for i in range(archive.MOST_FILES + 1)}, "Divide"),
        ({"one.wav/two.wav": b"x", "one.wav": b"x"}, "could not be unpacked"),
        ({"n" * 300 + ".wav": b"x"}, "could not be unpacked"),
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path, entries: dict[str, bytes], told: str):
    packed(tmp_path, entries)
    assert told in refusal(tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int):
    link = zipfile.ZipInfo("link")
    link.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "songs.zip", "w") as zipped:
        zipped.writestr(link, "/etc/passwd")
        zipped.writestr("one.wav", b"x")
    assert "is a link or a device" in refusal(tmp_path)


def test_an_archive_that_says_less_than_it_holds_gives_no_byte_more(tmp_path: Path):
    content = bytearray(packed(tmp_path, {"one.wav": b"\0" * 50_000_000}).read_bytes())
    for mark, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):  # the size in the entry itself, and in the directory
        start = content.index(mark) + at
        content[start : start + 4] = struct.pack("<I", 1_000)
    (tmp_path / "songs.zip").write_bytes(content)
    assert "spoilt" in refusal(tmp_path)


def test_a_bomb_among_music_is_found(tmp_path: Path):
    packed(tmp_path, {"one.wav": b"\0" * 50_000_000, "two.wav": random.Random(0).randbytes(1_000_000)})
    assert "`one.wav` unpacks to over 200 times" in refusal(tmp_path)


def test_many_entries_that_share_their_packed_bytes_are_a_bomb(tmp_path: Path, sound: bytes):
    with zipfile.ZipFile(tmp_path / "songs.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("0.wav", sound * 40)
        first = zipped.infolist()[0]
        for i in range(1, 2_000):
            twin = zipfile.ZipInfo(f"{i}.wav")
            for key in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(twin, key, getattr(first, key))
            zipped.filelist.append(twin)
            zipped.NameToInfo[twin.filename] = twin
    assert "over 200 times its size" in refusal(tmp_path)


def test_a_password_and_a_full_disk_are_said(tmp_path: Path, sound: bytes, monkeypatch: pytest.MonkeyPatch):
    content = packed(tmp_path, {"one.wav": sound}).read_bytes()
    locked = bytearray(content)
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        locked[locked.index(mark) + at] |= 1
    (tmp_path / "songs.zip").write_bytes(locked)
    assert "password" in refusal(tmp_path)
    (tmp_path / "songs.zip").write_bytes(content)
    monkeypatch.setattr(archive, "MOST_BYTES", 1_000)
    assert "unpacks to more than" in refusal(tmp_path)


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_spoilt_archive_is_a_sentence_whatever_is_spoilt(tmp_path: Path, sound: bytes, how: int):
    whole = packed(tmp_path, {"one.wav": sound[:4_000], "one.json": TEXT}, how).read_bytes()
    rng = random.Random(how)
    (tmp_path / "songs.zip").write_bytes(b"no zip")
    assert "no zip archive" in refusal(tmp_path)
    (tmp_path / "songs.zip").write_bytes(whole[:100] + b"\xff" * 400 + whole[500:])
    told = "could not be unpacked" if how == zipfile.ZIP_BZIP2 else "spoilt"  # bzip2 raises OSError
    assert told in refusal(tmp_path)
    for _ in range(60):
        spoilt = bytearray(whole[: rng.choice([len(whole), rng.randrange(1, len(whole))])])
        for _ in range(rng.randrange(1, 4)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        (tmp_path / "songs.zip").write_bytes(spoilt)
        try:
            added, _ = add_songs(tmp_path / "data", [tmp_path / "songs.zip"])  # may hit what nobody checks
        finally:
            assert not list(tmp_path.rglob(".import*"))
        for name in added:
            (tmp_path / "data" / name).unlink()
