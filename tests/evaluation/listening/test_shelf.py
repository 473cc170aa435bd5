"""Tests made by name: what was typed, where they stand, and a server found again by what it wrote."""

import json
import os

import pytest

from evaluation.listening.serving import SERVER_FILE, server_url
from evaluation.listening.shelf import end, folder_of, made_tests, make_named, standing
from evaluation.listening.store import open_test
from structure.errors import StudioError
from structure.processes import process_start
from tests.evaluation.listening.people import answer_all, prefers


@pytest.fixture
def typed(arms, tmp_path, monkeypatch) -> str:
    """The arms as a person types them; tests are made in a home of their own."""
    monkeypatch.setenv("STRUCTURE_STUDIO_HOME", str(tmp_path))
    return "\n".join(f"{name} = {folder}" for name, folder in arms.items()) + "\n"


def test_a_test_is_made_looked_at_and_ended(typed):
    assert made_tests() == []
    assert make_named("first one", typed, "Ann, Bob", trials=2) == "first one"
    assert made_tests() == ["first one"]
    assert standing("first one")[0] == "0 of 2 have finished. It is not open to its listeners now."
    test = open_test(folder_of("first one"))
    answer_all(test, "Ann", prefers("oursname", 0.5))
    assert standing("first one")[1] == [["Ann", "4 of 4", ""], ["Bob", "0 of 4", ""]]
    end("first one")
    assert standing("first one")[0] == "Closed: the result can be shown."


def test_everybody_done_is_said(typed):
    make_named("t", typed, "1", abx=True, trials=1)
    test = open_test(folder_of("t"))
    answer_all(test, "Listener 1", lambda rng, trial: "A")
    assert standing("t")[0] == "Everybody has finished: the result can be shown."


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden"])
def test_a_name_stays_in_its_folder(typed, name):
    with pytest.raises(StudioError, match="Name the test"):
        make_named(name, typed, "1")
    with pytest.raises(StudioError, match="no such test"):
        folder_of(name)


def test_a_server_is_known_while_its_process_lives(made):
    wrote = {"pid": os.getpid(), "started": process_start(os.getpid()), "url": "http://127.0.0.1:1"}
    assert server_url(made.folder) is None
    (made.folder / SERVER_FILE).write_text(json.dumps(wrote))
    assert server_url(made.folder) == "http://127.0.0.1:1"
    (made.folder / SERVER_FILE).write_text(json.dumps(wrote | {"started": 0}))  # the number went to another process
    assert server_url(made.folder) is None
    (made.folder / SERVER_FILE).write_text("{")
    assert server_url(made.folder) is None
