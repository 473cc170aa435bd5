"""Answers with the key beside them: one row a trial and question."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.listening.answers import Choice, read_answers
from evaluation.listening.store import Key, ListeningTest


@dataclass(frozen=True)
class Row:
    """One question of one trial, answered.

    Attributes:
        listener: name.
        number: of the trial as the listener counted, from 1.
        trial: id.
        repeats: id of the earlier trial that this one repeats, or None.
        song: what was heard.
        sides: the arms behind A and B.
        x: the arm behind X, or None.
        question: id.
        choice: as answered.
        arm: the arm that the choice stands for; None for no difference.
        seconds: that the whole trial took.
    """

    listener: str
    number: int
    trial: str
    repeats: str | None
    song: str
    sides: tuple[str, str]
    x: str | None
    question: str
    choice: Choice
    arm: str | None
    seconds: float


def read_rows(test: ListeningTest, key: Key) -> tuple[list[Row], list[str]]:
    """All answers of all listeners, and what was odd in their files.

    Raises:
        ListeningError: answers cannot be read.
    """
    rows, notes = [], []
    for sheet in test.sheets:
        answers = read_answers(test, sheet)
        notes += [answers.note] if answers.note else []
        for number, answer in enumerate(answers.given, 1):
            was = key.trials[answer.trial]
            for question in test.description.questions:
                choice = answer.choices[question.id]
                rows.append(
                    Row(
                        listener=sheet.name,
                        number=number,
                        trial=answer.trial,
                        repeats=was.repeats,
                        song=was.song,
                        sides=was.sides,
                        x=None if was.x is None else was.sides[was.x],
                        question=question.id,
                        choice=choice,
                        arm=None if choice == "tie" else was.sides["AB".index(choice)],
                        seconds=answer.seconds,
                    )
                )
    return rows, notes
