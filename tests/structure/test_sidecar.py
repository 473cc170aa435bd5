"""Sidecars: everything in the file survives, nobody's change is overwritten, nothing damaged is touched."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from structure.events import Event
from structure.history import FOLDER as HISTORY
from structure.sidecar import (
    SIDECAR_FIELDS,
    Sidecar,
    SidecarConflict,
    SidecarError,
    read_sidecar,
    save_sidecar,
    shared_sidecars,
    sidecar_path,
    with_events,
    with_fields,
)

ANCESTOR = {
    "caption": "dreamy synth pop, “wide” pads 🎹",
    "lyrics": "[Verse]\nline\n",
    "bpm": 92,
    "keyscale": "A minor",
    "timesignature": "4/4",
    "vocal_language": "en",
    "duration": 60.5,
}
FOREIGN = {"annotation_version": "x_v1", "music_analysis": {"genres": ["pop"], "timeline": []}, "zero": 0, "none": None}
EVENTS = [
    {"type": "intro", "start": 0.0, "end": 8.0, "confidence": 0.7, "by": {"who": ["me"]}},
    {"type": "chorus", "start": 8.0, "end": 16.0, "label": "full", "intensity": 0.9},
    {"type": "crash", "start": 8.0, "end": 8.0},
]


def write(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def test_names(tmp_path: Path) -> None:
    assert sidecar_path(Path("a/song.v2.wav")) == Path("a/song.v2.json")
    names = ["b.wav", "a.wav", "a.MP3", "a.flac"]
    assert shared_sidecars(Path(n) for n in names) == {Path("a.MP3"): Path("a.flac"), Path("a.wav"): Path("a.flac")}


def test_a_song_without_sidecar_has_an_empty_one(tmp_path: Path) -> None:
    sidecar = read_sidecar(tmp_path / "song.wav")
    assert (sidecar.data, sidecar.events, sidecar.version) == ({}, [], None)
    saved = save_sidecar(with_events(sidecar, [Event(type="intro", start=0, end=4)]))
    assert read_sidecar(tmp_path / "song.wav") == saved == read_sidecar(tmp_path / "song.json")
    assert not list(tmp_path.glob("*.bak"))


def test_every_key_survives_at_both_levels(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", {"first": 1} | ANCESTOR | {"events": EVENTS} | FOREIGN)
    sidecar = read_sidecar(path)
    moved = [e.model_copy(update={"end": 15.5}) if e.type == "chorus" else e for e in sidecar.events]
    save_sidecar(with_fields(with_events(sidecar, moved), caption="new", bpm=None))
    now = json.loads(path.read_text(encoding="utf-8"))
    wanted = [EVENTS[0], EVENTS[1] | {"end": 15.5}, EVENTS[2]]
    assert now == {"first": 1} | ANCESTOR | {"caption": "new", "bpm": None, "events": wanted} | FOREIGN
    assert list(now) == ["first", *SIDECAR_FIELDS, "events", *FOREIGN]
    assert "“wide” pads 🎹" in (tmp_path / "song.json.bak").read_text(encoding="utf-8")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.dictionaries(st.text(), json_values, max_size=6))
def test_any_json_survives_a_save(tmp_path: Path, data: dict) -> None:
    data.pop("events", None)
    path = write(tmp_path / "song.json", data)
    save_sidecar(with_events(read_sidecar(path), [Event(type="intro", start=0, end=4)]))
    assert json.loads(path.read_text(encoding="utf-8")) == data | {"events": [{"type": "intro", "start": 0, "end": 4}]}


def test_half_an_emoji_survives(tmp_path: Path) -> None:
    (tmp_path / "song.json").write_text('{"caption": "\\ud83c"}')
    sidecar = save_sidecar(with_fields(read_sidecar(tmp_path / "song.json"), bpm=90))
    assert read_sidecar(sidecar.path).data == {"caption": "\ud83c", "bpm": 90}


def test_aliases_are_saved_normalised_with_their_spelling(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", {"events": [{"type": "Refrain 2", "start": 0, "end": 4}]})
    sidecar = read_sidecar(path)
    save_sidecar(with_events(sidecar, sidecar.events))
    assert json.loads(path.read_text())["events"] == [{"type": "chorus", "start": 0, "end": 4, "text": "Refrain 2"}]


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    (tmp_path / "song.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(ANCESTOR).encode())
    assert read_sidecar(tmp_path / "song.wav").data == ANCESTOR


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"caption": "x",\n "bpm": }', r"`song.json` is not JSON: Expecting value at line 2, column 9"),
        (b"", "`song.json` is not JSON: Expecting value at line 1, column 1"),
        (b'{"bpm": NaN}', "NaN is not a finite number"),
        (b'{"events": [{"type": "a", "start": 0, "end": 1e999}]}', "1e999 is not a finite number"),
        (b'{"bpm": -Infinity}', "-Infinity is not a finite number"),
        (b"[1, 2]", "holds no JSON object"),
        (b'{"caption": "\xe9"}', r"not UTF-8 text \(byte 13\)"),
        (b'{"a": ' + b"[" * 100_000, "cannot be read"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "cannot be read"),
    ],
)
def test_a_damaged_file_is_named_and_never_overwritten(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "song.json"
    path.write_bytes(content)
    with pytest.raises(SidecarError, match=sentence):
        read_sidecar(path)
    for overwrite in (False, True):
        with pytest.raises(SidecarError, match="left as it is"):
            save_sidecar(Sidecar(path, {"caption": "mine"}), overwrite=overwrite)
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["song.json"]


def test_somebody_elses_change_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", ANCESTOR)
    mine, theirs = read_sidecar(path), read_sidecar(path)
    theirs = save_sidecar(with_fields(theirs, caption="theirs"))
    with pytest.raises(SidecarConflict, match="`song.json` changed on disk since it was read") as conflict:
        save_sidecar(with_fields(mine, caption="mine"))
    assert conflict.value.theirs == theirs == read_sidecar(path)
    save_sidecar(with_fields(mine, caption="mine"), overwrite=True)
    assert read_sidecar(path).get("caption") == "mine"
    assert json.loads((tmp_path / "song.json.bak").read_text(encoding="utf-8"))["caption"] == "theirs"


def test_a_file_that_appeared_meanwhile_is_a_conflict(tmp_path: Path) -> None:
    mine = read_sidecar(tmp_path / "song.wav")
    write(tmp_path / "song.json", ANCESTOR)
    with pytest.raises(SidecarConflict):
        save_sidecar(with_fields(mine, caption="mine"))


def test_a_save_goes_on_from_the_version_it_returns(tmp_path: Path) -> None:
    sidecar = read_sidecar(tmp_path / "song.wav")
    for n in range(3):
        sidecar = save_sidecar(with_fields(sidecar, caption=str(n)))
    assert read_sidecar(sidecar.path) == sidecar
    assert json.loads((tmp_path / "song.json.bak").read_text())["caption"] == "1"


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    sidecar = save_sidecar(with_fields(read_sidecar(tmp_path / "song.wav"), caption="x"))
    before = sidecar.path.stat()
    assert save_sidecar(sidecar) == sidecar
    assert (sidecar.path.stat().st_ino, sidecar.path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert os.listdir(tmp_path) == ["song.json"]


def test_two_people_with_the_same_change_do_not_quarrel(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", ANCESTOR)
    mine, theirs = read_sidecar(path), read_sidecar(path)
    assert save_sidecar(with_fields(mine, bpm=90)) == save_sidecar(with_fields(theirs, bpm=90)) == read_sidecar(path)


def test_of_many_writers_at_once_one_wins_each_round(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", {"n": 0})
    done, lost = [], []

    def add_one(who: int) -> None:
        for _ in range(10):
            try:
                sidecar = read_sidecar(path)
                save_sidecar(with_fields(sidecar, n=sidecar.data["n"] + 1, who=who))
                done.append(1)
            except SidecarConflict:
                lost.append(1)

    threads = [threading.Thread(target=add_one, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert read_sidecar(path).data["n"] == len(done) and len(done) + len(lost) == 40
    assert sorted(os.listdir(tmp_path)) == [HISTORY, "song.json", "song.json.bak"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "verse", "start": 4, "end": 2},
        {"type": "verse", "start": 4},
        {"type": "verse", "start": "4", "end": 5},
        {"type": "verse", "start": -4, "end": -1},
    ],
)
def test_wrong_events_are_reported_not_saved_and_not_lost(tmp_path: Path, wrong: dict) -> None:
    path = write(tmp_path / "song.json", {"events": [{"type": "intro", "start": 0, "end": 1}, wrong]})
    before = path.read_bytes()
    sidecar = read_sidecar(path)
    assert len(sidecar.problems()) == 1 and sidecar.problems()[0].startswith("`song.json`: event 2 (verse)")
    assert sidecar.events[0].type == "intro"
    with pytest.raises(SidecarError, match=r"`song.json`: event 2 \(verse\)"):
        save_sidecar(with_events(sidecar, sidecar.events))
    assert path.read_bytes() == before


def test_events_that_are_no_list_are_kept(tmp_path: Path) -> None:
    sidecar = read_sidecar(write(tmp_path / "song.json", {"events": {"a": 1}}))
    assert sidecar.events == [] and "`events` is not a list" in sidecar.problems()[0]
    with pytest.raises(SidecarError, match="`events` is not a list"):
        save_sidecar(with_fields(sidecar, caption="x"))


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("bpm", 0, "`bpm` is 0. Give a number of beats per minute above 0, or null."),
        ("bpm", "fast", '`bpm` is "fast".'),
        ("duration", float("nan"), "`duration` is NaN. Give a number of seconds"),
        ("caption", 7, "`caption` is 7. Write it as text in quotes."),
        ("lyrics", ["a"], "`lyrics` is"),
    ],
)
def test_a_field_says_what_it_cannot_hold(tmp_path: Path, key: str, value: object, sentence: str) -> None:
    with pytest.raises(SidecarError) as caught:
        with_fields(read_sidecar(tmp_path / "song.wav"), **{key: value})
    assert str(caught.value).startswith(f"`song.json`: {sentence}")


def test_an_old_files_fields_are_reported_and_do_not_block_annotation(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", ANCESTOR | {"bpm": "92", "timesignature": 4})
    sidecar = read_sidecar(path)
    assert [p.split(". ")[0] for p in sidecar.problems()] == ['`song.json`: `bpm` is "92"']
    saved = save_sidecar(with_events(sidecar, [Event(type="intro", start=0, end=4)]))
    assert saved.data["bpm"] == "92"


def test_an_event_after_the_songs_end_is_a_problem(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", {"duration": 10, "events": [{"type": "intro", "start": 0, "end": 12}]})
    sidecar = read_sidecar(path)
    assert "after the song does at 10.0 s" in sidecar.problems()[0]
    assert sidecar.problems(duration=12.0) == []  # the audio knows better than the file


def test_machine_timelines_are_proposed_and_stay_in_the_file(tmp_path: Path) -> None:
    timeline = [
        {"start_sec": 0.0, "end_sec": 30.0, "section_label": "Intro", "segment_summary": "soft keys"},
        {"start_sec": 28.0, "end_sec": 58.0, "section_label": "Verse 1", "segment_summary": ""},
        {"start_sec": 56.0, "end_sec": 60.5, "section_label": "", "segment_summary": "The chorus, louder."},
        {"start_sec": "x", "end_sec": 70, "section_label": "verse"},
    ]
    data = ANCESTOR | {"music_analysis": {"timeline": timeline}}
    path = write(tmp_path / "song.json", data)
    sidecar = read_sidecar(path)
    assert sidecar.imported
    assert [(e.type, e.start, e.end, e.label) for e in sidecar.events] == [
        ("intro", 0, 28, "soft keys"),
        ("verse", 28, 56, None),
        ("chorus", 56, 60.5, "The chorus, louder."),
    ]
    save_sidecar(with_fields(sidecar, caption="x"))
    assert json.loads(path.read_text(encoding="utf-8")) == data | {"caption": "x"}  # nothing accepted, nothing written
    accepted = save_sidecar(with_events(read_sidecar(path), sidecar.events))
    assert not accepted.imported and accepted.data["music_analysis"] == data["music_analysis"]


def test_audio_flamingo_sections_have_summaries_for_names(tmp_path: Path) -> None:
    rows = [
        {"start_sec": 20, "end_sec": 40, "summary": "Verse: sparse drums", "vocal_notes": "", "effects": []},
        {"start_sec": 0, "end_sec": 20, "summary": "Synth pad swells", "vocal_notes": "none"},
    ]
    sidecar = read_sidecar(write(tmp_path / "song.json", {"sections": rows}))
    assert [(e.type, e.start, e.label) for e in sidecar.events] == [
        ("section", 0, "Synth pad swells"),
        ("verse", 20, "Verse: sparse drums"),
    ]
    emptied = read_sidecar(write(tmp_path / "song.json", {"sections": rows, "events": []}))
    assert emptied.events == [] and not emptied.imported


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real = write(tmp_path / "real.json", ANCESTOR)
    real.chmod(0o664)
    link = tmp_path / "song.json"
    link.symlink_to(real)
    save_sidecar(with_fields(read_sidecar(link), caption="x"))
    assert link.is_symlink() and json.loads(real.read_text(encoding="utf-8"))["caption"] == "x"
    assert real.stat().st_mode & 0o777 == 0o664


def test_a_folder_that_refuses_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SidecarError, match="`song.json` could not be saved in .*: No such file or directory"):
        save_sidecar(Sidecar(tmp_path / "gone" / "song.json", {"caption": "x"}))
    (tmp_path / "dir.json").mkdir()
    with pytest.raises(SidecarError, match="`dir.json` cannot be read"):
        read_sidecar(tmp_path / "dir.json")


SAVE_FOREVER = """
import sys
from pathlib import Path
from structure.sidecar import read_sidecar, save_sidecar, with_fields
sidecar = read_sidecar(Path(sys.argv[1]))
for n in range(10**9):
    sidecar = save_sidecar(with_fields(sidecar, n=n, padding="x" * (n % 7) * 100_000))
    print(n, flush=True)
"""

SAVE_WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from structure.sidecar import SidecarError, read_sidecar, save_sidecar, with_fields
sidecar = read_sidecar(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    save_sidecar(with_fields(sidecar, padding="x" * 100_000))
except SidecarError as problem:
    print(problem)
"""


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


def test_a_process_killed_while_saving_leaves_a_whole_file(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", ANCESTOR)
    for delay in (0.0, 0.011, 0.027):
        writer = python(SAVE_FOREVER, path)
        assert writer.stdout is not None and writer.stdout.readline()
        time.sleep(delay)
        writer.kill()
        writer.communicate()
        for file in (path, tmp_path / "song.json.bak"):
            data = json.loads(file.read_text(encoding="utf-8"))
            assert {key: data[key] for key in ANCESTOR} == ANCESTOR
        saved = save_sidecar(with_fields(read_sidecar(path), caption=ANCESTOR["caption"], after="the crash"))
        assert read_sidecar(path) == saved


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of a file")
def test_a_full_disk_is_a_sentence_and_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "song.json", ANCESTOR)
    before = path.read_bytes()
    said, _ = python(SAVE_WITHOUT_ROOM, path).communicate()
    assert said.startswith("`song.json` could not be saved in ") and "make room" in said
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["song.json"]


def test_what_json_cannot_hold_is_a_sentence(tmp_path: Path) -> None:
    for value in (float("inf"), {1, 2}):
        with pytest.raises(SidecarError, match="`song.json` cannot be written as JSON"):
            save_sidecar(Sidecar(tmp_path / "song.json", {"mine": value}))
    assert not list(tmp_path.iterdir())
