"""Which listeners count. The rules are fixed here, before anybody listens, and look at no arm's name.

They treat all arms alike, so that excluding a listener favours none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from evaluation.listening.design import Kind
from evaluation.listening.rows import Row

FASTEST = 2.0
"""Seconds: whose median trial is shorter has not listened."""

ENOUGH_SIDES = 8
"""Trials from which on a listener who always answers the same side is excluded: by luck 1 in 128 would."""

ENOUGH_REPEATS = 4
"""Repeated trials from which on steadiness counts."""

STEADY = 0.5
"""Share of repeated trials that two blind guesses between A and B answer alike; a preference must be steadier."""

RULES = (
    f"A listener is left out whose median trial takes less than {FASTEST:g} s;",
    f"who always answers the same side, in {ENOUGH_SIDES} trials or more;",
    f"in a preference test, who answers {STEADY:.0%} or less of {ENOUGH_REPEATS} or more repeated trials alike. In an "
    "ABX test guessing is an honest result, so steadiness excludes nobody.",
)


@dataclass(frozen=True)
class Listener:
    """How one listener answered.

    Attributes:
        trials: answered, repeated ones with them.
        repeats: repeated trials answered.
        steadiness: share of the answers to repeated trials that are the same arm (or no difference) as before; None
            without any.
        seconds: of the median trial.
        excluded: why the listener does not count, or None.
    """

    name: str
    trials: int
    repeats: int
    steadiness: float | None
    seconds: float
    excluded: str | None


def screen(rows: Sequence[Row], kind: Kind) -> list[Listener]:
    """Everybody who answered anything, in the order of the rows."""
    return [
        _judge([row for row in rows if row.listener == name], kind) for name in dict.fromkeys(r.listener for r in rows)
    ]


def _judge(rows: list[Row], kind: Kind) -> Listener:
    before = {(row.trial, row.question): row.arm for row in rows}
    alike = [row.arm == before[row.repeats, row.question] for row in rows if row.repeats is not None]
    repeats = len({row.trial for row in rows if row.repeats is not None})
    steadiness = sum(alike) / len(alike) if alike else None
    seconds = {row.trial: row.seconds for row in rows}
    taken, sides = median(seconds.values()), {row.choice for row in rows}
    excluded = None
    if taken < FASTEST:
        excluded = f"too fast to have listened: {taken:.1f} s in the median trial, {FASTEST:g} s are least"
    elif len(seconds) >= ENOUGH_SIDES and len(sides) == 1 and "tie" not in sides:
        excluded = f"always answered {rows[0].choice}, in {len(seconds)} trials"
    elif kind == "preference" and repeats >= ENOUGH_REPEATS and steadiness is not None and steadiness <= STEADY:
        excluded = f"answered {steadiness:.0%} of {repeats} repeated trials alike, no steadier than a guess"
    return Listener(rows[0].listener, len(seconds), repeats, steadiness, taken, excluded)
