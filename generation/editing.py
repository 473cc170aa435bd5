"""One part of a song changed, the rest left as it is: which samples are copied, which are made anew, and how they join.

An edit cuts the new song into pieces. Kept pieces are copied bit for bit; where two of them, or a kept and a new one,
did not lie side by side before, they cross-fade over `FADE` seconds, half before the join and half after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from structure.errors import StudioError
from structure.events import Event, sections, show_seconds

FADE = 0.04  # seconds
SHORTEST = 0.2  # seconds of a piece, so that its two cross-fades do not meet
FULL_SCALE = 32767  # of 16 bits, as sound files are written


@dataclass(frozen=True)
class Piece:
    """A stretch of the new song: `length` seconds, copied from `source` seconds on, or made anew where that is None."""

    length: float
    source: float | None = None


@dataclass(frozen=True)
class Edit:
    """What the new song is cut from, and the structure that it then has. `what` says it in a word."""

    what: str
    pieces: tuple[Piece, ...]
    events: list[Event]

    @property
    def duration(self) -> float:
        """Seconds of the new song."""
        return sum(piece.length for piece in self.pieces)


def made_again(events: Sequence[Event], duration: float, place: int) -> Edit:
    """The same structure, with one of its sections made anew."""
    part = _part(events, place)
    return _edit("again", [(0, part.start), part.duration, (part.end, duration)], list(events))


def lengthened(events: Sequence[Event], duration: float, place: int, seconds: float) -> Edit:
    """One section goes on for some seconds more, made anew; what follows comes later."""
    part = _part(events, place)
    _check_seconds(seconds)
    later = [e if e is not part else e.model_copy(update={"end": e.end + seconds}) for e in events]
    return _edit("longer", [(0, part.end), seconds, (part.end, duration)], _moved(later, part.end, seconds, part))


def shortened(events: Sequence[Event], duration: float, place: int, seconds: float) -> Edit:
    """The last seconds of a section are cut away; what follows comes earlier.

    Raises:
        StudioError: there would be nothing left of it.
    """
    part = _part(events, place)
    _check_seconds(seconds)
    if part.duration - seconds < SHORTEST:
        raise StudioError(
            f"The {part.type} is {show_seconds(part.duration)} long: {show_seconds(seconds)} cannot be cut from it. "
            "Cut less, or take the part out."
        )
    return _without("shorter", events, duration, part.end - seconds, part.end)


def removed(events: Sequence[Event], duration: float, place: int) -> Edit:
    """The song without one of its sections.

    Raises:
        StudioError: it is all there is.
    """
    part = _part(events, place)
    if duration - part.duration < 1:
        raise StudioError(f"The {part.type} is all there is of the song: it cannot be taken out.")
    return _without("removed", events, duration, part.start, part.end)


def repeated(events: Sequence[Event], duration: float, place: int) -> Edit:
    """One section is heard twice, one after the other; what follows comes later."""
    part = _part(events, place)
    inside = [e for e in events if e.is_moment and part.start <= e.start < part.end]
    copies = [
        e.model_copy(update={"start": e.start + part.duration, "end": e.end + part.duration}) for e in [part, *inside]
    ]
    new = _moved(list(events), part.end, part.duration, part) + copies
    return _edit("repeated", [(0, part.end), (part.start, part.end), (part.end, duration)], new)


def swapped(events: Sequence[Event], duration: float, place: int) -> Edit:
    """A section and the one after it change places.

    Raises:
        StudioError: none comes after it.
    """
    first = _part(events, place)
    if place + 1 >= len(sections(events)):
        raise StudioError(f"No part comes after the {first.type}: there is nothing to swap it with.")
    second = _part(events, place + 1)
    gap = second.start - first.end

    def at(e: Event) -> Event:
        middle = (e.start + e.end) / 2
        by = 0.0
        if e is first or (e.is_moment and first.start <= middle < first.end):
            by = second.duration + gap
        elif e is second or (e.is_moment and second.start <= middle < second.end):
            by = first.start - second.start
        elif e.is_moment and first.end <= middle < second.start:
            by = second.duration - first.duration
        return e.model_copy(update={"start": e.start + by, "end": e.end + by})

    spans = [(0, first.start), (second.start, second.end), (first.end, second.start), (first.start, first.end)]
    return _edit("swapped", [*spans, (second.end, duration)], [at(e) for e in events])


def continued(events: Sequence[Event], duration: float, more: Sequence[Event]) -> Edit:
    """The song goes on with more parts; their times count from where it ended.

    Raises:
        StudioError: there is nothing to go on with.
    """
    length = max((e.end for e in more), default=0.0)
    if length < SHORTEST:
        raise StudioError("Say how the song goes on, such as `chorus 8s, outro 4s`.")
    after = [e.model_copy(update={"start": e.start + duration, "end": e.end + duration}) for e in more]
    return _edit("continued", [(0, duration), length], [*events, *after])


def assemble(
    samples: np.ndarray, sample_rate: int, pieces: Sequence[Piece]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The new song, silent where it is to be made anew.

    Args:
        samples: int16 (n, channels) of the old song.
        sample_rate: Hz.
        pieces: of the new song, in order.

    Returns:
        int16 (m, channels), and first and last sample (exclusive) of each piece that is new. Half a cross-fade of the
        old song reaches into a new piece, for `lay_in` to fade from.
    """
    half = round(FADE * sample_rate / 2)
    edges = np.round(np.cumsum([0.0, *(piece.length for piece in pieces)]) * sample_rate).astype(int)
    new = np.zeros((edges[-1], samples.shape[1]), np.int16)
    starts = [None if piece.source is None else round(piece.source * sample_rate) for piece in pieces]
    for start, begin, stop in zip(starts, edges, edges[1:], strict=False):
        if start is not None:
            new[begin:stop] = _cut(samples, start, start + stop - begin)
    for i, at in enumerate(edges[1:-1].tolist(), start=1):
        left, right = starts[i - 1], starts[i]
        stop = None if left is None else left + int(edges[i] - edges[i - 1])
        if stop is not None and right is None:
            new[at : at + half] = _cut(samples, stop, stop + len(new[at : at + half]))
        elif stop is None and right is not None:
            new[at - half : at] = _cut(samples, right - half, right)
        elif stop is not None and right is not None and stop != right:
            fading, coming = _cut(samples, stop - half, stop + half), _cut(samples, right - half, right + half)
            new[at - half : at + half] = _cross_fade(fading, coming, half, 0)
    spans = [(int(a), int(b)) for start, a, b in zip(starts, edges, edges[1:], strict=False) if start is None]
    return new, spans


def lay_in(song: np.ndarray, span: tuple[int, int], first: int, made: np.ndarray, sample_rate: int) -> None:
    """Put what was made anew into the song, in place; nothing outside the span and its cross-fades changes.

    Args:
        song: int16 (m, channels), as `assemble` gives it.
        span: first and last sample (exclusive) that are new.
        first: where `made` begins, half a cross-fade before the span, or at the song's start.
        made: float (k, channels) in [-1, 1]; ends half a cross-fade after the span, or at the song's end.
        sample_rate: Hz.
    """
    half = round(FADE * sample_rate / 2)
    stop = first + len(made)
    new = np.clip(np.round(made * FULL_SCALE), -FULL_SCALE - 1, FULL_SCALE).astype(np.int16)
    begins = half if span[0] > 0 else 0
    ends = half if span[1] < len(song) else 0
    song[first:stop] = _cross_fade(song[first:stop], new, begins, ends)


def _cross_fade(old: np.ndarray, new: np.ndarray, begins: int, ends: int) -> np.ndarray:
    """`new`, faded in over its first 2 · `begins` samples and out again over its last 2 · `ends`, with equal power."""
    weight = np.ones(len(new))
    if begins:
        ramp = (np.arange(2 * begins) + 0.5) / (2 * begins)
        weight[: 2 * begins] = ramp[: len(new)]
    if ends:
        ramp = (np.arange(2 * ends) + 0.5) / (2 * ends)
        weight[len(new) - 2 * ends :] = np.minimum(weight[len(new) - 2 * ends :], ramp[::-1])
    angle = weight[:, None] * np.pi / 2
    mixed = np.round(old * np.cos(angle) + new * np.sin(angle))
    faded = np.clip(mixed, -FULL_SCALE - 1, FULL_SCALE).astype(np.int16)
    return np.where(weight[:, None] == 1, new, faded)


def _cut(samples: np.ndarray, begin: int, stop: int) -> np.ndarray:
    """Samples `begin` to `stop`, zeros where the song has none."""
    inside = samples[max(begin, 0) : max(stop, 0)]
    before, length = max(-begin, 0), stop - begin
    return np.pad(inside, ((min(before, length), max(0, length - before - len(inside))), (0, 0)))


def _without(what: str, events: Sequence[Event], duration: float, begin: float, stop: float) -> Edit:
    """The song without the seconds from `begin` to `stop`."""
    by = stop - begin

    def at(t: float) -> float:
        return t if t <= begin else max(begin, t - by)

    moved = [e.model_copy(update={"start": at(e.start), "end": at(e.end)}) for e in events]
    inside = [begin <= old.start < stop and old.end <= stop for old in events]
    kept = [e for e, gone in zip(moved, inside, strict=True) if not gone]
    return _edit(what, [(0, begin), (stop, duration)], kept)


def _moved(events: Sequence[Event], after: float, by: float, part: Event) -> list[Event]:
    """Events that start at `after` or later come `by` seconds later; `part` itself stays."""
    return [
        e.model_copy(update={"start": e.start + by, "end": e.end + by})
        if e is not part and e.start >= after - 1e-6 and e.end >= after
        else e
        for e in events
    ]


def _edit(what: str, spans: Sequence[tuple[float, float] | float], events: Sequence[Event]) -> Edit:
    """Pieces of spans of the old song, and of lengths that are new.

    Empty spans are left out and neighbours joined. A rest too short to be a piece becomes part of the new one beside
    it; at the song's end it is dropped.
    """
    pieces: list[Piece] = []
    for span in spans:
        piece = Piece(span[1] - span[0], span[0]) if isinstance(span, tuple) else Piece(span)
        last = pieces[-1] if pieces else None
        if piece.length <= 1e-6:
            continue
        if last and last.source is not None and piece.source is not None and _follows(last, piece):
            pieces[-1] = Piece(last.length + piece.length, last.source)
        elif last and (last.source is None) != (piece.source is None) and min(last.length, piece.length) < SHORTEST:
            pieces[-1] = Piece(last.length + piece.length)
        else:
            pieces.append(piece)
    if len(pieces) > 1 and pieces[-1].length < SHORTEST:
        pieces.pop()
    if short := [piece for piece in pieces if piece.length < SHORTEST]:
        raise StudioError(
            f"A piece of {show_seconds(short[0].length)} is too short to be cut out and joined again: {SHORTEST:g} s "
            "is the least."
        )
    return Edit(what, tuple(pieces), sorted(events, key=lambda e: (e.start, e.end)))


def _follows(one: Piece, other: Piece) -> bool:
    """Whether the second goes on where the first ended in the old song."""
    return abs((one.source or 0.0) + one.length - (other.source or 0.0)) < 1e-6


def _part(events: Sequence[Event], place: int) -> Event:
    parts = sections(events)
    if not 0 <= place < len(parts):
        raise StudioError(f"There is no part {place + 1}: the song has {len(parts)}.")
    return parts[place]


def _check_seconds(seconds: float) -> None:
    if not SHORTEST <= seconds <= 300:
        raise StudioError(f"{seconds:g} s: expected {SHORTEST:g} to 300 seconds.")
