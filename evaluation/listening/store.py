"""A listening test on the disk.

test.json        what anybody may know: kind, questions, how many trials
listeners.json   who listens: secret links, and which sound is behind which clip, under names that say nothing
key.json         which arm is behind each trial; read by the analysis only, never by the server
sounds/          the songs, trimmed and equally loud, under random names
answers/         a file per listener
closed.json      there once the maker has closed the test
server.json      the process that serves it, while one does
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from evaluation.listening.design import Kind
from structure.errors import StudioError
from structure.files import write_whole
from structure.places import writing_folder

TEST_FILE = "test.json"
LISTENERS_FILE = "listeners.json"
KEY_FILE = "key.json"
CLOSED_FILE = "closed.json"
SOUNDS = "sounds"
ANSWERS = "answers"
VERSION = 1

Model = TypeVar("Model", bound=BaseModel)


class ListeningError(StudioError):
    """A listening test that cannot be made, opened, answered or analysed."""


class UnknownListener(ListeningError):
    """A link that belongs to nobody."""


class RefusedAnswer(ListeningError):
    """An answer that is not taken, for a reason that the listener may know."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(_Record):
    """What a listener is asked of each trial."""

    id: str
    text: str


class Description(_Record):
    """What anybody may know of a test. `trials` is how many each listener hears, repeated ones with them."""

    version: int
    kind: Kind
    questions: list[Question]
    trials: int


class Clip(_Record):
    """Something to hear in one trial of one listener. `sound` names a file, `dither` seeds the noise added to it."""

    id: str
    sound: str
    dither: int


class Trial(_Record):
    """The clips A, B and, in an ABX test, X."""

    id: str
    clips: list[Clip]


class Sheet(_Record):
    """One listener's trials, in order. `token` is the secret of the link, `id` names the file of answers."""

    id: str
    name: str
    token: str
    trials: list[Trial]


class Sheets(_Record):
    """Everybody's."""

    sheets: list[Sheet]


class KeyedTrial(_Record):
    """What a trial was: the arms behind A and B; `x` is 0 where X was A, 1 for B; `repeats` is the other trial's id."""

    song: str
    sides: tuple[str, str]
    x: Literal[0, 1] | None
    repeats: str | None


class Key(_Record):
    """The answer key: arms with the folders that they came from, every trial by its id, what was noted on the way."""

    arms: dict[str, str]
    trials: dict[str, KeyedTrial]
    target_lufs: float
    notes: list[str]


@dataclass(frozen=True)
class ListeningTest:
    """A test without its key."""

    folder: Path
    description: Description
    sheets: list[Sheet]

    @property
    def closed(self) -> bool:
        """Whether the maker has ended it."""
        return (self.folder / CLOSED_FILE).exists()

    def sheet(self, token: str) -> Sheet:
        """The sheet behind a link.

        Raises:
            UnknownListener: it is nobody's.
        """
        for sheet in self.sheets:
            if secrets.compare_digest(sheet.token.encode(), token.encode()):
                return sheet
        raise UnknownListener("This link belongs to no listener. Open the link that you were sent, all of it.")

    def answers_file(self, sheet: Sheet) -> Path:
        """Where a listener's answers are."""
        return self.folder / ANSWERS / f"{sheet.id}.jsonl"


def open_test(folder: Path) -> ListeningTest:
    """Open a test without looking at its key.

    Raises:
        ListeningError: no test, or a broken one.
    """
    if not (folder / TEST_FILE).is_file():
        raise ListeningError(f"`{folder}` holds no listening test. Make one with `python -m evaluation listen make`.")
    description = _read(folder / TEST_FILE, Description)
    if description.version != VERSION:
        raise ListeningError(
            f"`{folder / TEST_FILE}` is of version {description.version}, this program reads {VERSION}."
        )
    return ListeningTest(folder, description, _read(folder / LISTENERS_FILE, Sheets).sheets)


def read_key(test: ListeningTest) -> Key:
    """The key; for the analysis alone.

    Raises:
        ListeningError: it is gone, broken, or another test's.
    """
    key = _read(test.folder / KEY_FILE, Key)
    sheets = [[trial.id for trial in sheet.trials] for sheet in test.sheets]
    if {trial for sheet in sheets for trial in sheet} != key.trials.keys() or not _fits(key, sheets):
        raise ListeningError(
            f"`{test.folder / KEY_FILE}` is not the key of this test's trials. Restore it from a backup."
        )
    return key


def _fits(key: Key, sheets: Sequence[Sequence[str]]) -> bool:
    """Whether every trial has arms of the test behind it, and repeats none but an earlier one of the same listener."""
    if not all(arm in key.arms for trial in key.trials.values() for arm in trial.sides):
        return False
    again = [(key.trials[trial].repeats, sheet[:n]) for sheet in sheets for n, trial in enumerate(sheet)]
    return all(before is None or before in earlier for before, earlier in again)


def close_test(folder: Path) -> None:
    """Take no more answers; what was answered so far can be analysed.

    Raises:
        ListeningError: no test.
    """
    test = open_test(folder)
    if not test.closed:
        write_json(folder / CLOSED_FILE, {"closed": time.time()})


def tests_folder() -> Path:
    """Where tests are made when nobody names a place."""
    return writing_folder("listening")


def write_json(path: Path, content: object) -> None:
    """A JSON file, whole or not at all, for its owner's eyes."""
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode(), private=True)


def _read(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ListeningError(f"`{path}` is gone. Restore it from a backup, or make the test anew.") from None
    except ValidationError as problem:
        where = ".".join(map(str, problem.errors()[0]["loc"])) or "its beginning"
        raise ListeningError(
            f"`{path}` is broken at {where} ({problem.errors()[0]['msg']}). Restore it from a backup."
        ) from None
