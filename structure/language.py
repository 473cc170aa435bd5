"""The structure language: `intro 0-4, verse 4-12 "quiet", chorus 8s intensity=0.9, crash @12` to events and back.

Items stand between commas, semicolons or line ends. An item is a type, a
time, and what else is known of it:

    verse 8-16          from 8 s to 16 s; also 0:08-0:16, 8s - 16s, 8 to 16
    verse 8s            8 s long, from where the section written before it ends
    verse 8 bars        also 16 beats; the tempo must be known
    verse bars 1-8      until bar 8 has ended; bar 1 - bar 9 says the same
    verse 0:08          until the next section starts, or the song ends
    verse               shares with others like it what is left of the song
    Verse 2 16s         a whole number behind a type is its name's: `Verse 2`
    crash @32           a moment, a point in time; `riser 28-32` spans some
    … "full drums"      a label; (full drums) means the same
    … intensity=0.9     0 to 1;  family=moment overrides what the type says
    … x2                twice;  (verse 16s, chorus 16s) x2 repeats both
    "odd, type 7" 0-8   a type in quotes may hold anything

Any word may be a type. Only where an item cannot be read, the nearest known
type is offered. A JSON list of events, or a whole sidecar, is read as well,
and so are lyrics whose tags say when they are sung:

    [Verse 0:08-0:32]
    words of the verse

Times are rounded to the microsecond. `structure.prompt` does the reading.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from structure.errors import StudioError
from structure.events import Event, read_events, sections
from structure.json_reading import parse_json
from structure.prompt.draft import Draft, read_draft
from structure.prompt.fields import quote
from structure.prompt.item import Item, PromptError
from structure.prompt.layout import place
from structure.prompt.reader import read_items
from structure.prompt.times import format_clock, format_time
from structure.tempo import Tempo

ON_BAR = 0.001  # seconds
LONGEST_PROMPT = 20_000  # characters; no song has a tenth of that, and some readings take the square of it
_PLAIN_TYPE = re.compile(r"[^\W\d_][^\W\d_]*(?:[ '&/+-][^\W\d_]+)*(?: \d{1,4})?")


def parse_structure(text: str, duration: float | None = None, tempo: Tempo | None = None) -> list[Event]:
    """Events of a structure prompt, in the order in which they are written.

    Args:
        text: the structure language, or JSON: a list of events or an object with `events`. Empty text has no events.
        duration: length of the song in seconds, where it is asked for: no item may end after it.
        tempo: for times in bars and beats.

    Returns:
        events that `structure.events.problems` finds nothing wrong with.

    Raises:
        PromptError: names the item, its place and what was expected; an overlap names both items.
    """
    if re.match(r"\s*(\[\s*[{\]]|\{)", text):
        return _parse_json(text, duration)
    if len(text) > LONGEST_PROMPT:
        raise PromptError(
            f"The structure has {len(text)} characters: {LONGEST_PROMPT} are read at most. Shorten it, or give its "
            "events as JSON."
        )
    return [placed.event for placed in place(read_items(text, tempo), duration)]


def format_structure(events: Iterable[Event], tempo: Tempo | None = None) -> str:
    """Events as a structure prompt on one line; `parse_structure` reads the same events back.

    Times are written to the microsecond; with a tempo, what lies on bar lines is written in bars. Unknown keys of an
    event have no place in the language and are left out.
    """
    items, reach = [], 0.0
    for event in events:
        items.append(format_event(event, _in_bars(event, reach, tempo) if tempo else None))
        reach = event.end if event.is_section else reach
    return ", ".join(items)


def format_event(event: Event, when: str | None = None) -> str:
    """One item; `when` in place of its times in seconds."""
    start, end = format_time(event.start), format_time(event.end)
    name = event.name if _reads_back(event.name) else quote(event.name)
    if when is None:
        when = f"@{start}" if event.is_moment and start == end else f"{start}-{end}"
    return " ".join([name, *([when] if when else []), *_format_fields(event)])


def format_lyrics(events: Iterable[Event]) -> str:
    """Sections as lyrics with timed tags, `[Verse 2 0:08-0:32]` and the words under it; moments have no place there."""
    parts = [(_lyric_name(e), f"{format_clock(e.start)}-{format_clock(e.end)}", e.sung) for e in sections(events)]
    return "\n\n".join(f"[{name} {when}]" + (f"\n{words}" if words else "") for name, when, words in parts)


def format_description(event: Event) -> str:
    """What `structure.prompt.fields.split_description` reads: the event's name, label, intensity, family."""
    parts = [event.name if _PLAIN_TYPE.fullmatch(event.name) else quote(event.name)]
    return " ".join([*parts, *_format_fields(event)])


def _in_bars(event: Event, reach: float, tempo: Tempo) -> str | None:
    """Its time in bars, a length where it follows on `reach`; None where it does not lie on bar lines."""
    first, last = round(event.start / tempo.bar), round(event.end / tempo.bar)
    if max(abs(event.start - first * tempo.bar), abs(event.end - last * tempo.bar)) > ON_BAR:
        return None
    if event.is_moment and first == last:
        return f"@bar {first + 1}"
    if event.is_section and abs(event.start - reach) < ON_BAR and last > first:
        return f"{last - first} bar{'s' if last - first > 1 else ''}"
    return f"bar {first + 1} - bar {last + 1}" if last > first else None


def _parse_json(text: str, duration: float | None) -> list[Event]:
    try:
        raw = parse_json(text)
    except json.JSONDecodeError as problem:
        raise PromptError(
            f"The events are not JSON: {problem.msg} at line {problem.lineno}, character {problem.colno}. Expected a "
            'list such as [{"type": "verse", "start": 0, "end": 8}].',
            None,
            problem.lineno,
            problem.colno,
        ) from problem
    except ValueError as problem:
        raise PromptError(f"The events cannot be read: {problem}.") from problem
    raw = raw.get("events") if isinstance(raw, Mapping) else raw
    if not isinstance(raw, list):
        raise PromptError("The JSON object holds no list `events`. Expected one, or the list alone.")
    try:
        return read_events(raw, duration, where="Structure")
    except StudioError as problem:
        raise PromptError(str(problem)) from problem


def _format_fields(event: Event) -> list[str]:
    parts = []
    if event.label is not None:
        parts.append(quote(event.label))
    if event.intensity is not None:
        parts.append(f"intensity={format_time(event.intensity)}")
    if event.family is not None:
        parts.append(f"family={event.family}")
    return parts


@lru_cache(maxsize=1024)
def _reads_back(name: str) -> bool:
    """Whether a type may stand without quotes: words that cannot be mistaken for a time or a repeat."""
    if not _PLAIN_TYPE.fullmatch(name):
        return False
    try:
        draft = read_draft(Item(1, f"{name} 1-2", 0, ""))
    except PromptError:
        return False
    return isinstance(draft, Draft) and draft.name == name and draft.when is not None and draft.when.end == 2


def _lyric_name(event: Event) -> str:
    """The name as it may stand in a tag, without the signs that end one."""
    name = re.sub(r"[\[\]\n\r]", "", event.name)
    return name if name != event.type else name[:1].upper() + name[1:]
