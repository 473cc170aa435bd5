"""What an item says beside its type and time: a label in quotes or parentheses, `intensity=0.9`, `family=moment`."""

import re
from typing import Any

from structure.prompt.item import Item, PromptError, shorten

FIELD = re.compile(r"([^\W\d]\w*)\s*=\s*(\S*)")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|“([^”]*)”', re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def split_description(text: str) -> tuple[str, dict[str, Any]]:
    """`chorus "full drums" intensity=0.9` to `chorus` and the fields after it, where it is written so.

    Text that does not follow the language is all type: other programs' labels are free.
    """
    text = text.strip()
    quoted = QUOTED.match(text)
    tail = (
        quoted.end() if quoted else next((m.start() for m in re.finditer(r"""["“(]|(?<!\S)\w+\s*=""", text)), len(text))
    )
    head = unquote(quoted) if quoted else text[:tail].strip()
    if not head.strip():
        return text, {}
    item, fields, at = Item(1, text, 0, text), {}, tail
    try:
        while at < len(text):
            at = at + 1 if text[at].isspace() else read_field(item, at, fields)
    except PromptError:
        return text, {}
    return head, fields


def read_field(item: Item, at: int, fields: dict[str, Any]) -> int:
    """Label, intensity or family at `at`, put into `fields`; where it ends."""
    text = item.text
    if found := QUOTED.match(text, at):
        key, value, end = "label", unquote(found), found.end()
    elif text[at] == "(":
        close = closing(text, at)
        if close is None:
            raise item.error("this parenthesis is not closed: expected `)` after the label.", at)
        key, value, end = "label", text[at + 1 : close].strip(), close + 1
    elif found := FIELD.match(text, at):
        key, value, end = found[1].lower(), _field_value(item, found), found.end()
    elif text[at] in '"“':
        raise item.error("this quotation mark is not closed: expected another after the label.", at)
    else:
        raise item.error(f"did not understand `{shorten(text[at:], 20)}`.", at)
    if key in fields:
        raise item.error(f"has two of `{key}`. Keep one.", at)
    fields[key] = value
    return end


def _field_value(item: Item, found: re.Match[str]) -> Any:
    key, value = found[1].lower(), found[2]
    if key == "intensity":
        if not re.fullmatch(r"\d{1,9}(?:\.\d*)?|\.\d+", value) or float(value) > 1:
            raise item.error(
                f"expected an intensity from 0 to 1, such as `intensity=0.9`, not `{shorten(value, 20)}`.",
                found.start(),
            )
        return round(float(value), 6)
    if key == "family":
        if value not in ("section", "moment"):
            raise item.error(
                f"expected `family=section` or `family=moment`, not `{shorten(value, 20)}`.", found.start()
            )
        return value
    raise item.error(
        f"`{shorten(key, 20)}` is nothing that an item has. Expected `intensity=` or `family=`.", found.start()
    )


def quote(text: str) -> str:
    """Text in quotes, as `unquote` reads it."""
    names = {value: key for key, value in _ESCAPES.items()}
    return '"' + re.sub(r'[\\"\n\t\r]', lambda m: "\\" + names.get(m[0], m[0]), text) + '"'


def unquote(found: re.Match[str]) -> str:
    if found[2] is not None:
        return found[2]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), found[1], flags=re.DOTALL)


def closing(text: str, at: int, pair: str = "()") -> int | None:
    """Where the bracket that opens at `at` closes; quotes hide brackets."""
    depth = 0
    while at < len(text):
        if depth and (quoted := QUOTED.match(text, at)):
            at = quoted.end()
            continue
        depth += (text[at] == pair[0]) - (text[at] == pair[1])
        if depth == 0:
            return at
        at += 1
    return None
