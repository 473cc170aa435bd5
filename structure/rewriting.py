"""A structure prompt that follows the timeline: what was changed there is changed in the text, the rest stays as typed.

The other way, `carry_asides` keeps what the text cannot say of an event (what is sung in it, a comment) while its text
is typed over.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from structure.events import Event, moments
from structure.language import format_event, format_lyrics, format_structure
from structure.prompt.draft import Draft, Group
from structure.prompt.item import PromptError
from structure.prompt.layout import place
from structure.prompt.reader import is_lyrics, read_items
from structure.prompt.times import format_clock, format_time
from structure.tempo import Tempo

SAME = 0.006  # seconds: the timeline's times are rounded to a hundredth
_SAID = ("label", "intensity", "family")  # what the language can say of an event besides its name and times
_KEPT = {"type", "start", "end", "text", *_SAID}  # what it does say: the rest is an aside


@dataclass(frozen=True)
class _Slot:
    """An item or a group at the top of the prompt, what it says, and the text before it."""

    member: Draft | Group
    before: str
    events: tuple[Event, ...]

    @property
    def text(self) -> str:
        return self.member.item.text


@dataclass(frozen=True)
class _Piece:
    """A stretch of the new prompt; `slot` is the number of the old one that it stands for."""

    before: str
    text: str
    slot: int | None


def rewrite_structure(
    text: str, events: Sequence[Event], duration: float | None = None, tempo: Tempo | None = None
) -> str:
    """The prompt that says `events`, as near to `text` as can be.

    Items whose events did not change stay as they are written, lengths stay lengths, bars stay bars where they still
    are whole, and a repeat is written out only where one of its times was changed.

    Args:
        text: as typed; where it cannot be read it is replaced.
        events: what the prompt shall say; what the language has no words for is left out.
        duration: length of the song in seconds, as `parse_structure` takes it.
        tempo: for times in bars and beats.

    Returns:
        a prompt that `parse_structure` reads as `events`, to `SAME` seconds.
    """
    if re.match(r"\s*(?:\[\s*\{|\{)", text):
        return json.dumps([event.to_dict() for event in events], ensure_ascii=False)
    if is_lyrics(text):
        return format_structure(events) if moments(events) else format_lyrics(events)
    try:
        slots = list(_slots(text, duration, tempo))
    except PromptError:
        return format_structure(events)
    pairs = pair_events([event for slot in slots for event in slot.events], events)
    firm: set[int | None] = set()  # slots that must say their start and end in seconds
    for attempt in range(len(slots) + 1):
        pieces = _pieces(slots, events, pairs, tempo, firm)
        written = "".join(piece.before + piece.text for piece in pieces) + _after(text, slots)
        try:
            read = list(_slots(written, duration, tempo))
        except PromptError:
            wrong = set(range(len(slots)))
        else:
            if say_the_same([event for slot in read for event in slot.events], events):
                return written
            wrong = {
                piece.slot
                for piece, slot in zip(pieces, read, strict=False)
                if not all(any(_same(told, event) for event in events) for told in slot.events)
            }
        if wrong <= firm:
            break
        firm |= wrong if attempt > 2 else {next((p.slot for p in pieces if p.slot in wrong - firm), None)}
    return format_structure(events)


def carry_asides(events: Sequence[Event], known: Sequence[Event]) -> list[Event]:
    """`events`, each with what the language cannot say of the event of `known` that it stands for."""
    asides = {new: known[old] for old, new in pair_events(known, events).items()}
    return [_with_asides(event, asides.get(n)) for n, event in enumerate(events)]


def say_the_same(events: Sequence[Event], others: Sequence[Event]) -> bool:
    """Whether the language has the same words for both, in whatever order, to `SAME` seconds."""
    return len(events) == len(others) == len(pair_events(events, others, ways=(_same,)))


def pair_events(
    old: Sequence[Event], new: Sequence[Event], ways: Sequence[Callable[[Event, Event], bool]] | None = None
) -> dict[int, int]:
    """Which event of `new` each event of `old` became: places in both; what has no partner is left out.

    `ways` are tried in order; of several that are alike, those that share most time are partners. Without: events that
    say the same, then those of one type that overlap, then sections of which one stands where the other stood.
    """
    pairs: dict[int, int] = {}
    free = list(range(len(new)))
    for alike in ways or (_same, _overlap, _stands_in):
        for i, event in enumerate(old):
            candidates = [] if i in pairs else [j for j in free if alike(event, new[j])]
            if candidates:
                pairs[i] = max(candidates, key=lambda j: _shared(event, new[j]))
                free.remove(pairs[i])
    return pairs


def _slots(text: str, duration: float | None, tempo: Tempo | None) -> Iterator[_Slot]:
    members = read_items(text, tempo)
    placed = place(members, duration)
    at = 0
    for member in members:
        drafts = {id(draft) for draft in _drafts(member)}
        said = tuple(p.event for p in placed if id(p.draft) in drafts)
        yield _Slot(member, text[at : member.item.offset], said)
        at = member.item.offset + len(member.item.text)


def _drafts(member: Draft | Group) -> list[Draft]:
    return [member] if isinstance(member, Draft) else [d for m in member.members for d in _drafts(m)]


def _after(text: str, slots: Sequence[_Slot]) -> str:
    if not slots:
        return ""
    last = slots[-1].member.item
    return text[last.offset + len(last.text) :]


def _pieces(
    slots: Sequence[_Slot],
    events: Sequence[Event],
    pairs: dict[int, int],
    tempo: Tempo | None,
    firm: set[int | None],
) -> list[_Piece]:
    """The new prompt: each slot as it is or changed, then what is new at its place in time."""
    between = slots[1].before if len(slots) > 1 else ", "
    pieces: list[tuple[float, _Piece]] = []
    number = 0
    for i, slot in enumerate(slots):
        partners = [pairs.get(number + n) for n in range(len(slot.events))]
        became = [None if p is None else events[p] for p in partners]
        number += len(slot.events)
        kept = [event for event in became if event is not None]
        if not kept:
            continue
        if i not in firm and all(b and _same(a, b) for a, b in zip(slot.events, became, strict=True)):
            texts = [slot.text]
        elif isinstance(slot.member, Draft):
            texts = [_restyled(slot.member, slot.events[0], kept[0], tempo, i in firm)]
        else:
            texts = [format_event(event) for event in kept]
        starts = [event.start for event in kept] if len(texts) > 1 else [kept[0].start]
        pieces += [
            (start, _Piece(between if n else slot.before, text, i))
            for n, (start, text) in enumerate(zip(starts, texts, strict=True))
        ]
    for j in sorted(set(range(len(events))) - set(pairs.values()), key=lambda j: events[j].start):
        place_at = next((n for n, (start, _) in enumerate(pieces) if start > events[j].start), len(pieces))
        pieces.insert(place_at, (events[j].start, _Piece(between, format_event(events[j]), None)))
    ordered = [piece for _, piece in pieces]
    first = slots[0].before if slots else ""
    return [_Piece(_separator(n, piece, first, between), piece.text, piece.slot) for n, piece in enumerate(ordered)]


def _separator(n: int, piece: _Piece, first: str, between: str) -> str:
    """The text before a piece: the first keeps the prompt's own beginning, and none but the first goes without."""
    if n == 0:
        return first
    return piece.before if re.search(r"[,;\n]", piece.before) else between


def _restyled(draft: Draft, old: Event, new: Event, tempo: Tempo | None, firm: bool) -> str:
    """An item that says `new`, in the way in which it said `old`."""
    when = _when(draft, old, new, tempo) if not firm else None
    if when is None:
        clock = draft.when is not None and ":" in draft.when.text
        write = (
            format_clock if clock and round(new.start, 3) == new.start and round(new.end, 3) == new.end else format_time
        )
        point = new.is_moment and new.start == new.end
        when = f"@{write(new.start)}" if point else f"{write(new.start)}-{write(new.end)}"
    same_words = new.name == old.name and all(getattr(old, key) == getattr(new, key) for key in _SAID)
    if same_words and draft.when is not None:
        text, end = draft.item.text, draft.when_at + len(draft.when.text)
        return f"{text[: draft.when_at]}{when}{text[end:]}"
    return format_event(new, when)


def _when(draft: Draft, old: Event, new: Event, tempo: Tempo | None) -> str | None:
    """The time in the item's own way: a length, bars, a start alone, or nothing; None where seconds must say it."""
    said = draft.when
    if said is None:
        return "" if abs(new.end - old.end) < SAME else f"{format_time(round(new.duration, 3))}s"
    in_bars = re.search(r"[^\W\d]*(bar|measure)", said.text, re.IGNORECASE)
    if said.length is not None:
        for unit, word in (("bar", in_bars), ("beat", re.search("beat", said.text, re.IGNORECASE))):
            count = new.duration / getattr(tempo, unit) if word and tempo else 0
            if count and abs(count - round(count)) * getattr(tempo, unit) < SAME and round(count):
                return f"{round(count)} {unit}{'s' if round(count) > 1 else ''}"
        return f"{format_time(round(new.duration, 3))}s"
    if in_bars and tempo and said.end is not None and not said.is_point:
        edges = [1 + t / tempo.bar for t in (new.start, new.end)]
        if all(abs(edge - round(edge)) * tempo.bar < SAME for edge in edges):
            return f"bar {round(edges[0])} - bar {round(edges[1])}"
        return None
    if said.start is not None and said.end is None and new.is_section and ":" in said.text:
        return format_clock(new.start)
    return None


def _same(a: Event, b: Event) -> bool:
    """Whether the language says the same of both."""
    return (
        a.type == b.type
        and a.name == b.name
        and abs(a.start - b.start) < SAME
        and abs(a.end - b.end) < SAME
        and all(getattr(a, key) == getattr(b, key) for key in _SAID)
    )


def _shared(a: Event, b: Event) -> float:
    """Seconds in both; for moments, which may have no length, how near they are to each other."""
    if a.is_moment:
        return 1 / (1 + abs(a.start - b.start)) if b.is_moment else 0.0
    return min(a.end, b.end) - max(a.start, b.start)


def _overlap(a: Event, b: Event) -> bool:
    return a.type == b.type and _shared(a, b) > 0


def _stands_in(a: Event, b: Event) -> bool:
    """Whether a section was renamed to another: both lie over the greater part of the shorter one."""
    return a.is_section and b.is_section and _shared(a, b) > 0.5 * min(a.duration, b.duration)


def _with_asides(event: Event, before: Event | None) -> Event:
    if before is None:
        return event
    asides = {key: value for key, value in before.to_dict().items() if key not in _KEPT}
    return Event.model_validate(asides | event.to_dict())
