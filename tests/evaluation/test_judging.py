"""Chance, ceiling and control, and the three who can listen."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from evaluation.__main__ import main
from evaluation.blind import blind_copies
from evaluation.contrast import contrast, sound
from evaluation.distance import distance_among
from evaluation.judging import Judge
from evaluation.listeners import FileListener
from evaluation.measures import control_interval, mean_ratio
from evaluation.probe import JudgedSong
from evaluation.reference import JudgedFolder, read_folder
from evaluation.report import score_folder
from evaluation.segments import ScoreError
from structure.events import Event
from structure.sidecar import read_sidecar


class Deaf:
    """Hears one section in every song."""

    name, types = "deaf", ("verse",)

    def hear(self, song: JudgedSong) -> list[Event]:
        return [Event(type="verse", start=0, end=song.duration)]

    hear_known = hear


def a_song(name: str, *parts: tuple[str, float, float]) -> JudgedSong:
    rng = np.random.default_rng(len(name))
    events = [Event(type=t, start=a, end=b) for t, a, b in parts]
    samples = rng.normal(size=int(parts[-1][2] * 16_000)).astype(np.float32)
    return JudgedSong.from_samples(name, samples, 16_000, events)


def test_chance_is_the_mean_over_other_structures_cut_to_the_shorter():
    first = a_song("first", ("verse", 0, 10), ("chorus", 10, 20))
    others = [a_song("second", ("chorus", 0, 10)), a_song("third", ("verse", 0, 15), ("solo", 15, 30))]
    bridge = a_song("bridge", ("bridge", 0, 20))
    judged = Judge(JudgedFolder([bridge, first]), Deaf()).score(JudgedFolder([first, *others]))
    scores = judged.figures["frame_accuracy"]
    assert scores.score.mean == pytest.approx((0.5 + 0 + 0.5) / 3)
    # of first: 0, 0.75 and the reference's bridge 0; of second: 1, 1, 0; of third: 0.5, 0, 0
    assert scores.chance.mean == pytest.approx((0.75 / 3 + 2 / 3 + 0.5 / 3) / 3)
    assert scores.ceiling.mean == pytest.approx(0.25)  # the deaf one's, of bridge and first


def test_control_is_zero_at_chance_one_at_the_ceiling_and_silent_without_room():
    chance = [(0.2, 1.0), (0.3, 1.0)]
    assert control_interval(chance, chance, 0.9).mean == 0
    assert control_interval([(0.9, 1.0), (0.9, 1.0)], chance, 0.9).mean == 1
    half = control_interval([(0.5, 1.0), (0.65, 1.0)], chance, 0.9)
    assert half.mean == pytest.approx(0.5)
    assert half.low <= 0.5 <= half.high
    assert control_interval(chance, chance, 0.28) is None
    assert control_interval(chance, chance, None) is None
    assert control_interval([(0.0, 0.0)], [(0.2, 1.0)], 0.9) is None
    assert mean_ratio([]) == (0.0, 0.0)


def test_real_songs_lie_closer_together_the_more_of_them_are_compared():
    rng = np.random.default_rng(0)
    real = [rng.normal(rng.normal(size=3), 1.0, size=(50, 3)) for _ in range(40)]
    one, ten, all_of_them = (distance_among(real, size) for size in (1, 10, 40))
    assert one > ten > 0
    assert all_of_them == distance_among(real, 20)


def test_contrast_is_what_parts_explain_of_the_sound():
    rng = np.random.default_rng(4)
    seconds = np.arange(20 * 16_000) / 16_000
    tone, noise = 0.3 * np.sin(2 * np.pi * 200 * seconds), 0.3 * rng.normal(size=len(seconds))
    parts = [Event(type="verse", start=0, end=10), Event(type="drop", start=10, end=20)]
    other = [Event(type="verse", start=0, end=5), Event(type="drop", start=5, end=20)]
    two = JudgedSong.from_samples("two", np.where(seconds < 10, tone, noise), 16_000, parts)
    one = JudgedSong.from_samples("one", noise, 16_000, parts)
    heard = sound(two.mel, two.duration)
    assert contrast(heard, parts) > 0.5 > 1.5 * contrast(heard, other)
    assert contrast(sound(one.mel, one.duration), parts) < 0.2
    assert contrast(heard, parts[:1]) is None


def test_a_person_who_listens_blind_is_found_again_by_the_audio(generated: Path, reference: Path, tmp_path: Path):
    copies = blind_copies(generated, tmp_path / "blind", seed=5)
    assert {path.suffix for path in (tmp_path / "blind").iterdir()} == {".wav"}
    originals = {song.read_bytes(): song for song in generated.glob("*.wav")}
    for copy in copies[:2]:  # as annotated; the third was not listened to
        shutil.copy(originals[copy.read_bytes()].with_suffix(".json"), copy.with_suffix(".json"))
    report = score_folder(generated, reference, heard=tmp_path / "blind")
    assert len(report.songs) == 2
    assert report.mean("frame_accuracy") == 1.0
    assert report.mean("frame_accuracy", "ceiling") is None
    assert [note for note in report.notes if "say nothing of it" in note]
    assert [note for note in report.notes if note.startswith("No ceiling")]
    with pytest.raises(ScoreError, match="not empty"):
        blind_copies(generated, tmp_path / "blind")


def test_another_programs_files_are_heard_by_the_name_of_the_song(generated: Path, reference: Path, tmp_path: Path):
    for folder in (generated, reference):
        for song in folder.glob("*.wav"):
            lines = [f"{e.start}\t{e.end}\t{e.type}" for e in read_sidecar(song).events if e.is_section]
            (tmp_path / f"{song.stem}.txt").write_text("\n".join(lines), "utf-8")
    report = score_folder(generated, reference, heard=tmp_path)
    assert report.mean("frame_accuracy") == pytest.approx(1.0, abs=0.01)
    assert report.mean("frame_accuracy", "control") == pytest.approx(1.0, abs=0.02)
    assert report.reference["listener"] == f"files in {tmp_path.name}"
    broken = tmp_path / f"{sorted(generated.glob('*.wav'))[0].stem}.txt"
    broken.write_text("no annotation", "utf-8")
    with pytest.raises(ScoreError, match=broken.name):
        score_folder(generated, reference, heard=tmp_path)


def test_no_file_for_any_song_is_said(generated: Path, reference: Path, tmp_path: Path):
    with pytest.raises(ScoreError, match="no folder"):
        score_folder(generated, reference, heard=tmp_path / "nowhere")
    with pytest.raises(ScoreError, match="holds no file"):
        score_folder(generated, reference, heard=tmp_path)
    (tmp_path / "stranger.lab").write_text("0 4 verse\n", "utf-8")
    with pytest.raises(ScoreError, match="Put a file for each song"):
        score_folder(generated, reference, heard=tmp_path)
    assert FileListener(tmp_path).hear(read_folder(generated).songs[0]) is None


def test_the_blind_command_tells_what_comes_next(generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["blind", str(generated), str(tmp_path / "copies")]) == 0
    assert "--heard" in capsys.readouterr().out
    assert len(list((tmp_path / "copies").iterdir())) == 3


def test_events_that_a_moment_judge_was_never_taught_do_not_count(reference: Path):
    folder = read_folder(reference)
    judged = Judge(folder).score(JudgedFolder(folder.songs[:2]))
    asked = json.dumps([song.moments.overall.asked for song in judged.songs if song.moments])
    assert asked != "[]"
