"""Text that people typed, made safe for Markdown and for YAML: it may look like nothing but text."""

import json
import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]|~$]|^[#+-])")  # the last: what begins a heading or a list
_NUMBERED = re.compile(r"^(\d+)([.)])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"})


def one_line(text: str) -> str:
    """The text with each run of white space a single space, and without what cannot be printed."""
    joined = " ".join(text.split())
    return "".join(c for c in joined if c.isprintable())


def escaped(text: str) -> str:
    """The text as Markdown that shows it letter by letter: no markup, no HTML, no links, no second line."""
    marked = _SPECIAL.sub(r"\\\1", one_line(text)).translate(_ENTITIES)
    marked = _NUMBERED.sub(r"\1\\\2", marked)
    return re.sub("(?i)(www)[.]", r"\1&#46;", marked.replace("://", ":&#47;/"))  # a bare address would become a link


def yaml_text(text: str) -> str:
    """The text as a YAML scalar in double quotes, which JSON's are too."""
    return json.dumps(one_line(text), ensure_ascii=False)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; its cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
