"""What a request may say: the names of its fields, and how each is read from the text of a flag, a cell or a prompt."""

import difflib
import json
from collections.abc import Callable, Mapping
from typing import Any

from answer import FORMATS
from errors import ClientError


def _yes_or_no(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    return words[text.lower()]


def _format(text: str) -> str:
    return FORMATS[FORMATS.index(text.lower())]


def _list(text: str) -> list[Any]:
    value = json.loads(text)
    if not isinstance(value, list):
        raise ValueError
    return value


_READ: dict[Callable[[str], Any], str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    _yes_or_no: "yes or no",
    _list: "a JSON list",
    _format: f"one of {', '.join(FORMATS)}",
}

FIELDS: dict[str, Callable[[str], Any]] = {
    "structure": str,
    "events": _list,
    "caption": str,
    "lyrics": str,
    "instrumental": _yes_or_no,
    "duration": float,
    "bpm": int,
    "keyscale": str,
    "timesignature": str,
    "vocal_language": str,
    "seed": int,
    "steps": int,
    "shift": float,
    "guidance": float,
    "negative": str,
    "event_guidance": float,
    "event_interval": _list,
    "event_strength": float,
    "use_events": _yes_or_no,
    "section_tags": _yes_or_no,
    "adapter": str,
    "strength": float,
    "beside": _list,
    "sample_rate": int,
    "format": _format,
}

OTHER_NAMES = {
    "prompt": "caption",
    "query": "caption",
    "text": "caption",
    "description": "caption",
    "duration_sec": "duration",
    "guidance_scale": "guidance",
    "inference_steps": "steps",
    "key": "keyscale",
}


def field_name(name: str) -> str:
    """The field that a name means.

    Raises:
        ClientError: there is none; the message offers the nearest.
    """
    plain = name.strip().lower().replace("-", "_")
    plain = OTHER_NAMES.get(plain, plain)
    if plain not in FIELDS:
        near = difflib.get_close_matches(plain, FIELDS, 1)
        hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(FIELDS)}."
        raise ClientError(f"`{name}` is no field of a request. {hint}")
    return plain


def read_value(name: str, text: str) -> Any:
    """A field's value from text.

    Raises:
        ClientError: the field cannot hold it.
    """
    read = FIELDS[name]
    try:
        return read(text if read is str else text.strip())
    except (ValueError, KeyError) as problem:
        raise ClientError(f"`{name}` is {text[:60]!r}: give {_READ[read]}.") from problem


def same_names(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request with every field under its own name, and none that says nothing.

    Raises:
        ClientError: a name is unknown, or two names of one field stand side by side.
    """
    found: dict[str, Any] = {}
    for name, value in request.items():
        field = field_name(name)
        if field in found:
            raise ClientError(f"`{name}` says `{field}` for the second time. Keep one of them.")
        if value is not None:
            found[field] = value
    return found
