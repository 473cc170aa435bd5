"""Where the items of a structure prompt lie: repeats played, lengths put one after another, what is left shared out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from structure.events import OVERRUN, Event, overlapping, show_seconds
from structure.prompt.draft import Draft, Group, did_you_mean
from structure.prompt.item import Item, PromptError, shorten

MOST = 1000  # events of one prompt
Copies = tuple[tuple[int, int], ...]  # for each group around an item, from outside: (its number, which time)


@dataclass(frozen=True)
class Placed:
    """An event and the item that says it."""

    event: Event
    draft: Draft
    copies: Copies = ()


@dataclass(frozen=True)
class _Part:
    """A draft in one of the times that its groups are played; written times are moved by `shift` seconds."""

    draft: Draft
    copies: Copies
    shift: float = 0.0


def place(members: Sequence[Draft | Group], duration: float | None = None) -> list[Placed]:
    """Events in the order in which they are written and repeated.

    Args:
        members: as `structure.prompt.reader.read_items` gives them.
        duration: of the song in seconds, where it is known: parts without a length share what is left of it.

    Raises:
        PromptError: no room or no length for a part, two parts overlap, one ends after the song, or there are too many.
    """
    parts = list(_played(members))
    spans = _spans(parts, duration)
    begins: dict[Copies, float] = {}
    for part, (start, _) in zip([p for p in parts if not p.draft.is_moment], spans, strict=True):
        for depth in range(1, len(part.copies) + 1):
            begins[part.copies[:depth]] = min(begins.get(part.copies[:depth], start), start)
    placed, upcoming = [], iter(spans)
    for part in parts:
        start, end = _moment_span(part, begins) if part.draft.is_moment else next(upcoming)
        draft = part.draft
        if duration is not None and end > duration + OVERRUN:
            raise draft.item.error(
                f"ends at {show_seconds(end)}, but the song is {show_seconds(duration)} long. Shorten it, or ask for a "
                "longer song."
            )
        placed.append(Placed(Event(type=draft.name, start=start, end=end, **draft.fields), draft, part.copies))
    _refuse_overlaps(placed)
    return placed


def _played(members: Sequence[Draft | Group]) -> Iterator[_Part]:
    count = sum(_count(member) for member in members)
    if count > MOST:
        raise PromptError(f"The structure has {count} parts and moments; {MOST} is the most.")
    groups = iter(range(count + 1))
    for member in members:
        yield from _play(member, groups)


def _count(member: Draft | Group) -> int:
    """How many events it makes; groups nest no deeper than `structure.prompt.reader.DEEPEST`."""
    return 1 if isinstance(member, Draft) else member.times * sum(_count(m) for m in member.members)


def _play(member: Draft | Group, groups: Iterator[int]) -> Iterator[_Part]:
    if isinstance(member, Draft):
        yield _Part(member, ())
        return
    parts = [part for inner in member.members for part in _play(inner, groups)]
    if member.times == 1:
        yield from parts
        return
    period, number = _period(member.item, parts), next(groups)
    for n in range(member.times):
        for part in parts:
            yield replace(part, copies=((number, n), *part.copies), shift=part.shift + n * period)


def _period(item: Item, parts: Sequence[_Part]) -> float:
    """Seconds from one time to the next of a group whose parts have times; 0 where lengths say it."""
    played = [part for part in parts if not part.draft.is_moment]
    if not played:
        raise item.error("a moment follows nothing, so it cannot be repeated. Say when each is, such as `crash @32`.")
    timed = [p for p in played if p.draft.when is not None and p.draft.when.start is not None]
    if not timed:
        return 0.0
    if len(timed) < len(played) or any(p.draft.when.end is None for p in timed):
        raise item.error(
            "in what is repeated, give every part its start and end, or every part its length, such as `verse 8s`."
        )
    return max(p.draft.when.end + p.shift for p in timed) - min(p.draft.when.start + p.shift for p in timed)


def _spans(parts: Sequence[_Part], duration: float | None) -> list[tuple[float, float]]:
    """Start and end in seconds of each section, in order.

    Parts that give only a length, or nothing, follow on the part before; those with nothing share what is left until
    the next that has a start, or until the song ends.
    """
    found: list[tuple[float, float]] = []
    waiting: list[_Part] = []
    begin = 0.0
    for part in (p for p in parts if not p.draft.is_moment):
        when = part.draft.when
        if when is None or when.start is None:
            waiting.append(part)
            continue
        start = round(when.start + part.shift, 6)
        found += _following(waiting, begin, start, part.draft)
        if when.end is None:
            waiting, begin = [part], start
        else:
            begin = round(when.end + part.shift, 6)
            waiting = []
            found.append((start, begin))
    return found + _following(waiting, begin, duration, None)


def _following(
    parts: Sequence[_Part], begin: float, limit: float | None, before: Draft | None
) -> list[tuple[float, float]]:
    """Places of parts that follow one another from `begin`; `limit` is where `before`, or the song's end, is."""
    lengths = [None if p.draft.when is None else p.draft.when.length for p in parts]
    free = [part.draft for part, length in zip(parts, lengths, strict=True) if length is None]
    share = 0.0
    if free:
        if limit is None:
            raise free[0].item.error(_no_length(free[0]))
        left = limit - begin - sum(length for length in lengths if length is not None)
        share = left / len(free)
        if share < 1e-3:
            stop = f"item {before.item.number} `{shorten(before.item.text)}`" if before else "the song's end"
            raise free[0].item.error(
                f"no time is left for it before {stop} at {show_seconds(limit)}. Shorten another part, or "
                + ("move that one." if before else "ask for a longer song.")
            )
    edges = [round(edge, 6) for edge in accumulate((share if n is None else n for n in lengths), initial=begin)]
    return list(pairwise(edges))


def _no_length(draft: Draft) -> str:
    """What to say of a part that nothing limits."""
    number = re.search(r"\d+$", draft.name)
    read_as = f" (`{number[0]}` is read as its number)" if number and draft.when is None else ""
    word, hint = shorten(re.sub(r"\W*\d+$", "", draft.name) or draft.name), did_you_mean(draft.name)
    lacks, seconds = "end" if draft.when else "length", number[0] if number else 8
    return (
        f"has no {lacks}{read_as}. Give it one, such as `{word} {seconds}s` or `{word} 0-8`, or give the length of the "
        f"song, which parts without one share.{hint}"
    )


def _moment_span(part: _Part, begins: dict[Copies, float]) -> tuple[float, float]:
    """Where a moment lies: as written, moved with the time of its groups that it is played in."""
    when = part.draft.when
    first = tuple((number, 0) for number, _ in part.copies)
    shift = begins[part.copies] - begins[first] if part.copies else 0.0
    end = when.start if when.end is None else when.end
    return round(when.start + shift, 6), round(end + shift, 6)


def _refuse_overlaps(placed: Sequence[Placed]) -> None:
    events = [p.event for p in placed]
    for i, j in overlapping(events):
        earlier, later = placed[i].draft.item, placed[j].draft.item
        raise later.error(
            f"starts at {show_seconds(events[j].start)}, before item {earlier.number} `{shorten(earlier.text)}` ends "
            f"at {show_seconds(events[i].end)}. Sections may not overlap: move one of the two."
        )
