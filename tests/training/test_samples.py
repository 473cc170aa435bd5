"""Songs while a run trains: what is asked for, that they are what Generate would make, and that they cost nothing."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from annotate.audio import read_audio
from structure.errors import StudioError
from structure.events import Event
from structure.sidecar import read_sidecar
from training.dataset import read_dataset
from training.loop import train
from training.run_folder import LOG_FILE, read_metrics, read_state
from training.sample_files import SAMPLES, forget_later_samples, list_samples, sample_path, samples_stamp
from training.samples import LONGEST, Sampler, busiest, in_use, sample_request
from training.settings import TrainingSettings, make_settings


def settings_for(songs: Path, model: Path, folder: Path, **more: object) -> TrainingSettings:
    """Four steps with all that is random in training."""
    given = {"lora_rank": 2, "batch_size": 2, "lora_dropout": 0.2, "ema_decay": 0.5, "max_steps": 4, "log_every": 1}
    given |= {"dataset_dir": songs, "base_model": str(model), "output_dir": folder, "device": "cpu", "held_out": 1}
    return make_settings("starter", **{**given, **more})


ASKED = {"sample_every_steps": 2, "sample_structure": "intro 0-1, verse 1-2", "sample_caption": "warm house"}


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory, songs: Path, tiny_model: Path, machine: dict) -> Path:
    """A run that made a song at its second step and at its fourth and last."""
    folder = tmp_path_factory.mktemp("sampled") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("STRUCTURE_STUDIO_LOCK_DIR", "STRUCTURE_STUDIO_CACHE"):
            patch.setenv(name, machine[name])
        train(settings_for(songs, tiny_model, folder, **ASKED))
    return folder


@pytest.mark.training
def test_a_run_that_makes_songs_ends_with_the_weights_of_one_that_makes_none(
    sampled: Path, songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None
):
    train(settings_for(songs, tiny_model, tmp_path / "run"))
    with_songs, without = (f / "checkpoints/step-000004/trainer.safetensors" for f in (sampled, tmp_path / "run"))
    assert with_songs.read_bytes() == without.read_bytes()
    assert not (tmp_path / "run" / SAMPLES).exists()


@pytest.mark.training
def test_its_songs_are_what_generate_makes_with_that_adapter(sampled: Path, songs: Path, tiny_model: Path):
    from acestep.loading import load_pipeline

    found = list_samples(sampled)
    assert [(song.step, song.score, song.duration) for song in found] == [(4, None, 2.0), (2, None, 2.0)]
    assert [event.type for event in found[0].asked] == ["intro", "verse"] and found[0].said.startswith("Not judged")
    sidecar = read_sidecar(found[0].audio)
    assert sidecar.get("caption") == "warm house" and sidecar.problems() == []
    settings = settings_for(songs, tiny_model, sampled, **ASKED)
    pipeline = load_pipeline(str(tiny_model), device="cpu")
    pipeline.load_adapter(sampled)
    made = pipeline.generate(sample_request(settings, read_dataset(songs, held_out=1, seed=settings.seed)))
    kept = {song.step: read_audio(song.audio)[0] for song in found}
    np.testing.assert_allclose(kept[4], made.samples, atol=1e-4)  # 16 bit
    assert np.abs(kept[4] - kept[2]).max() > 1e-3
    assert not any("structure_score" in point for point in read_metrics(sampled))  # nobody judged, nothing is claimed


@pytest.mark.training
def test_in_bf16_songs_are_made_too(songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None):
    folder = tmp_path / "run"
    train(settings_for(songs, tiny_model, folder, **ASKED, precision="bf16", max_steps=2, gradient_checkpointing=True))
    assert [song.step for song in list_samples(folder)] == [2], (folder / LOG_FILE).read_text()


@pytest.mark.training
@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_a_song_that_finds_no_room_costs_a_line_of_the_log(
    songs: Path, tiny_model: Path, tmp_path: Path, own_machine: None
):
    small = tmp_path / "run" / SAMPLES
    small.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("only the superuser of a Linux machine can make a small disk")
    try:
        state = train(settings_for(songs, tiny_model, tmp_path / "run", **ASKED, max_steps=2))
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)
    assert state.status == "done"
    log = (tmp_path / "run" / LOG_FILE).read_text()
    assert "Step 2: no song could be made or written (No space left on device); training goes on without it." in log


@pytest.mark.training
def test_a_slip_in_the_structure_is_told_before_anything_slow(songs: Path, tmp_path: Path, own_machine: None):
    settings = settings_for(
        songs, tmp_path / "no model", tmp_path / "run", sample_every_steps=1, sample_structure="vrse 3-"
    )
    with pytest.raises(StudioError, match="vrse"):
        train(settings)
    assert read_state(tmp_path / "run").status == "failed"


def test_the_stretch_that_is_asked_for_has_the_most_changes():
    long = [Event(type=kind, start=at, end=end) for kind, at, end in (
        ("intro", 0, 40), ("verse", 40, 70), ("build-up", 70, 76), ("drop", 76, 82), ("outro", 82, 120))]  # fmt: skip
    start, end = busiest(long, 120)
    assert end - start == LONGEST and sum(start < event.start < end for event in long) == 3
    assert busiest(long[:2], 70) == (30, 50)  # the one change lies in its middle
    assert busiest([], 12.5) == (0.0, 12.5)


def test_by_itself_the_request_is_of_the_songs_own_words_and_times(songs: Path):
    report = read_dataset(songs, held_out=1)
    asked = make_settings("starter", dataset_dir=songs, sample_every_steps=5, seed=9)
    request = sample_request(asked, report)
    song = report.held_out[0]
    assert (request.prompt, request.bpm, request.seed) == (song.caption, song.bpm, 9)
    assert request.events and request.duration <= LONGEST
    assert all(0 <= event.start <= event.end <= request.duration for event in request.events)
    plain = sample_request(asked.model_copy(update={"events": False}), report)
    assert (plain.events, plain.use_events) == ([], False)
    quiet = asked.model_copy(update={"sample_every_steps": 0})
    assert sample_request(quiet, report) is None
    assert sample_request(quiet.model_copy(update={"best_by": "structure"}), report) is not None


@pytest.mark.training
def test_songs_are_due_each_so_many_steps_and_where_they_choose_the_best(songs: Path):
    every = make_settings("starter", dataset_dir=songs, sample_every_steps=4)
    sampler = Sampler(None, None, None, every, None)
    assert [step for step in range(11) if sampler.due(step, saving=step % 3 == 0)] == [4, 8]
    chosen = replace(sampler, settings=every.model_copy(update={"sample_every_steps": 0, "best_by": "structure"}))
    assert [step for step in range(11) if chosen.due(step, saving=step % 3 == 0)] == [3, 6, 9]


@pytest.mark.training
def test_the_pipeline_is_given_back_as_it_was_also_after_a_failure(tiny_model: Path):
    from acestep.loading import load_pipeline

    pipeline = load_pipeline(str(tiny_model), device="cpu")
    transformer = pipeline.pipe.transformer
    transformer.train()
    transformer.layers[0].eval()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with pytest.raises(RuntimeError), in_use(pipeline, "card"):
        assert pipeline.card == "card" and not transformer.training
        torch.manual_seed(1)
        raise RuntimeError
    assert torch.equal(torch.rand(3), expected)
    assert transformer.training and not transformer.layers[0].training and pipeline.card is None


def test_where_nobody_can_judge_it_says_why(songs: Path, sampled: Path):
    settings = make_settings("starter", dataset_dir=songs, sample_every_steps=1)
    asked = sample_request(settings, read_dataset(songs))
    judge = Sampler(None, asked, None, settings, None, reference=songs)
    plain = replace(judge, request=asked.model_copy(update={"use_events": False}))
    audio = list_samples(sampled)[0].audio
    for who, why in (
        (judge, "needs at least 4 songs"),  # there are three
        (replace(judge, reference=None), "the starter's sound alone"),
        (plain, "was told no sections"),
    ):
        heard, said = who._judge(audio)
        assert heard is None and said.startswith("Not judged: ") and why in said


@pytest.mark.training
@pytest.mark.slow
def test_on_the_starter_songs_are_judged_and_choose_the_best_checkpoint(
    songs: Path, tmp_path: Path, own_machine: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRUCTURE_STUDIO_HOME", str(tmp_path))  # the demo songs, which teach the judge
    folder = tmp_path / "run"
    asked = {**ASKED, "sample_structure": "intro 0-4, verse 4-8", "best_by": "structure", "max_steps": 1}
    state = train(settings_for(songs, Path("starter"), folder, **asked))
    (song,) = list_samples(folder)
    assert 0 <= song.score <= 1 and song.heard and song.said.startswith("Heard as asked")
    scores = [point["structure_score"] for point in read_metrics(folder) if "structure_score" in point]
    assert scores == [pytest.approx(song.score, abs=1e-4)]
    assert (state.best_step, state.best_said.split(",")[0]) == (1, "its song keeps to the structure best")
    assert "structure score" in (folder / "README.md").read_text()


def test_songs_of_another_future_are_forgotten_and_half_a_one_is_none(tmp_path: Path):
    for step in (5, 10):
        sample_path(tmp_path, step).parent.mkdir(exist_ok=True)
        sample_path(tmp_path, step).write_bytes(b"flac")
    assert samples_stamp(tmp_path) == "" and list_samples(tmp_path) == []
    said = '{"duration": 2.0, "training": {"step": 5, "structure_score": 0.5, "said": "x", "heard": []}}'
    sample_path(tmp_path, 5).with_suffix(".json").write_text(said)
    before = samples_stamp(tmp_path)
    for odd in ("{oops", '{"duration": 2.0}', '{"duration": 2.0, "training": [10]}'):  # cut off, or another program's
        sample_path(tmp_path, 10).with_suffix(".json").write_text(odd)
        assert before and samples_stamp(tmp_path) != before
        assert [(song.step, song.score) for song in list_samples(tmp_path)] == [(5, 0.5)]
    forget_later_samples(tmp_path, 5)
    assert samples_stamp(tmp_path) == before and not sample_path(tmp_path, 10).exists()
