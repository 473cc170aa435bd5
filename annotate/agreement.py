"""Two annotations of one song: how far they agree, where they differ, and both in one.

What people reach among themselves is the measure of any score: the pairs of the SALAMI corpus agree with a boundary F
of 0.64 within 0.5 s and of 0.73 within 3 s, song ends left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from structure.errors import StudioError
from structure.events import TOUCHING, Event, moments, sections, show_seconds

TOLERANCE = 0.5  # seconds within which two boundaries are the same
SAME = 0.07  # seconds within which two moments are: what an ear cannot tell apart


class AgreementError(StudioError):
    """Annotations that cannot be compared."""


@dataclass(frozen=True)
class Agreement:
    """How far two annotations agree; shares from 0 to 1, times in seconds.

    Attributes:
        f_500ms: boundary F within 0.5 s, the song's ends left out; None where one has no boundary inside.
        f_3s: the same within 3 s.
        f_500ms_untrimmed: with the ends.
        f_3s_untrimmed: with the ends.
        deviation: median distance from a boundary of the second to the nearest of the first, ends left out.
        deviation_back: the other way round.
        same_type: share of the time labelled by both in which both say the same type.
        pairwise_f: agreement on which moments belong together, whatever they are called.
    """

    f_500ms: float | None
    f_3s: float | None
    f_500ms_untrimmed: float
    f_3s_untrimmed: float
    deviation: float | None
    deviation_back: float | None
    same_type: float | None
    pairwise_f: float | None

    def to_dict(self) -> dict[str, float | None]:
        return asdict(self)


def agreement(first: Sequence[Event], second: Sequence[Event]) -> Agreement:
    """Compare two annotations of one song.

    Raises:
        AgreementError: one of them has no section.

    Source: mir_eval.segment (Raffel et al., ISMIR 2014).
    """
    from mir_eval.segment import detection, deviation

    ours, theirs = sections(first), sections(second)
    if not ours or not theirs:
        raise AgreementError("One of the two has no sections, so there is nothing to compare.")
    a, b = _intervals(ours), _intervals(theirs)
    inside = min(len(_edges(ours)), len(_edges(theirs))) > 2
    back, there = map(float, deviation(a, b, trim=True)) if inside else (None, None)
    f = {
        (window, trim): float(detection(a, b, window=window, trim=trim)[2]) if inside or not trim else None
        for window in (0.5, 3.0)
        for trim in (True, False)
    }
    types = _types_of_both(ours, theirs)
    total = sum(length for *_, length in types)
    return Agreement(
        f_500ms=f[0.5, True],
        f_3s=f[3.0, True],
        f_500ms_untrimmed=f[0.5, False] or 0.0,
        f_3s_untrimmed=f[3.0, False] or 0.0,
        deviation=there,
        deviation_back=back,
        same_type=sum(length for x, y, length in types if x == y) / total if total else None,
        pairwise_f=_pairwise_f(types),
    )


def differences(first: Sequence[Event], second: Sequence[Event], tolerance: float = TOLERANCE) -> list[str]:
    """What one has and the other has not, one sentence each, in the order of the song.

    Args:
        first, second: annotations of one song.
        tolerance: seconds.
    """
    ours, theirs = sections(first), sections(second)
    found: list[tuple[float, str]] = []
    for here, there, whose in ((ours, theirs, "first"), (theirs, ours, "second")):
        others = _edges(there)
        for edge in _edges(here):
            if not len(others) or np.abs(others - edge).min() > tolerance:
                found.append((edge, f"{show_seconds(edge)}: only the {whose} has a boundary here"))
    for start, end, x, y in _spans_of_both(ours, theirs):
        if x != y and end - start > tolerance:
            found.append((start, f"{show_seconds(start)} to {show_seconds(end)}: {x} in the first, {y} in the second"))
    for here, there, whose in ((first, second, "first"), (second, first, "second")):
        found += [
            (moment.start, f"{show_seconds(moment.start)}: only the {whose} has this {moment.type}")
            for moment in moments(here)
            if not _has(there, moment, tolerance)
        ]
    return [sentence for _, sentence in sorted(found)]


def merge(mine: Sequence[Event], theirs: Sequence[Event]) -> tuple[list[Event], list[str]]:
    """Both annotations in one: all of mine, and of theirs what does not collide with it.

    Returns:
        the events, and a sentence for each of their sections that had to be left out.
    """
    kept, left = list(mine), []
    for event in sections(theirs):
        across = [own for own in sections(mine) if min(own.end, event.end) - max(own.start, event.start) > TOUCHING]
        if not across:
            kept.append(event)
        elif (event.type, event.start, event.end) not in {(own.type, own.start, own.end) for own in across}:
            left.append(
                f"{event.name} {show_seconds(event.start)} to {show_seconds(event.end)} was left out: "
                f"{across[0].name} is there."
            )
    kept += [moment for moment in moments(theirs) if not _has(mine, moment, SAME)]
    return sections(kept) + moments(kept), left


def mean_agreement(found: Sequence[Agreement]) -> dict[str, Any]:
    """The mean over songs of each figure; None where no song has it."""
    columns: dict[str, list[float]] = {}
    for one in found:
        for name, value in one.to_dict().items():
            columns.setdefault(name, []).extend([] if value is None else [value])
    return {name: float(np.mean(values)) if values else None for name, values in columns.items()}


def agreement_text(figures: Mapping[str, float | None]) -> str:
    """One line of an agreement's figures."""
    shown = {name: "-" if value is None else f"{value:.2f}" for name, value in figures.items()}
    return (
        f"boundary F {shown['f_500ms']} within 0.5 s, {shown['f_3s']} within 3 s "
        f"(with the ends {shown['f_500ms_untrimmed']}, {shown['f_3s_untrimmed']}); "
        f"median distance {shown['deviation']} s, back {shown['deviation_back']} s; "
        f"same name {shown['same_type']} of the time, pairwise F {shown['pairwise_f']}"
    )


def _intervals(parts: Sequence[Event]) -> np.ndarray:
    return np.array([(part.start, part.end) for part in parts], float)


def _edges(parts: Sequence[Event]) -> np.ndarray:
    return np.unique([edge for part in parts for edge in (part.start, part.end)])


def _spans_of_both(ours: Sequence[Event], theirs: Sequence[Event]) -> list[tuple[float, float, str, str]]:
    """Start, end and both types of each stretch in which both say one."""
    return [
        (max(a.start, b.start), min(a.end, b.end), a.type, b.type)
        for a in ours
        for b in theirs
        if min(a.end, b.end) - max(a.start, b.start) > TOUCHING
    ]


def _types_of_both(ours: Sequence[Event], theirs: Sequence[Event]) -> list[tuple[str, str, float]]:
    return [(x, y, end - start) for start, end, x, y in _spans_of_both(ours, theirs)]


def _pairwise_f(types: Sequence[tuple[str, str, float]]) -> float | None:
    """Levy & Sandler 2008, over time itself and not frames of it."""
    both: dict[tuple[str, str], float] = {}
    for x, y, length in types:
        both[x, y] = both.get((x, y), 0.0) + length
    sums = [
        sum(sum(length for key, length in both.items() if key[side] == kind) ** 2 for kind in {k[side] for k in both})
        for side in (0, 1)
    ]
    together = sum(length**2 for length in both.values())
    if not together:
        return None
    precision, recall = together / sums[1], together / sums[0]
    return 2 * precision * recall / (precision + recall)


def _has(events: Sequence[Event], moment: Event, tolerance: float) -> bool:
    return any(other.type == moment.type and abs(other.start - moment.start) <= tolerance for other in moments(events))
