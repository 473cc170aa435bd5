"""What the listening server answers. It knows clips by random names; the key is not opened here.

A listener is who has the link's secret, and where they are is read from the disk each time: a closed tab, a second
browser or a restarted server change nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evaluation.listening.answers import CHOICES, add_answer, next_trial
from evaluation.listening.sound import clip_bytes
from evaluation.listening.store import ListeningError, ListeningTest, RefusedAnswer, Sheet, UnknownListener, open_test
from structure.errors import StudioError

LABELS = ("A", "B", "X")
WORDS = {
    "preference": {"A": "A", "B": "B", "tie": "No difference"},
    "abx": {"A": "X is A", "B": "X is B"},
}
THANKS = "Thank you. That was the last trial; you can close this page."
CLOSED = "This test is closed. Thank you for listening."
BROKEN = "This test cannot go on. Please tell whoever sent you the link."


def open_session(folder: Path, asked: object) -> dict[str, Any]:
    """What a listener sees now.

    Args:
        folder: of the test.
        asked: `{"listener": TOKEN}`, as the browser sent it.

    Returns:
        `said`, a sentence; or `trial` (id), `number` and `of`, `clips` (each `label` and `id`) and `questions` (each
        `id`, `text` and `choices`, each `value` and `label`).
    """
    return _guarded(lambda: _view(*_who(folder, asked)))


def answer_trial(folder: Path, asked: object) -> dict[str, Any]:
    """Write an answer down, and show what comes next.

    Args:
        folder: of the test.
        asked: `listener`, `trial`, `choices` by question, and `seconds`.

    Returns:
        As `open_session`; `refused`, a sentence, where the answer was not taken.
    """

    def answer() -> dict[str, Any]:
        test, sheet = _who(folder, asked)
        fields = asked if isinstance(asked, Mapping) else {}
        choices, seconds = fields.get("choices"), fields.get("seconds")
        if test.closed:
            return _view(test, sheet)
        try:
            given = choices if isinstance(choices, Mapping) else {}
            took = float(seconds) if isinstance(seconds, (int, float)) else 0.0
            add_answer(test, sheet, str(fields.get("trial")), given, took)
        except RefusedAnswer as problem:
            return {"refused": str(problem)}
        except OSError as problem:
            print(f"{test.answers_file(sheet)}: {problem}", file=sys.stderr)
            return {"refused": "Your answer could not be saved. Try again, or tell whoever sent you the link."}
        return _view(test, sheet)

    return _guarded(answer)


def clip_for(folder: Path, token: str, clip_id: str) -> bytes:
    """A clip of the trial that the listener is at; no other is served.

    Raises:
        ListeningError: unknown listener, another trial's clip, or a test that has ended.
    """
    test = open_test(folder)
    sheet = test.sheet(token)
    now = None if test.closed else next_trial(test, sheet)
    for clip in now[1].clips if now else []:
        if clip.id == clip_id:
            return clip_bytes(folder, clip)
    raise ListeningError("There is no such clip in this trial. Reload the page.")


def _guarded(view: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Details of a broken file go to the maker's terminal; a listener could learn from them."""
    try:
        return view()
    except UnknownListener as problem:
        return {"said": str(problem)}
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return {"said": BROKEN}


def _who(folder: Path, asked: object) -> tuple[ListeningTest, Sheet]:
    token = asked.get("listener") if isinstance(asked, Mapping) else None
    test = open_test(folder)
    return test, test.sheet(token if isinstance(token, str) else "")


def _view(test: ListeningTest, sheet: Sheet) -> dict[str, Any]:
    now = next_trial(test, sheet)
    if now is None:
        return {"said": THANKS}
    if test.closed:
        return {"said": CLOSED}
    place, trial = now
    words = WORDS[test.description.kind]
    choices = [{"value": choice, "label": words[choice]} for choice in CHOICES[test.description.kind]]
    return {
        "trial": trial.id,
        "number": place + 1,
        "of": len(sheet.trials),
        "clips": [{"label": label, "id": clip.id} for label, clip in zip(LABELS, trial.clips, strict=False)],
        "questions": [{"id": q.id, "text": q.text, "choices": choices} for q in test.description.questions],
    }
