"""Arms judged and compared: songs rendered to the structures asked for, or to others."""

import json
from pathlib import Path
from typing import Any

import pytest

from acestep.starter.songs import make_song, render, song_seed
from annotate.audio import write_audio
from evaluation.experiment.data import Split, split_songs
from evaluation.experiment.report.page import write_report
from evaluation.experiment.requests import Wanted, wanted_songs
from evaluation.experiment.results import judge_experiment
from evaluation.experiment.settings import ARMS, make_settings
from evaluation.experiment.verdict import MAIN, answer, paired_tests, structure_of
from structure.sidecar import read_sidecar

STRUCTURES = 6
BY_KEY = {arm.key: arm for arm in ARMS}


def play(split: Split, home: Path, wanted: list[Wanted], obeys: bool) -> None:
    """Songs as a model would leave them: what is asked for, or the next structure's music."""
    for one in wanted:
        song = split.held_out[one.structure]
        own = read_sidecar(song.audio)
        played = song if obeys else split.held_out[(one.structure + 1) % len(split.held_out)]
        duration = own.get("duration")
        events = [e for e in read_sidecar(played.audio).events if e.start < duration - 1]
        cut = [e.model_copy(update={"end": min(e.end, duration)}) for e in events]
        samples = render(cut, duration, own.get("bpm"), own.get("keyscale"), own.get("genre"), seed=one.seed)
        audio = home / one.name
        audio.parent.mkdir(parents=True, exist_ok=True)
        write_audio(audio, samples, 24_000)
        asked = {key: own.get(key) for key in ("caption", "bpm", "keyscale", "duration", "timesignature")}
        told = [] if one.set == "free" else [event.to_dict() for event in own.events]
        audio.with_suffix(".json").write_text(json.dumps(asked | {"events": told}), "utf-8")


@pytest.fixture(scope="module")
def judged(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """An event LoRA that obeys perfectly against a baseline that plays something else."""
    folder = tmp_path_factory.mktemp("experiment")
    asked = folder / "structures"
    asked.mkdir()
    for number in range(STRUCTURES):
        song = make_song(song_seed(55, number), 12.0)
        write_audio(asked / f"{number}.wav", song.samples, song.sample_rate)
        (asked / f"{number}.json").write_text(json.dumps(song.sidecar), "utf-8")
    settings = make_settings(
        dataset=reference, structures=asked, arms=("baseline", "events"), free=2, varied=1, takes=2
    )
    split = split_songs(settings)
    homes = {}
    for key in settings.arms:
        wanted = wanted_songs(settings, len(split.held_out), 1)
        play(split, folder / key / "seed-1", wanted, obeys=key == "events")
        (folder / key / "seed-1" / "training.json").write_text('{"seconds": 12.5}', "utf-8")
        homes[f"{key}/seed-1"] = (BY_KEY[key], folder / key / "seed-1", wanted)
    return judge_experiment(settings, split, homes, folder), folder


def test_the_arm_that_obeys_wins_and_the_answer_says_by_how_much(judged: tuple[dict[str, Any], Path]):
    results, _ = judged
    assert results["answer"]["verdict"] == "better"
    assert "the baseline LoRA" in results["answer"]["sentence"]
    arms = {arm["key"]: arm for arm in results["arms"]}
    good, bad = (arms[key]["scores"][MAIN] for key in ("events", "baseline"))
    assert good["low"] > bad["high"]
    assert arms["events"]["control"][MAIN]["mean"] > 0.7 > 0.3 > arms["baseline"]["control"][MAIN]["mean"]
    test = next(t for t in results["tests"] if t["measure"] == MAIN)
    assert (test["first"], test["second"], test["p"]) == ("events", "baseline", 2 / 2**STRUCTURES)
    assert test["difference"]["mean"] == pytest.approx(good["mean"] - bad["mean"])


def test_every_figure_has_its_chance_and_ceiling_and_json_holds_it_all(judged: tuple[dict[str, Any], Path]):
    results, _ = judged
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    for measure in results["measures"]:
        for arm in results["arms"]:
            if arm["scores"][measure["key"]] is not None:
                assert results["chance"][measure["key"]] is not None
                assert results["ceiling"][measure["key"]] is not None
    events = next(arm for arm in results["arms"] if arm["key"] == "events")
    assert events["training_seconds"] == 12.5
    total = sum(map(sum, events["confusion"]["seconds"]))
    assert total == pytest.approx(12.0 * STRUCTURES, abs=STRUCTURES)
    assert [song["name"] for song in events["songs"]] == [f"structure-{n + 1:02d}" for n in range(STRUCTURES)]
    assert events["creativity"]["variety"]["n"] == 1
    assert results["notes"][0].startswith("What it costs")
    assert events["creativity"]["tempo"]["mean"] >= 0.5
    assert results["creativity_reference"]["near_copies"] is not None


def test_a_report_is_written_of_it(judged: tuple[dict[str, Any], Path], tmp_path: Path):
    results, folder = judged
    page = write_report(results, folder, tmp_path / "report.html").read_text("utf-8")
    assert "event LoRA keeps time better" in page


def test_seeds_of_one_structure_are_one_observation():
    assert structure_of("events/seed-2/asked/structure-03.seed-2.wav") == "structure-03"


def test_too_few_structures_give_no_verdict():
    test = {"measure": MAIN, "second": "baseline", "p": 0.03, "p_adjusted": 0.03}
    gap = {"mean": 0.4, "low": 0.3, "high": 0.5, "n": 5}
    sets = _sets()
    found = answer(sets, [test | {"difference": gap}])
    assert found["verdict"] == "undecided"
    assert "5 structures" in found["sentence"]
    assert answer(sets, [test | {"difference": gap | {"n": 8}}])["verdict"] == "better"
    assert answer(sets, [test | {"difference": gap | {"n": 8, "mean": -0.4}}])["verdict"] == "worse"
    assert answer(sets, [test | {"difference": gap | {"n": 8}, "p": 0.2}])["verdict"] == "undecided"
    assert answer({}, [])["verdict"] == "undecided"
    assert paired_tests({}) == []


def _sets() -> dict[str, Any]:
    from evaluation.judging import Figures, JudgedSet

    figures = {MAIN: Figures(None, None, None, None)}
    empty = JudgedSet([], figures, Figures(None, None, None, None), None, 0.0, [])
    return {"events": empty, "baseline": empty}


def test_a_setting_of_events_alone_asks_for_a_rival():
    assert "nothing to compare" in answer(_sets(), [])["sentence"]


def test_other_embeddings_are_used_where_a_person_has_them(judged: tuple[dict[str, Any], Path], reference: Path):
    import numpy as np

    from evaluation.experiment.creativity import CreativityJudge, Take, takes_of

    _, folder = judged
    rng = np.random.default_rng(0)
    songs = split_songs(make_settings(dataset=reference, held_out=8)).training
    training = [Take(take.audio, take.sidecar, take.structure) for take in takes_of(songs)]
    for take in training:
        np.save(folder / f"{take.audio.stem}.npy", rng.normal(size=8))
    judge = CreativityJudge(training, folder, reference)
    assert judge.measure(training[:3], [])["nearest_training"].mean == pytest.approx(0, abs=1e-6)
