"""How different a song's parts sound from one another, against how much the sound varies within a part.

Many generated songs are one loop under changing names. The figure is the share of the variation of sound that the
types of sections explain (eta squared): 0 where knowing the part says nothing about the sound, 1 where each part is
one steady sound of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.features import centred_stats
from structure.events import Event, label_at

RATE = 5.0  # moments a second at which the sound is compared


def sound(mel: np.ndarray, duration: float) -> np.ndarray:
    """Sound of a song over ±0.5 s, `RATE` times a second, each feature of unit variance in this song.

    Args:
        mel: float (frames, bands) of `features.log_mel`.
        duration: seconds.

    Returns:
        float (moments, features); the moment i is at (i + 0.5) / RATE seconds.
    """
    stats = centred_stats(mel, _times(max(1, int(duration * RATE))))
    return (stats - stats.mean(axis=0)) / np.maximum(stats.std(axis=0), 1e-3)


def contrast(heard: np.ndarray, events: Sequence[Event]) -> float | None:
    """Share of the variation of sound that the types of sections explain.

    Args:
        heard: float (moments, features) of `sound`.
        events: sections; moments of the song that none covers are left out.

    Returns:
        0 to 1; None where fewer than two types cover the song. Structures of more types explain more by chance, so
        compare with what other structures explain.

    Source: eta squared, Fisher, Statistical Methods for Research Workers, 1925, § 40.
    """
    labels = np.array([label or "" for label in label_at(events, _times(len(heard)))])
    types = sorted({*labels} - {""})
    if len(types) < 2:
        return None
    known = heard[labels != ""]
    total = float(np.square(known - known.mean(axis=0)).sum())
    within = sum(float(np.square(part - part.mean(axis=0)).sum()) for part in (heard[labels == kind] for kind in types))
    return 1 - within / total if total > 0 else None


def _times(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) / RATE
