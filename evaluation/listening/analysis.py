"""What a listening test shows, once it has ended.

New trials count, repeated ones only tell how steady a listener is. Two arms are compared by the exact binomial test on
the trials that were decided (ties say nothing about the direction), all arms of a preference by Bradley-Terry (ties are
half a win each). Trials of one listener are not independent, so an interval over listeners stands beside the exact one,
and a verdict needs both. p is adjusted by Holm for all comparisons of the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.listening.answers import progress
from evaluation.listening.bradley_terry import Strength, strengths
from evaluation.listening.comparison import Comparison, compare, judge
from evaluation.listening.design import Kind
from evaluation.listening.rows import Row, read_rows
from evaluation.listening.screening import Listener, screen
from evaluation.listening.store import ListeningError, ListeningTest, open_test, read_key


@dataclass(frozen=True)
class Analysis:
    """Everything that the answers say. `strengths` is by question, for a preference test."""

    kind: Kind
    arms: list[str]
    comparisons: list[Comparison]
    strengths: dict[str, list[Strength]]
    listeners: list[Listener]
    notes: list[str]
    rows: list[Row]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, without the single answers."""
        return {name: value for name, value in asdict(self).items() if name != "rows"}

    def to_table(self) -> str:
        """All of it as text."""
        lines = [comparison.sentence for comparison in self.comparisons]
        for question, found in self.strengths.items():
            lines += ["", f"Strength on {question}: log odds, 0 is the mean arm (95 % over trials; over listeners)"]
            lines += [f"  {_strength_text(strength)}" for strength in found]
        lines += ["", "Listeners"]
        lines += [f"  {listener_text(listener)}" for listener in self.listeners]
        return "\n".join([*lines, "", *self.notes])


def analyse(folder: Path) -> Analysis:
    """The result of a test that has ended.

    Raises:
        ListeningError: somebody has not finished and the maker has not closed the test, or files are broken.
    """
    test = open_test(folder)
    _refuse_early(test)
    key = read_key(test)
    rows, torn = read_rows(test, key)
    arms, kind = list(key.arms), test.description.kind
    questions = [question.id for question in test.description.questions]
    listeners = screen(rows, kind)
    kept = {listener.name for listener in listeners if listener.excluded is None}
    counted = [row for row in rows if row.listener in kept and row.repeats is None]
    compared = [compare(counted, question, pair, kind) for question in questions for pair in combinations(arms, 2)]
    wins = {question: _wins(counted, question, arms) for question in questions if counted and kind == "preference"}
    notes = [*key.notes, *torn]
    for question, table in wins.items():
        notes += _bounds(question, arms, table.sum(axis=0))
    if len(kept) < 2:
        notes.append("One listener counts, so this says nothing about others." if kept else "No listener counts.")
    notes.append("The result is about these songs; others by the same arms may fare differently.")
    ranked = {question: strengths(arms, table) for question, table in wins.items()}
    return Analysis(kind, arms, judge(compared), ranked, listeners, notes, rows)


def listener_text(listener: Listener) -> str:
    """A listener in a line."""
    steady = "" if listener.steadiness is None else f", {listener.steadiness:.0%} of {listener.repeats} repeats alike"
    left_out = "" if listener.excluded is None else f"; left out: {listener.excluded}"
    return f"{listener.name}: {listener.trials} trials, {listener.seconds:.0f} s each{steady}{left_out}"


def _refuse_early(test: ListeningTest) -> None:
    if test.closed:
        return
    waiting = [f"{p.name} ({p.answered} of {p.trials})" for p in progress(test) if not p.finished]
    if waiting:
        raise ListeningError(
            f"Results come at the end only. Still listening: {', '.join(waiting)}. Wait for them, or close the test."
        )


def _wins(rows: Sequence[Row], question: str, arms: list[str]) -> np.ndarray:
    """Float (listeners, arms, arms): how often the row's arm was preferred to the column's, ties as half."""
    names = list(dict.fromkeys(row.listener for row in rows))
    wins = np.zeros((len(names), len(arms), len(arms)))
    for row in rows:
        if row.question == question:
            who = names.index(row.listener)
            a, b = (arms.index(arm) for arm in row.sides)
            won = 0.5 if row.arm is None else float(row.arm == row.sides[0])
            wins[who, a, b] += won
            wins[who, b, a] += 1 - won
    return wins


def _bounds(question: str, arms: list[str], wins: np.ndarray) -> list[str]:
    """A note for each arm that won or lost everything: its strength is finite only by the half wins added."""
    return [
        f"On {question}, {arm} {'won' if wins[n].any() else 'lost'} every trial, so its strength is only a bound."
        for n, arm in enumerate(arms)
        if bool(wins[n].any()) != bool(wins[:, n].any())
    ]


def _strength_text(s: Strength) -> str:
    over = "" if s.listeners_low is None else f"; {s.listeners_low:+.2f} to {s.listeners_high:+.2f}"
    return f"{s.arm}: {s.strength:+.2f} ({s.low:+.2f} to {s.high:+.2f}{over})"
