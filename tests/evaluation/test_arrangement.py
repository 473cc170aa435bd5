"""Arrangement by hand, by identities, and on the songs of the Harmonix set, whose genres do differ."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.arrangement import (
    END,
    START,
    ArrangedSong,
    ArrangementError,
    arranged_song,
    bigram_shares,
    compare_arrangements,
    compare_sets,
    jensen_shannon,
    length_distances,
    type_shares,
)
from generation.planner import shipped_arrangements
from structure.events import Event
from structure.language import parse_structure
from structure.sidecar import Sidecar
from structure.tempo import Tempo


def song(parts: str, genre: str = "pop", bpm: float | None = 120.0) -> ArrangedSong:
    return ArrangedSong(genre, bpm, tuple(parse_structure(parts)))


@pytest.fixture(scope="module")
def corpus() -> list[ArrangedSong]:
    """240 songs of hip-hop, electronic and rock in random order."""
    songs = []
    for known in shipped_arrangements():
        if known.genre in ("hip-hop", "electronic", "rock"):
            edges = np.cumsum([0, *(bars for _, bars in known.parts)]) * Tempo(known.bpm).bar
            events = [
                Event(type=kind, start=start, end=end)
                for (kind, _), start, end in zip(known.parts, edges[:-1], edges[1:], strict=True)
            ]
            songs.append(ArrangedSong(known.genre, known.bpm, tuple(events)))
    return [songs[i] for i in np.random.default_rng(0).permutation(len(songs))[:240]]


def test_lengths_worked_by_hand():
    first = [song("intro 0-4, verse 4-12"), song("intro 0-6, verse 6-14")]
    second = [song("intro 0-10, verse 10-20, solo 20-24")]
    assert length_distances(first, second) == pytest.approx({"intro": 5.0, "verse": 2.0})
    slow = [replace(one, bpm=60.0) for one in second]  # a bar is 4 s there, and 2 s in the first
    assert length_distances(first, slow, in_bars=True) == pytest.approx({"intro": 0.5, "verse": 1.5})
    # at most the mean length, weighed by how often a type comes in the second: intro 5/10, verse 2/10
    assert compare_sets(first, second).lengths == pytest.approx((0.5 + 0.2) / 2)


def test_shares_and_orders_worked_by_hand():
    songs = [song("verse 0-6, chorus 6-8"), song("verse 0-10")]
    assert type_shares(songs) == pytest.approx({"verse": 0.875, "chorus": 0.125})
    assert bigram_shares(songs) == pytest.approx(
        {(START, "verse"): 0.4, ("verse", "chorus"): 0.2, ("chorus", END): 0.2, ("verse", END): 0.2}
    )


def test_jensen_shannon_worked_by_hand():
    assert jensen_shannon({"a": 1.0}, {"b": 1.0}) == pytest.approx(1)
    assert jensen_shannon({"a": 0.3, "b": 0.7}, {"b": 0.7, "a": 0.3}) == pytest.approx(0)
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4)
    divergence = (np.log2(4 / 3) + 0.5 * np.log2(2 / 3) + 0.5 * np.log2(2)) / 2
    assert jensen_shannon({"a": 1.0}, {"a": 0.5, "b": 0.5}) == pytest.approx(np.sqrt(divergence))


def test_a_set_is_no_distance_from_itself_in_any_order(corpus: list[ArrangedSong]):
    songs = corpus[:20]
    same = compare_sets(songs, songs[::-1])
    assert same.distance == pytest.approx(0, abs=1e-6)
    apart = compare_sets([song("verse 0-8")], [song("drop 0-9, solo 9-12, outro 12-20")])
    assert (apart.lengths, apart.types, apart.order) == (None, pytest.approx(1), pytest.approx(1))
    assert apart.count == pytest.approx(2 / 3)


def test_songs_of_the_right_genre_are_near_and_of_the_wrong_one_are_not(corpus: list[ArrangedSong]):
    new, known = corpus[::2], corpus[1::2]
    right = compare_arrangements(new, known)
    assert right.ceiling < right.chance
    assert right.nearness > 0.8
    other = {"hip-hop": "rock", "rock": "electronic", "electronic": "hip-hop"}
    wrong = compare_arrangements([replace(one, genre=other[one.genre]) for one in new], known)
    assert wrong.nearness < 0.2
    assert wrong.ceiling == pytest.approx(right.ceiling, abs=0.02)
    assert right.to_dict()["genres"][0]["genre"] == "electronic"
    assert compare_arrangements(new, known).to_dict() == right.to_dict()


def test_songs_of_random_order_and_length_are_farther_off_than_other_genres(corpus: list[ArrangedSong]):
    rng = np.random.default_rng(1)

    def shuffled(one: ArrangedSong) -> ArrangedSong:
        kinds = rng.permutation([part.type for part in one.parts])
        edges = np.sort([0, *rng.uniform(0, one.parts[-1].end, len(kinds) - 1), one.parts[-1].end])
        events = [Event(type=k, start=a, end=b) for k, a, b in zip(kinds, edges[:-1], edges[1:], strict=True)]
        return replace(one, events=tuple(events))

    assert compare_arrangements([shuffled(one) for one in corpus[::2]], corpus[1::2]).nearness < 0


def varied(n: int, genre: str, bpm: float | None) -> list[ArrangedSong]:
    return [song(f"intro 0-{4 + i}, verse {4 + i}-20", genre, bpm) for i in range(n)]


def test_repeats_count_as_one_section_and_songs_without_any_are_left_out():
    twice = [song(f"intro 0-{4 + i}, verse {4 + i}-12, verse 12-20") for i in range(6)]
    report = compare_arrangements([*twice, song("crash @3")], varied(6, "pop", 120))
    assert report.genres[0].parts.distance == pytest.approx(0, abs=1e-6)
    assert report.notes[0] == "1 of 7 songs have no sections and were left out."


def test_without_tempo_lengths_are_in_seconds_and_without_other_genres_there_is_no_chance():
    report = compare_arrangements(varied(2, "pop", None), varied(5, "pop", 120))
    pop = report.genres[0]
    assert pop.length_bars == {}
    assert pop.length_seconds == pytest.approx({"intro": 1.5, "verse": 1.5})
    assert (report.chance, report.nearness) == (None, None)
    assert report.notes == [
        "A song has no tempo, so the lengths of pop are compared in seconds only.",
        "All songs of the dataset are of one genre, so nothing tells what chance would be.",
    ]


def test_a_genre_without_songs_gets_a_sentence():
    known = varied(5, "pop", 120)
    report = compare_arrangements([*varied(2, "pop", 120), *varied(2, "polka", 120)], known)
    assert [genre.genre for genre in report.genres] == ["pop"]
    assert report.notes[0].startswith("Of polka the dataset has 0 of the 4 annotated songs that a comparison needs.")
    with pytest.raises(ArrangementError, match="No arrangement can be compared. Of polka the dataset has 0"):
        compare_arrangements(varied(2, "polka", 120), known)
    with pytest.raises(ArrangementError, match="There are no songs to compare."):
        compare_sets([], known)
    with pytest.raises(ArrangementError, match="A song has no sections"):
        compare_sets([song("crash @3")], known)


def test_a_sidecar_tells_genre_tempo_and_meter(tmp_path):
    events = [{"type": "verse", "start": 0, "end": 9}]
    told = Sidecar(
        tmp_path / "a.json", {"genre": " Drum  and Bass", "bpm": 160, "timesignature": "3/4", "events": events}
    )
    read = arranged_song(told)
    assert (read.genre, read.bar, [part.type for part in read.parts]) == ("drum and bass", 1.125, ["verse"])
    heard = parse_structure("drop 0-9")
    assert arranged_song(told, heard).events == tuple(heard)
    for bpm in (None, 0, -3, True, "fast"):
        assert arranged_song(Sidecar(tmp_path / "a.json", {"bpm": bpm})).bar is None
