"""`python -m annotate convert`, by its public face."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotate.__main__ import main
from annotate.formats.convert import decode

LABELS = "0\t4\tIntro\n4\t12\tVerse 1\n5\t5\tcrash\n"


class Face:
    """The command, and what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def convert(self, *arguments: object) -> tuple[int, str, str]:
        status = main(["convert", *map(str, arguments)])
        said = self._capsys.readouterr()
        return status, said.out, said.err


@pytest.fixture
def face(capsys: pytest.CaptureFixture[str]) -> Face:
    return Face(capsys)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Put = Callable[[str, str | bytes], Path]


def held(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_through_every_format_and_back(face: Face, put: Put, tmp_path: Path) -> None:
    source = put("song.json", json.dumps({"events": [
        {"type": "verse", "text": "Verse 1", "start": 0, "end": 8},
        {"type": "chorus", "start": 8, "end": 20.5},
        {"type": "outro", "start": 20.5, "end": 30}]}))  # fmt: skip
    ways = [("salami", "txt"), ("harmonix", "txt"), ("isophonics", "lab"), ("audacity", "txt"), ("jams", "jams"),
            ("allin1", "json"), ("csv", "csv"), ("sonic-visualiser", "csv"), ("reaper", "csv"), ("rttm", "rttm"),
            ("lrc", "lrc"), ("textgrid", "TextGrid"), ("music_analysis", "json"), ("af3", "json")]  # fmt: skip
    for name, extension in ways:
        there, back = tmp_path / f"{name}.{extension}", tmp_path / f"{name}.back.json"
        assert face.convert(source, there, "--to", name) == (0, f"{there}: 3 events\n", "")
        assert face.convert(there, back)[0] == 0
        found = [(e["type"], e["start"], e["end"]) for e in held(back)["events"]]
        assert found == [("verse", 0, 8), ("chorus", 8, 20.5), ("outro", 20.5, 30)]
    assert not list(tmp_path.glob(".*"))


def test_a_sidecar_keeps_all_but_its_sections(face: Face, put: Put) -> None:
    sidecar = put("song.json", json.dumps({"caption": "x", "mood": {"a": 1}, "bpm": 92, "events": [
        {"type": "chorus", "start": 0, "end": 20}, {"type": "crash", "start": 3, "end": 3, "by": "me"}]}))  # fmt: skip
    analysis = {"bpm": 120, "beats": [0.5, 1.0], "segments": [{"start": 0, "end": 8, "label": "inst"}]}
    status, out, err = face.convert(put("song.allin1", json.dumps(analysis)), sidecar)
    assert (status, out, err) == (0, f"{sidecar}: 2 events, beats\n", "")
    assert held(sidecar) == {"caption": "x", "mood": {"a": 1}, "bpm": 92, "beats": [0.5, 1.0], "events": [
        {"type": "instrumental", "text": "inst", "start": 0, "end": 8},
        {"type": "crash", "start": 3, "end": 3, "by": "me"}]}  # fmt: skip
    assert held(sidecar.with_suffix(".json.bak"))["events"][0]["type"] == "chorus"


def test_what_a_format_cannot_carry_is_said(face: Face, put: Put, tmp_path: Path) -> None:
    labels = put("a.txt", LABELS + '12\t20\tchorus "full" intensity=0.9\n')
    status, _, err = face.convert(labels, tmp_path / "a.lab")
    assert (status, err) == (
        0,
        "annotate: Isophonics cannot hold everything: 1 moment, 1 label and 1 intensity were left out.\n",
    )
    assert (tmp_path / "a.lab").read_text() == (
        "0.000000\t4.000000\tIntro\n4.000000\t12.000000\tVerse 1\n12.000000\t20.000000\tchorus\n"
    )
    assert face.convert(labels, tmp_path / "a.TextGrid")[2] == ""
    lyrics = put("b.lrc", "[00:00.00][Intro]\n[00:04.00][Verse]\n[00:05.00]la\n[00:09.00][End]\n[00:10.00]gone\n")
    assert face.convert(lyrics, tmp_path / "b.json")[2] == (
        "annotate: 1 line of lyrics is in no section and left out.\n"
    )
    assert json.loads((tmp_path / "b.json").read_text())["events"][1]["lyrics"] == "la"
    assert face.convert(tmp_path / "b.json", tmp_path / "b.lab")[2] == (
        "annotate: Isophonics cannot hold everything: 1 other value was left out.\n"
    )


def test_ambiguous_files_ask_for_from_and_to(face: Face, put: Put, tmp_path: Path) -> None:
    both, target = put("a.csv", "0,8,intro\n16,20,verse\n"), tmp_path / "a.json"
    status, out, err = face.convert(both, target)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert "Plain CSV or Sonic Visualiser CSV" in err and not target.exists()
    assert face.convert(both, target, "--from", "sonic-visualiser")[0] == 0
    assert held(target)["events"][1]["end"] == 36
    assert face.convert(both, tmp_path / "out.txt", "--from", "csv")[2].count("--to ") == 4
    assert face.convert(both, tmp_path / "out.txt", "--from", "csv", "--to", "harmonix")[0] == 0
    assert (tmp_path / "out.txt").read_text().splitlines()[1] == "8.000000 no_function"


def test_the_song_beside_says_how_long_it_is(face: Face, song: Callable[..., Path]) -> None:
    audio = song("one.wav", seconds=9)
    boundaries = audio.with_suffix(".txt")
    boundaries.write_text("0 intro\n4 verse\n")
    assert face.convert(boundaries, audio.with_suffix(".json"))[0] == 0
    assert held(audio.with_suffix(".json"))["events"][1]["end"] == 9


def test_a_layer_is_chosen(face: Face, put: Put, tmp_path: Path) -> None:
    source, target = put("a.txt", "0\tA, a, Intro\n8\tb\n20\tEnd\n"), tmp_path / "a.json"
    assert "`upper` or `lower`" in face.convert(source, target)[2]
    assert face.convert(source, target, "--layer", "lower")[2] == ""
    assert [e["type"] for e in held(target)["events"]] == ["a", "b"]
    assert "There is no layer `x`" in face.convert(source, target, "--layer", "x")[2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings_and_line_ends(face: Face, put: Put, tmp_path: Path, encoding: str) -> None:
    source = put("a.txt", "0\t4\tRéfrain à deux\r\n4\t8\tverse\r\n".encode(encoding))
    assert face.convert(source, tmp_path / "a.json")[0] == 0
    assert held(tmp_path / "a.json")["events"][0]["text"] == "Réfrain à deux"
    assert decode(b"a\rb\r\nc\x81") == "a\nb\nc\x81"


def test_a_written_file_replaces_the_one_before(face: Face, put: Put) -> None:
    labels, target = put("a.txt", LABELS), put("b.lab", "old\n")
    assert face.convert(labels, target)[0] == 0
    assert target.with_name("b.lab.bak").read_text() == "old\n"
    assert not [p for p in target.parent.iterdir() if p.name.startswith(".")]


def test_nobodys_sidecar_is_overwritten_by_a_format(face: Face, put: Put, tmp_path: Path) -> None:
    labels = put("a.txt", "0\t4\tIntro\n")
    for content in ('{"caption": "x", "segments": []}', '{"events": [], "segments": []}', "{oops", "[]"):
        sidecar = put("song.json", content)
        status, _, err = face.convert(labels, sidecar, "--to", "allin1")
        assert (status, len(err.splitlines()), sidecar.read_text()) == (2, 1, content)
        assert "holds more than allin1 does" in err
    own = put("own.json", '{"segments": [], "bpm": 3}')
    assert face.convert(labels, own, "--to", "allin1")[0] == 0


def test_every_slip_is_one_sentence_and_changes_nothing(face: Face, put: Put, tmp_path: Path) -> None:
    good, kept = put("good.txt", LABELS), put("kept.json", '{"events": [], "a": 1}')
    sources = [
        put("bad.txt", "zero to four\n"),
        put("empty.txt", ""),
        put("binary.txt", b"\0\1\2"),
        put("late.txt", "0\t4\tintro\n4\tx\tverse\n"),
        put("over.lab", "0 8 intro\n4 9 verse\n"),
        put("bars.csv", "#,Name,Start,End,Length\nR1,Intro,1.1.00,5.1.00,4.0.00\n"),
        put("cut.TextGrid", 'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n'),
        put("bad.jams", "{"),
        put("bad.lrc", "[00:99.00][x]\n"),
        put("bad.rttm", "x\n"),
        put("deep.json", "[" * 100_000),
        put("wrong.json", '{"events": [{"type": "verse", "start": 9, "end": 2}]}'),
        tmp_path / "gone.txt",
        tmp_path,
    ]
    attempts = [(source, kept) for source in sources]
    attempts += [(good, tmp_path / "a.txt"), (good, tmp_path / "a.wav"), (good, tmp_path), (good, put("no.json", "{"))]
    attempts += [(good, tmp_path / "gone" / "a.lab"), (good, kept, "--from", "x"), (good, kept, "--layer", "x")]
    attempts += [(put("m.txt", "5\t5\tcrash\n"), tmp_path / "m.lab"), (good, tmp_path / "a.wav", "--to", "lrc")]
    before = sorted(os.listdir(tmp_path))
    for attempt in attempts:
        status, out, err = face.convert(*attempt)
        assert (status, out, len(err.splitlines())) == (2, "", 1), (attempt, err)
        assert err.startswith("annotate: ") and err.rstrip().endswith((".", ")")), err
    assert sorted(os.listdir(tmp_path)) == before
    assert kept.read_text() == '{"events": [], "a": 1}'
