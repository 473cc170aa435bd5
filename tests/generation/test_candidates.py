"""Several songs from one request, and each of them again from its sidecar alone."""

import json

import pytest

from acestep.loading import STARTER_ADAPTER
from generation import __main__ as command
from generation.candidates import best, make_candidates
from generation.history import keep_heard, list_takes
from generation.jobs import make_job
from generation.service import generate_song, output_folder
from generation.warm import release
from structure.errors import StudioError


@pytest.fixture(autouse=True)
def no_model_left(tmp_path, monkeypatch):
    monkeypatch.setenv("STRUCTURE_STUDIO_HOME", str(tmp_path / "home"))
    yield
    release()


def ask(**more):
    wishes = {"structure": 'verse 0-1.01, chorus 1.01-2.02 "wide" intensity=0.8', "steps": 2, "seed": 5, "bpm": 90}
    return make_job(wishes | more)


def test_each_has_a_seed_of_its_own_and_is_what_its_sidecar_makes_of_it_alone(random_model, tmp_path):
    told = []
    made = list(
        make_candidates(ask(lyrics="La la"), 2, None, lambda *progress: told.append(progress), model=str(random_model))
    )
    assert [c.take.made["seed"] for c in made] == [5, 6]
    assert told == [(0, 1, 2), (0, 2, 2), (1, 1, 2), (1, 2, 2)]
    assert [take.name for take in list_takes(output_folder())] == [made[1].take.name, made[0].take.name]
    release()
    again = tmp_path / "again.wav"
    assert command.main(["remake", str(made[1].take.audio), "--output", str(again)]) == 0
    assert again.read_bytes() == made[1].take.audio.read_bytes() != made[0].take.audio.read_bytes()


def test_the_best_keeps_to_the_structure_most(random_model):
    made = list(make_candidates(ask(), 2, None, model=str(random_model)))
    assert best(made) is made[0]  # nobody judged
    keep_heard(made[0].take, [], 0.2)
    scored = [type(c)(c.song, keep_heard(c.take, [], score)) for c, score in zip(made, (0.2, 0.7), strict=True)]
    assert best(scored) is scored[1]


def test_a_judge_that_cannot_be_had_does_not_cost_the_song(random_model, tmp_path):
    (made,) = make_candidates(ask(), 1, lambda: tmp_path / "nowhere", model=str(random_model))
    assert made.take.score is None and "not named by ear" in made.remark


@pytest.mark.parametrize("count", [0, 9, -1])
def test_a_number_of_songs_that_makes_no_sense(count):
    with pytest.raises(StudioError, match="expected 1 to 8"):
        list(make_candidates(ask(), count))


def test_what_cannot_be_made_again_exactly_says_why(random_model, tmp_path, capsys):
    song = generate_song(ask(), model=str(random_model), output=tmp_path / "song.wav")
    whole = json.loads(song.sidecar.read_text())
    for changed, why in (
        ({}, "was not made here"),
        ({"generation": {"model": "starter"}}, "lacks model_hash, seed"),
        ({"generation": whole["generation"] | {"model_hash": "other"}}, "its model has changed since"),
    ):
        song.sidecar.write_text(json.dumps({k: v for k, v in whole.items() if k != "generation"} | changed))
        assert command.main(["remake", str(song.sidecar), "--output", str(tmp_path / "again.wav")]) == 2
        assert why in capsys.readouterr().err
        assert not (tmp_path / "again.wav").exists()


def test_a_blend_of_adapters_is_remembered_and_made_again(tmp_path):
    beside = [{"adapter": str(STARTER_ADAPTER), "strength": 0.5}]
    wishes = {"structure": "verse 0-1, chorus 1-2", "steps": 2, "beside": beside, "adapter": "none"}
    wishes |= {"caption": "Techno", "negative": "Folk ballad"}
    song = generate_song(make_job(wishes), output=tmp_path / "blend.wav")
    alone = generate_song(make_job(wishes | {"beside": []}), output=tmp_path / "alone.wav")
    assert song.audio.read_bytes() != alone.audio.read_bytes()
    assert song.made["beside"][0]["strength"] == 0.5 and song.made["adapter"] is None
    assert song.made["negative"] == "Folk ballad"
    assert command.main(["remake", str(song.audio), "--output", str(tmp_path / "again.wav")]) == 0
    assert (tmp_path / "again.wav").read_bytes() == song.audio.read_bytes()
    with pytest.raises(StudioError, match="no such adapter folder"):
        generate_song(make_job(wishes | {"beside": [{"adapter": "/nowhere"}]}), output=tmp_path / "x.wav")
