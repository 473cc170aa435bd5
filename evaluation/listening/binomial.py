"""Exact answers to yes-or-no trials: a test, an interval, and how many trials an effect needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

LEVEL = 0.05
POWER = 0.8
MOST_TRIALS = 5_000
"""Above it nobody would listen: an effect that needs more is as good as none."""


@dataclass(frozen=True)
class Share:
    """A share of trials with its exact 95 % interval (Clopper and Pearson) and p against one half."""

    hits: int
    n: int
    share: float
    low: float
    high: float
    p: float

    def to_dict(self) -> dict[str, float | int]:
        """Ready for JSON."""
        return {name: getattr(self, name) for name in ("hits", "n", "share", "low", "high", "p")}


def exact_share(hits: int, n: int, one_sided: bool = False) -> Share | None:
    """A share against one half; None where there is no trial.

    Args:
        hits: trials for it.
        n: all trials; ties are no trials.
        one_sided: only more than half is of interest, as in an ABX test. The interval is two-sided in any case.

    Source: Clopper and Pearson, Biometrika, 1934.
    """
    from scipy.stats import binomtest

    if not n:
        return None
    interval = binomtest(hits, n).proportion_ci(0.95, method="exact")
    p = binomtest(hits, n, alternative="greater" if one_sided else "two-sided").pvalue
    return Share(hits, n, hits / n, float(interval.low), float(interval.high), float(p))


def trials_needed(share: float, one_sided: bool = False, power: float = POWER, level: float = LEVEL) -> int | None:
    """The fewest trials in which the exact test finds a true share with the power asked for.

    The power of an exact test falls a little with some added trials; this is the first number that reaches it.

    Args:
        share: of trials, 0 to 1.
        one_sided: as in `exact_share`.
        power: chance of finding it, 0 to 1.
        level: of the test.

    Returns:
        A number of trials, or None where 5000 do not suffice.
    """
    from scipy.stats import binom

    n = np.arange(1, MOST_TRIALS + 1)
    least = _least_hits(level if one_sided else level / 2)
    reached = binom.sf(least - 1, n, share)
    if not one_sided:
        reached = reached + binom.cdf(n - least, n, share)
    found = np.flatnonzero(reached >= power)
    return int(n[found[0]]) if found.size else None


@cache
def _least_hits(tail: float) -> np.ndarray:
    """Int (5000,): of 1, 2 … trials the hits from which on chance has at most `tail` left."""
    from scipy.stats import binom

    return binom.isf(tail, np.arange(1, MOST_TRIALS + 1), 0.5).astype(int) + 1
