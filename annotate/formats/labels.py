"""Labels: what a person wrote at a section, split into a type of the vocabulary and a description."""

import re
from typing import Any

from structure.events import MOMENT_TYPES, SECTION_TYPES, Event, normalise_type
from structure.prompt.fields import split_description

_KNOWN = frozenset(SECTION_TYPES + MOMENT_TYPES)
_SEPARATED = re.compile(r"(.+?)\s*(?:[:,;]\s+|\s[-–—|]\s+)(.*\S)\s*", re.DOTALL)
_LONGEST = 2_000  # characters of a label that is looked into: a wall of spaces takes the square of it
_UNNAMED = ("", "end", "no_function", "no function")


def read_label(text: str) -> tuple[str, dict[str, Any]]:
    """`chorus "full drums" intensity=0.9` or `Chorus 2 - full drums` to the name and the fields after it.

    The second form counts only where a known type stands before the separator: other people's labels are free, and
    `Rock: part two` is a name.
    """
    kind, fields = split_description(text)
    if fields or normalise_type(kind) in _KNOWN or text.lstrip().startswith(('"', "“")):
        return kind, fields
    parts = _SEPARATED.fullmatch(kind) if len(kind) <= _LONGEST else None
    if parts and normalise_type(parts[1]) in _KNOWN:
        return parts[1], {"label": parts[2]}
    return kind, fields


def names_nothing(kind: str) -> bool:
    """Whether a boundary of this name only closes the section before it: `End`, SALAMI's `no_function`, nothing."""
    return normalise_type(kind) in _UNNAMED


def is_moment_word(kind: str) -> bool:
    """Whether the type alone says moment."""
    return normalise_type(kind) in MOMENT_TYPES


def plain_name(event: Event) -> str:
    """The event's name on one line, for formats whose labels are names and nothing else."""
    return " ".join(event.name.split())
