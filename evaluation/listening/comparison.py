"""Two arms on one question: counts, an exact test, an interval over listeners, and a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.intervals import FEWEST_PAIRS, Interval, bootstrap_interval, holm
from evaluation.listening.binomial import LEVEL, MOST_TRIALS, POWER, Share, exact_share, trials_needed
from evaluation.listening.design import Kind
from evaluation.listening.rows import Row


@dataclass(frozen=True)
class Comparison:
    """Two arms on one question; in an ABX test `wins` are the right answers and `losses` the wrong ones.

    Attributes:
        decided: share of wins among decided trials, None where none was.
        listeners: the same share with its interval over listeners, None where none was decided.
        needed: trials, ties with them, that would find such a share with 80 % power; None where 5000 do not suffice.
        adjusted_p: Holm's, over all comparisons of the test.
        verdict: the arm that is preferred, or `heard` in an ABX test; None where nothing is shown.
        sentence: all of it in words.
    """

    kind: Kind
    question: str
    first: str
    second: str
    wins: int
    losses: int
    ties: int
    decided: Share | None
    listeners: Interval | None
    needed: int | None
    adjusted_p: float | None = None
    verdict: str | None = None
    sentence: str = ""


def compare(rows: Sequence[Row], question: str, pair: tuple[str, str], kind: Kind) -> Comparison:
    """Counts and intervals, without a verdict yet.

    Args:
        rows: of new trials and of listeners who count; those of other questions and arms are passed over.
        question: id.
        pair: the two arms.
        kind: of test.
    """
    mine = [row for row in rows if row.question == question and set(row.sides) == set(pair)]
    names = list(dict.fromkeys(row.listener for row in mine))
    table = np.zeros((len(names), 2), int)  # (listeners, wins and losses)
    for row in mine:
        if row.arm is not None:
            won = row.arm == (row.x if kind == "abx" else pair[0])
            table[names.index(row.listener), 0 if won else 1] += 1

    def share(picked: np.ndarray) -> float:
        won, lost = table[picked].sum(axis=0)
        return float(won / (won + lost)) if won + lost else math.nan

    wins, losses = map(int, table.sum(axis=0))
    decided = exact_share(wins, wins + losses, one_sided=kind == "abx")
    listeners = bootstrap_interval(len(names), share) if decided else None
    needed = trials_needed(decided.share, one_sided=kind == "abx") if decided else None
    if decided and needed:
        needed = math.ceil(needed * len(mine) / decided.n)
    ties = len(mine) - wins - losses
    return Comparison(kind, question, *pair, wins, losses, ties, decided, listeners, needed)


def judge(compared: Sequence[Comparison]) -> list[Comparison]:
    """All comparisons of one test with adjusted p, verdict and sentence."""
    p_values = iter(holm([c.decided.p for c in compared if c.decided]))
    return [_judged(replace(c, adjusted_p=next(p_values)) if c.decided else c) for c in compared]


def p_text(c: Comparison) -> str:
    """The adjusted p as it is written."""
    if c.adjusted_p is None:
        return "-"
    return "p < 0.001" if c.adjusted_p < 0.001 else f"p = {c.adjusted_p:.2g}"


def _judged(c: Comparison) -> Comparison:
    about = f"{c.question}, {c.first} and {c.second}"
    if not c.decided or c.adjusted_p is None or c.decided.n < FEWEST_PAIRS:
        n = c.decided.n if c.decided else 0
        return replace(c, sentence=f"{about}: {n} decided trials are too few for a verdict; {FEWEST_PAIRS} are least.")
    if c.adjusted_p >= LEVEL:
        more = f"more than {MOST_TRIALS}" if c.needed is None else f"about {c.needed}"
        power = f"With a share like this {more} trials find one in {POWER:.0%} of tests."
        return replace(c, sentence=f"{about}: no difference is shown: {_counts(c)}. {power}")
    if not _leaves_out_half(c.listeners):
        return replace(c, sentence=f"{about}: no verdict, since it depends on the listener: {_counts(c)}.")
    if c.kind == "abx":
        return replace(c, verdict="heard", sentence=f"{about}: the difference is heard: {_counts(c)}.")
    better = c.first if c.wins > c.losses else c.second
    return replace(c, verdict=better, sentence=f"{about}: {better} is preferred: {_counts(c)}.")


def _counts(c: Comparison) -> str:
    """The figures in favour of the arm with more wins, or of right answers."""
    behind = c.kind == "preference" and c.losses > c.wins
    share = exact_share(c.losses, c.wins + c.losses) if behind else c.decided
    assert share is not None
    what = "right" if c.kind == "abx" else f"for {c.second if behind else c.first}"
    over = ""
    if c.listeners and c.listeners.low is not None and c.listeners.high is not None:
        low, high = (1 - c.listeners.high, 1 - c.listeners.low) if behind else (c.listeners.low, c.listeners.high)
        over = f", {low:.0%} to {high:.0%} over listeners"
    ties = f", {c.ties} without a difference" if c.ties else ""
    interval = f"{share.share:.0%}, 95 % interval {share.low:.0%} to {share.high:.0%}{over}"
    return f"{share.hits} of {share.n} {what}{ties} ({interval}; {p_text(c)})"


def _leaves_out_half(interval: Interval | None) -> bool:
    """Whether listeners agree on the direction; one listener cannot disagree."""
    if interval is None or interval.low is None or interval.high is None:
        return True
    return interval.low > 0.5 or interval.high < 0.5
