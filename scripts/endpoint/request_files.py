"""Requests from a table: a CSV file with a header, or a JSONL file with one object a line, checked before any is sent.

`name` (or `output`, or `id`) is the song's file name; without one a song is called by its number, 001, 002, … Every
other column is a field of the request. `error` is passed over, so that the `failed.jsonl` of one batch can be the next
one's requests.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answer import FORMATS
from errors import ClientError
from fields import field_name, read_value, same_names

NAMES = ("name", "output", "id")
PASSED_OVER = ("error",)
_NO_FILE_NAME = re.compile(
    r'[<>:"/\\|?*\x00-\x1f\x7f]|^[.\s]|[.\s]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)', re.IGNORECASE
)


@dataclass(frozen=True)
class Request:
    """One song of a batch: `line` is the line of the file that it stands on."""

    name: str
    inputs: dict[str, Any]
    line: int


def read_requests(path: Path, defaults: Mapping[str, Any]) -> list[Request]:
    """All requests of a file.

    Args:
        path: `.csv` or `.jsonl`, UTF-8.
        defaults: fields that a line leaves out.

    Raises:
        ClientError: the file cannot be read, a line is wrong, or two songs would have one name.
    """
    ways = {".csv": (_rows_of_csv, _read_row), ".jsonl": (_lines_of_jsonl, _read_line)}
    if path.suffix.lower() not in ways:
        raise ClientError(f"{path}: requests are read from .csv or .jsonl files.")
    split, read = ways[path.suffix.lower()]
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise ClientError(f"{path}: cannot be read as UTF-8 text ({problem}).") from problem
    requests: list[Request] = []
    taken: dict[str, int] = {}
    line = 0
    try:
        for line, row in split(text):
            request = _request(read(row), line, len(requests) + 1, defaults)
            alike = unicodedata.normalize("NFC", request.name).casefold()  # as disks do that tell no capitals apart
            twin = taken.setdefault(alike, line)
            if twin != line:
                raise ClientError(f"`{request.name}` is also the name of line {twin}. Give each song its own.")
            requests.append(request)
    except ClientError as problem:
        raise ClientError(f"{path}: line {line}: {problem}") from problem
    except csv.Error as problem:
        raise ClientError(f"{path}: after line {line}: {problem}. Check the quotes.") from problem
    if not requests:
        raise ClientError(f"{path}: holds no requests.")
    return requests


def _request(row: Mapping[str, Any], line: int, number: int, defaults: Mapping[str, Any]) -> Request:
    said = [row[key] for key in NAMES if row.get(key) not in (None, "")]
    if len(said) > 1:
        raise ClientError(f"the song is named {' and '.join(map(repr, said))}. Keep one of these columns.")
    name = str(said[0]) if said else f"{number:03d}"
    inputs = {**defaults, **same_names({k: v for k, v in row.items() if k not in (*NAMES, *PASSED_OVER)})}
    form = str(inputs.setdefault("format", "wav"))
    if form not in FORMATS:
        raise ClientError(f"`format` is {form[:60]!r}: give one of {', '.join(FORMATS)}.")
    name = name.removesuffix(f".{form}")
    if _NO_FILE_NAME.search(name) or not 0 < len(name.encode()) <= 200:
        raise ClientError(f"{name[:60]!r} cannot be a file's name in the folder: use letters, digits, - and _.")
    return Request(name, inputs, line)


def _rows_of_csv(text: str) -> Iterator[tuple[int, dict[Any, Any]]]:
    """Rows, each with the number of its last line."""
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)  # spreadsheets of half of Europe write semicolons
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    for row in rows:
        yield rows.line_num, row


def _read_row(row: dict[Any, Any]) -> dict[str, Any]:
    """Cells as values; an empty one says nothing."""
    if None in row:
        raise ClientError("there are more cells than the header has. Put text with commas in quotes.")
    filled = {key.strip(): cell.strip() for key, cell in row.items() if cell is not None and cell.strip()}
    return {k: v if k in (*NAMES, *PASSED_OVER) else read_value(field_name(k), v) for k, v in filled.items()}


def _lines_of_jsonl(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _read_line(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise ClientError(f"is not JSON: {problem}.") from problem
    if not isinstance(row, dict):
        raise ClientError("is no JSON object: write {…}.")
    return row
