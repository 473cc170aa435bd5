"""A folder of songs: found, described, and their troubles told one by one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.dataset import DatasetError, add_songs, scan
from annotate.progress import state_of


def test_songs_come_by_name_with_their_state(song: Callable[..., Path]):
    song("b.wav", seconds=4)
    song("A.wav")
    song("deep/er/c.wav")
    events = [{"type": "intro", "start": 0, "end": 1}, {"type": "crash", "start": 1, "end": 1}]
    root = song("marked.flac").parent
    (root / "marked.json").write_text(json.dumps({"events": events}))
    (root / "notes.txt").write_text("no song")
    (root / ".hidden").mkdir()
    songs = {s.name: s for s in scan(root)}
    assert list(songs) == ["A.wav", "b.wav", "deep/er/c.wav", "marked.flac"]
    assert {state_of(s) for s in songs.values() if s.name != "marked.flac"} == {"new"}
    assert (state_of(songs["marked.flac"]), len(songs["marked.flac"].events)) == ("done", 2)
    assert songs["b.wav"].duration == pytest.approx(4.0)
    assert songs["deep/er/c.wav"].sidecar_path == root / "deep/er/c.json"


def test_each_trouble_is_a_sentence_and_stops_nothing(song: Callable[..., Path]):
    root = song("good.wav").parent
    (root / "empty.wav").write_bytes(b"")
    (root / "broken.json").write_text('{"events": [')
    song("broken.wav")
    overlap = [{"type": "verse", "start": 0, "end": 1.5}, {"type": "chorus", "start": 1, "end": 2}]
    (root / "overlap.json").write_text(json.dumps({"events": overlap}))
    song("overlap.wav")
    songs = {s.name: s for s in scan(root)}
    assert state_of(songs["good.wav"]) == "new"
    assert "`empty.wav`" in songs["empty.wav"].problems[0]
    assert "line 1, column" in songs["broken.wav"].problems[0]
    assert "event 2 (chorus)" in songs["overlap.wav"].problems[0]
    assert {state_of(s) for s in songs.values()} == {"new", "problem"}


def test_two_songs_of_one_stem_the_first_owns_the_sidecar(song: Callable[..., Path]):
    root = song("take.wav").parent
    song("take.flac")
    first, second = scan(root)
    assert (first.name, first.problems, first.owner) == ("take.flac", [], None)
    assert second.owner == first.audio
    assert "belongs to `take.flac`" in second.problems[0]


def test_a_folder_that_is_missing_or_silent_is_refused(tmp_path: Path):
    with pytest.raises(DatasetError, match="There is no folder"):
        scan(tmp_path / "nowhere")
    (tmp_path / "readme.txt").write_text("no songs yet")
    with pytest.raises(DatasetError, match="holds no audio"):
        scan(tmp_path)


def test_added_songs_never_replace_or_share(song: Callable[..., Path], tmp_path: Path):
    one, same, other = song("x.wav"), song("copy/x.wav"), song("other/x.wav", hertz=330.0)
    flac = song("x.flac")
    noise = tmp_path / "noise.mp3"
    noise.write_bytes(b"no")
    added, refused = add_songs(tmp_path / "mine", [one, same, other, flac, noise])
    assert added == ["x.wav", "x.wav", "x-2.wav", "x-3.flac"]
    assert len(refused) == 1
    assert "`noise.mp3`" in refused[0]
    assert len(scan(tmp_path / "mine")) == 3


def test_songs_that_come_with_their_sidecars_keep_them(song: Callable[..., Path], tmp_path: Path):
    one, other = song("x.wav"), song("sub/x.wav", hertz=500)
    events = [{"type": "intro", "start": 0, "end": 1}]
    beside = {"x.json": json.dumps({"events": events}), "x.lyrics.txt": "la", "lone.json": "{}", "notes.md": "no"}
    for name, text in beside.items():
        (tmp_path / name).write_text(text)
    mine = tmp_path / "mine"
    added, refused = add_songs(mine, [one, *(tmp_path / name for name in beside), other])
    assert added == ["x.wav"]
    assert [event.type for event in scan(mine)[0].events] == ["intro"]
    assert (mine / "x.lyrics.txt").read_text() == "la"
    assert sorted(refused) == [
        "`lone.json` belongs to no song that came with it.",
        "`notes.md` is no audio.",
        "`x.wav` was left out: two files of this name came together.",
    ]
    assert sorted(path.name for path in mine.iterdir()) == ["x.json", "x.lyrics.txt", "x.wav"]
    added, refused = add_songs(mine, [tmp_path / "x.json"])
    assert (added, refused) == ([], ["`x.json` belongs to no song that came with it."])
