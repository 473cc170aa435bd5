"""The structure language: `intro 0-4, verse 4-12 "quiet", chorus 8s intensity=0.9, crash @12` to events and back.

Items stand between commas, semicolons or line ends. An item is a type, a
time, and what else is known of it:

    verse 8-16          from 8 s to 16 s; also 0:08-0:16, 8s - 16s, 8 to 16
    verse 8s            8 s long, from where the section written before it ends
    crash @32           a moment, a point in time; `riser 28-32` spans some
    … "full drums"      a label; (full drums) means the same
    … intensity=0.9     0 to 1;  family=moment overrides what the type says
    "odd, type 7" 0-8   a type in quotes may hold anything

Any word may be a type. Only where an item cannot be read, the nearest known
type is offered. A JSON list of events, or a whole sidecar, is read as well.
Times are rounded to the microsecond.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from structure.errors import StudioError
from structure.events import (
    MOMENT_TYPES,
    OVERRUN,
    SECTION_TYPES,
    Event,
    normalise_type,
    overlapping,
    read_events,
    show_seconds,
)

_EXAMPLES = "`verse 8-16`, `verse 8s` or `crash @32`"
_CLOCK = r"(?:\d+:)?\d+:\d{1,2}(?:\.\d*)?"
_SECONDS = r"(?:\d+(?:\.\d*)?|\.\d+)"
_UNIT = r"\s*(?:seconds|second|secs|sec|s)(?![^\W\d])"
_TIME = rf"(?:{_CLOCK}|{_SECONDS}(?:{_UNIT})?)"
_WHEN = re.compile(
    rf"(?:(?<![^\s:=])(?P<start>{_TIME})\s*(?:[-–—]|\bto\b)\s*(?P<end>{_TIME})"
    rf"|(?:@|(?<!\S)at\s)\s*(?P<at>{_TIME})"
    rf"|(?<![^\s:=])(?P<length>{_CLOCK}|{_SECONDS}){_UNIT})"
    r"(?=$|\s)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|“([^”]*)”', re.DOTALL)
_FIELD = re.compile(r"([^\W\d]\w*)\s*=\s*(\S*)")
_PLAIN_TYPE = re.compile(r"[^\W\d_][^\W\d_]*(?:[ '&/+-][^\W\d_]+)*(?: \d{1,4})?")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class PromptError(StudioError):
    """An item of a structure prompt that cannot be meant.

    Attributes:
        item: its number, from 1; None where the whole text is at fault.
        line: of the slip, from 1.
        column: character in that line, from 1.
    """

    def __init__(self, message: str, item: int | None = None, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.item, self.line, self.column = item, line, column


class _Item(NamedTuple):
    """A stretch of the prompt between two separators."""

    number: int
    text: str
    offset: int  # of `text` in the prompt
    prompt: str

    def error(self, expected: str, at: int = 0) -> PromptError:
        """`expected`, after the item's number, text and place; `at` counts in the item's text."""
        line, column = _place(self.prompt, self.offset + at)
        where = f"line {line}, character {column}" if "\n" in self.prompt.strip() else f"character {column}"
        return PromptError(
            f"Item {self.number} `{_shorten(self.text)}` ({where}): {expected}", self.number, line, column
        )


def parse_structure(text: str, duration: float | None = None) -> list[Event]:
    """Events of a structure prompt, in the order in which they are written.

    Args:
        text: the structure language, or JSON: a list of events or an object with `events`. Empty text has no events.
        duration: length of the song in seconds, where it is asked for: no item may end after it.

    Returns:
        events that `structure.events.problems` finds nothing wrong with.

    Raises:
        PromptError: names the item, its place and what was expected; an overlap names both items.
    """
    if re.match(r"\s*(\[\s*[{\]]|\{)", text):
        return _parse_json(text, duration)
    items = list(_split(text))
    events: list[Event] = []
    reach = 0.0  # where a section that gives only its length begins
    for item in items:
        event = _parse_item(item, reach)
        if duration is not None and event.end > duration + OVERRUN:
            raise item.error(
                f"ends at {show_seconds(event.end)}, but the song is {show_seconds(duration)} long. Shorten it, or "
                "ask for a longer song."
            )
        reach = event.end if event.is_section else reach
        events.append(event)
    for i, j in overlapping(events):
        raise items[j].error(
            f"starts at {show_seconds(events[j].start)}, before item {items[i].number} `{_shorten(items[i].text)}` "
            f"ends at {show_seconds(events[i].end)}. Sections may not overlap: move one of the two."
        )
    return events


def format_structure(events: Iterable[Event]) -> str:
    """Events as a structure prompt on one line; `parse_structure` reads the same events back.

    Times are written to the microsecond. Unknown keys of an event have no place in the language and are left out.
    """
    return ", ".join(_format_item(e) for e in events)


def format_time(t: float) -> str:
    """Seconds as the language writes them: `8`, `8.5`."""
    return f"{t:.6f}".rstrip("0").rstrip(".")


def split_description(text: str) -> tuple[str, dict[str, Any]]:
    """`chorus "full drums" intensity=0.9` to `chorus` and the fields after it, where it is written so.

    Text that does not follow the language is all type: other programs' labels are free.
    """
    text = text.strip()
    quoted = _QUOTED.match(text)
    tail = (
        quoted.end() if quoted else next((m.start() for m in re.finditer(r"""["“(]|(?<!\S)\w+\s*=""", text)), len(text))
    )
    head = _unquote(quoted) if quoted else text[:tail].strip()
    if not head.strip():
        return text, {}
    try:
        return head, _parse_fields(_Item(1, text, 0, text), tail)
    except PromptError:
        return text, {}


def format_description(event: Event) -> str:
    """What `split_description` reads: the event's name, label, intensity, family."""
    parts = [event.name if _PLAIN_TYPE.fullmatch(event.name) else _quote(event.name)]
    return " ".join([*parts, *_format_fields(event)])


def _split(text: str) -> Iterator[_Item]:
    """The items of a prompt; separators inside quotes and parentheses do not count."""
    number, begin, depth, i = 0, 0, 0, 0
    while i <= len(text):
        quoted = _QUOTED.match(text, i)
        if quoted:
            i = quoted.end()
            continue
        sign = text[i : i + 1]
        depth = max(0, depth + (sign == "(") - (sign == ")"))
        if not sign or sign == "\n" or (sign in ",;" and depth == 0):
            raw = text[begin:i]
            if raw.strip():
                number += 1
                yield _Item(number, raw.strip(), begin + len(raw) - len(raw.lstrip()), text)
            begin, depth = i + 1, 0
        i += 1


def _parse_item(item: _Item, reach: float) -> Event:
    quoted = _QUOTED.match(item.text)
    begin = quoted.end() if quoted else 0
    label = re.compile(r"""["“(]|$""").search(item.text, begin).start()
    when = _WHEN.search(item.text, begin, label)
    if when is None:
        if _WHEN.search(item.text, label):
            raise item.error(f"expected the time before the label, such as {_EXAMPLES}.", label)
        raise item.error(_no_time(item, item.text[begin:label], _unquote(quoted) if quoted else None))
    name = _unquote(quoted) if quoted else _type_before(item.text[: when.start()])
    if not normalise_type(name):
        raise item.error(f"expected a type before the time, such as `verse {when[0].strip()}`.")
    fields = _parse_fields(item, when.end())
    draft = Event(type=name, start=0, end=0, family=fields.get("family"))
    if when["at"] is not None:
        start = end = _time(item, when, "at")
    elif when["length"] is not None:
        start, end = reach, round(reach + _time(item, when, "length"), 6)
    else:
        start, end = _time(item, when, "start"), _time(item, when, "end")
    if draft.is_moment and when["length"] is not None:
        raise item.error(
            f"`{draft.type}` is a moment and follows nothing: say when, such as `{name} @{format_time(end - start)}` "
            f"or `{name} 28-32`.",
            when.start(),
        )
    if draft.is_section and when["at"] is not None:
        span = f"{name} {format_time(start)}-{format_time(start + 8)}"
        raise item.error(
            f"only a moment is a point in time. Expected a section's start and end, such as `{span}`, or "
            f"`family=moment` after it.{did_you_mean(name)}",
            when.start(),
        )
    if end < start:
        raise item.error(
            f"ends at {show_seconds(end)}, before it starts at {show_seconds(start)}. Swap the times.", when.start()
        )
    if draft.is_section and end == start:
        raise item.error(f"starts and ends at {show_seconds(start)}. A section needs a length.", when.start())
    return Event(type=name, start=start, end=end, **fields)


def _type_before(text: str) -> str:
    """`Verse 1: ` and `verse from ` to the type that was meant."""
    return re.sub(r"\s+from$", "", text.strip().rstrip(":=-–—@").strip(), flags=re.IGNORECASE)


def _parse_fields(item: _Item, at: int) -> dict[str, Any]:
    """Label, intensity and family: what stands behind an item's time."""
    fields: dict[str, Any] = {}
    text = item.text
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if found := _QUOTED.match(text, at):
            key, value = "label", _unquote(found)
        elif text[at] == "(":
            end = _closing(text, at)
            if end is None:
                raise item.error("this parenthesis is not closed: expected `)` after the label.", at)
            key, value, found = (
                "label",
                text[at + 1 : end].strip(),
                re.compile(".*", re.DOTALL).match(text, at, end + 1),
            )
        elif found := _FIELD.match(text, at):
            key, value = found[1].lower(), _field_value(item, found)
        elif text[at] in '"“':
            raise item.error("this quotation mark is not closed: expected another after the label.", at)
        else:
            raise item.error(
                f"did not understand `{_shorten(text[at:], 20)}`. Expected a comma and the next item, a label in "
                "quotes, or `intensity=0.9`.",
                at,
            )
        if key in fields:
            raise item.error(f"has two of `{key}`. Keep one.", at)
        fields[key], at = value, found.end()
    return fields


def _field_value(item: _Item, found: re.Match[str]) -> Any:
    key, value = found[1].lower(), found[2]
    if key == "intensity":
        if not re.fullmatch(_SECONDS, value) or float(value) > 1:
            raise item.error(
                f"expected an intensity from 0 to 1, such as `intensity=0.9`, not `{value}`.", found.start()
            )
        return round(float(value), 6)
    if key == "family":
        if value not in ("section", "moment"):
            raise item.error(f"expected `family=section` or `family=moment`, not `{value}`.", found.start())
        return value
    raise item.error(f"`{key}` is nothing that an item has. Expected `intensity=` or `family=`.", found.start())


def _no_time(item: _Item, text: str, name: str | None) -> str:
    """What to say of an item without a readable time in `text`: the likely slip, then what was expected."""
    name = name or _type_before(re.split(r"[\d@=]", text)[0]) or "verse"
    hint = did_you_mean(name)
    after = item.prompt[item.offset + len(item.text) :]
    if re.search(r"\d$", text) and re.match(r",\d", after):
        return "write decimals with a point, such as 0.5; a comma ends the item."
    if negative := re.search(r"(?:^|\s)[-–—]\s*\d", text):
        return f"times start at 0, there is nothing before it (`{negative[0].strip()}`). Expected {_EXAMPLES}.{hint}"
    if half := re.search(rf"(?:\s|^)({_TIME})\s*(?:[-–—]|\bto\b)", text, re.IGNORECASE):
        rest = text[half.end() :].strip()
        instead = f", not `{_shorten(rest, 20)}`" if rest else ""
        return f"expected a time in seconds after `{half[0].strip()}`{instead}.{hint}"
    if re.search(r"\d\s*(?:bars?|beats?)\b", text, re.IGNORECASE):
        return f"lengths are in seconds, not bars or beats. Expected {_EXAMPLES}.{hint}"
    if bare := re.fullmatch(r".*[^\W\d]\s+(\d+(?:\.\d+)?)", text):
        moment = normalise_type(name) in MOMENT_TYPES
        way = f"`{name} @{bare[1]}`" if moment else f"`{name} {bare[1]}s` for its length, or `{name} 0-{bare[1]}`"
        return f"`{bare[1]}` alone is no time. Expected {way}.{hint}"
    return f"has no time that can be read. Expected {_EXAMPLES}.{hint}"


def did_you_mean(name: str) -> str:
    """The nearest known types of a word that is none; empty where it is one, or nothing is near."""
    word = re.sub(r"\W*\d+$", "", normalise_type(name))
    if not word or word in SECTION_TYPES + MOMENT_TYPES:
        return ""
    near = difflib.get_close_matches(word, SECTION_TYPES + MOMENT_TYPES, n=1, cutoff=0.7)
    return f" Did you mean `{near[0]}`?" if near else ""


def _time(item: _Item, when: re.Match[str], group: str) -> float:
    """Seconds of `8`, `8.5 s`, `1:04`, `1:02:03.5`."""
    number = re.sub(r"[^\d.:]+$", "", when[group].strip())
    *upper, seconds = number.split(":")
    if upper and (float(seconds) >= 60 or any(float(part) >= 60 for part in upper[1:])):
        raise item.error(f"`{number}` is no time: after the colon, minutes and seconds go to 59.", when.start(group))
    total = float(seconds)
    for place, part in enumerate(reversed(upper), start=1):
        total += float(part) * 60**place
    if total > 1e6:
        raise item.error(f"`{_shorten(number, 20)}` is too long for a song. Expected seconds.", when.start(group))
    return round(total, 6)


def _parse_json(text: str, duration: float | None) -> list[Event]:
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as problem:
        raise PromptError(
            f"The events are not JSON: {problem.msg} at line {problem.lineno}, character {problem.colno}. Expected a "
            'list such as [{"type": "verse", "start": 0, "end": 8}].',
            None,
            problem.lineno,
            problem.colno,
        ) from problem
    except (ValueError, RecursionError) as problem:
        raise PromptError(f"The events cannot be read: {problem}.") from problem
    raw = raw.get("events") if isinstance(raw, Mapping) else raw
    if not isinstance(raw, list):
        raise PromptError("The JSON object holds no list `events`. Expected one, or the list alone.")
    try:
        return read_events(raw, duration, where="Structure")
    except StudioError as problem:
        raise PromptError(str(problem)) from problem


def _format_item(event: Event) -> str:
    start, end = format_time(event.start), format_time(event.end)
    name = event.name if _reads_back(event.name) else _quote(event.name)
    when = f"@{start}" if event.is_moment and start == end else f"{start}-{end}"
    return " ".join([name, when, *_format_fields(event)])


def _format_fields(event: Event) -> list[str]:
    parts = []
    if event.label is not None:
        parts.append(_quote(event.label))
    if event.intensity is not None:
        parts.append(f"intensity={format_time(event.intensity)}")
    if event.family is not None:
        parts.append(f"family={event.family}")
    return parts


def _reads_back(name: str) -> bool:
    """Whether a type may stand without quotes: words, and one number that no time can be mistaken for."""
    return bool(_PLAIN_TYPE.fullmatch(name)) and not re.search(r"\bto\b", name, re.IGNORECASE)


def _quote(text: str) -> str:
    names = {value: key for key, value in _ESCAPES.items()}
    return '"' + re.sub(r'[\\"\n\t\r]', lambda m: "\\" + names.get(m[0], m[0]), text) + '"'


def _unquote(found: re.Match[str]) -> str:
    if found[2] is not None:
        return found[2]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), found[1], flags=re.DOTALL)


def _closing(text: str, at: int) -> int | None:
    """Where the parenthesis that opens at `at` closes."""
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    return None


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _shorten(text: str, limit: int = 40) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
