"""The proof of a checkpoint, rehearsed on a tiny one with random weights: every stage, going on, and the report."""

import json
import re
import shutil
from pathlib import Path

import pytest

from benchmarks.real.__main__ import get_parser, main, prove
from benchmarks.real.report import read_everything, without_folders
from benchmarks.real.running import STAGES, in_own_process, perform_here, read_result
from benchmarks.real.settings import SETTINGS_FILE, Proof, begin

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six songs: four to learn from, two whose structures are asked for; one says something that looks like markup."""
    from acestep.starter.songs import write_songs

    folder = tmp_path_factory.mktemp("songs")
    first = write_songs(folder, 6, seed=11)[0].with_suffix(".json")
    first.write_text(json.dumps({**json.loads(first.read_text()), "caption": HOSTILE}))
    return folder


@pytest.mark.training
def test_a_rehearsal_passes_every_stage_goes_on_and_says_what_failed(random_model: Path, songs: Path, tmp_path: Path):
    work, out = tmp_path / "work", tmp_path / "real.html"
    command = ["--model", str(random_model), "--dataset", str(songs), "--out", str(out), "--work", str(work)]
    options = get_parser().parse_args([*command, "--quick", "--device", "cpu"])

    def all_but_judging(proof: Proof, name: str) -> None:  # which the experiment's own tests do, and takes longest
        if name != "scores":
            perform_here(proof, name)

    assert prove(options, all_but_judging) == 1
    everything = read_everything(out)
    stages = everything["stages"]
    assert list(stages) == [stage.name for stage in STAGES]
    assert [name for name, one in stages.items() if one["status"] != "done" and name != "scores"] == []
    identity, adapter = stages["identity"]["figures"], stages["adapter"]["figures"]
    assert identity["passed"] and identity["compared"]["untrained adapter, events told"]["samples that differ"] == 0
    assert (
        adapter["passed"]
        and adapter["it changes the song by"] > 0
        and "was trained on" in adapter["on another checkpoint"]
    )
    assert stages["learn"]["figures"]["steps"] == 4 and stages["songs"]["figures"]["songs made"] == 4
    assert all("failed" not in row for row in stages["speed"]["figures"]["training steps"])
    assert {file["file"] for file in stages["files"]["figures"]["files"]} >= {"model_index.json"}
    assert "left no result" in stages["scores"]["sentence"]

    page = out.read_text("utf-8")
    assert "default-src 'none'" in page and not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert page.count('<script type="text/plain" id="sound-') == 4  # two structures, two arms
    assert "<img" not in page and str(tmp_path) not in page  # nothing of the sender's folders

    learned = read_result(Proof.model_validate_json((work / SETTINGS_FILE).read_text()), "learn")
    shutil.rmtree(work / "none")
    (work / "songs.json").unlink()
    shutil.move(work / "events" / "seed-1" / "adapter" / "adapter.json", work / "kept")
    tried = []
    assert prove(options, lambda proof, name: (tried.append(name), perform_here(proof, name))) == 1
    assert tried == ["songs", "scores"]
    again = read_everything(out)["stages"]
    assert "There is no adapter" in again["songs"]["sentence"] and "There are no songs" in again["scores"]["sentence"]
    assert again["learn"]["figures"] == learned["figures"]


def dying_at_exit(folder: Path) -> Path:
    """A folder for PYTHONPATH with which Python breaks when all is done, as a card's driver may."""
    (folder / "sitecustomize.py").write_text("import atexit, os\natexit.register(os._exit, 1)\n")
    return folder


def test_a_stage_in_a_process_of_its_own_leaves_its_result_and_one_that_dies_a_sentence(
    random_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    proof = Proof(model=random_model, work=tmp_path / "work", quick=True)
    begin(proof)
    in_own_process(proof, "files")
    assert read_result(proof, "files")["figures"]["kind"] == "starter"
    learned = read_result(proof, "files")
    monkeypatch.setenv("PYTHONPATH", str(dying_at_exit(tmp_path)))
    in_own_process(proof, "files")
    assert read_result(proof, "files")["figures"] == learned["figures"]  # what was done is kept
    in_own_process(proof, "no such stage")
    assert "ended with status 1" in read_result(proof, "no such stage")["sentence"]


def test_a_report_names_no_folder_and_leaves_words_that_only_look_like_one():
    private = {Path("/model"): "model", Path("/home/ann"): "~", Path("/"): "root"}
    told = '["/model/a.bin", "text_encoder/model.safetensors", "/home/anna/x", "/home/ann", "/tmp/torchinductor_ann/k"]'
    assert without_folders(told, private) == (
        '["model/a.bin", "text_encoder/model.safetensors", "/home/anna/x", "~", "/tmp/torchinductor/k"]'
    )


def test_what_is_no_report_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "other.html").write_bytes(b"\xff\xfe<p>")
    assert main(["--read", str(tmp_path / "other.html")]) == 2
    assert "no report" in capsys.readouterr().err


def test_what_cannot_be_begun_is_one_sentence(random_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    release = tmp_path / "checkpoints" / "acestep-v15-base"
    release.mkdir(parents=True)
    (release / "config.json").write_text('{"model_type": "acestep"}')
    used = Proof(model=random_model, work=tmp_path / "used")
    begin(used)
    cases = {
        "--model is missing": [],
        "there is no such folder": ["--model", str(tmp_path / "nowhere")],
        f"`python -m acestep convert {release} CONVERTED`": ["--model", str(release.parent)],
        "no model_index.json there": ["--model", str(tmp_path)],
        "with the annotated songs": ["--model", str(random_model), "--dataset", str(tmp_path / "nowhere")],
        "holds a proof with other settings": ["--model", str(random_model), "--work", str(used.work), "--quick"],
    }
    for sentence, command in cases.items():
        assert main(command) == 2
        said = capsys.readouterr().err
        assert sentence in said and len(said.splitlines()) == 1
