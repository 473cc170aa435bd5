"""What listeners answered: one file each, a line a trial, written at the moment of answering.

A kill loses at most the line that was being written. A torn last line is cut off and noted; anything else that does
not fit makes the file unusable, and says so, since a verdict on half of the answers would be worth nothing.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from evaluation.listening.store import ListeningError, ListeningTest, RefusedAnswer, Sheet, Trial

Choice = Literal["A", "B", "tie"]
CHOICES: dict[str, tuple[Choice, ...]] = {"preference": ("A", "B", "tie"), "abx": ("A", "B")}
"""What can be answered, by kind of test; in an ABX test `A` means that X is A."""

LONGEST = 86_400.0  # seconds that a trial can take


class Answer(BaseModel):
    """One trial, answered. `choices` by question; `seconds` from the first sound at hand to the answer; `when` Unix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: str
    choices: dict[str, Choice]
    seconds: float
    when: float


@dataclass(frozen=True)
class Answers:
    """A listener's answers, the first trial first, and what was found odd in their file."""

    given: list[Answer]
    note: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far a listener is."""

    name: str
    token: str
    answered: int
    trials: int

    @property
    def finished(self) -> bool:
        return self.answered == self.trials


def read_answers(test: ListeningTest, sheet: Sheet) -> Answers:
    """All that a listener answered.

    Raises:
        ListeningError: the file is broken elsewhere than in its last line, or is not of this sheet.
    """
    path = test.answers_file(sheet)
    whole, torn = _lines(path.read_bytes() if path.exists() else b"")
    given = []
    for number, line in enumerate(whole, 1):
        try:
            given.append(Answer.model_validate_json(line))
            expected = sheet.trials[number - 1].id
        except (ValidationError, IndexError):
            expected = ""
        if not expected or given[-1].trial != expected or not _complete(test, given[-1].choices):
            raise ListeningError(
                f"`{path}`: line {number} is no answer to trial {number} of {sheet.name}. Restore the file from a "
                "backup, or delete it and let the listener begin again; until then there is no result."
            )
    note = f"The last answer of {sheet.name} was cut off while it was written, and is ignored." if torn else None
    return Answers(given, note)


def next_trial(test: ListeningTest, sheet: Sheet) -> tuple[int, Trial] | None:
    """Place and trial that a listener is to hear now; None after the last.

    Raises:
        ListeningError: the answers cannot be read.
    """
    place = len(read_answers(test, sheet).given)
    return (place, sheet.trials[place]) if place < len(sheet.trials) else None


def add_answer(test: ListeningTest, sheet: Sheet, trial: str, choices: Mapping[str, str], seconds: float) -> None:
    """Write an answer down. An answer to a trial that has one already (two tabs, a lost reply) changes nothing.

    Raises:
        RefusedAnswer: the test is closed, the trial is not the listener's next, or an answer is missing.
        ListeningError: the answers so far cannot be read.
    """
    if test.closed:
        raise RefusedAnswer("This test is closed. Thank you for listening.")
    if not _complete(test, choices):
        raise RefusedAnswer("Answer every question before you go on.")
    path = test.answers_file(sheet)
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        place = len(read_answers(test, sheet).given)
        if trial in {earlier.id for earlier in sheet.trials[:place]}:
            return
        if place == len(sheet.trials) or sheet.trials[place].id != trial:
            raise RefusedAnswer("This is not the trial that comes next. Reload the page.")
        took = min(max(seconds, 0.0), LONGEST) if math.isfinite(seconds) else LONGEST
        answer = Answer.model_validate({"trial": trial, "choices": choices, "seconds": took, "when": time.time()})
        with path.open("ab") as file:
            whole, _ = _lines(path.read_bytes())
            file.truncate(sum(map(len, whole)))  # a torn line would spoil the one after it
            file.write(answer.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def progress(test: ListeningTest) -> list[Progress]:
    """How far everybody is; nothing of what they answered.

    Raises:
        ListeningError: answers cannot be read.
    """
    return [
        Progress(sheet.name, sheet.token, len(read_answers(test, sheet).given), len(sheet.trials))
        for sheet in test.sheets
    ]


def _complete(test: ListeningTest, choices: Mapping[str, str]) -> bool:
    allowed = CHOICES[test.description.kind]
    return choices.keys() == {q.id for q in test.description.questions} and all(c in allowed for c in choices.values())


def _lines(content: bytes) -> tuple[list[bytes], bytes]:
    """Whole lines with their ends, and what follows the last of them."""
    *whole, torn = content.split(b"\n")
    return [line + b"\n" for line in whole], torn
