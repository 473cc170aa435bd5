"""Songs changed part by part, with the real classes and random weights; each is made again from its sidecar alone."""

import json
import threading

import numpy as np
import pytest
import soundfile

from generation import __main__ as command
from generation.editing import FADE, continued, lengthened, made_again, repeated
from generation.jobs import RequestError, make_job
from generation.remaking import remade_job
from generation.reworking import edit_in, read_source, rework_song
from generation.service import Song, generate_song
from generation.warm import Cancelled, release
from structure.language import parse_structure
from structure.sidecar import read_sidecar


@pytest.fixture(scope="module")
def song(random_model, tmp_path_factory) -> Song:
    asked = {"structure": "intro 0-1.5, verse 1.5-3, chorus 3-4.5", "steps": 2, "seed": 3, "lyrics": "La la", "bpm": 90}
    made = generate_song(make_job(asked), model=str(random_model), output=tmp_path_factory.mktemp("song") / "song.wav")
    yield made
    release()


def rework(song: Song, edit, output, **more) -> Song:
    job, model = remade_job(read_sidecar(song.audio))
    return rework_song(
        read_source(song.audio), edit, job.model_copy(update={"seed": 9}), model=model, output=output, **more
    )


def test_a_part_made_again_leaves_the_rest_to_the_bit(song, tmp_path):
    told = []
    again = rework(
        song, made_again(song.events, 4.5, 1), tmp_path / "again.wav", on_step=lambda *steps: told.append(steps)
    )
    (old, rate), (new, _) = (soundfile.read(s.audio, dtype="int16", always_2d=True) for s in (song, again))
    half = round(FADE * rate / 2)
    first, last = round(1.5 * rate) - half, 3 * rate + half
    np.testing.assert_array_equal(new[:first], old[:first])
    np.testing.assert_array_equal(new[last:], old[last:])
    inside = slice(first + 2 * half, last - 2 * half)
    assert np.abs(new[inside].astype(int) - old[inside]).mean() > 100  # it is another one, and no silence
    assert np.abs(new[inside].astype(int)).mean() > 100
    assert told == [(1, 2), (2, 2)]


def test_the_sidecar_remembers_all_that_made_it_and_makes_it_again(song, tmp_path):
    first = rework(song, made_again(song.events, 4.5, 1), tmp_path / "first.wav")
    longer = lengthened(first.events, 4.5, 2, 1.0)
    second = rework(first, longer, tmp_path / "second.wav")
    made = read_sidecar(second.audio).get("generation")
    assert made["edit"]["what"] == "longer" and made["seed"] == 9
    assert made["parent"]["sidecar"]["generation"]["parent"]["sidecar"]["generation"]["seed"] == 3
    assert edit_in(made, read_sidecar(second.audio)).pieces == longer.pieces
    release()
    assert command.main(["remake", str(second.audio), "--output", str(tmp_path / "new.wav")]) == 0
    assert (tmp_path / "new.wav").read_bytes() == second.audio.read_bytes()


def test_a_song_goes_on_and_repeats(song, tmp_path):
    longer = rework(song, continued(song.events, 4.5, parse_structure("outro 1.5s")), tmp_path / "on.wav")
    twice = rework(longer, repeated(longer.events, 6.0, 0), tmp_path / "twice.wav")
    assert [e.type for e in twice.events] == ["intro", "intro", "verse", "chorus", "outro"]
    assert soundfile.info(str(twice.audio)).duration == pytest.approx(7.5)


def test_what_was_not_made_here_cannot_be_changed(song, tmp_path):
    other = tmp_path / "mine.wav"
    soundfile.write(other, np.zeros((1000, 1)), 8000)
    with pytest.raises(RequestError, match="only songs that were made here"):
        read_source(other)
    (tmp_path / "mine.json").write_text(json.dumps({"generation": {"gain_db": 0.0}}))
    soundfile.write(other, np.zeros((1000, 1)), 8000, subtype="FLOAT")
    with pytest.raises(RequestError, match="no WAV file of 16 bit"):
        read_source(other)


def test_a_change_can_be_stopped_and_leaves_nothing(song, tmp_path):
    stop = threading.Event()
    with pytest.raises(Cancelled):
        rework(
            song, made_again(song.events, 4.5, 0), tmp_path / "x.wav",
            on_step=lambda *steps: stop.set(), cancelled=stop.is_set,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_another_parent_is_noticed(song, tmp_path, capsys):
    again = rework(song, made_again(song.events, 4.5, 1), tmp_path / "again.wav")
    told = json.loads(again.sidecar.read_text())
    told["generation"]["parent"]["sidecar"]["generation"]["seed"] = 4
    again.sidecar.write_text(json.dumps(told))
    assert command.main(["remake", str(again.sidecar), "--output", str(tmp_path / "new.wav")]) == 2
    assert "comes out differently" in capsys.readouterr().err


@pytest.mark.parametrize("beside", [7, "x", {"a": 1}, [3], [{}], [{"adapter": "x"}]], ids=json.dumps)
def test_a_sidecar_whose_adapters_beside_were_spoilt_says_so(beside: object, song, tmp_path):
    told = json.loads(song.audio.with_suffix(".json").read_text())
    told["generation"]["beside"] = beside
    path = tmp_path / "song.json"
    path.write_text(json.dumps(told))
    with pytest.raises(RequestError, match="beside"):
        remade_job(read_sidecar(path))
