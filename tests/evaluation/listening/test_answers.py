"""Answers on the disk: kept at once, resumed, torn, broken; and what the server says of them."""

import pytest

from evaluation.listening.answers import add_answer, next_trial, progress, read_answers
from evaluation.listening.session import BROKEN, CLOSED, THANKS, answer_trial, clip_for, open_session
from evaluation.listening.store import KEY_FILE, ListeningError, close_test
from tests.evaluation.listening.people import answer_all, prefers

TASTE = prefers("oursname", 0.8)


def choices(test, choice="A"):
    return {question.id: choice for question in test.description.questions}


def test_a_listener_goes_on_where_the_last_answer_was(made):
    answer_all(made, "Ann", TASTE, trials=2)
    ann, bob = made.sheets
    assert next_trial(made, ann) == (2, ann.trials[2])
    assert next_trial(made, bob) == (0, bob.trials[0])
    assert [(p.name, p.answered, p.finished) for p in progress(made)] == [("Ann", 2, False), ("Bob", 0, False)]


def test_an_answer_sent_twice_counts_once_and_the_first_stands(made):
    ann = made.sheets[0]
    add_answer(made, ann, ann.trials[0].id, choices(made, "A"), 5)
    add_answer(made, ann, ann.trials[0].id, choices(made, "B"), 5)
    (given,) = read_answers(made, ann).given
    assert given.choices == choices(made, "A") and given.seconds == 5


def test_answers_that_do_not_fit_are_refused(made):
    ann, bob = made.sheets
    with pytest.raises(ListeningError, match="not the trial that comes next"):
        add_answer(made, ann, ann.trials[1].id, choices(made), 5)
    with pytest.raises(ListeningError, match="not the trial that comes next"):
        add_answer(made, ann, bob.trials[0].id, choices(made), 5)
    with pytest.raises(ListeningError, match="every question"):
        add_answer(made, ann, ann.trials[0].id, {"overall": "A"}, 5)
    with pytest.raises(ListeningError, match="every question"):
        add_answer(made, ann, ann.trials[0].id, choices(made, "oursname"), 5)
    close_test(made.folder)
    with pytest.raises(ListeningError, match="closed"):
        add_answer(made, ann, ann.trials[0].id, choices(made), 5)


@pytest.mark.parametrize("left", [1, 40])
def test_a_torn_last_line_costs_one_answer_and_spoils_no_other(made, left):
    ann = made.sheets[0]
    answer_all(made, "Ann", TASTE, trials=3)
    path = made.answers_file(ann)
    before = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(before[:2]) + before[2][:left])
    answers = read_answers(made, ann)
    assert len(answers.given) == 2
    assert answers.note == "The last answer of Ann was cut off while it was written, and is ignored."
    add_answer(made, ann, ann.trials[2].id, choices(made), 5)
    assert len(read_answers(made, ann).given) == 3
    assert read_answers(made, ann).note is None


def test_a_broken_file_is_named_and_gives_no_result(made):
    ann = made.sheets[0]
    answer_all(made, "Ann", TASTE)
    path = made.answers_file(ann)
    lines = path.read_bytes().splitlines(keepends=True)
    for broken in (
        [*lines[:1], b"{}\n", *lines[2:]],
        lines[1:],
        [*lines, lines[0]],
        [lines[0].replace(b'"A"', b'"C"').replace(b'"B"', b'"C"')],
    ):
        path.write_bytes(b"".join(broken))
        with pytest.raises(ListeningError, match="until then there is no result"):
            read_answers(made, ann)
    assert open_session(made.folder, {"listener": ann.token}) == {"said": BROKEN}


def test_the_server_shows_the_next_trial_and_nothing_else(made):
    ann = made.sheets[0]
    view = open_session(made.folder, {"listener": ann.token})
    assert view.keys() == {"trial", "number", "of", "clips", "questions"}
    assert (view["number"], view["of"]) == (1, 6)
    assert [clip["label"] for clip in view["clips"]] == ["A", "B"]
    assert [choice["label"] for choice in view["questions"][0]["choices"]] == ["A", "B", "No difference"]
    asked = {"listener": ann.token, "trial": view["trial"], "choices": choices(made), "seconds": 9}
    assert answer_trial(made.folder, asked)["number"] == 2


@pytest.mark.parametrize("asked", [None, [], "x", {}, {"listener": 3}, {"listener": "é"}, {"listener": ""}])
def test_whoever_has_no_link_gets_a_sentence(made, asked):
    for view in (open_session(made.folder, asked), answer_trial(made.folder, asked)):
        assert view == {"said": "This link belongs to no listener. Open the link that you were sent, all of it."}


def test_half_an_answer_is_refused_in_a_sentence(made):
    asked = {"listener": made.sheets[0].token, "trial": made.sheets[0].trials[0].id, "seconds": 3}
    for given in (None, {}, ["A"]):
        view = answer_trial(made.folder, asked | {"choices": given})
        assert view == {"refused": "Answer every question before you go on."}


def test_only_clips_of_the_own_current_trial_are_served(made):
    ann, bob = made.sheets
    a, b = (clip_for(made.folder, ann.token, clip.id) for clip in ann.trials[0].clips)
    assert len(a) == len(b) and a[:44] == b[:44] and a != b
    for token, clip in (
        (ann.token, ann.trials[1].clips[0].id),
        (bob.token, ann.trials[0].clips[0].id),
        ("guess", ann.trials[0].clips[0].id),
        (ann.token, ann.trials[0].clips[0].sound),
        (ann.token, "../key.json"),
    ):
        with pytest.raises(ListeningError):
            clip_for(made.folder, token, clip)


def test_the_server_needs_no_key(made):
    (made.folder / KEY_FILE).unlink()
    ann = made.sheets[0]
    assert open_session(made.folder, {"listener": ann.token})["number"] == 1
    assert clip_for(made.folder, ann.token, ann.trials[0].clips[0].id)


def test_the_end_is_thanks_and_nothing_else(made):
    answer_all(made, "Ann", TASTE)
    ann, bob = made.sheets
    assert open_session(made.folder, {"listener": ann.token}) == {"said": THANKS}
    close_test(made.folder)
    assert open_session(made.folder, {"listener": bob.token}) == {"said": CLOSED}
    with pytest.raises(ListeningError):
        clip_for(made.folder, bob.token, bob.trials[0].clips[0].id)
