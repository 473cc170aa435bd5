"""Segmentation scores as the field reports them, all by mir_eval: boundaries, deviation, pairwise F, V-measure.

Intervals are handed over as mir_eval's own `evaluate` does: both from 0, the estimate cut or filled to the end of the
reference. Where both annotations are without gaps, the results are mir_eval's to the bit. Stretches that the reference
leaves open are unknown: the label scores leave them out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from annotate.agreement import Hits
from structure.errors import StudioError
from structure.events import TOUCHING, Event, sections

FRAME_SIZE = 0.1  # seconds, mir_eval's
_OPEN = "(unlabelled)"


class ScoreError(StudioError):
    """Two timelines that cannot be compared, or a folder that cannot be scored."""


def boundary_f(
    reference: Sequence[Event], estimate: Sequence[Event], tolerance: float = 0.5, trim: bool = False
) -> Hits:
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

    if not (tolerance > 0 and math.isfinite(tolerance)):
        raise ScoreError(f"The boundary tolerance is in seconds and must be positive, got {tolerance}.")
    asked, heard = _spans(known(reference)), _spans(estimate)
    if not _have_boundaries(asked, heard, trim):
        return Hits(0.0, 0.0, 0.0)  # as mir_eval has it, without its warning: nothing left to match
    return Hits(*map(float, detection(asked, heard, window=tolerance, trim=trim)))


def deviation(
    reference: Sequence[Event], estimate: Sequence[Event], trim: bool = True
) -> tuple[float | None, float | None]:
    """Median distance of boundaries, both ways.

    Args:
        reference: true sections.
        estimate: estimated sections.
        trim: leave out the first and last boundary of both.

    Returns:
        seconds from a boundary of the reference to the nearest of the estimate, and the other way round; None where
        one side has none.

    Raises:
        ScoreError: `reference` has no section.

    Source: mir_eval.segment.deviation, in this order.
    """
    from mir_eval.segment import deviation as distances

    asked, heard = _spans(known(reference)), _spans(estimate)
    if not _have_boundaries(asked, heard, trim):
        return None, None
    there, back = distances(asked, heard, trim=trim)
    return float(there), float(back)


def pairwise_f(reference: Sequence[Event], estimate: Sequence[Event]) -> Hits:
    """Do frames that belong together in the reference belong together in the estimate, whatever they are called?

    Raises:
        ScoreError: `reference` has no section.

    Source: mir_eval.segment.pairwise (Levy and Sandler, IEEE TASLP 2008), counted by sklearn's contingency of pairs,
    since all pairs of a four-minute song's frames are six million.
    """
    from sklearn.metrics.cluster import pair_confusion_matrix

    asked, heard = _frame_labels(reference, estimate)
    if len(asked) < 2:
        return Hits(0.0, 0.0, 0.0)
    (_, only_heard), (only_asked, both) = pair_confusion_matrix(asked, heard)
    precision = both / (both + only_heard) if both + only_heard else 0.0
    recall = both / (both + only_asked) if both + only_asked else 0.0
    return Hits(float(precision), float(recall), _harmonic(precision, recall))


def v_measure(reference: Sequence[Event], estimate: Sequence[Event]) -> Hits:
    """Entropy of labels given the other's: precision falls with over-, recall with under-segmentation of labels.

    Raises:
        ScoreError: `reference` has no section.

    Source: mir_eval.segment.vmeasure (Rosenberg and Hirschberg, EMNLP 2007).
    """
    from mir_eval.segment import vmeasure

    asked, heard = _frame_labels(reference, estimate)
    if len(asked) < 2:
        return Hits(0.0, 0.0, 0.0)
    # frames laid end to end, each with its sample in its middle: gaps are gone, and no rounding moves a label
    grid = (np.arange(len(asked) + 1) - 0.5) * FRAME_SIZE
    grid[0], grid[-1] = 0.0, grid[-1] + FRAME_SIZE
    spans = np.column_stack([grid[:-1], grid[1:]])
    return Hits(*map(float, vmeasure(spans, list(asked), spans, list(heard), frame_size=FRAME_SIZE)))


def known(reference: Sequence[Event]) -> list[Event]:
    """The reference's sections.

    Raises:
        ScoreError: it has none.
    """
    found = sections(reference)
    if not found:
        raise ScoreError(
            "The reference has no section to compare with. Annotate at least one section, then score again."
        )
    return found


def _frame_labels(reference: Sequence[Event], estimate: Sequence[Event]) -> tuple[np.ndarray, np.ndarray]:
    """Types of both at the frames that the reference labels, str (frames,), sampled as mir_eval does."""
    from mir_eval.util import adjust_intervals, intervals_to_samples

    asked, asked_types = _without_gaps(known(reference))
    end = asked[-1, 1]
    # what lies before the first section is as unknown as any other gap
    asked, asked_types = adjust_intervals(asked, asked_types, t_min=0.0, start_label=_OPEN, end_label=_OPEN)
    heard, heard_types = _without_gaps(sections(estimate))
    heard, heard_types = adjust_intervals(heard, heard_types, t_min=0.0, t_max=end)
    ours = np.array(intervals_to_samples(asked, asked_types, sample_size=FRAME_SIZE)[1], dtype=str)
    theirs = np.array(intervals_to_samples(heard, heard_types, sample_size=FRAME_SIZE)[1], dtype=str)
    labelled = ours != _OPEN
    return ours[labelled], theirs[: len(ours)][labelled]


def _without_gaps(events: Sequence[Event]) -> tuple[np.ndarray, list[str]]:
    """float (spans, 2) of seconds and their types; what lies between two sections is a span of its own."""
    spans: list[tuple[float, float]] = []
    types: list[str] = []
    for event in events:
        if event.end <= event.start:
            continue
        if spans and event.start - spans[-1][1] > TOUCHING:
            spans.append((spans[-1][1], event.start))
            types.append(_OPEN)
        spans.append((spans[-1][1] if spans else event.start, event.end))
        types.append(event.type)
    return np.asarray(spans, dtype=float).reshape(-1, 2), types


def _spans(events: Sequence[Event]) -> np.ndarray:
    """float (sections, 2) of start and end in seconds; sections without length have no boundary to find."""
    spans = [(event.start, event.end) for event in sections(events) if event.end > event.start]
    return np.asarray(spans, dtype=float).reshape(-1, 2)


def _have_boundaries(asked: np.ndarray, heard: np.ndarray, trim: bool) -> bool:
    return min(len(asked), len(heard)) >= (2 if trim else 1)


def _harmonic(precision: float, recall: float) -> float:
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0
