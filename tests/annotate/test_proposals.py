"""Proposals on music that is made here, and what is said where nothing can be heard."""

import json
from pathlib import Path

import numpy as np
import pytest

from annotate.__main__ import main
from annotate.audio import AudioError, write_audio
from annotate.beats import BeatsError, find_beats
from annotate.proposals import ProposalError, names_of, propose, save_proposal
from structure.sidecar import read_sidecar

RATE = 22_050
BEAT = 0.5  # seconds


def test_parts_begin_where_the_music_changes_and_alike_parts_have_one_name(five_parts: Path):
    proposal = propose(five_parts)
    assert proposal.tempo == pytest.approx(120, rel=0.03)
    assert [event.type for event in proposal.events] == ["verse", "chorus", "verse", "chorus", "outro"]
    assert [event.start for event in proposal.events] == pytest.approx([0, 16, 32, 48, 64], abs=0.1)
    assert [event.end for event in proposal.events] == pytest.approx([16, 32, 48, 64, 80], abs=0.1)
    assert proposal.events[-1].end == pytest.approx(80, abs=0.001)
    assert all(event.source == "machine" and 0.4 <= event.probability <= 1 for event in proposal.events)


def test_the_command_prints_parts_for_a_person_or_as_json_and_goes_on_after_a_song_that_is_gone(
    five_parts: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["propose", str(five_parts)]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.startswith(f"{five_parts}: 5 parts, 1")
    assert [line.split()[2] for line in lines] == ["verse", "chorus", "verse", "chorus", "outro"]
    assert main(["propose", "--json", str(five_parts.with_name("gone.wav")), str(five_parts)]) == 1
    printed = capsys.readouterr()
    assert [e["source"] for e in json.loads(printed.out)["events"]] == ["machine"] * 5
    assert len(printed.err.splitlines()) == 1


def test_nothing_less_probable_is_proposed(five_parts: Path):
    assert len(propose(five_parts, above=1.01).events) == 1


def test_beats_cover_the_song_from_end_to_end(five_parts: Path):
    edges = find_beats(five_parts).edges
    assert (edges[0], edges[-1]) == (0, pytest.approx(80, abs=0.001))
    assert (np.diff(edges) > 0).all()
    assert np.median(np.diff(edges)) == pytest.approx(BEAT, abs=0.02)


def test_the_beats_of_a_song_that_is_heard_in_stretches_go_on_evenly(five_parts: Path, tmp_path: Path):
    import librosa

    samples = np.tile(librosa.load(five_parts, sr=RATE)[0], 3)  # four minutes: three stretches
    write_audio(tmp_path / "long.wav", samples, RATE)
    found = find_beats(tmp_path / "long.wav")
    at_once, _ = librosa.beat.beat_track(y=samples, sr=RATE)
    assert found.tempo == pytest.approx(float(at_once[0]), rel=0.001)
    off = found.edges - BEAT * np.round(found.edges / BEAT)
    assert np.abs(off).max() < 0.05


@pytest.mark.parametrize("seconds", [0.2, 12.0])
def test_silence_and_a_fraction_of_a_second_have_no_beats(tmp_path: Path, seconds: float):
    path = tmp_path / "silence.wav"
    write_audio(path, np.zeros(round(seconds * RATE)), RATE)
    with pytest.raises(BeatsError, match=r"No beat can be heard in `silence.wav`.*Mark its parts by ear"):
        propose(path)
    with pytest.raises(AudioError, match="There is no file"):
        propose(tmp_path / "gone.wav")


def test_names_follow_from_what_comes_back_and_how_loud():
    assert names_of([0, 1, 2, 1, 2, 3, 4], [0, 1, 2, 1, 2, 5, 0]) == [
        "intro", "verse", "chorus", "verse", "chorus", "bridge", "outro"]  # fmt: skip
    assert names_of([0], [1]) == ["intro"]


def test_a_proposal_is_saved_only_where_nobody_marked_anything(five_parts: Path, tmp_path: Path):
    song = tmp_path / "song.wav"
    song.write_bytes(five_parts.read_bytes())
    sidecar = tmp_path / "song.json"
    sidecar.write_text(json.dumps({"caption": "x", "mood": 1}))
    proposal = propose(song)
    save_proposal(song, proposal)
    held = read_sidecar(song)
    assert (held.get("caption"), held.get("mood"), held.events) == ("x", 1, proposal.events)
    before = sidecar.read_bytes()
    with pytest.raises(ProposalError, match="`song.json` has events already"):
        save_proposal(song, proposal)
    assert sidecar.read_bytes() == before
