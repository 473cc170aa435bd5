"""Who counts: the rules, each at its edge."""

from dataclasses import replace

import pytest

from evaluation.listening.rows import Row
from evaluation.listening.screening import ENOUGH_REPEATS, ENOUGH_SIDES, FASTEST, RULES, screen

ROW = Row("Ann", 1, "t", None, "s", ("p", "q"), None, "o", "A", "p", 30.0)


def new(n: int, choices: str = "AB", seconds: float = 30.0) -> list[Row]:
    """n new trials, whose choices go round."""
    chosen = [choices[i % len(choices)] for i in range(n)]
    return [
        replace(ROW, trial=f"t{i}", choice=c, arm=ROW.sides["AB".index(c)], seconds=seconds)
        for i, c in enumerate(chosen)
    ]


def repeated(rows: list[Row], alike: int) -> list[Row]:
    """Each of the rows again, sides swapped, the first few with the same arm."""
    again = []
    for n, row in enumerate(rows):
        arm = row.arm if n < alike else next(side for side in row.sides if side != row.arm)
        sides = row.sides[::-1]
        again.append(
            replace(row, trial=f"{row.trial}r", repeats=row.trial, sides=sides, arm=arm, choice="AB"[sides.index(arm)])
        )
    return again


@pytest.mark.parametrize(
    "rows, says",
    [
        (new(6, seconds=FASTEST), None),
        (new(6, seconds=1.1), "too fast to have listened: 1.1 s in the median trial, 2 s are least"),
        (new(ENOUGH_SIDES - 1, "B"), None),
        (new(ENOUGH_SIDES, "B"), "always answered B, in 8 trials"),
        (new(8) + repeated(new(ENOUGH_REPEATS - 1), 0), None),
        (new(8) + repeated(new(ENOUGH_REPEATS), 3), None),
        (
            new(8) + repeated(new(ENOUGH_REPEATS), 2),
            "answered 50% of 4 repeated trials alike, no steadier than a guess",
        ),
    ],
)
def test_each_rule_begins_where_it_says(rows, says):
    (listener,) = screen(rows, "preference")
    assert listener.excluded == says
    assert len(RULES) == 3


def test_guessing_in_an_abx_test_is_an_honest_result():
    (listener,) = screen(new(8) + repeated(new(4), 0), "abx")
    assert listener.steadiness == 0 and listener.excluded is None


def test_no_difference_everywhere_is_an_opinion():
    rows = [replace(row, choice="tie", arm=None) for row in new(12)]
    assert screen(rows, "preference")[0].excluded is None
