"""Make a listening test from folders of songs."""

from __future__ import annotations

import random
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.listening.design import Kind, PlannedTrial, most_trials, plan_trials
from evaluation.listening.songs import match_songs, write_sounds
from evaluation.listening.store import (
    ANSWERS,
    KEY_FILE,
    LISTENERS_FILE,
    SOUNDS,
    TEST_FILE,
    VERSION,
    ListeningError,
    ListeningTest,
    Question,
    open_test,
    write_json,
)
from structure.files import unfinished

QUESTIONS = (
    Question(id="arc", text="Which has the better musical arc, from beginning to end?"),
    Question(id="arrangement", text="Whose arrangement holds together better?"),
    Question(id="transitions", text="Whose changes from part to part work better?"),
    Question(id="overall", text="Which do you prefer overall?"),
)
"""Of a preference test."""

ABX_QUESTIONS = (Question(id="same", text="X is one of the two. Which one?"),)
TRIALS = 12
REPEATS = 4


def make_test(
    arms: Mapping[str, Path],
    folder: Path,
    kind: Kind = "preference",
    trials: int | None = None,
    repeats: int | None = None,
    questions: Sequence[Question] | None = None,
    listeners: Sequence[str] | int = 1,
    seed: int | None = None,
    on_song: Callable[[int, int], None] | None = None,
) -> ListeningTest:
    """Make a test. The folder appears whole, or not at all.

    Args:
        arms: folders of songs by the name of the arm; files with one name (whatever the ending) are one song.
        folder: to make; must not exist, or be empty.
        kind: `preference` asks which is better, `abx` which one X is.
        trials: new ones per listener; None takes 12, or fewer where there are fewer different pairs.
        repeats: of them, heard twice; None takes 4, or fewer.
        questions: of a preference test; None takes `QUESTIONS`.
        listeners: their names, or how many.
        seed: of order and sides; None draws one. Ids and links are random in any case.
        on_song: told (songs done, songs) after each.

    Raises:
        StudioError: songs that cannot be compared, or a test that cannot be planned from them.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ListeningError(f"`{folder}` is there already and not empty. Choose another folder for the test.")
    asked = list(ABX_QUESTIONS if kind == "abx" else questions or QUESTIONS)
    songs, notes = match_songs(arms)
    trials = (
        (TRIALS if kind == "abx" else min(TRIALS, most_trials(len(songs), len(arms)))) if trials is None else trials
    )
    repeats = min(REPEATS, trials) if repeats is None else repeats
    names = _names(listeners)
    rng = random.Random(seed)
    plans = [plan_trials(sorted(songs), list(arms), kind, trials, repeats, rng) for _ in names]
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = unfinished(folder)
    try:
        (part / SOUNDS).mkdir(parents=True)
        (part / ANSWERS).mkdir()
        sounds, target, cut = write_sounds(songs, part / SOUNDS, on_song)
        sheets, keyed = _sheets(names, plans, sounds)
        content: dict[str, dict[str, Any]] = {
            TEST_FILE: {
                "version": VERSION,
                "kind": kind,
                "questions": [question.model_dump() for question in asked],
                "trials": trials + repeats,
            },
            LISTENERS_FILE: {"sheets": sheets},
            KEY_FILE: {
                "arms": {arm: str(path.resolve()) for arm, path in arms.items()},
                "trials": keyed,
                "target_lufs": target,
                "notes": notes + cut,
            },
        }
        for name, fields in content.items():
            write_json(part / name, fields)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return open_test(folder)


def _names(listeners: Sequence[str] | int) -> list[str]:
    names = [f"Listener {n + 1}" for n in range(listeners)] if isinstance(listeners, int) else list(listeners)
    names = [" ".join(name.split()) for name in names]
    if not names or not all(names) or len(set(names)) < len(names):
        raise ListeningError("A test needs one listener or more, each with a name of their own.")
    return names


def _sheets(
    names: list[str], plans: list[list[PlannedTrial]], sounds: Mapping[tuple[str, str], str]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the server may know, and what only the analysis may."""
    sheets, keyed = [], {}
    for name, plan in zip(names, plans, strict=True):
        ids = [secrets.token_hex(8) for _ in plan]
        trials = []
        for own, trial in zip(ids, plan, strict=True):
            heard = [*trial.sides, *([] if trial.x is None else [trial.sides[trial.x]])]
            trials.append({"id": own, "clips": [_clip(sounds[trial.song, arm]) for arm in heard]})
            repeats = None if trial.repeats is None else ids[trial.repeats]
            keyed[own] = {"song": trial.song, "sides": trial.sides, "x": trial.x, "repeats": repeats}
        sheets.append({"id": secrets.token_hex(8), "name": name, "token": secrets.token_urlsafe(16), "trials": trials})
    return sheets, keyed


def _clip(sound: str) -> dict[str, Any]:
    return {"id": secrets.token_hex(16), "sound": sound, "dither": secrets.randbits(63)}
