"""JSON files: the object in one, or a sentence on why there is none."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from annotate.formats.annotation import FormatError
from structure.json_reading import number, parse_json


def json_object(text: str) -> dict[str, Any]:
    """The object that a text holds.

    Raises:
        FormatError: no JSON, with line and column, or no object.
    """
    try:
        data = parse_json(text)
    except json.JSONDecodeError as problem:
        raise FormatError(
            f"Line {problem.lineno}, column {problem.colno}: this is not JSON: {problem.msg}. Export it once more, or "
            "repair it in a text editor."
        ) from problem
    except ValueError as problem:
        raise FormatError(f"This JSON cannot be read: {problem}.") from problem
    if not isinstance(data, dict):
        raise FormatError("The file holds no JSON object (`{…}`).")
    return data


def recogniser(fits: Callable[[Mapping[str, Any]], bool]) -> Callable[[str], bool]:
    """Whether a text is an object that looks as `fits` says."""

    def recognise(text: str) -> bool:
        if not text.lstrip().startswith("{"):
            return False
        try:
            return fits(json_object(text))
        except FormatError:
            return False

    return recognise


def time_of(entry: Mapping[str, Any], key: str, where: str) -> float:
    """A time or duration of an entry, in seconds.

    Raises:
        FormatError: it is missing or no finite number.
    """
    value = number(entry.get(key))
    if value is None:
        got = f"has `{json.dumps(entry[key], default=str)[:40]}` as `{key}`" if key in entry else f"has no `{key}`"
        raise FormatError(f"{where} {got}. Give seconds, as a number.")
    return value


def entries(value: object, name: str) -> list[Mapping[str, Any]]:
    """A list of objects.

    Raises:
        FormatError: it is no list, or one of them no object.
    """
    if not isinstance(value, list):
        raise FormatError(f"`{name}` is no list. Write `[{{…}}, …]`.")
    for i, entry in enumerate(value, start=1):
        if not isinstance(entry, Mapping):
            raise FormatError(f"`{name}`, entry {i}: expected an object (`{{…}}`).")
    return value


def write_json(data: Mapping[str, Any]) -> str:
    return f"{json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)}\n"
