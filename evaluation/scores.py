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
from typing import Any

import numpy as np

from structure.errors import StudioError
from structure.events import Event, label_at, sections

FRAME_RATE = 25.0
"""Frames per second at which labels are compared (Hz)."""

WITHIN = (0.25, 0.5, 1.0, 3.0)
"""Tolerances in seconds for which the share of transitions in time is given."""


class ScoreError(StudioError):
    """Two timelines that cannot be compared, or a folder that cannot be scored."""


@dataclass(frozen=True)
class BoundaryScore:
    """Boundary hit rate; each in [0, 1]."""

    precision: float
    recall: float
    f: float


@dataclass(frozen=True)
class StructureScore:
    """One estimate against one reference.

    Attributes:
        frame_accuracy: share of labelled frames with the right type; None if the reference labels none.
        boundary_f_500ms: boundary F within 0.5 s, ends of the song included.
        boundary_f_3s: the same within 3 s.
        section_order: 1 - edit distance / length of the longer sequence of types.
        transition_errors: float (transitions,) seconds from each transition to the nearest estimated one.
    """

    frame_accuracy: float | None
    boundary_f_500ms: float
    boundary_f_3s: float
    section_order: float
    transition_errors: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the single errors."""
        return {
            "frame_accuracy": self.frame_accuracy,
            "boundary_f_500ms": self.boundary_f_500ms,
            "boundary_f_3s": self.boundary_f_3s,
            "section_order": self.section_order,
            **timing_summary(self.transition_errors),
        }


def score_structure(reference: Sequence[Event], estimate: Sequence[Event]) -> StructureScore:
    """All scores of one estimate.

    Args:
        reference: the structure asked for, or annotated by a person.
        estimate: the structure heard.

    Raises:
        ScoreError: `reference` has no section.
    """
    return StructureScore(
        frame_accuracy=frame_accuracy(reference, estimate),
        boundary_f_500ms=boundary_f(reference, estimate, 0.5).f,
        boundary_f_3s=boundary_f(reference, estimate, 3.0).f,
        section_order=section_order(reference, estimate),
        transition_errors=transition_errors(reference, estimate),
    )


def boundary_f(
    reference: Sequence[Event], estimate: Sequence[Event], tolerance: float = 0.5, trim: bool = False
) -> BoundaryScore:
    """Precision, recall and F of boundaries, each matched at most once within `tolerance`.

    Args:
        reference: true sections.
        estimate: estimated sections.
        tolerance: seconds, positive.
        trim: leave out the first and last boundary of both, which are usually the song's ends.

    Raises:
        ScoreError: `reference` has no section, or `tolerance` is not positive.

    Source: mir_eval.segment.detection (Raffel et al., ISMIR 2014).
    """
    from mir_eval.segment import detection  # brings scipy

    if not tolerance > 0:
        raise ScoreError(f"The boundary tolerance is in seconds and must be positive, got {tolerance}.")
    reference_intervals, estimated_intervals = _intervals(_known(reference)), _intervals(estimate)
    if min(len(reference_intervals), len(estimated_intervals)) < (2 if trim else 1):
        return BoundaryScore(0.0, 0.0, 0.0)  # as mir_eval has it, without its warning: nothing left to match
    return BoundaryScore(*map(float, detection(reference_intervals, estimated_intervals, window=tolerance, trim=trim)))


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


def section_order(reference: Sequence[Event], estimate: Sequence[Event]) -> float:
    """How well the sequence of types agrees, whatever the times.

    1 - d / max(n, m), with d the Levenshtein distance between the n types of the
    reference and the m of the estimate; 1 for equal sequences, 0 for nothing in common.

    Raises:
        ScoreError: `reference` has no section.
    """
    asked = [event.type for event in _known(reference)]
    heard = [event.type for event in sections(estimate)]
    return 1.0 - edit_distance(asked, heard) / max(len(asked), len(heard))


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
    asked, heard = transitions(_known(reference)), transitions(estimate)
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
    median = float(np.median(errors))
    return {
        "median_error": median if math.isfinite(median) else None,
        # a millisecond of grace: 4.25 - 4.0 may come out above 0.25
        "within": {f"{limit:g}": float(np.mean(errors <= limit + 1e-3)) for limit in WITHIN},
    }


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


def _known(reference: Sequence[Event]) -> list[Event]:
    known = sections(reference)
    if not known:
        raise ScoreError(
            "The reference has no section to compare with. Annotate at least one section, then score again."
        )
    return known


def _intervals(events: Sequence[Event]) -> np.ndarray:
    """float (sections, 2) of start and end in seconds; sections without length have no boundary to find."""
    spans = [(event.start, event.end) for event in sections(events) if event.end > event.start]
    return np.asarray(spans, dtype=float).reshape(-1, 2)
