"""Which trials a listener hears, and in which order: random, with sides balanced and some trials repeated.

Nothing here knows of files or sound.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from structure.errors import StudioError

Kind = Literal["preference", "abx"]
APART = 2
"""Trials between one and its repetition, where there is room: nobody should answer from memory."""


class DesignError(StudioError):
    """A listening test that cannot be planned from these songs."""


@dataclass(frozen=True)
class PlannedTrial:
    """One comparison.

    Attributes:
        song: what is heard.
        sides: the arms behind A and B.
        x: in an ABX test the side that X is, 0 for A or 1 for B; None otherwise.
        repeats: place of the earlier trial of the same sheet that this one repeats; None for a new one.
    """

    song: str
    sides: tuple[str, str]
    x: int | None = None
    repeats: int | None = None

    def swapped(self, repeats: int) -> PlannedTrial:
        """The same comparison with A and B exchanged; X stays the same arm."""
        return PlannedTrial(self.song, self.sides[::-1], None if self.x is None else 1 - self.x, repeats)


def most_trials(n_songs: int, n_arms: int) -> int:
    """How many different pairs there are to hear: each song as each two arms made it."""
    return n_songs * n_arms * (n_arms - 1) // 2


def plan_trials(
    songs: Sequence[str], arms: Sequence[str], kind: Kind, trials: int, repeats: int, rng: random.Random
) -> list[PlannedTrial]:
    """One listener's trials in the order of hearing.

    Each pair of arms comes up equally often (to within one trial), and each arm of a pair as often on side A as on B.
    In an ABX test all four of (sides, X) come up equally often. A preference is asked once of each song and pair;
    an ABX test may come back to a song.

    Args:
        songs: names.
        arms: names, two or more.
        kind: of the test.
        trials: new ones.
        repeats: how many of them are heard twice.
        rng: decides all that is random.

    Raises:
        DesignError: too few songs for so many trials, or numbers that make no test.
    """
    _check(len(songs), len(arms), kind, trials, repeats)
    pairs = list(combinations(arms, 2))
    rng.shuffle(pairs)
    base: list[PlannedTrial] = []
    for number, pair in enumerate(pairs):
        count = trials // len(pairs) + (number < trials % len(pairs))
        heard = [song for _ in range(-(-count // len(songs))) for song in rng.sample(songs, len(songs))][:count]
        base += [_trial(song, pair, *chosen) for song, chosen in zip(heard, _balanced(kind, count, rng), strict=True)]
    rng.shuffle(base)
    return _with_repeats(base, repeats, rng)


def _check(n_songs: int, n_arms: int, kind: Kind, trials: int, repeats: int) -> None:
    if n_arms < 2:
        raise DesignError(f"A listening test compares two or more ways of making songs, got {n_arms}. Name another.")
    if n_songs < 1:
        raise DesignError("There is no song to hear.")
    if trials < 1:
        raise DesignError(f"A listener needs at least one trial, got {trials}.")
    if not 0 <= repeats <= trials:
        raise DesignError(f"Of {trials} trials 0 to {trials} can be repeated, got {repeats}.")
    if kind == "preference" and trials > most_trials(n_songs, n_arms):
        raise DesignError(
            f"{n_songs} songs and {n_arms} arms make {most_trials(n_songs, n_arms)} different pairs, too few for "
            f"{trials} trials. Ask for fewer, or add songs."
        )


def _balanced(kind: Kind, count: int, rng: random.Random) -> list[tuple[bool, int | None]]:
    """Whether the sides are exchanged, and the place of X in the pair, so often each that they differ by one."""
    ways: list[tuple[bool, int | None]] = (
        [(False, None), (True, None)] if kind == "preference" else [(f, x) for f in (False, True) for x in (0, 1)]
    )
    return [way for _ in range(-(-count // len(ways))) for way in rng.sample(ways, len(ways))][:count]


def _trial(song: str, pair: tuple[str, str], exchanged: bool, x: int | None) -> PlannedTrial:
    trial = PlannedTrial(song, pair, x)
    return PlannedTrial(song, pair[::-1], None if x is None else 1 - x) if exchanged else trial


def _with_repeats(base: list[PlannedTrial], repeats: int, rng: random.Random) -> list[PlannedTrial]:
    again = rng.sample(range(max(repeats, len(base) - APART)), repeats)
    order = [(number, False) for number in range(len(base))]
    for number in again:
        earliest = min(order.index((number, False)) + 1 + APART, len(order))
        order.insert(rng.randint(earliest, len(order)), (number, True))
    places = {number: place for place, (number, repeated) in enumerate(order) if not repeated}
    return [base[number].swapped(places[number]) if repeated else base[number] for number, repeated in order]
