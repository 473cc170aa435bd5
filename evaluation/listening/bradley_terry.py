"""Bradley-Terry: one strength an arm from wins between pairs of arms.

    P(i beats j) = 1 / (1 + exp(s_j - s_i)),  Σ s = 0

A tie is half a win for either. Half a win in each direction is added to each pair of arms, so that an arm that wins
everything still gets a finite strength; for two arms s_1 - s_2 = log((wins_1 + ½) / (wins_2 + ½)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ADDED = 0.5  # wins, each way between each two arms
_Z = 1.959963984540054  # standard normal, 97.5 %
_ROUNDS = 2_000
_LARGEST_STEP = 2.0  # of Newton's method, in log odds
_MOST_STEPS = 200


@dataclass(frozen=True)
class Strength:
    """An arm's strength in log odds, 0 being the mean arm.

    Attributes:
        low, high: 95 % interval as if all trials were independent, from the Fisher information.
        listeners_low, listeners_high: 95 % interval over listeners, by bootstrap; None with one listener.
    """

    arm: str
    strength: float
    low: float
    high: float
    listeners_low: float | None
    listeners_high: float | None


def strengths(arms: list[str], wins: np.ndarray, seed: int = 0) -> list[Strength]:
    """Strengths of all arms, the strongest first.

    Args:
        arms: names.
        wins: float (listeners, arms, arms), how often the row's arm was preferred to the column's; ties count half.
        seed: of the bootstrap.

    Source: Bradley and Terry, Biometrika, 1952; the added half wins as in Haldane, Annals of Human Genetics, 1956.
    """
    total = wins.sum(axis=0)
    best = fit(total)
    spread = _Z * np.sqrt(np.diag(np.linalg.pinv(_information(best, _with_added(total)))))
    low: list[float] | list[None] = [None] * len(arms)
    high = low
    if len(wins) > 1:
        picked = np.random.default_rng(seed).integers(0, len(wins), (_ROUNDS, len(wins)))
        drawn = fit(wins[picked].sum(axis=1))
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0).tolist()
    rows = [
        Strength(arm, float(s), float(s - d), float(s + d), below, above)
        for arm, s, d, below, above in zip(arms, best, spread, low, high, strict=True)
    ]
    return sorted(rows, key=lambda row: -row.strength)


def fit(wins: np.ndarray) -> np.ndarray:
    """Strengths of greatest likelihood, by Newton's method, for any number of tables at once.

    Args:
        wins: float (..., arms, arms).

    Returns:
        float (..., arms), each row adding up to 0.
    """
    given = _with_added(wins)
    games = given + np.swapaxes(given, -1, -2)
    s = np.zeros(given.shape[:-1])
    for _ in range(_MOST_STEPS):
        slope = (given - games * _beats(s)).sum(axis=-1)
        step = np.linalg.solve(_information(s, given) + 1 / s.shape[-1], slope[..., None])[..., 0]
        s = s + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
        if np.abs(step).max() < 1e-10:
            break
    return s - s.mean(axis=-1, keepdims=True)


def _with_added(wins: np.ndarray) -> np.ndarray:
    return wins + ADDED * (1 - np.eye(wins.shape[-1]))


def _beats(s: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(s[..., None, :] - s[..., :, None]))


def _information(s: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Fisher information of the strengths, (..., arms, arms): a Laplacian, since only differences are seen."""
    p = _beats(s)
    weights = (given + np.swapaxes(given, -1, -2)) * p * (1 - p)
    return np.eye(s.shape[-1]) * weights.sum(axis=-1)[..., None] - weights
