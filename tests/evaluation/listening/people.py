"""Songs to hear, and listeners who answer at random with a preference of their own."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from evaluation.listening.answers import add_answer
from evaluation.listening.rows import Row
from evaluation.listening.store import KeyedTrial, ListeningTest, read_key

SECONDS = 4.0
LISTENS = 30.0  # seconds that a simulated listener takes
Taste = Callable[[random.Random, KeyedTrial], str]


def write_song(
    path: Path, seed: int, rate: int = 16_000, channels: int = 1, gain: float = 0.2, seconds: float = SECONDS
):
    """Noise and a tone, with a subtype of the format's own."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (200 + 20 * seed) * t)[:, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, gain * (tone + 0.1 * rng.standard_normal((len(t), channels))), rate)


def prefers(arm: str, share: float, ties: float = 0.0) -> Taste:
    """Takes `arm` in a share of the trials that are no ties."""

    def choose(rng: random.Random, trial: KeyedTrial) -> str:
        if rng.random() < ties:
            return "tie"
        return "AB"[trial.sides.index(arm) ^ (rng.random() >= share)]

    return choose


def hears(share: float) -> Taste:
    """Names X rightly in a share of the trials."""
    return lambda rng, trial: "AB"[trial.x ^ (rng.random() >= share)]


def answer_all(
    test: ListeningTest, name: str, taste: Taste, seconds: float = LISTENS, trials: int | None = None
) -> None:
    """Let one listener answer every question of all, or of the first, trials."""
    sheet = next(sheet for sheet in test.sheets if sheet.name == name)
    key, rng = read_key(test), random.Random(name)
    for trial in sheet.trials[:trials]:
        choices = {question.id: taste(rng, key.trials[trial.id]) for question in test.description.questions}
        add_answer(test, sheet, trial.id, choices, seconds)


def panel(listeners: int, trials: int, preference: Callable[[random.Random], float], seed: int) -> list[Row]:
    """New trials of two arms p and q, one question, each listener with a share of their own for p."""
    rng, rows = random.Random(seed), []
    for listener in range(listeners):
        share = preference(rng)
        for trial in range(trials):
            sides = ("p", "q") if trial % 2 else ("q", "p")
            arm = "p" if rng.random() < share else "q"
            choice = "AB"[sides.index(arm)]
            rows.append(
                Row(f"L{listener}", trial, f"{listener}.{trial}", None, "s", sides, None, "o", choice, arm, 30.0)
            )
    return rows
