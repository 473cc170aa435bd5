"""Text that cannot be sent: half a character, which JSON's escapes and file names may hold and UTF-8 cannot."""

import re
from typing import Any

_HALVES = re.compile("[\ud800-\udfff]")


def sendable(value: Any) -> Any:
    """A value of lists, tuples, objects and text in which each half character is U+FFFD; other values as they are."""
    if isinstance(value, str):
        return value if value.isascii() else _HALVES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {sendable(key): sendable(found) for key, found in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(sendable, value)) if type(value) in (list, tuple) else value
    return value
