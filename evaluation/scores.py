"""Structure scores: a reference timeline against an estimated one.

Conventions: only *sections* count, moments lie outside these scores. Times are
seconds from the song's start. A *boundary* is any start or end of a section; a
*transition* is a boundary inside the song, neither its first nor its last.
Frames that the reference leaves unlabelled are unknown and count for nothing.

Every number means little alone: `report.py` prints chance and ceiling beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from evaluation.segments import boundary_f, known, pairwise_f, v_measure
from structure.events import Event, label_at, sections

FRAME_RATE = 25.0
"""Frames per second at which labels are compared (Hz)."""

WITHIN = (0.25, 0.5, 1.0, 3.0)
"""Tolerances in seconds for which the share of transitions in time is given."""


@dataclass(frozen=True)
class StructureScore:
    """One estimate against one reference; shares are in [0, 1].

    Attributes:
        frame_accuracy: share of labelled frames with the right type; None if the reference labels none.
        boundary_f_500ms: boundary F within 0.5 s, ends of the song included.
        boundary_f_3s: the same within 3 s.
        boundary_f_500ms_trimmed: the first and the last boundary left out; None where the reference has no other.
        boundary_f_3s_trimmed: the same within 3 s.
        pairwise_f: do frames of one type stay together, whatever the type is called.
        v_measure: the same by entropy.
        section_order: 1 - edit distance / length of the longer sequence of types.
        longest_run: share of the reference's sections in the longest stretch that is heard in the same order.
        transition_errors: float (transitions,) seconds from each transition to the nearest estimated one.
        errors_back: float (estimated transitions,) seconds from each of them to the nearest of the reference.
    """

    frame_accuracy: float | None
    boundary_f_500ms: float
    boundary_f_3s: float
    boundary_f_500ms_trimmed: float | None
    boundary_f_3s_trimmed: float | None
    pairwise_f: float
    v_measure: float
    section_order: float
    longest_run: float
    transition_errors: np.ndarray
    errors_back: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the single errors."""
        shares = {name: getattr(self, name) for name in SHARES}
        return shares | timing_summary(self.transition_errors) | {"median_error_back": median(self.errors_back)}


SHARES = {
    "frame_accuracy": "frames with the right type",
    "boundary_f_500ms": "boundary F within 0.5 s",
    "boundary_f_3s": "boundary F within 3 s",
    "boundary_f_500ms_trimmed": "the same within 0.5 s, song ends left out",
    "boundary_f_3s_trimmed": "the same within 3 s, song ends left out",
    "pairwise_f": "frames that belong together, pairwise F",
    "v_measure": "frames that belong together, V-measure",
    "section_order": "order of sections",
    "longest_run": "longest run in the right order",
}
"""Figures of a song between 0 and 1, 1 the best, with their names in a table."""


def score_structure(reference: Sequence[Event], estimate: Sequence[Event]) -> StructureScore:
    """All scores of one estimate.

    Args:
        reference: the structure asked for, or annotated by a person.
        estimate: the structure heard.

    Raises:
        ScoreError: `reference` has no section.
    """
    inner = transitions(known(reference)).size > 0
    return StructureScore(
        frame_accuracy=frame_accuracy(reference, estimate),
        boundary_f_500ms=boundary_f(reference, estimate, 0.5).f,
        boundary_f_3s=boundary_f(reference, estimate, 3.0).f,
        boundary_f_500ms_trimmed=boundary_f(reference, estimate, 0.5, trim=True).f if inner else None,
        boundary_f_3s_trimmed=boundary_f(reference, estimate, 3.0, trim=True).f if inner else None,
        pairwise_f=pairwise_f(reference, estimate).f,
        v_measure=v_measure(reference, estimate).f,
        section_order=section_order(reference, estimate),
        longest_run=longest_run(reference, estimate),
        transition_errors=transition_errors(reference, estimate),
        errors_back=transition_errors(estimate, reference) if sections(estimate) else np.array([]),
    )


def frame_accuracy(
    reference: Sequence[Event], estimate: Sequence[Event], frame_rate: float = FRAME_RATE
) -> float | None:
    """Share of the frames labelled by the reference whose type the estimate gets right.

    Args:
        reference: true sections.
        estimate: estimated sections; a frame in none of them is wrong.
        frame_rate: frames per second (Hz).

    Returns:
        A share in [0, 1], or None where the reference covers no frame.
    """
    end = max((event.end for event in sections(reference)), default=0.0)
    times = (np.arange(math.ceil(end * frame_rate)) + 0.5) / frame_rate  # frame centres
    pairs = [
        (r, e) for r, e in zip(label_at(reference, times), label_at(estimate, times), strict=True) if r is not None
    ]
    return sum(r == e for r, e in pairs) / len(pairs) if pairs else None


def confusion(
    reference: Sequence[Event], estimate: Sequence[Event], frame_rate: float = FRAME_RATE
) -> dict[str, dict[str, float]]:
    """Seconds of each type of the reference by the type that the estimate gives them; "" where it gives none."""
    end = max((event.end for event in sections(reference)), default=0.0)
    times = (np.arange(math.ceil(end * frame_rate)) + 0.5) / frame_rate
    found: dict[str, dict[str, float]] = {}
    for asked, heard in zip(label_at(reference, times), label_at(estimate, times), strict=True):
        if asked is not None:
            row = found.setdefault(asked, {})
            row[heard or ""] = row.get(heard or "", 0.0) + 1 / frame_rate
    return found


def section_order(reference: Sequence[Event], estimate: Sequence[Event]) -> float:
    """How well the sequence of types agrees, whatever the times.

    1 - d / max(n, m), with d the Levenshtein distance between the n types of the
    reference and the m of the estimate; 1 for equal sequences, 0 for nothing in common.

    Raises:
        ScoreError: `reference` has no section.
    """
    asked = [event.type for event in known(reference)]
    heard = [event.type for event in sections(estimate)]
    return 1.0 - edit_distance(asked, heard) / max(len(asked), len(heard))


def longest_run(reference: Sequence[Event], estimate: Sequence[Event]) -> float:
    """The longest stretch of sections that is heard one after the other as asked, as a share of all that were asked.

    Raises:
        ScoreError: `reference` has no section.
    """
    asked = [event.type for event in known(reference)]
    heard = [event.type for event in sections(estimate)]
    match = SequenceMatcher(None, asked, heard, autojunk=False).find_longest_match()
    return match.size / len(asked)


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Levenshtein distance: the fewest insertions, deletions and replacements."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        previous, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def transitions(events: Sequence[Event]) -> np.ndarray:
    """Boundaries inside the song: every start and end of a section but the first and the last.

    Returns:
        float (transitions,) seconds, ascending.
    """
    edges = np.unique([edge for event in sections(events) for edge in (event.start, event.end)])
    return edges[1:-1]


def transition_errors(reference: Sequence[Event], estimate: Sequence[Event]) -> np.ndarray:
    """Seconds from each transition of the reference to the nearest one of the estimate.

    Returns:
        float (transitions of the reference,); infinite where the estimate has no transition at all.

    Raises:
        ScoreError: `reference` has no section.
    """
    asked, heard = transitions(known(reference)), transitions(estimate)
    if not heard.size:
        return np.full(asked.shape, np.inf)
    return np.abs(asked[:, None] - heard[None, :]).min(axis=1)


def timing_summary(errors: np.ndarray) -> dict[str, Any]:
    """Median and shares of transition errors.

    Args:
        errors: float (transitions,) seconds, infinite for a transition never heard; may pool many songs.

    Returns:
        `median_error` in seconds (None without transitions, or where the median was never heard) and
        `within`: tolerance in seconds as text to the share of transitions that near, None without transitions.
    """
    if not errors.size:
        return {"median_error": None, "within": {f"{limit:g}": None for limit in WITHIN}}
    return {
        "median_error": median(errors),
        # a millisecond of grace: 4.25 - 4.0 may come out above 0.25
        "within": {f"{limit:g}": float(np.mean(errors <= limit + 1e-3)) for limit in WITHIN},
    }


def median(errors: np.ndarray) -> float | None:
    """Median in seconds; None without errors, or where the median was never heard."""
    middle = float(np.median(errors)) if errors.size else math.inf
    return middle if math.isfinite(middle) else None


def merge_repeats(events: Sequence[Event]) -> list[Event]:
    """Sections only, touching neighbours of one type as one.

    A judge that labels frames by type cannot hear the seam between two verses,
    so a reference is merged before such a judge's estimate is held against it.
    """
    merged: list[Event] = []
    for event in sections(events):
        last = merged[-1] if merged else None
        if last is not None and last.type == event.type and event.start - last.end < 0.05:
            merged[-1] = Event(type=last.type, start=last.start, end=max(last.end, event.end))
        else:
            merged.append(Event(type=event.type, start=event.start, end=event.end))
    return merged
