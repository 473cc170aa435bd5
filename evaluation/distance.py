"""How far a set of songs sounds from another: the price that control may have paid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance between Gaussians fitted to two sets of features.

    |m1 - m2|² + tr(C1 + C2 - 2 (C1^½ C2 C1^½)^½), with means m and covariances C.

    Args:
        first: float (examples, features).
        second: float (other examples, features).

    Returns:
        A distance of 0 or more, in squared units of the features; it shrinks as examples are added, so compare
        only sets of about one size.

    Source: Dowson and Landau, Journal of Multivariate Analysis, 1982.
    """
    step = first.mean(axis=0) - second.mean(axis=0)
    one, other = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = _square_root(one)
    cross = np.linalg.eigvalsh(root @ other @ root)
    total = step @ step + np.trace(one) + np.trace(other) - 2 * np.sqrt(np.clip(cross, 0, None)).sum()
    return float(max(total, 0.0))


def distance_among(real: Sequence[np.ndarray], size: int) -> float:
    """Mean Fréchet distance of `size` real songs to the others: what so few songs cost even when they are real.

    Args:
        real: features of each song, float (moments, features).
        size: songs in a set; at most half of them are taken.
    """
    size = max(1, min(size, len(real) // 2))
    distances = []
    for first in range(0, len(real) - size + 1, size):
        others = [*real[:first], *real[first + size :]]
        distances.append(frechet_distance(np.vstack(real[first : first + size]), np.vstack(others)))
    return float(np.mean(distances))


def _square_root(symmetric: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(symmetric)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
