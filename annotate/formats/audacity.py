r"""Audacity label tracks: `start⇥end⇥label` in each line, times in seconds.

A region is an event of that type, a point label (start = end) a moment or a boundary. The text after the type may
describe the event as in the structure language: `chorus "full drums" intensity=0.9`. Lines that begin with a
backslash are the frequency range of a spectral selection and are skipped.

Source: Audacity's File, Export Labels.
"""

import re

from annotate.formats.annotation import DESCRIPTION, Annotation, Asked, Format, FormatError
from annotate.formats.rows import NUMBER, Row, events_of, seconds
from structure.language import format_description

_BEGINS = re.compile(rf"\s*{NUMBER}[ ]*\t[ ]*{NUMBER}[ ]*(?:\t|$)")


def recognise(text: str) -> bool:
    rows = _lines(text)
    return bool(rows) and _BEGINS.match(rows[0][1]) is not None


def read(text: str, asked: Asked) -> Annotation:
    """Events of a label track, by line.

    Raises:
        FormatError: a line without two times, or see `events_of`.
    """
    return Annotation(events_of([_row(number, line) for number, line in _lines(text)], asked.duration))


def write(annotation: Annotation) -> str:
    """One line an event, times to the microsecond, as Audacity writes them."""
    return "".join(f"{e.start:.6f}\t{e.end:.6f}\t{format_description(e)}\n" for e in annotation.events)


def _lines(text: str) -> list[tuple[int, str]]:
    """Numbered lines. A `#` begins no comment here: Audacity knows none."""
    numbered = enumerate(text.split("\n"), start=1)
    return [(n, line) for n, line in numbered if line.strip() and not line.lstrip().startswith("\\")]


def _row(number: int, line: str) -> Row:
    cells = line.split("\t", 2)
    start, end = (seconds(cells[0]), seconds(cells[1])) if len(cells) > 1 else (None, None)
    if start is None or end is None:
        raise FormatError(
            f"Line {number}: expected start, end and label with tabs between them, as Audacity exports labels, got "
            f"`{line.strip()[:60]}`."
        )
    return Row(f"Line {number}", start, end, cells[2].strip() if len(cells) == 3 else "")


AUDACITY = Format("audacity", "Audacity labels", (".txt",), recognise, read, write, DESCRIPTION)
