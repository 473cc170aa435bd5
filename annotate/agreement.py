"""Two annotations of one song: how far they agree, where they differ, and both in one.

What people reach among themselves is the measure of any score: the pairs of the SALAMI corpus agree with a boundary F
of 0.64 within 0.5 s and of 0.73 within 3 s, song ends left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from structure.errors import StudioError
from structure.events import TOUCHING, Event, label_at, moments, sections, show_seconds

TOLERANCE = 0.5  # seconds within which two boundaries are the same
SAME = 0.07  # seconds within which two moments or boundaries are: what an ear cannot tell apart
_DETAILS = ("label", "intensity", "lyrics", "comment")  # what one person may have added to a section that both have
_FRAMES = 2_400  # in which belonging together is counted: 0.1 s each in four minutes, and an hour fits into memory


class AgreementError(StudioError):
    """Annotations that cannot be compared."""


@dataclass(frozen=True)
class Hits:
    """Boundaries matched one to one within a tolerance; each from 0 to 1.

    Attributes:
        precision: share of the second's boundaries that the first has.
        recall: share of the first's boundaries that the second has.
        f: their harmonic mean, the same whoever is first.
    """

    precision: float
    recall: float
    f: float


@dataclass(frozen=True)
class Agreement:
    """How far two annotations agree; shares from 0 to 1, times in seconds.

    Attributes:
        within_500ms: boundaries within 0.5 s, the song's ends left out; None where one has no boundary inside.
        within_3s: the same within 3 s.
        within_500ms_untrimmed: with the ends.
        within_3s_untrimmed: with the ends.
        deviation: median distance from a boundary of the second to the nearest of the first, ends left out.
        deviation_back: the other way round.
        same_type: share of the time labelled by both in which both say the same type.
        pairwise_f: agreement on which moments belong together, whatever they are called.
    """

    within_500ms: Hits | None
    within_3s: Hits | None
    within_500ms_untrimmed: Hits
    within_3s_untrimmed: Hits
    deviation: float | None
    deviation_back: float | None
    same_type: float | None
    pairwise_f: float | None

    def to_dict(self) -> dict[str, float | None]:
        """All figures in one row: `f_500ms`, `precision_3s_untrimmed`, `same_type` …"""
        row: dict[str, float | None] = {}
        for window in ("500ms", "3s", "500ms_untrimmed", "3s_untrimmed"):
            hits: Hits | None = getattr(self, f"within_{window}")
            row |= {f"{name}_{window}": hits and getattr(hits, name) for name in ("f", "precision", "recall")}
        return row | {key: value for key, value in asdict(self).items() if not key.startswith("within_")}


def agreement(first: Sequence[Event], second: Sequence[Event]) -> Agreement:
    """Compare two annotations of one song, both without problems.

    Raises:
        AgreementError: one of them has no section.

    Source: mir_eval.segment (Raffel et al., ISMIR 2014); pairwise F after Levy & Sandler 2008.
    """
    from mir_eval.segment import detection, deviation  # brings scipy

    ours, theirs = sections(first), sections(second)
    if not ours or not theirs:
        raise AgreementError("One of the two has no sections, so there is nothing to compare.")
    a, b = _intervals(_edges(ours)), _intervals(_edges(theirs))
    inside = min(len(a), len(b)) > 1
    back, there = map(float, deviation(a, b, trim=True)) if inside else (None, None)

    def hits(window: float, trim: bool) -> Hits:
        return Hits(*map(float, detection(a, b, window=window, trim=trim)))

    spans = _spans_of_both(ours, theirs)
    total = sum(end - start for start, end, *_ in spans)
    return Agreement(
        within_500ms=hits(0.5, trim=True) if inside else None,
        within_3s=hits(3.0, trim=True) if inside else None,
        within_500ms_untrimmed=hits(0.5, trim=False),
        within_3s_untrimmed=hits(3.0, trim=False),
        deviation=there,
        deviation_back=back,
        same_type=sum(end - start for start, end, x, y in spans if x == y) / total if spans else None,
        pairwise_f=_pairwise_f(spans) if spans else None,
    )


def differences(
    first: Sequence[Event],
    second: Sequence[Event],
    names: tuple[str, str] = ("the first", "the second"),
    tolerance: float = TOLERANCE,
) -> list[str]:
    """What one has and the other has not, one sentence each, in the order of the song.

    Args:
        first, second: annotations of one song.
        names: whose they are, as the sentences shall call them.
        tolerance: seconds.
    """
    ours, theirs = sections(first), sections(second)
    found: list[tuple[float, str]] = []
    for here, there, whose in ((ours, theirs, names[0]), (theirs, ours, names[1])):
        others = _edges(there)
        for edge in _edges(here):
            if not len(others) or np.abs(others - edge).min() > tolerance:
                found.append((edge, f"{show_seconds(edge)}: only {whose} has a boundary here."))
    for start, end, x, y in _spans_of_both(ours, theirs):
        if x != y and end - start > tolerance:
            span = f"{show_seconds(start)} to {show_seconds(end)}"
            found.append((start, f"{span}: {names[0]} says {x}, {names[1]} says {y}."))
    for here, there, whose in ((first, second, names[0]), (second, first, names[1])):
        found += [
            (moment.start, f"{show_seconds(moment.start)}: only {whose} has this {moment.type}.")
            for moment in moments(here)
            if not _has(there, moment, tolerance)
        ]
    return [sentence for _, sentence in sorted(found, key=lambda difference: difference[0])]


def merge(mine: Sequence[Event], theirs: Sequence[Event], prefer_theirs: bool = False) -> tuple[list[Event], list[str]]:
    """Both annotations in one: all of mine, and of theirs what does not collide with it.

    Their boundaries within `SAME` of one of mine are moved to it, so that a difference nobody hears collides with
    nothing. A section that both have keeps my details and gets theirs where I gave none.

    Args:
        mine, theirs: annotations of one song.
        prefer_theirs: where the two collide, theirs replaces mine.

    Returns:
        the events, and a sentence for each collision: what had to be left out.
    """
    own, left = sections(mine), []
    edges = _edges(own)
    for event in (_moved_to(edges, event) for event in sections(theirs)):
        across = [part for part in own if min(part.end, event.end) - max(part.start, event.start) > TOUCHING]
        twin = next((p for p in across if (p.type, p.start, p.end) == (event.type, event.start, event.end)), None)
        if twin:
            joined, said = _with_details(twin, event, prefer_theirs)
            own[own.index(twin)] = joined
            left += said
        elif across and not prefer_theirs:
            left.append(f"{_span(event)} was left out: {across[0].name} is there.")
        else:
            left += [f"{_span(part)} was left out: {event.name} is there." for part in across]
            own = [*(part for part in own if part not in across), event]
    new = [moment for moment in moments(theirs) if not _has(mine, moment, SAME)]
    return sections(own) + moments([*moments(mine), *new]), left


def merge_changes(
    base: Sequence[Event], mine: Sequence[Event], theirs: Sequence[Event]
) -> tuple[list[Event], list[str]]:
    """What two people made of one annotation, in one: the changes of both, mine where they collide.

    What one of them changed or took away, and the other left as it was, is as the one has it.

    Args:
        base: what both began with.
        mine, theirs: what became of it.

    Returns:
        as `merge`.
    """
    was, now = {_told(event) for event in base}, {_told(event) for event in theirs}
    kept = [event for event in mine if _told(event) not in was or _told(event) in now]
    new = [event for event in theirs if _told(event) not in was]
    before = {_place(event): event.to_dict() for event in base}
    ours, others = ({_place(event): event for event in events} for events in (kept, new))
    return merge(_with_changes(kept, others, before), _with_changes(new, ours, before))


def mean_agreement(found: Sequence[Agreement]) -> dict[str, float | None]:
    """The mean over songs of each figure; None where no song has it."""
    columns: dict[str, list[float]] = {}
    for one in found:
        for name, value in one.to_dict().items():
            columns.setdefault(name, []).extend([] if value is None else [value])
    return {name: float(np.mean(values)) if values else None for name, values in columns.items()}


def agreement_lines(figures: Mapping[str, float | None]) -> list[str]:
    """The figures of `Agreement.to_dict`, or their means, for a person to read."""
    shown = {name: "-" if value is None else f"{value:.2f}" for name, value in figures.items()}

    def hits(window: str) -> str:
        return (
            f"F {shown[f'f_{window}']} (precision {shown[f'precision_{window}']}, recall {shown[f'recall_{window}']})"
        )

    return [
        f"boundaries within 0.5 s: {hits('500ms')}; within 3 s: {hits('3s')}",
        f"the same with the song's ends: {hits('500ms_untrimmed')}; {hits('3s_untrimmed')}",
        f"median distance of B's boundaries from A's: {shown['deviation']} s; of A's from B's: "
        f"{shown['deviation_back']} s",
        f"same name: {shown['same_type']} of the time; which parts belong together, pairwise F: {shown['pairwise_f']}",
    ]


def _edges(parts: Sequence[Event]) -> np.ndarray:
    """float (boundaries,) seconds, ascending; sections that touch share one."""
    edges = np.unique([edge for part in parts for edge in (part.start, part.end)])
    return edges[np.diff(edges, prepend=-np.inf) > TOUCHING]


def _intervals(edges: np.ndarray) -> np.ndarray:
    """float (boundaries - 1, 2) of start and end in seconds, as mir_eval takes boundaries."""
    return np.column_stack([edges[:-1], edges[1:]])


def _spans_of_both(ours: Sequence[Event], theirs: Sequence[Event]) -> list[tuple[float, float, str, str]]:
    """Start, end and both types of each stretch that both label, as long as neither type changes."""
    edges = _edges([*ours, *theirs])
    middles = (edges[:-1] + edges[1:]) / 2
    spans: list[tuple[float, float, str, str]] = []
    labels = zip(edges[:-1], edges[1:], label_at(ours, middles), label_at(theirs, middles), strict=True)
    for start, end, x, y in labels:
        if x is None or y is None:
            continue
        if spans and spans[-1][1:] == (start, x, y):
            start = spans.pop()[0]
        spans.append((float(start), float(end), x, y))
    return spans


def _pairwise_f(spans: Sequence[tuple[float, float, str, str]]) -> float:
    """mir_eval wants both to label the same stretch without gaps: what both label, laid end to end."""
    from mir_eval.segment import pairwise

    ends = np.cumsum([end - start for start, end, *_ in spans])
    intervals = np.column_stack([np.concatenate([[0.0], ends[:-1]]), ends])
    ours, theirs = [x for *_, x, _ in spans], [y for *_, y in spans]
    return float(pairwise(intervals, ours, intervals, theirs, frame_size=ends[-1] / _FRAMES)[2])


def _moved_to(edges: np.ndarray, event: Event) -> Event:
    """The event with each end on the boundary that is within `SAME` of it, if that leaves it a length."""

    def moved(t: float) -> float:
        nearest = float(edges[np.abs(edges - t).argmin()]) if len(edges) else t
        return nearest if abs(nearest - t) < SAME + TOUCHING else t

    start, end = moved(event.start), moved(event.end)
    return event.model_copy(update={"start": start, "end": end}) if start < end else event


def _with_details(mine: Event, theirs: Event, prefer_theirs: bool) -> tuple[Event, list[str]]:
    """One section that two people have, with the details of both, and a sentence for each in which they differ."""
    first, second = (theirs, mine) if prefer_theirs else (mine, theirs)
    kept, other = first.to_dict(), second.to_dict()
    said = [
        f"{_span(mine)}: the {key} {str(other[key])[:80]!r} was left out, {str(kept[key])[:80]!r} is there."
        for key in _DETAILS
        if key in kept and key in other and kept[key] != other[key]
    ]
    details = {key: value for data in (other, kept) for key, value in data.items() if key in _DETAILS}
    return Event.model_validate(mine.to_dict() | details), said


def _told(event: Event) -> str:
    return json.dumps(event.to_dict(), sort_keys=True)


def _place(event: Event) -> tuple[str, float, float]:
    return event.type, event.start, event.end


def _with_changes(
    events: Sequence[Event], others: Mapping[tuple[str, float, float], Event], before: Mapping[Any, Mapping[str, Any]]
) -> list[Event]:
    """The events, each with those details of the other person's that it left as they were before."""
    found = []
    for event in events:
        other, was, told = others.get(_place(event)), before.get(_place(event)), event.to_dict()
        if other is not None and was is not None:
            theirs = other.to_dict()
            left = [key for key in _DETAILS if told.get(key) == was.get(key)]
            told = {key: value for key, value in told.items() if key not in left}
            told |= {key: theirs[key] for key in left if key in theirs}
        found.append(Event.model_validate(told))
    return found


def _span(event: Event) -> str:
    return f"{event.name} {show_seconds(event.start)} to {show_seconds(event.end)}"


def _has(events: Sequence[Event], moment: Event, tolerance: float) -> bool:
    return any(other.type == moment.type and abs(other.start - moment.start) <= tolerance for other in moments(events))
