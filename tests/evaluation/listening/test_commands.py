"""The command line: make, answer, read; and what goes wrong is one sentence."""

import argparse
import csv
import json

import pytest

from evaluation.listening.commands import add_commands
from evaluation.listening.store import ListeningError, open_test
from tests.evaluation.listening.people import answer_all, prefers


def run(*arguments: object) -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    options = parser.parse_args(["listen", *map(str, arguments)])
    options.handler(options)


def made_by_command(arms, folder, *more: object) -> None:
    run(
        "make",
        *(word for name, path in arms.items() for word in ("--arm", f"{name}={path}")),
        "--output",
        folder,
        *more,
    )


def test_a_test_goes_from_making_to_its_result(arms, tmp_path, capsys):
    folder = tmp_path / "test"
    made_by_command(arms, folder, "--listeners", "Ann", "Bob", "--trials", 3, "--repeats", 1, "--seed", 1)
    assert capsys.readouterr().out == f"2 listeners, 4 trials each, in {folder}\n"
    test = open_test(folder)
    answer_all(test, "Ann", prefers("oursname", 0.8))
    with pytest.raises(ListeningError, match=r"Still listening: Bob \(0 of 4\)"):
        run("results", folder)
    run("results", folder, "--close", "--json", "--csv", tmp_path / "answers.csv")
    assert json.loads(capsys.readouterr().out)["listeners"][0]["name"] == "Ann"
    with (tmp_path / "answers.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4 * 4
    run("results", folder)
    assert "Ann: 4 trials" in capsys.readouterr().out


def test_how_many_listeners_is_a_number_too(arms, tmp_path):
    made_by_command(arms, tmp_path / "test", "--listeners", 3, "--kind", "abx", "--trials", 4)
    assert [sheet.name for sheet in open_test(tmp_path / "test").sheets] == ["Listener 1", "Listener 2", "Listener 3"]


@pytest.mark.parametrize("arms, says", [(["p"], "names no arm"), (["p=/x", "p=/y"], "Two arms are named p")])
def test_arms_that_cannot_be_read_are_said(arms, says, tmp_path):
    with pytest.raises(ListeningError, match=says):
        run("make", *(word for arm in arms for word in ("--arm", arm)), "--output", tmp_path / "test")
