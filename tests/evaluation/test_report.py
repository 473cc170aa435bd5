"""A folder scored as a person would, by function and by command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from annotate.audio import read_audio, write_audio
from evaluation.__main__ import main
from evaluation.measures import MEASURES
from evaluation.report import score_folder
from evaluation.segments import ScoreError

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
    assert report.mean("frame_accuracy") > 0.85
    assert report.mean("frame_accuracy", "chance") < 0.4
    assert report.mean("frame_accuracy", "ceiling") > 0.8
    assert report.mean("frame_accuracy", "control") > 0.8
    assert report.mean("median_error") < 0.25
    assert report.mean("moments_f") > 2 * report.mean("moments_f", "chance")
    assert report.mean("contrast") > report.mean("contrast", "chance")


def test_songs_that_follow_another_structure_stay_near_chance(generated: Path, reference: Path, tmp_path: Path):
    report = score_folder(swap_structures(generated, tmp_path / "swapped"), reference)
    assert report.mean("frame_accuracy", "control") < 0.3


def test_a_song_of_the_reference_is_heard_by_a_judge_that_has_not_heard_it(reference: Path):
    report = score_folder(reference, reference)
    for figures in (*report.judged.figures.values(), report.judged.error):
        assert figures.score == figures.ceiling


def test_a_type_that_the_reference_lacks_is_named(generated: Path, reference: Path, tmp_path: Path):
    song = sorted(generated.glob("*.wav"))[0]
    shutil.copy(song, tmp_path / "song.wav")
    (tmp_path / "song.json").write_text(json.dumps({"events": [{"type": "silence", "start": 0, "end": 9}]}), "utf-8")
    report = score_folder(tmp_path, reference)
    assert report.mean("frame_accuracy") == 0
    assert any("no silence" in note for note in report.notes)


def test_the_command_prints_a_table_and_the_same_as_json(
    generated: Path, reference: Path, capsys: pytest.CaptureFixture[str]
):
    arguments = ["score", str(generated), "--reference", str(reference), "--probe-songs", "6"]
    assert main(arguments) == 0
    table = capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["measures"]) == {measure.key for measure in MEASURES} | {"median_error"}
    assert report["reference"]["songs"] == 6
    assert [song["name"] for song in report["songs"]] == [p.name for p in sorted(generated.glob("*.wav"))]
    for measure in MEASURES:
        assert f"\n{measure.name}" in table
        found = report["measures"][measure.key]["score"]
        assert found["low"] <= found["mean"] <= found["high"]
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
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["measures"]
