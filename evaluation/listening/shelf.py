"""The listening tests of this machine: made by name, listed, looked at and ended. The panel without Gradio."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from evaluation.listening.answers import progress
from evaluation.listening.commands import parse_arms
from evaluation.listening.make import make_test
from evaluation.listening.serving import link, server_url, stop_server
from evaluation.listening.store import TEST_FILE, ListeningError, close_test, open_test, tests_folder

Standing = tuple[str, list[list[str]]]  # a sentence; of each listener name, how far, and link where open


def made_tests() -> list[str]:
    """Names of the tests that were made here, newest first."""
    found = [path for path in tests_folder().glob(f"*/{TEST_FILE}") if not path.parent.name.startswith(".")]
    return [path.parent.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def folder_of(name: str | None) -> Path:
    """Where the test of this name lies.

    Raises:
        ListeningError: none is chosen, or it is gone.
    """
    if not name or name not in made_tests():
        raise ListeningError("There is no such test. Make one first, or choose one.")
    return tests_folder() / name


def make_named(
    name: str,
    arms: str,
    listeners: str,
    abx: bool = False,
    trials: int | None = None,
    on_song: Callable[[int, int], None] | None = None,
) -> str:
    """Make a test from what was typed; its name.

    Args:
        name: of the test and its folder.
        arms: `NAME = FOLDER`, a line each.
        listeners: names with commas between them, or how many.
        abx: whether it is asked which one X is.
        trials: new ones per listener; None leaves it to `make_test`.
        on_song: as in `make_test`.

    Raises:
        StudioError: it makes no test.
    """
    if not re.fullmatch(r"\w[\w .-]*", name.strip()):
        raise ListeningError("Name the test with letters, digits, spaces, dots and dashes.")
    people = [one.strip() for one in listeners.split(",") if one.strip()]
    make_test(
        parse_arms([line for line in arms.splitlines() if line.strip()]),
        tests_folder() / name.strip(),
        "abx" if abx else "preference",
        trials=trials,
        listeners=int(people[0]) if len(people) == 1 and people[0].isdecimal() else people,
        on_song=on_song,
    )
    return name.strip()


def standing(name: str) -> Standing:
    """Where a test stands; nothing of what was answered.

    Raises:
        ListeningError: it is gone or broken.
    """
    test = open_test(folder_of(name))
    people = progress(test)
    url = server_url(test.folder)
    rows = [[p.name, f"{p.answered} of {p.trials}", link(url, p.token) if url else ""] for p in people]
    done = sum(one.finished for one in people)
    if test.closed:
        return "Closed: the result can be shown.", rows
    if done == len(people):
        return "Everybody has finished: the result can be shown.", rows
    elsewhere = f"`python -m evaluation listen serve '{test.folder}' --host ADDRESS`"
    how = f"Each opens a link of their own, on this machine; for others run {elsewhere}."
    if not url:
        how = "It is not open to its listeners now."
    return f"{done} of {len(people)} have finished. {how}", rows


def end(name: str | None) -> None:
    """Close a test, and end its server.

    Raises:
        ListeningError: it is gone.
    """
    folder = folder_of(name)
    close_test(folder)
    stop_server(folder)
