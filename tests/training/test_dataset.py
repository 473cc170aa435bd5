"""Dataset: what can be trained on, what cannot and why, and which songs are held out."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from structure.errors import StudioError
from training.__main__ import main
from training.dataset import TrainingDataError, read_dataset, require_songs
from training.sound import heard_before, listen

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


def test_a_sidecar_of_another_song_is_left_out_until_its_duration_is_put_right(tmp_path: Path):
    song = write_song(tmp_path, "a", {"caption": "Rock", "duration": 180.0, "events": VERSE_CHORUS})
    report = read_dataset(tmp_path)
    assert report.songs == ()
    (sentence,) = report.skipped
    assert "a.wav" in sentence and "180.0 s" in sentence and "2.0 s" in sentence and "duration" in sentence
    song.with_suffix(".json").write_text(json.dumps({"caption": "Rock", "duration": 2.4, "events": VERSE_CHORUS}))
    assert len(read_dataset(tmp_path).songs) == 1  # within what players round


def test_repeats_and_weights_come_from_the_sidecar_and_what_makes_no_sense_is_said(tmp_path: Path):
    events = {"caption": "Rock", "events": VERSE_CHORUS}
    write_song(tmp_path, "a", {**events, "repeats": 3, "weight": 0.5})
    write_song(tmp_path, "b", {**events, "repeats": "often", "weight": -1})
    write_song(tmp_path, "c", {**events, "repeats": 0})
    report = read_dataset(tmp_path)
    assert [(song.repeats, song.weight) for song in report.songs] == [(3, 0.5), (1, 1.0)]
    assert [problem.split(" has ")[0] for problem in report.problems] == ["b.wav:", "b.wav:"]
    assert any("c.wav" in sentence and "`repeats` 0" in sentence for sentence in report.skipped)


def write_sound(path: Path, samples: np.ndarray, rate: int = 24000) -> Path:
    """A song with two sections and these samples, as floats."""
    soundfile.write(path, samples.astype(np.float32), rate, subtype="FLOAT")
    end = len(samples) / rate
    events = [{"type": "verse", "start": 0, "end": end / 2}, {"type": "chorus", "start": end / 2, "end": end}]
    path.with_suffix(".json").write_text(json.dumps({"caption": "Rock", "events": events}))
    return path


def test_every_kind_of_unusual_sound_is_named_with_what_is_done(tmp_path: Path):
    """One folder of everything that people have: each song is used or left out as its sentence says."""
    songs, cache = tmp_path / "songs", tmp_path / "cache"
    songs.mkdir()
    noise = 0.1 * np.random.default_rng(0).standard_normal((48000, 1))
    write_sound(songs / "plain.wav", noise)
    write_sound(songs / "silent.wav", 0 * noise)
    write_sound(songs / "clipped.wav", np.clip(30 * noise, -1, 1))
    write_sound(songs / "short.wav", noise[:4800])
    write_sound(songs / "eight.wav", np.repeat(noise[::-1], 8, axis=1))
    write_sound(songs / "low.wav", 0.5 * noise, rate=8000)
    write_sound(songs / "high.wav", np.tile(noise, (8, 1)), rate=192000)
    not_numbers = noise.copy()
    not_numbers[100] = np.nan
    write_sound(songs / "nan.wav", not_numbers)
    (songs / "twin.wav").write_bytes((songs / "plain.wav").read_bytes())
    (songs / "twin.json").write_text((songs / "plain.json").read_text())
    (songs / "broken.wav").write_bytes(b"no audio at all")
    cut_off = songs / "truncated.flac"
    soundfile.write(cut_off, np.tile(noise, (4, 1)), 24000)
    cut_off.write_bytes(cut_off.read_bytes()[: cut_off.stat().st_size // 2])
    (songs / "truncated.json").write_text((songs / "plain.json").read_text())

    report = read_dataset(songs, sound=partial(listen, folder=cache), max_seconds=10.0)
    assert sorted(song.name for song in report.songs) == [
        "clipped.wav",
        "eight.wav",
        "high.wav",
        "low.wav",
        "plain.wav",
    ]
    said = {sentence.split(":")[0]: sentence for sentence in (*report.skipped, *report.notes)}
    for name, words in {
        "silent.wav": "silent",
        "short.wav": "0.20 s",
        "nan.wav": "not numbers",
        "twin.wav": "same file as plain.wav",
        "broken.wav": "cannot be read",
        "truncated.flac": "",
        "clipped.wav": "clipped",
        "eight.wav": "8 channels",
        "low.wav": "8000 Hz",
        "high.wav": "192000 Hz",
    }.items():
        assert words in said[name], said[name]
    long = read_dataset(songs, sound=partial(listen, folder=cache), max_seconds=1.0)
    assert any("plain.wav" in note and "first 1 s" in note for note in long.notes)


def test_a_folder_of_nothing_but_silence_says_so_and_not_that_marks_are_missing(tmp_path: Path):
    write_sound(tmp_path / "a.wav", np.zeros((48000, 1)))
    report = read_dataset(tmp_path, sound=partial(listen, folder=tmp_path / "cache"))
    with pytest.raises(TrainingDataError, match="a.wav: is silent"):
        require_songs(report)


def test_what_was_heard_is_remembered_until_the_file_changes(tmp_path: Path):
    song = write_sound(tmp_path / "a.wav", 0.1 * np.ones((24000, 2)))
    assert heard_before(song, tmp_path / "cache") is None
    first = listen(song, tmp_path / "cache")
    assert (first.channels, first.duration, first.peak) == (2, 1.0, pytest.approx(0.1))
    assert heard_before(song, tmp_path / "cache") == first
    write_sound(song, 0.2 * np.ones((24000, 2)))
    assert heard_before(song, tmp_path / "cache") is None
    assert listen(song, tmp_path / "cache").content != first.content


def test_words_of_other_programs_stand_in_for_what_the_sidecar_lacks(tmp_path: Path):
    write_song(tmp_path, "a", {"bpm": 90, "events": VERSE_CHORUS})
    (tmp_path / "a.caption.txt").write_text("slow blues")
    (tmp_path / "a.lyrics.txt").write_text("[Verse]\nWoke up")
    (tmp_path / "all.csv").write_text("File,BPM,Key,Caption\na.wav,120,E minor,not this one\nb.wav,75,G major,dub\n")
    write_song(tmp_path, "b")
    (first,) = read_dataset(tmp_path).songs
    assert (first.caption, first.lyrics, first.bpm, first.keyscale) == ("slow blues", "[Verse]\nWoke up", 90, "E minor")
    report = read_dataset(tmp_path, events=False)
    assert [(song.caption, song.bpm) for song in report.songs] == [("slow blues", 90), ("dub", 75)]
    assert any("caption of 2" in note for note in report.notes)


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
    assert "1 song," in capsys.readouterr().out
    assert main(["report", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["songs"] == ["a.wav"]
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
