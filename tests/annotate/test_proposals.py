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
PART = 8 * 4 * BEAT


def band(chords: list[list[float]], bright: float, level: float) -> np.ndarray:
    """Eight bars at 120 beats a minute: a drum on each beat, two on beat one, and a chord for each bar."""
    rng = np.random.default_rng(round(bright))
    t = np.arange(round(BEAT * RATE)) / RATE
    kick, tick = np.sin(2 * np.pi * 60 * t) * np.exp(-t * 18), rng.standard_normal(len(t)) * np.exp(-t * 60)
    beats = []
    for beat in range(32):
        tones = chords[beat // 4 % 2]
        chord = sum(np.sin(2 * np.pi * f * t) + bright / 1000 * np.sin(6 * np.pi * f * t) for f in tones)
        beats.append(0.1 * level * chord + 0.3 * tick + (0.8 if beat % 4 == 0 else 0.2) * kick)
    return np.concatenate(beats)


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quiet, loud, quiet, loud, other: five parts of 16 s."""
    quiet = band([[220, 262, 330], [175, 220, 262]], 200, 0.4)
    loud = band([[196, 247, 294], [262, 330, 392]], 2500, 1.2)
    other = band([[233, 277, 349], [311, 370, 466]], 900, 0.8)
    path = tmp_path_factory.mktemp("proposals") / "song.wav"
    write_audio(path, 0.4 * np.concatenate([quiet, loud, quiet, loud, other]), RATE)
    return path


def test_parts_begin_where_the_music_changes_and_alike_parts_have_one_name(audio: Path):
    proposal = propose(audio)
    assert proposal.tempo == pytest.approx(120, rel=0.03)
    assert [event.type for event in proposal.events] == ["verse", "chorus", "verse", "chorus", "outro"]
    assert [event.start for event in proposal.events] == pytest.approx([0, 16, 32, 48, 64], abs=0.1)
    assert [event.end for event in proposal.events] == pytest.approx([16, 32, 48, 64, 80], abs=0.1)
    assert proposal.events[-1].end == pytest.approx(80, abs=0.001)
    assert all(event.source == "machine" and 0.4 <= event.probability <= 1 for event in proposal.events)
    off_bar = np.abs((proposal.downbeats[1:] + 2 * BEAT) % (4 * BEAT) - 2 * BEAT)
    assert np.median(off_bar) < 0.1


def test_the_command_prints_parts_for_a_person_or_as_json_and_goes_on_after_a_song_that_is_gone(
    audio: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["propose", str(audio)]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.startswith(f"{audio}: 5 parts, 1")
    assert [line.split()[2] for line in lines] == ["verse", "chorus", "verse", "chorus", "outro"]
    assert main(["propose", "--json", str(audio.with_name("gone.wav")), str(audio)]) == 1
    printed = capsys.readouterr()
    assert [e["source"] for e in json.loads(printed.out)["events"]] == ["machine"] * 5
    assert len(printed.err.splitlines()) == 1


def test_nothing_less_probable_is_proposed(audio: Path):
    assert len(propose(audio, above=1.01).events) == 1


def test_beats_cover_the_song_from_end_to_end(audio: Path):
    edges = find_beats(audio).edges
    assert (edges[0], edges[-1]) == (0, pytest.approx(80, abs=0.001))
    assert (np.diff(edges) > 0).all()
    assert np.median(np.diff(edges)) == pytest.approx(BEAT, abs=0.02)


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


def test_a_proposal_is_saved_only_where_nobody_marked_anything(audio: Path, tmp_path: Path):
    song = tmp_path / "song.wav"
    song.write_bytes(audio.read_bytes())
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
