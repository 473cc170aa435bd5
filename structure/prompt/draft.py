"""Drafts: what an item says, before it is known where it lies."""

import difflib
import re
from dataclasses import dataclass, field
from typing import Any

from structure.events import MOMENT_TYPES, SECTION_TYPES, Event, normalise_type, show_seconds
from structure.prompt.fields import FIELD, QUOTED, read_field, unquote
from structure.prompt.item import Item, PromptError, shorten
from structure.prompt.times import WHEN, When, WhenError, read_when
from structure.tempo import Tempo

EXAMPLES = "`verse 8-16`, `verse 8s` or `crash @32`"
REPEAT = re.compile(r"(?<!\S)(?:[x×]\s?(\d{1,4})|(\d{1,4})[x×])(?!\S)", re.IGNORECASE)
MOST_TIMES = 100  # a repeat
_OPENERS = re.compile(r"""["“(]""")
_WITHOUT_TIME = re.compile(
    r"[^\d@=()\[\]\"“”]*[^\d@=()\[\]\"“”\s\-–—](?:[ #]{0,2}\d{1,4}[a-z]?)?"
)  # a type, its number
_POINT = "write decimals with a point, such as 0.5; a comma ends the item."
_LONGEST_NAME = 80  # characters of a type that stands alone


@dataclass(frozen=True)
class Draft:
    """One item as it is written. `when` is None where no time is given."""

    item: Item
    name: str
    fields: dict[str, Any]
    when: When | None
    when_at: int = 0  # where the time stands in the item's text

    @property
    def is_moment(self) -> bool:
        return Event(type=self.name, start=0, end=0, family=self.fields.get("family")).is_moment


@dataclass(frozen=True)
class Group:
    """Drafts that are played `times` times, one run after another."""

    item: Item
    times: int
    members: list["Draft | Group"] = field(default_factory=list)


def read_draft(item: Item, tempo: Tempo | None = None) -> Draft | Group:
    """One item; a group of one where it is repeated.

    Raises:
        PromptError: it cannot be read.
    """
    text, at = item.text, 0
    name: str | None = None
    when, when_at = None, 0
    repeat: re.Match[str] | None = None
    fields: dict[str, Any] = {}
    if quoted := QUOTED.match(text):
        name, at = unquote(quoted), quoted.end()
    while at < len(text):
        token = _next_token(text, at)
        begin = token.start() if token else len(text)
        if words := _bare_words(text[at:begin]):
            words_at = text.index(words.split()[0], at)
            if name is not None or (when is None and fields):
                raise _not_understood(item, words_at)
            name = words
        at = begin
        if token is None:
            break
        if token.re is REPEAT:
            if repeat:
                raise item.error("has two repeats. Keep one.", at)
            repeat, at = token, token.end()
        elif token.re is WHEN:
            if when is not None:
                raise _not_understood(item, at)
            when, when_at, at = _read_when(item, token, tempo), at, token.end()
        else:
            at = read_field(item, at, fields)
    if when is None and not (quoted and normalise_type(name or "")):
        _refuse_broken_time(item, name or "")
    if name is None or not normalise_type(name):
        _refuse_decimal_comma(item)
        shown = shorten(when.text, 20) if when else "8-16"
        raise item.error(f"expected a type before the time, such as `verse {shown}`.")
    draft = Draft(item, name, fields, when, when_at)
    _check_times(draft)
    return Group(item, repeats(item, repeat), [draft]) if repeat else draft


def repeats(item: Item, found: re.Match[str]) -> int:
    """How often `x2` says.

    Raises:
        PromptError: never, or more often than a song can hold.
    """
    times = int(found[1] or found[2])
    if not 1 <= times <= MOST_TIMES:
        raise item.error(f"is played {times} times. Expected 1 to {MOST_TIMES}, such as `x2`.")
    return times


def did_you_mean(name: str) -> str:
    """The nearest known types of a word that is none; empty where it is one, or nothing is near."""
    word = re.sub(r"\W*\d+$", "", normalise_type(name))
    if not word or len(word) > _LONGEST_NAME or word in SECTION_TYPES + MOMENT_TYPES:
        return ""
    near = difflib.get_close_matches(word, SECTION_TYPES + MOMENT_TYPES, n=1, cutoff=0.7)
    return f" Did you mean `{near[0]}`?" if near else ""


def _bare_words(text: str) -> str:
    """`Verse 1: `, `verse from ` and ` of verse` to the type that was meant."""
    text = re.sub(r"^[\s\-–—:.]*(?:of\s)?", "", text, flags=re.IGNORECASE)
    text = text.strip().rstrip(":=@").strip()
    if not re.search(r"\d\s*[-–—]$", text):  # `verse 4-` is half a time
        text = text.rstrip("-–—").strip()
    return re.sub(r"\s+(?:from|for)$", "", text, flags=re.IGNORECASE)


def _next_token(text: str, at: int) -> re.Match[str] | None:
    """The first time, repeat, field or opening quote or parenthesis from `at` on."""
    found = [match for token in (WHEN, REPEAT, FIELD, _OPENERS) if (match := token.search(text, at))]
    return min(found, key=lambda match: match.start(), default=None)


def _read_when(item: Item, found: re.Match[str], tempo: Tempo | None) -> When:
    try:
        return read_when(found, tempo)
    except WhenError as problem:
        raise item.error(str(problem), problem.at) from problem


def _not_understood(item: Item, at: int) -> PromptError:
    return item.error(
        f"did not understand `{shorten(item.text[at:], 20)}`. Expected a comma and the next item, a label in quotes, "
        "or `intensity=0.9`.",
        at,
    )


def _refuse_broken_time(item: Item, name: str) -> None:
    """A type may stand alone; half a time, a misplaced sign or a wall of text may not."""
    after = item.prompt[item.offset + len(item.text) :]
    if re.search(r"\d$", name) and re.match(r",\d", after):
        raise item.error(_POINT)
    _refuse_decimal_comma(item)
    if len(name) > _LONGEST_NAME or not _WITHOUT_TIME.fullmatch(name):
        raise item.error(_no_time(item, name or item.text))


def _refuse_decimal_comma(item: Item) -> None:
    """Where an item cannot be read and a digit and a comma stand before its first digit, a number was meant."""
    if re.match(r"\d", item.text) and re.search(r"\d,$", item.prompt[: item.offset]):
        raise item.error(_POINT)


def _check_times(draft: Draft) -> None:
    """Refuse times that run backwards, sections that are points and moments that are only a length."""
    item, when, name = draft.item, draft.when, draft.name
    if draft.is_moment and (when is None or when.start is None):
        number = re.search(r"\d+(?:\.\d+)?", when.text if when else name)
        word = re.sub(r"\W*\d+$", "", name) or name
        raise item.error(
            f"`{normalise_type(name)}` is a moment and follows nothing: say when, such as "
            f"`{word} @{number[0] if number else 32}` or `{word} 28-32`.",
            draft.when_at,
        )
    if when is None:
        return
    if not draft.is_moment and when.is_point:
        span = f"{name} {when.start:g}-{when.start + 8:g}"
        raise item.error(
            f"only a moment is a point in time. Expected a section's start and end, such as `{span}`, or "
            f"`family=moment` after it.{did_you_mean(name)}",
            draft.when_at,
        )
    if when.start is not None and when.end is not None and when.end < when.start:
        raise item.error(
            f"ends at {show_seconds(when.end)}, before it starts at {show_seconds(when.start)}. Swap the times.",
            draft.when_at,
        )
    if draft.is_moment:
        return
    if when.length == 0:
        raise item.error("is 0 s long. A section needs a length.", draft.when_at)
    if when.start is not None and when.start == when.end:
        raise item.error(f"starts and ends at {show_seconds(when.start)}. A section needs a length.", draft.when_at)


def _no_time(item: Item, text: str) -> str:
    """What to say of an item whose time cannot be read: the likely slip, then what was expected."""
    name = _bare_words(re.split(r"[\d@=]", text)[0]) or "verse"
    hint = did_you_mean(name)
    if negative := re.search(r"(?:^|\s)[-–—]\s*\d", text):
        return f"times start at 0, there is nothing before it (`{negative[0].strip()}`). Expected {EXAMPLES}.{hint}"
    if half := re.search(r"(?<!\S)(\d[\d:.]*\s*s?)\s*(?:[-–—]|\bto\b)", text, re.IGNORECASE):
        rest = text[half.end() :].strip()
        instead = f", not `{shorten(rest, 20)}`" if rest else ""
        return f"expected a time in seconds after `{half[0].strip()}`{instead}.{hint}"
    if bare := re.fullmatch(r".*[^\W\d]\s+(\d+(?:\.\d+)?)", text[:200]):
        way = f"`{name} {bare[1]}s` for its length, or `{name} 0-{bare[1]}`"
        return f"`{bare[1]}` alone is no time. Expected {way}.{hint}"
    return f"has no time that can be read. Expected {EXAMPLES}.{hint}"
