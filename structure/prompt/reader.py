"""Items and groups of a structure prompt, from left to right; lyrics with tags that say when they are sung."""

import re
from collections.abc import Iterator
from dataclasses import replace

from structure.events import MOMENT_TYPES, SECTION_TYPES, normalise_type
from structure.prompt.draft import REPEAT, Draft, Group, read_draft, repeats
from structure.prompt.fields import QUOTED, closing
from structure.prompt.item import Item, shorten
from structure.prompt.times import WHEN
from structure.tempo import Tempo

DEEPEST = 8  # groups in groups
LONGEST_ITEM = 4_000  # characters, its label with them
_TAG_LINE = re.compile(r"[ \t]*\[([^\[\]\n]+)\][ \t]*(?:\n|$)")


def read_items(text: str, tempo: Tempo | None = None) -> list[Draft | Group]:
    """What is written, in order.

    Raises:
        PromptError: an item cannot be read.
    """
    if is_lyrics(text):
        return list(_lyric_drafts(text, tempo))
    return _Reader(text, tempo).sequence("")


def is_lyrics(text: str) -> bool:
    """Whether it is lyrics with tags: the first line is one tag, which is no group."""
    first = _TAG_LINE.match(text, len(text) - len(text.lstrip()))
    return first is not None and not re.search(r"[,;]", first[1])


class _Reader:
    """Reads items from left to right; groups nest."""

    def __init__(self, prompt: str, tempo: Tempo | None) -> None:
        self.prompt, self.tempo = prompt, tempo
        self.at, self.number, self.depth = 0, 0, 0

    def sequence(self, closer: str) -> list[Draft | Group]:
        """Items until `closer`, which is left for the caller; until the end where it is empty."""
        members: list[Draft | Group] = []
        while self.at < len(self.prompt):
            if closer and self.prompt[self.at] == closer:
                break
            if self.prompt[self.at] in ",;\n" or self.prompt[self.at].isspace():
                self.at += 1
            elif self._opens_group():
                members.append(self._group())
            else:
                members.append(read_draft(self._item(closer), self.tempo))
        return members

    def _opens_group(self) -> bool:
        """`(` where an item begins; `[` only where it holds several items: `[Chorus] 8-16` is a type in brackets."""
        sign = self.prompt[self.at]
        if sign != "[":
            return sign == "("
        end = closing(self.prompt, self.at, "[]")
        if end is None:
            head = Item(self.number + 1, self.prompt[self.at : self.at + 60], self.at, self.prompt)
            raise head.error("this bracket is not closed: expected `]` after the type, or after the group.")
        return re.search(r"[,;\n]", self.prompt[self.at : end]) is not None

    def _group(self) -> Group:
        begin, pair = self.at, "()" if self.prompt[self.at] == "(" else "[]"
        end = closing(self.prompt, begin, pair)
        head = Item(self.number + 1, self.prompt[begin : begin + 60], begin, self.prompt)
        if end is None:
            raise head.error(f"this bracket is not closed: expected `{pair[1]}` after the last part of the group.")
        self.depth += 1
        if self.depth > DEEPEST:
            raise head.error(f"groups stand in groups {DEEPEST} deep at most.")
        self.at += 1
        members = self.sequence(pair[1])
        self.depth -= 1
        self.at = end + 1
        tail = self._until_separator(")" if self.depth else "")
        head = Item(head.number, self.prompt[begin : self.at].rstrip(), begin, self.prompt)
        repeat = REPEAT.fullmatch(tail.strip())
        if tail.strip() and repeat is None:
            raise head.error(
                f"did not understand `{shorten(tail, 20)}` after the group. Expected how often it is played, such as "
                "`x2`, or a comma and the next item.",
                end + 1 - begin,
            )
        return Group(head, repeats(head, repeat) if repeat else 1, members)

    def _item(self, closer: str) -> Item:
        begin = self.at
        raw = self._until_separator(closer)
        self.number += 1
        if len(raw) > LONGEST_ITEM:
            head = Item(self.number, raw[:60].strip(), begin, self.prompt)
            raise head.error(f"has {len(raw)} characters, {LONGEST_ITEM} are the most. Is a comma missing?")
        return Item(self.number, raw.strip(), begin + len(raw) - len(raw.lstrip()), self.prompt)

    def _until_separator(self, closer: str) -> str:
        """Text until a separator outside quotes and parentheses, or `closer`; both are left."""
        begin, depth = self.at, 0
        while self.at < len(self.prompt):
            if quoted := QUOTED.match(self.prompt, self.at):
                self.at = quoted.end()
                continue
            sign = self.prompt[self.at]
            if depth == 0 and closer and sign == closer:
                break
            depth = max(0, depth + (sign == "(") - (sign == ")"))
            if sign == "\n" or (sign in ",;" and depth == 0):
                break
            self.at += 1
        return self.prompt[begin : self.at]


def _lyric_drafts(text: str, tempo: Tempo | None) -> Iterator[Draft | Group]:
    """`[Verse 0:08-0:32]` and the words under it, until the next tag that names a part or a time."""
    tags: list[tuple[int, re.Match[str]]] = []
    for tag in _tag_lines(text):
        if not tags or WHEN.search(tag[1]) or _is_known(tag[1]):
            tags.append((tag.start(1), tag))
    for number, (at, tag) in enumerate(tags, start=1):
        raw = tag[1]
        item = Item(number, raw.strip(), at + len(raw) - len(raw.lstrip()), text)
        words = text[tag.end() : tags[number][1].start() if number < len(tags) else len(text)].strip("\n").rstrip()
        yield _with_words(read_draft(item, tempo), words)


def _tag_lines(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(text):
        if tag := _TAG_LINE.match(text, at):
            yield tag
        at = text.find("\n", at) + 1 or len(text)


def _is_known(tag: str) -> bool:
    return normalise_type(REPEAT.sub("", tag)) in SECTION_TYPES + MOMENT_TYPES


def _with_words(member: Draft | Group, words: str) -> Draft | Group:
    if not words:
        return member
    if isinstance(member, Group):
        return replace(member, members=[_with_words(m, words) for m in member.members])
    return replace(member, fields=member.fields | {"lyrics": words})
