"""Genre timing: are songs arranged as songs of their genre are?

    compare_arrangements(generated, dataset)      # both: list[ArrangedSong]

Compared are sets, song against song never: how long sections of a type are, how much of the time each type takes,
which type follows which, and how many sections a song has. The *distance* of two sets is the mean of these four, each
from 0 to 1. It means nothing alone, and small sets are far from anything, so three figures of equal-sized sets stand
together: songs of the set against the dataset's songs of their genre; as many of the dataset's own against the rest
(ceiling); and as many of its *other* genres (chance). Nearness is where the first lies between the two:

    nearness = (chance - distance) / (chance - ceiling)

On the 904 songs of the Harmonix set that have a genre, one half against the other: distance 0.14, ceiling 0.14, chance
0.20, nearness 0.93; with genres shuffled in the first half, where three in ten keep theirs by luck, 0.48. Of eight
songs a genre only the pooled figure is steady.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from evaluation.scores import merge_repeats
from structure.errors import StudioError
from structure.events import Event, sections
from structure.sidecar import Sidecar
from structure.tempo import BEATS_PER_BAR, Tempo, read_meter

START, END = "^", "$"
FEWEST_SONGS = 4  # of a genre in the dataset: two halves of two
DRAWS = 40  # sets that figures are averaged over
_LEAST_ROOM = 0.02  # between chance and ceiling; below it nearness would be noise


class ArrangementError(StudioError):
    """Songs whose arrangement cannot be compared."""


@dataclass(frozen=True)
class ArrangedSong:
    """A song as its arrangement is seen.

    Attributes:
        genre: any word; songs of equal genre are compared.
        bpm: beats a minute; None where it is not known.
        events: its sections, annotated, asked for or heard; moments are ignored.
        beats_per_bar: of its meter.
    """

    genre: str
    bpm: float | None
    events: tuple[Event, ...]
    beats_per_bar: int = BEATS_PER_BAR

    @property
    def parts(self) -> list[Event]:
        """Its sections by start; those without length do not count."""
        return [part for part in sections(self.events) if part.duration > 0]

    @property
    def bar(self) -> float | None:
        """Seconds; None without a tempo."""
        known = self.bpm is not None and math.isfinite(self.bpm) and self.bpm > 0
        return Tempo(self.bpm, self.beats_per_bar).bar if known else None


@dataclass(frozen=True)
class Parts:
    """How far two sets of songs lie apart, each 0 (alike) to 1.

    Attributes:
        lengths: of sections of a type: mean Wasserstein distance over its mean length, at most 1, each type that both
            have weighed by how often it comes. None where they share no type.
        types: share of the time that each type takes: Jensen-Shannon distance.
        order: which type follows which, with the song's start and end: Jensen-Shannon distance.
        count: number of sections: Wasserstein distance over the mean number, at most 1.
    """

    lengths: float | None
    types: float
    order: float
    count: float

    @property
    def distance(self) -> float:
        """The mean of those that are known."""
        return float(np.mean([part for part in asdict(self).values() if part is not None]))


@dataclass(frozen=True)
class GenreReport:
    """The songs of one genre against the dataset's.

    Attributes:
        genre: of the songs.
        songs, reference: how many there are in the set, and of its genre in the dataset.
        parts: of all of them.
        length_seconds, length_bars: Wasserstein distance of the lengths of each type that both have; the latter empty
            where a song has no tempo.
        distance, ceiling, chance: of sets of equal size; the last None where the dataset has one genre only.
        nearness: None where chance and ceiling lie too close together.
    """

    genre: str
    songs: int
    reference: int
    parts: Parts
    length_seconds: dict[str, float]
    length_bars: dict[str, float]
    distance: float
    ceiling: float
    chance: float | None
    nearness: float | None


@dataclass(frozen=True)
class ArrangementReport:
    """All genres; pooled figures are means over genres, weighed by their songs in the set.

    Attributes:
        genres: by name.
        distance, ceiling, chance, nearness: pooled.
        notes: what could not be compared.
    """

    genres: list[GenreReport]
    distance: float
    ceiling: float
    chance: float | None
    nearness: float | None
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def arranged_song(sidecar: Sidecar, events: Sequence[Event] | None = None) -> ArrangedSong:
    """A song with the genre, tempo and meter of its sidecar, and either its sections or those heard in it.

    Args:
        sidecar: its `genre`, else no genre; a `bpm` that is no positive number is not known.
        events: the sections heard; None takes the sidecar's.

    Raises:
        StudioError: its meter cannot be read.
    """
    bpm = sidecar.get("bpm")
    return ArrangedSong(
        genre=" ".join(str(sidecar.get("genre", "")).lower().split()),
        bpm=float(bpm) if isinstance(bpm, int | float) and not isinstance(bpm, bool) else None,
        events=tuple(sidecar.events if events is None else events),
        beats_per_bar=read_meter(str(sidecar.get("timesignature", ""))),
    )


def length_distances(
    first: Sequence[ArrangedSong], second: Sequence[ArrangedSong], in_bars: bool = False
) -> dict[str, float]:
    """1-Wasserstein distance of the lengths of sections, for each type that both sets have.

    Args:
        first, second: songs.
        in_bars: in bars, not seconds; empty where a song has no tempo.

    Source: scipy.stats.wasserstein_distance.
    """
    from scipy.stats import wasserstein_distance

    one, other = _lengths(first, in_bars), _lengths(second, in_bars)
    return {kind: float(wasserstein_distance(one[kind], other[kind])) for kind in sorted(one.keys() & other.keys())}


def type_shares(songs: Sequence[ArrangedSong]) -> dict[str, float]:
    """Share of the marked time that each section type takes; every song counts the same."""
    shares: Counter[str] = Counter()
    for song in songs:
        marked = sum(part.duration for part in song.parts)
        for part in song.parts:
            shares[part.type] += part.duration / marked / len(songs)
    return dict(shares)


def bigram_shares(songs: Sequence[ArrangedSong]) -> dict[tuple[str, str], float]:
    """How often each type follows each, `START` and `END` of songs included; shares of all such pairs."""
    counts: Counter[tuple[str, str]] = Counter()
    for song in songs:
        counts.update(pairwise([START, *(part.type for part in song.parts), END]))
    return {pair: n / counts.total() for pair, n in counts.items()}


def jensen_shannon(first: Mapping[Any, float], second: Mapping[Any, float]) -> float:
    """Jensen-Shannon distance of two distributions, base 2: 0 (equal) to 1 (nothing in common).

    sqrt((KL(p ‖ m) + KL(q ‖ m)) / 2) with m = (p + q) / 2.

    Source: Endres and Schindelin, IEEE Transactions on Information Theory, 2003.
    """
    from scipy.special import rel_entr

    keys = [*{**first, **second}]
    p, q = (np.array([shares.get(key, 0.0) for key in keys]) for shares in (first, second))
    m = (p + q) / 2
    divergence = float((rel_entr(p, m) + rel_entr(q, m)).sum() / 2 / math.log(2))
    return math.sqrt(min(max(divergence, 0.0), 1.0))  # rounding may lead outside


def compare_sets(first: Sequence[ArrangedSong], second: Sequence[ArrangedSong], in_bars: bool = False) -> Parts:
    """How far two sets of songs lie apart.

    Args:
        first: the set that is measured.
        second: the one it is measured by.
        in_bars: compare lengths in bars, not seconds; every song then needs a tempo.

    Raises:
        ArrangementError: a set is empty, or a song has no section.
    """
    from scipy.stats import wasserstein_distance

    for songs in (first, second):
        if not songs:
            raise ArrangementError("There are no songs to compare. Give at least one on each side.")
        if not all(song.parts for song in songs):
            raise ArrangementError("A song has no sections, so it has no arrangement. Leave it out.")
    one, other = ([len(song.parts) for song in songs] for songs in (first, second))
    return Parts(
        lengths=_relative_lengths(first, second, in_bars),
        types=jensen_shannon(type_shares(first), type_shares(second)),
        order=jensen_shannon(bigram_shares(first), bigram_shares(second)),
        count=min(1.0, float(wasserstein_distance(one, other) / np.mean(other))),
    )


def compare_arrangements(
    songs: Sequence[ArrangedSong], dataset: Sequence[ArrangedSong], seed: int = 0
) -> ArrangementReport:
    """Songs against the dataset's songs of their genres, with ceiling and chance.

    Neighbours of one type count as one section, since no judge hears the seam between two verses.

    Args:
        songs: the set that is measured, such as generated songs and the sections heard in them.
        dataset: annotated real songs.
        seed: of the drawing of sets.

    Raises:
        ArrangementError: no genre of `songs` has enough songs in `dataset`.
    """
    notes: list[str] = []
    made, real = _by_genre(songs, notes), _by_genre(dataset, notes)
    rng = np.random.default_rng(seed)
    reports = []
    for genre in sorted(made):
        own = real.get(genre, [])
        if len(own) < FEWEST_SONGS:
            notes.append(
                f"Of {genre or 'no genre'} the dataset has {len(own)} of the {FEWEST_SONGS} annotated songs that a "
                "comparison needs. Annotate more of them."
            )
            continue
        others = [song for name, these in real.items() if name != genre for song in these]
        in_bars = all(song.bar is not None for song in (*made[genre], *own, *others))
        reports.append(_compare_genre(genre, made[genre], own, others, in_bars, rng))
        if not in_bars:
            notes.append(f"A song has no tempo, so the lengths of {genre or 'no genre'} are compared in seconds only.")
    if not reports:
        raise ArrangementError(" ".join(["No arrangement can be compared.", *notes]))
    if len(real) < 2:
        notes.append("All songs of the dataset are of one genre, so nothing tells what chance would be.")
    weights = [report.songs for report in reports]

    def pooled(figures: Sequence[float]) -> float:
        return float(np.average(figures, weights=weights))

    distance, ceiling = pooled([r.distance for r in reports]), pooled([r.ceiling for r in reports])
    chances = [r.chance for r in reports]
    chance = None if None in chances else pooled(chances)
    return ArrangementReport(reports, distance, ceiling, chance, _nearness(distance, chance, ceiling), notes)


def _compare_genre(
    genre: str,
    songs: Sequence[ArrangedSong],
    own: Sequence[ArrangedSong],
    others: Sequence[ArrangedSong],
    in_bars: bool,
    rng: np.random.Generator,
) -> GenreReport:
    """One genre; `own` are the dataset's songs of it, `others` its other songs."""
    size = min(len(songs), len(own) // 2, *([len(others)] if others else []))
    figures = []
    for _ in range(DRAWS):
        order = rng.permutation(len(own))
        held, rest = ([own[i] for i in part] for part in (order[:size], order[size:]))
        sets = [[these[i] for i in rng.permutation(len(these))[:size]] for these in (songs, others)]
        drawn = sets[0], held, sets[1]
        figures.append([compare_sets(these, rest, in_bars).distance if these else np.nan for these in drawn])
    distance, ceiling, chance = (None if np.isnan(mean) else float(mean) for mean in np.mean(figures, axis=0))
    return GenreReport(
        genre=genre,
        songs=len(songs),
        reference=len(own),
        parts=compare_sets(songs, own, in_bars),
        length_seconds=length_distances(songs, own),
        length_bars=length_distances(songs, own, in_bars=True) if in_bars else {},
        distance=distance,
        ceiling=ceiling,
        chance=chance,
        nearness=_nearness(distance, chance, ceiling),
    )


def _nearness(distance: float, chance: float | None, ceiling: float) -> float | None:
    room = None if chance is None else chance - ceiling
    return None if room is None or room < _LEAST_ROOM else (chance - distance) / room


def _by_genre(songs: Sequence[ArrangedSong], notes: list[str]) -> dict[str, list[ArrangedSong]]:
    found: dict[str, list[ArrangedSong]] = {}
    for song in songs:
        if merged := tuple(merge_repeats(song.parts)):
            found.setdefault(song.genre, []).append(replace(song, events=merged))
    if without := len(songs) - sum(map(len, found.values())):
        notes.append(f"{without} of {len(songs)} songs have no sections and were left out.")
    return found


def _lengths(songs: Sequence[ArrangedSong], in_bars: bool) -> dict[str, list[float]]:
    """Lengths of the sections of each type, in seconds or in bars; empty where bars are not known."""
    found: dict[str, list[float]] = {}
    for song in songs:
        unit = song.bar if in_bars else 1.0
        if unit is None:
            return {}
        for part in song.parts:
            found.setdefault(part.type, []).append(part.duration / unit)
    return found


def _relative_lengths(first: Sequence[ArrangedSong], second: Sequence[ArrangedSong], in_bars: bool) -> float | None:
    distances, lengths = length_distances(first, second, in_bars), _lengths(second, in_bars)
    if not distances:
        return None
    relative = [min(1.0, distance / float(np.mean(lengths[kind]))) for kind, distance in distances.items()]
    return float(np.average(relative, weights=[len(lengths[kind]) for kind in distances]))
