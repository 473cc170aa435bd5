r"""Lists of sections from corpora of annotated songs: SALAMI, Harmonix, Isophonics. Times in seconds.

- SALAMI: `time⇥label`, the last `End`. The parsed files hold one layer each (functions, upper-case or lower-case
  letters); the annotators' own files hold all three in one label, `A, a, Verse, (voice)`.
- Harmonix: `time label` with a space, the last `end`.
- Isophonics `.lab`: `start end label`.

Every entry is a section: a section called `fill` is one. What no section covers is written as SALAMI's `no_function`.

Source: github.com/DDMAL/salami-data-public, github.com/urinieto/harmonixset, isophonics.net.
"""

import re
from collections.abc import Iterator

from annotate.formats.annotation import Annotation, Asked, Format, FormatError
from annotate.formats.labels import plain_name
from annotate.formats.layers import choose_layer
from annotate.formats.rows import NUMBER, Row, boundaries, events_of, lines_of, seconds
from structure.events import Event

_SALAMI = re.compile(rf"\s*({NUMBER})[ ]*\t+(?!\s*{NUMBER}\s*(?:\t|$))(.*)")
_HARMONIX = re.compile(rf"\s*({NUMBER})[ ]+(?!{NUMBER}(?:\s|$))(\S.*)")
_LAB = re.compile(rf"\s*({NUMBER})\s+({NUMBER})(?:\s+(.*))?")
_UPPER, _LOWER = re.compile(r"[A-Z]'*"), re.compile(r"[a-z][a-z]?'*")
_EVERY_LAYER = ("end", "silence")


def read_salami(text: str, asked: Asked) -> Annotation:
    """Sections of a SALAMI file. Of an annotator's file `functions`, `upper` or `lower` is read.

    A function lasts until the next is named, whatever letters change meanwhile; instruments in parentheses are
    left out.

    Raises:
        FormatError: a line that is no time and label, or see `events_of`.
    """
    rows = [
        Row(f"Line {n}", _time(n, found[1]), None, (found[2] or "").strip())
        for n, found in _matches(text, re.compile(rf"\s*({NUMBER})\s*(?:\t(.*))?"), "a time, a tab and a label")
    ]
    if not any("," in row.label for row in rows):
        layers = {"whole labels": rows}
    else:
        layers = {name: found for name in ("functions", "upper", "lower") if (found := list(_layer(rows, name)))}
    chosen, notes = choose_layer(layers or {"whole labels": rows}, asked.layer)
    return Annotation(events_of(chosen, asked.duration, moments=False), notes=notes)


def write_salami(annotation: Annotation) -> str:
    """One line a boundary, the last `End`; names only."""
    return "".join(f"{t:.6f}\t{name}\n" for t, name in _named(annotation.events, "End"))


def read_harmonix(text: str, asked: Asked) -> Annotation:
    """Sections of a Harmonix file.

    Raises:
        FormatError: a line that is no time and label, or see `events_of`.
    """
    pattern = re.compile(rf"\s*({NUMBER})\s+(\S.*)")
    rows = [
        Row(f"Line {n}", _time(n, found[1]), None, found[2].strip())
        for n, found in _matches(text, pattern, "a time, a space and a label")
    ]
    return Annotation(events_of(rows, asked.duration, moments=False))


def write_harmonix(annotation: Annotation) -> str:
    """One line a boundary, the last `end`; names only."""
    return "".join(f"{t:.6f} {name}\n" for t, name in _named(annotation.events, "end"))


def read_lab(text: str, asked: Asked) -> Annotation:
    """Sections of an Isophonics file.

    Raises:
        FormatError: a line that is no start, end and label, or see `events_of`.
    """
    rows = [
        Row(f"Line {n}", _time(n, found[1]), _time(n, found[2]), (found[3] or "").strip())
        for n, found in _matches(text, _LAB, "start, end and label with spaces or tabs between them")
    ]
    return Annotation(events_of(rows, asked.duration, moments=False, points=False))


def write_lab(annotation: Annotation) -> str:
    """One line a section; names only."""
    return "".join(f"{e.start:.6f}\t{e.end:.6f}\t{plain_name(e)}\n" for e in annotation.events)


def _named(events: list[Event], last: str) -> Iterator[tuple[float, str]]:
    listed = boundaries(events)
    for i, (time, event) in enumerate(listed):
        yield time, plain_name(event) if event else last if i == len(listed) - 1 else "no_function"


def _layer(rows: list[Row], name: str) -> Iterator[Row]:
    """One layer of an annotator's file: the rows that say something about it."""
    for row in rows:
        words = [w.strip() for w in row.label.split(",")]
        words = [w for w in words if w and not w.startswith("(") and not w.endswith(")")]
        upper = [w for w in words if _UPPER.fullmatch(w)]
        lower = [w for w in words if _LOWER.fullmatch(w)]
        rest = [w for w in words if w not in upper and w not in lower]
        common = [w for w in rest if w.lower() in _EVERY_LAYER]
        said = common or {"functions": rest, "upper": upper, "lower": lower}[name]
        if said:
            yield Row(row.where, row.start, None, ", ".join(said))


def _matches(text: str, pattern: re.Pattern[str], expected: str) -> Iterator[tuple[int, re.Match[str]]]:
    for n, line in lines_of(text):
        found = pattern.fullmatch(line)
        if not found:
            raise FormatError(f"Line {n}: expected {expected}, got `{line.strip()[:60]}`.")
        yield n, found


def _time(number: int, text: str) -> float:
    time = seconds(text)
    if time is None:
        raise FormatError(f"Line {number}: `{text[:40]}` is no time in seconds.")
    return time


def _begins(text: str, pattern: re.Pattern[str]) -> bool:
    lines = lines_of(text)
    return bool(lines) and pattern.fullmatch(lines[0][1]) is not None


SALAMI = Format(
    "salami",
    "SALAMI",
    (".txt",),
    lambda text: _begins(text, _SALAMI),
    read_salami,
    write_salami,
    frozenset({"family"}),
    layered=True,
)
HARMONIX = Format(
    "harmonix",
    "Harmonix",
    (".txt",),
    lambda text: _begins(text, _HARMONIX),
    read_harmonix,
    write_harmonix,
    frozenset({"family"}),
)
ISOPHONICS = Format(
    "isophonics",
    "Isophonics",
    (".lab", ".txt"),
    lambda text: _begins(text, _LAB),
    read_lab,
    write_lab,
    frozenset({"family"}),
)
