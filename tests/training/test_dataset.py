"""Dataset: what can be trained on, what cannot and why, and which songs are held out."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from structure.errors import StudioError
from training.__main__ import main
from training.dataset import TrainingDataError, read_dataset, require_songs

VERSE_CHORUS = [{"type": "verse", "start": 0, "end": 1}, {"type": "chorus", "start": 1, "end": 2}]


def write_song(folder: Path, name: str, sidecar: dict | None = None, seconds: float = 2.0) -> Path:
    path = folder / f"{name}.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(round(8000 * seconds)) / 10), 8000)
    if sidecar is not None:
        path.with_suffix(".json").write_text(json.dumps(sidecar))
    return path


def test_the_prompt_fields_take_the_form_of_the_template(tmp_path: Path):
    fields = {"caption": "Rock", "bpm": 91.6, "keyscale": "A minor", "timesignature": "4/4", "vocal_language": "de"}
    write_song(tmp_path, "a", {**fields, "events": VERSE_CHORUS})
    (song,) = read_dataset(tmp_path).songs
    assert (song.bpm, song.keyscale, song.timesignature, song.vocal_language) == (92, "A minor", "4", "de")
    assert [event.type for event in song.events] == ["verse", "chorus"]


def test_the_report_counts_types_and_names_what_is_left_out(tmp_path: Path):
    crash = {"type": "crash", "start": 1, "end": 1}
    write_song(tmp_path, "good", {"caption": "Rock", "events": [*VERSE_CHORUS, crash]})
    write_song(tmp_path, "bare")
    write_song(tmp_path, "unmarked", {"caption": "Rock"})
    write_song(tmp_path, "backwards", {"caption": "Rock", "events": [{"type": "verse", "start": 2, "end": 1}]})
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    (tmp_path / "broken.json").write_text(json.dumps({"caption": "x", "events": VERSE_CHORUS}))
    report = read_dataset(tmp_path)
    assert [song.name for song in report.songs] == ["good.wav"]
    assert report.seconds_by_type == {"verse": 1.0, "chorus": 1.0}
    assert report.moments_by_type == {"crash": 1}
    text = "\n".join(report.lines())
    for name in ("bare.wav", "unmarked.wav", "backwards", "broken.wav"):
        assert name in text


def test_a_sidecar_of_another_song_is_doubted_but_used(tmp_path: Path):
    write_song(tmp_path, "a", {"caption": "Rock", "duration": 180.0, "events": VERSE_CHORUS})
    report = read_dataset(tmp_path)
    assert len(report.songs) == 1
    assert any("180.0 s" in problem for problem in report.problems)


def test_eight_songs_hold_one_out_and_seven_none(tmp_path: Path):
    for number in range(7):
        write_song(tmp_path, f"song{number}", {"caption": "Rock", "events": VERSE_CHORUS})
    assert read_dataset(tmp_path).held_out == ()
    write_song(tmp_path, "song7", {"caption": "Rock", "events": VERSE_CHORUS})
    report = read_dataset(tmp_path)
    assert (len(report.songs), len(report.held_out)) == (7, 1)
    assert read_dataset(tmp_path).held_out == report.held_out
    assert not set(report.songs) & set(report.held_out)


def test_a_dataset_without_events_says_what_to_do_and_is_fine_without_them(tmp_path: Path):
    write_song(tmp_path, "a", {"caption": "Rock"})
    with pytest.raises(TrainingDataError, match="Mark sections"):
        require_songs(read_dataset(tmp_path))
    require_songs(read_dataset(tmp_path, events=False), events=False)


def test_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(StudioError, match="nowhere"):
        read_dataset(tmp_path / "nowhere")


def test_the_report_command_prints_the_report_and_refuses_a_bad_folder(tmp_path: Path, capsys: pytest.CaptureFixture):
    write_song(tmp_path, "a", {"caption": "Rock", "events": VERSE_CHORUS})
    assert main(["report", str(tmp_path)]) == 0
    assert "1 songs" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
