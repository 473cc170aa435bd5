"""What follows from answers: known panels are recovered, guessers show nothing, and nothing is shown early."""

import csv
import random

import numpy as np
import pytest

from evaluation.listening.analysis import analyse
from evaluation.listening.comparison import compare, judge
from evaluation.listening.export import COLUMNS, write_csv
from evaluation.listening.make import make_test
from evaluation.listening.store import ListeningError, Question, close_test
from tests.evaluation.listening.people import answer_all, hears, panel, prefers, write_song

OVERALL = [Question(id="overall", text="Which do you prefer?")]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Twelve songs by three arms."""
    folder = tmp_path_factory.mktemp("many")
    for arm in ("p", "q", "r"):
        for n in range(12):
            write_song(folder / arm / f"{n}.wav", n, rate=8_000, seconds=3)
    return {arm: folder / arm for arm in ("p", "q", "r")}


def test_nothing_is_shown_before_the_end(made):
    answer_all(made, "Ann", prefers("oursname", 1.0))
    with pytest.raises(ListeningError, match=r"at the end only. Still listening: Bob \(0 of 6\)"):
        analyse(made.folder)
    close_test(made.folder)
    assert [listener.name for listener in analyse(made.folder).listeners] == ["Ann"]


def test_too_few_trials_give_a_sentence_and_no_verdict(made):
    answer_all(made, "Ann", prefers("oursname", 1.0), trials=2)
    close_test(made.folder)
    found = analyse(made.folder)
    assert {c.verdict for c in found.comparisons} == {None}
    assert "2 decided trials are too few for a verdict; 6 are least." in found.comparisons[0].sentence
    assert "One listener counts, so this says nothing about others." in found.notes


def test_a_test_closed_before_anybody_came_has_no_result(made):
    close_test(made.folder)
    found = analyse(made.folder)
    assert found.listeners == [] and found.strengths == {}
    assert "No listener counts." in found.notes
    assert found.to_table()


def test_a_known_preference_is_recovered_and_fast_clickers_are_left_out(many, tmp_path):
    names = [f"good{n}" for n in range(8)]
    two = {arm: many[arm] for arm in ("p", "q")}
    test = make_test(two, tmp_path / "test", questions=OVERALL, listeners=[*names, "fast1", "fast2"], seed=2)
    for name in names:
        answer_all(test, name, prefers("p", 0.85, ties=0.1))
    for name in ("fast1", "fast2"):
        answer_all(test, name, prefers("q", 1.0), seconds=1.0)
    found = analyse(test.folder)
    (comparison,) = found.comparisons
    assert {x.name for x in found.listeners if x.excluded and x.excluded.startswith("too fast")} == {"fast1", "fast2"}
    assert comparison.verdict == "p"
    assert comparison.decided.low < 0.85 < comparison.decided.high
    assert comparison.wins + comparison.losses + comparison.ties == 12 * sum(
        x.excluded is None for x in found.listeners
    )
    assert comparison.ties > 0
    assert "p is preferred" in comparison.sentence and "over listeners" in comparison.sentence
    p, q = found.strengths["overall"]
    assert p.arm == "p" and p.low > 0 > q.high and p.listeners_low > 0


def test_three_arms_come_out_in_order(many, tmp_path):
    rank = "rpq"
    test = make_test(many, tmp_path / "test", questions=OVERALL, listeners=6, trials=18, repeats=4, seed=4)

    def taste(rng, trial):
        better = min(trial.sides, key=rank.index)
        return "AB"[trial.sides.index(better) ^ (rng.random() > 0.9)]

    for sheet in test.sheets:
        answer_all(test, sheet.name, taste)
    found = analyse(test.folder)
    assert [s.arm for s in found.strengths["overall"]] == list(rank)
    assert {(c.first, c.second): c.verdict for c in found.comparisons} == {
        ("p", "q"): "p",
        ("p", "r"): "r",
        ("q", "r"): "r",
    }


def test_an_arm_that_wins_everything_is_noted(made):
    for name in ("Ann", "Bob"):
        answer_all(made, name, prefers("oursname", 1.0))
    found = analyse(made.folder)
    assert "On overall, oursname won every trial, so its strength is only a bound." in found.notes
    assert "On overall, theirsname lost every trial, so its strength is only a bound." in found.notes


@pytest.mark.parametrize("share, verdict", [(0.9, "heard"), (0.5, None)])
def test_abx_says_whether_a_difference_is_heard(many, tmp_path, share, verdict):
    two = {arm: many[arm] for arm in ("p", "q")}
    test = make_test(two, tmp_path / "test", kind="abx", listeners=3, trials=16, repeats=0, seed=1)
    for sheet in test.sheets:
        answer_all(test, sheet.name, hears(share))
    found = analyse(test.folder)
    (comparison,) = found.comparisons
    assert comparison.verdict == verdict and found.strengths == {}
    assert comparison.decided.low < share < comparison.decided.high
    assert comparison.wins == sum(row.arm == row.x for row in found.rows)


@pytest.fixture
def brief(monkeypatch):
    """Fewer rounds of the bootstrap: many panels are simulated."""
    monkeypatch.setattr("evaluation.intervals.ROUNDS", 300)


def test_guessers_show_nothing_more_often_than_promised(brief):
    p_values = [
        compare(panel(6, 12, lambda rng: 0.5, seed), "o", ("p", "q"), "preference").decided.p for seed in range(400)
    ]
    assert 0.01 <= np.mean(np.array(p_values) <= 0.05) <= 0.07


def test_listeners_of_opposite_tastes_give_no_verdict_where_trials_alone_would(brief):
    alone = together = 0
    for seed in range(60):
        rows = panel(6, 24, lambda rng: rng.choice([0.1, 0.9]), seed)
        (judged,) = judge([compare(rows, "o", ("p", "q"), "preference")])
        alone += judged.adjusted_p < 0.05
        together += judged.verdict is not None
    assert alone > 25
    assert together <= 6


def test_no_difference_says_how_many_trials_would_find_one():
    rows = panel(4, 10, lambda rng: 0.6, seed=0)
    (judged,) = judge([compare(rows, "o", ("p", "q"), "preference")])
    assert judged.verdict is None
    assert f"about {judged.needed} trials find one in 80% of tests" in judged.sentence


def test_more_questions_need_more_evidence():
    rows = panel(1, 20, lambda rng: 0.76, seed=1)
    once = judge([compare(rows, "o", ("p", "q"), "preference")])
    four = judge([compare(rows, "o", ("p", "q"), "preference")] * 4)
    assert four[0].adjusted_p == pytest.approx(min(1, 4 * once[0].adjusted_p))


def test_a_table_of_all_answers_has_no_formula_in_it(arms, tmp_path):
    test = make_test(arms, tmp_path / "test", listeners=["=HYPERLINK(1)", "@b"], questions=OVERALL)
    for sheet in test.sheets:
        answer_all(test, sheet.name, prefers("oursname", 0.7))
    write_csv(analyse(test.folder), tmp_path / "out" / "answers.csv")
    with (tmp_path / "out" / "answers.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert len(rows) == 2 * 8
    assert {row[0] for row in rows} == {"'=HYPERLINK(1)", "'@b"}
    assert {row[header.index("arm")] for row in rows} <= {"oursname", "theirsname"}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_a_torn_answer_is_noted_in_the_result(made):
    for name in ("Ann", "Bob"):
        answer_all(made, name, prefers("oursname", 0.5))
    with made.answers_file(made.sheets[0]).open("ab") as file:
        file.write(b'{"trial": "')
    assert any("Ann was cut off" in note for note in analyse(made.folder).notes)


def test_tables_and_json_are_whole(made):
    rng = random.Random(0)
    for name in ("Ann", "Bob"):
        answer_all(made, name, lambda _, trial: rng.choice(["A", "B", "tie"]))
    found = analyse(made.folder)
    assert found.to_dict().keys() == {"kind", "arms", "comparisons", "strengths", "listeners", "notes"}
    assert all(
        word in found.to_table() for word in ("overall, oursname and theirsname", "Strength on arc", "Ann: 6 trials")
    )
