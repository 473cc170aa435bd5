"""A folder scored as a person would, by function and by command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from annotate.audio import read_audio, write_audio
from evaluation.__main__ import main
from evaluation.report import SHARES, SongReport, chance_scores, control, distance_among, mean_scores, score_folder
from evaluation.scores import ScoreError, score_structure
from structure.events import Event

ROOT = Path(__file__).resolve().parents[2]


def swap_structures(folder: Path, to: Path) -> Path:
    """The same songs, each beside the structure of the next one."""
    audio = sorted(folder.glob("*.wav"))
    to.mkdir()
    for song, other in zip(audio, audio[1:] + audio[:1], strict=True):
        samples, sample_rate = read_audio(song)
        sidecar = json.loads(other.with_suffix(".json").read_text("utf-8"))
        length = len(samples) / sample_rate
        sidecar["events"] = [e | {"end": min(e["end"], length)} for e in sidecar["events"] if e["start"] < length - 0.5]
        sidecar["duration"] = length
        write_audio(to / song.name, samples, sample_rate)
        (to / song.name).with_suffix(".json").write_text(json.dumps(sidecar), "utf-8")
    return to


def test_songs_that_keep_their_structure_reach_the_ceiling(generated: Path, reference: Path):
    report = score_folder(generated, reference)
    assert len(report.songs) == 3
    assert report.score["frame_accuracy"] > 0.85
    assert report.chance["frame_accuracy"] < 0.4
    assert report.ceiling["frame_accuracy"] > 0.8
    assert report.control["frame_accuracy"] > 0.8
    assert report.score["median_error"] < 0.25


def test_songs_that_follow_another_structure_stay_near_chance(generated: Path, reference: Path, tmp_path: Path):
    report = score_folder(swap_structures(generated, tmp_path / "swapped"), reference)
    assert report.control["frame_accuracy"] < 0.3


def test_a_song_of_the_reference_is_heard_by_a_judge_that_has_not_heard_it(reference: Path):
    report = score_folder(reference, reference)
    assert report.score == report.ceiling


def test_chance_is_the_mean_over_other_structures_cut_to_the_shorter():
    def song(name: str, *parts: tuple[str, float, float]) -> SongReport:
        events = [Event(type=t, start=a, end=b) for t, a, b in parts]
        return SongReport(name, parts[-1][2], events, events, score_structure(events, events))

    first = song("first", ("verse", 0, 10), ("chorus", 10, 20))
    songs = [first, song("second", ("chorus", 0, 10)), song("third", ("verse", 0, 15), ("solo", 15, 40))]
    reference = [[Event(type="bridge", start=0, end=20)], first.requested]
    of_first = chance_scores(songs, reference)[:3]
    assert [score.frame_accuracy for score in of_first] == [0.0, 0.5, 0.0]  # second, third, the reference's bridge
    assert mean_scores(of_first)["frame_accuracy"] == pytest.approx(1 / 6)


def test_control_is_zero_at_chance_one_at_the_ceiling_and_silent_without_room():
    assert control(0.2, 0.2, 0.9) == 0
    assert control(0.9, 0.2, 0.9) == 1
    assert control(0.55, 0.2, 0.9) == pytest.approx(0.5)
    assert control(0.5, 0.88, 0.9) is None
    assert control(None, 0.2, 0.9) is None


def test_real_songs_lie_closer_together_the_more_of_them_are_compared():
    rng = np.random.default_rng(0)
    real = [rng.normal(rng.normal(size=3), 1.0, size=(50, 3)) for _ in range(40)]
    one, ten, all_of_them = (distance_among(real, size) for size in (1, 10, 40))
    assert one > ten > 0
    assert all_of_them == distance_among(real, 20)


def test_a_type_that_the_reference_lacks_is_named(generated: Path, reference: Path, tmp_path: Path):
    song = sorted(generated.glob("*.wav"))[0]
    shutil.copy(song, tmp_path / "song.wav")
    (tmp_path / "song.json").write_text(json.dumps({"events": [{"type": "silence", "start": 0, "end": 9}]}), "utf-8")
    report = score_folder(tmp_path, reference)
    assert report.score["frame_accuracy"] == 0
    assert any("no silence" in note for note in report.notes)


def test_the_command_prints_a_table_and_the_same_as_json(
    generated: Path, reference: Path, capsys: pytest.CaptureFixture[str]
):
    arguments = ["score", str(generated), "--reference", str(reference), "--probe-songs", "6"]
    assert main(arguments) == 0
    table = capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["control"]) == set(SHARES)
    assert report["reference"]["songs"] == 6
    assert [song["name"] for song in report["songs"]] == [p.name for p in sorted(generated.glob("*.wav"))]
    for line in ("chance", "ceiling (real songs)", "control"):
        assert f"\n{line}" in table
    for song in report["songs"]:
        assert song["name"] in table
        assert song["heard"][0]["start"] == 0


def test_songs_without_structure_are_left_out_by_name(generated: Path, reference: Path, tmp_path: Path):
    _, bare = [shutil.copy(song, tmp_path) for song in sorted(generated.glob("*.wav"))[:2]]
    shutil.copy(sorted(generated.glob("*.json"))[0], tmp_path)
    report = score_folder(tmp_path, reference)
    assert len(report.songs) == 1
    assert any(Path(bare).name in note and "no sections" in note for note in report.notes)


@pytest.mark.parametrize("missing", ["folder", "reference"])
def test_a_missing_folder_is_one_sentence_and_status_2(
    missing: str, generated: Path, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    nowhere = tmp_path / "nowhere"
    folders = {"folder": generated, "reference": reference, missing: nowhere}
    assert main(["score", str(folders["folder"]), "--reference", str(folders["reference"])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert str(nowhere) in err
    assert len(err.splitlines()) == 1


def test_nothing_to_score_is_refused(generated: Path, reference: Path, tmp_path: Path):
    shutil.copy(sorted(generated.glob("*.wav"))[0], tmp_path)
    with pytest.raises(ScoreError, match="no song that can be scored"):
        score_folder(tmp_path, reference)


def test_too_small_a_reference_is_refused(generated: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["score", str(generated), "--reference", str(generated)]) == 2
    assert "at least 4 songs" in capsys.readouterr().err


def test_the_command_runs_on_its_own_without_torch(generated: Path, reference: Path):
    code = (
        "import sys; from evaluation.__main__ import main; "
        f"status = main(['score', {str(generated)!r}, '--reference', {str(reference)!r}, '--json']); "
        "assert not {'torch', 'gradio', 'acestep'} & set(sys.modules); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["control"]
