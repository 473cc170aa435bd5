"""Structures as songs have them: counts worked out by hand, lengths kept, the person's own songs first."""

from collections import Counter

import numpy as np
import pytest

from annotate.audio import write_audio
from generation import __main__ as command
from generation.planner import (
    END,
    GENRES,
    Arrangement,
    Planner,
    arrangement_of,
    genre_of,
    shipped_arrangements,
)
from generation.suggesting import own_arrangements, suggest
from structure.errors import StudioError
from structure.events import SECTION_TYPES, problems
from structure.language import parse_structure
from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields
from structure.tempo import Tempo

ABA = Arrangement((("intro", 4), ("verse", 8), ("chorus", 8), ("verse", 8), ("chorus", 8)))


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(shipped_arrangements())


def test_one_song_is_all_that_there_is():
    planner = Planner([ABA])
    assert planner.next_types([])[0][0] == "intro"
    assert planner.next_types(ABA.parts[:2])[0][0] == "chorus"
    assert planner.likely_bars("verse", [], "") == 8
    assert planner.likely_bars("verse", [("verse", 12)], "") == 12  # as the last one of its name
    suggestion = planner.suggest(36, count=1)[0]
    assert suggestion.parts[0] == ("intro", 4) and sum(bars for _, bars in suggestion.parts) == 36


def test_shares_are_shares(planner):
    for genre in ("", *GENRES):
        for before in ((), (("intro", 4),), (("verse", 8), ("chorus", 8)), (("silence", 1), ("drop", 8))):
            shares = dict(planner.next_types(before, genre))
            assert sum(shares.values()) == pytest.approx(1)
            assert min(shares.values()) >= 0 and list(shares)[-1] == END


def test_suggestions_fill_the_song_and_can_be_asked_for(planner):
    tempo = Tempo(97, 4)
    for bars in (4, 31, 64, 120):
        suggestions = planner.suggest(bars, "pop", count=3)
        assert [s.likelihood for s in suggestions] == sorted(
            (s.likelihood for s in suggestions), reverse=True
        ) or bars < 9
        assert len({tuple(kind for kind, _ in s.parts) for s in suggestions}) == len(suggestions)
        for suggestion in suggestions:
            events = suggestion.events(tempo)
            assert events[-1].end == pytest.approx(bars * tempo.bar, abs=1e-4)
            assert problems(events) == [] and {e.type for e in events} <= set(SECTION_TYPES)


def test_a_genre_is_arranged_like_its_songs(planner):
    assert "drop" in Counter(kind for s in planner.suggest(96, "club") for kind, _ in s.parts)
    hip_hop = Counter(kind for s in planner.suggest(80, "hip-hop") for kind, _ in s.parts)
    assert hip_hop["verse"] >= 6 and hip_hop["drop"] == 0
    assert genre_of("A dark drum and bass tune, rolling.") == "club"
    assert (genre_of("Soul/funk"), genre_of("bebop"), genre_of("Popular")) == ("r&b", "", "")


def test_ones_own_songs_count_most(planner):
    events = parse_structure("intro 0-8, drop 8-24, outro 24-32")
    own = arrangement_of(events, 120, caption="weird pop")
    assert own.parts == (("intro", 4), ("drop", 8), ("outro", 4)) and own.genre == "pop"
    mine = Planner([*shipped_arrangements(), *[own] * 20])
    share = {
        name: dict(p.next_types([("intro", 4)], "pop")).get("drop", 0) for name, p in (("me", mine), ("all", planner))
    }
    assert share["me"] > 5 * share["all"]
    assert arrangement_of(parse_structure("verse 0-0.2"), 120) is None


def test_the_same_seed_suggests_the_same(planner):
    assert planner.suggest(64, "rock", seed=3) == planner.suggest(64, "rock", seed=3)
    assert planner.suggest(64, "rock", seed=3) != planner.suggest(64, "rock", seed=4)


@pytest.mark.parametrize("bars", [0, 3, 1000])
def test_lengths_that_no_song_has(planner, bars):
    with pytest.raises(StudioError, match="expected 4 to 400"):
        planner.suggest(bars)


def test_the_command_suggests(tmp_path, capsys):
    assert command.main(["suggest", "--bpm", "120", "--duration", "64", "--caption", "slow rock", "--count", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    likelihood, text = lines[0].split(" ", 1)
    assert 0 < float(likelihood) <= 1
    assert parse_structure(text, tempo=Tempo(120))[-1].end == 64
    assert command.main(["suggest", "--bpm", "0"]) == 2


def test_the_songs_of_a_folder_are_counted(tmp_path):
    for n in range(12):
        audio = tmp_path / f"{n}.wav"
        write_audio(audio, np.zeros(3_200), 100)
        events = parse_structure("silence 0-8, drop 8-24, outro 24-32")
        save_sidecar(with_fields(with_events(read_sidecar(audio), events), bpm=120, caption="odd pop"))
    (tmp_path / "3.json").write_text("{")
    assert len(own_arrangements(tmp_path)) == 11 and own_arrangements(tmp_path / "nowhere") == []
    begins = [s.parts[0][0] for s in suggest(Tempo(120), 32, "a pop tune", tmp_path)]
    assert "silence" in begins and "silence" not in [s.parts[0][0] for s in suggest(Tempo(120), 32, "a pop tune")]
    with pytest.raises(StudioError, match="1 to 600 seconds"):
        suggest(Tempo(120), 6000)
