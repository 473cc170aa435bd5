"""What is said of a set of songs: each measure as a ratio, so that one bootstrap serves them all.

A mean is a ratio of sums whose denominators are 1. A share of transitions, or the F of moments, pools what was
counted in all songs. A song of which a measure says nothing has the denominator 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.intervals import LEVEL, Interval, bootstrap_interval, ratio_interval
from evaluation.moments import MomentScore
from evaluation.scores import SHARES, WITHIN, StructureScore, median
from structure.events import Event

LEAST_ROOM = 0.05
"""Between chance and ceiling; where they are nearer, control would be noise."""

Ratio = tuple[float, float]  # numerator and denominator


@dataclass(frozen=True)
class SongReport:
    """One song against one structure: the sections asked for, those heard, and the scores.

    Attributes:
        name: file name.
        duration: seconds.
        requested: the sections asked for, repeats of a type joined.
        heard: the sections heard.
        score: sections.
        moments: moments asked for and heard; None where nobody listened for them.
        contrast: share of the variation of sound that the sections explain; None with fewer than two types.
    """

    name: str
    duration: float
    requested: list[Event]
    heard: list[Event]
    score: StructureScore
    moments: MomentScore | None = None
    contrast: float | None = None


@dataclass(frozen=True)
class Measure:
    """A figure of a set of songs, better when higher.

    Attributes:
        key: in JSON.
        name: in a table.
        of: numerator and denominator of one song.
    """

    key: str
    name: str
    of: Callable[[SongReport], Ratio]

    def interval(self, songs: Sequence[SongReport], level: float = LEVEL) -> Interval | None:
        """The figure of a set with its interval over songs; None where no song says anything of it."""
        return interval_of([self.of(song) for song in songs], level)


def interval_of(ratios: Sequence[Ratio], level: float = LEVEL) -> Interval | None:
    """A pooled ratio with its interval over songs; None where nothing was counted."""
    counted = [(top, bottom) for top, bottom in ratios if bottom > 0]
    return ratio_interval(*np.transpose(counted), level) if counted else None


def mean_ratio(ratios: Sequence[Ratio]) -> Ratio:
    """The mean of several readings of one song as one ratio, so that the song weighs what it weighed."""
    tops, bottoms = np.transpose(ratios) if ratios else np.zeros((2, 1))
    return float(np.mean(tops)), float(np.mean(bottoms))


def control_interval(
    scores: Sequence[Ratio], chances: Sequence[Ratio], ceiling: float | None, level: float = LEVEL
) -> Interval | None:
    """Where a set lies between chance and ceiling, with its interval over songs; each song brings its own chance.

    The ceiling is taken as given: it is a fact of the judge, the same for whatever is compared.

    Args:
        scores, chances: ratio of each song.
        ceiling: what real songs reach.
        level: of the interval, 0 to 1.

    Returns:
        None where a figure is missing or chance and ceiling lie within `LEAST_ROOM`.
    """
    rows = np.array([(*s, *c) for s, c in zip(scores, chances, strict=True) if s[1] > 0 and c[1] > 0])
    if not len(rows) or ceiling is None:
        return None
    score, chance = rows[:, :2], rows[:, 2:]
    if ceiling - chance[:, 0].sum() / chance[:, 1].sum() < LEAST_ROOM:
        return None

    def control(picked: np.ndarray) -> float:
        (top, bottom), (luck, tries) = score[picked].sum(axis=0), chance[picked].sum(axis=0)
        room = ceiling - luck / tries
        return float((top / bottom - luck / tries) / room) if room > 0 else float("nan")

    return bootstrap_interval(len(rows), control, level)


def median_error(songs: Sequence[SongReport]) -> Interval | None:
    """Median error of all transitions together in seconds, with its interval over songs; None where few are heard."""
    errors = [song.score.transition_errors for song in songs if song.score.transition_errors.size]
    whole = median(np.concatenate(errors)) if errors else None
    if whole is None:
        return None
    found = bootstrap_interval(
        len(errors), lambda picked: float(np.median(np.concatenate([errors[i] for i in picked])))
    )
    return replace(found, mean=whole)


def _share(name: str) -> Callable[[SongReport], Ratio]:
    def of(song: SongReport) -> Ratio:
        value = getattr(song.score, name)
        return (0.0, 0.0) if value is None else (value, 1.0)

    return of


def _within(limit: float) -> Callable[[SongReport], Ratio]:
    def of(song: SongReport) -> Ratio:
        errors = song.score.transition_errors
        return float(np.count_nonzero(errors <= limit + 1e-3)), float(errors.size)  # a millisecond of grace

    return of


def _moments(song: SongReport) -> Ratio:
    if song.moments is None:
        return 0.0, 0.0
    count = song.moments.overall
    return 2.0 * count.found, float(count.asked + count.heard)


def _contrast(song: SongReport) -> Ratio:
    return (0.0, 0.0) if song.contrast is None else (song.contrast, 1.0)


MEASURES: tuple[Measure, ...] = (
    *(Measure(key, name, _share(key)) for key, name in SHARES.items()),
    *(Measure(f"within_{limit:g}", f"changes of part within {limit:g} s", _within(limit)) for limit in WITHIN),
    Measure("moments_f", "moments found within 0.25 s, F", _moments),
    Measure("contrast", "contrast of parts against variation within", _contrast),
)
