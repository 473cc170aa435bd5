"""What a part probably is: what sounds like it has been called, else what comes next in songs.

Which section follows which was counted in the 912 songs of the Harmonix set (`scripts/count_labels.py`): the first
guess is right for every other section. That a part sounds like one that a person has named is worth more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from annotate.beats import Beats
    from structure.events import Event

SHARES = Path(__file__).with_name("next_types.json")
START = "^"  # before a song's first section
_REPEATED = 0.8  # share that a part alike takes of the guess


def likely_types(parts: Sequence[Event], place: int, alike: Sequence[int] = ()) -> list[tuple[str, float]]:
    """The likeliest types of one part, each with its probability, the likeliest first.

    Args:
        parts: sections from the song's start; types that a machine guessed count for nothing.
        place: which of them.
        alike: those that sound like it, as `parts_alike` has them.
    """
    told = [None if (part.model_extra or {}).get("source") == "machine" else part.type for part in parts]
    before = [kind for kind in told[:place] if kind]
    guesses = dict(likely_next(before, counted()))
    if called := [kind for i in alike if i != place and (kind := told[i])]:
        guesses = {kind: (1 - _REPEATED) * share for kind, share in guesses.items()}
        for kind in called:
            guesses[kind] = guesses.get(kind, 0.0) + _REPEATED / len(called)
    return sorted(guesses.items(), key=lambda guess: -guess[1])


def likely_next(before: Sequence[str], shares: Mapping[str, Mapping[str, float]]) -> list[tuple[str, float]]:
    """What comes after these types from a song's start, likeliest first: as counted after the last two of them, where
    that was counted, else after the last one.
    """
    begun = [START, START, *before]
    found = shares.get(" ".join(begun[-2:])) or shares.get(begun[-1], {})
    return list(found.items())


def parts_alike(beats: Beats, parts: Sequence[Event], place: int) -> list[int]:
    """Which parts sound like one of them, itself among them."""
    from annotate.proposals import groups_of

    edges = [
        (int(np.abs(beats.edges - part.start).argmin()), int(np.abs(beats.edges - part.end).argmin())) for part in parts
    ]
    heard = [i for i, (first, last) in enumerate(edges) if last > first]  # a part of less than a beat has no sound
    if place not in heard:
        return [place]
    groups = dict(zip(heard, groups_of(beats, [edges[i] for i in heard]), strict=True))
    return [i for i in heard if groups[i] == groups[place]]


@cache
def counted() -> dict[str, dict[str, float]]:
    """For the last one or two types, a space between, the share of each that comes next."""
    return json.loads(SHARES.read_text(encoding="utf-8"))
