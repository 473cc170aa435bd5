"""Tables: plain CSV, Sonic Visualiser's layers, Reaper's regions and markers.

- Plain CSV: `start,end,label` in seconds or m:ss, with a header (then in any order, `duration` may stand for `end`)
  or without one. An empty `end` is a point.
- Sonic Visualiser, File, Export Annotation Layer: time instants `time,label`; regions `time,value,duration,label`,
  or without the value `time,duration,label`. Newer versions can add a header.
- Reaper, Region/Marker Manager, Export: `#,Name,Start,End,Length` and perhaps `Color`. Rows `R1` are regions, rows
  `M1` markers. Times stand as the ruler shows them: m:ss.mmm and seconds can be read; bars, frames and samples
  cannot, for the file says neither tempo nor rate.

Commas, semicolons or tabs separate the cells; with the last two a decimal comma may stand in numbers.
"""

import csv
import io
import re
from collections.abc import Callable, Sequence

from annotate.formats.annotation import DESCRIPTION, Annotation, Asked, Format, FormatError
from annotate.formats.rows import Row, clock, events_of, first_line
from structure.language import format_description

Cells = list[tuple[int, list[str]]]
"""A table's rows with the numbers of their lines."""

_STARTS = ("start", "start_time", "start_sec", "begin", "begins", "onset")
_ENDS = ("end", "ends", "end_time", "end_sec", "stop")
_LENGTHS = ("duration", "length", "duration_sec")
_LABELS = ("label", "name", "section", "type", "function")
_SV_STARTS = ("time", "start", "frame")
_BARS = re.compile(r"-?\d+\.\d+\.\d+")
_TEN_HOURS = 36_000  # seconds: whole numbers beyond this are samples


def read_csv(text: str, asked: Asked) -> Annotation:
    """Events of a plain table.

    Raises:
        FormatError: a header without start, end and label, a line that does not fit it, or see `events_of`.
    """
    cells = _cells(text)
    header = _header(cells)
    start, end, length, label = 0, 1, None, 2
    if header:
        start, end, length, label = (_column(header, names) for names in (_STARTS, _ENDS, _LENGTHS, _LABELS))
        if start is None or label is None or (end is None and length is None):
            raise FormatError(
                f"Line {cells[0][0]}: the header is `{_shown(cells[0][1])}`. Name the columns start, end and label."
            )
    rows = []
    for n, line in cells[1 if header else 0 :]:
        if len(line) != (len(header) if header else 3):
            raise FormatError(
                f"Line {n}: expected {_shown(header or ['start', 'end', 'label'])}, got `{_shown(line)}`. Put a label "
                "that holds commas in quotes."
            )
        begin = _time(n, line[start])
        if end is not None:
            stop = _time(n, line[end]) if line[end].strip() else None
        else:
            stop = begin + _time(n, line[length])  # type: ignore[index]
        rows.append(Row(f"Line {n}", begin, stop, line[label].strip()))
    return Annotation(events_of(rows, asked.duration))


def write_csv(annotation: Annotation) -> str:
    """A header, then one line an event, seconds to the microsecond."""
    rows = [[f"{e.start:.6f}", f"{e.end:.6f}", format_description(e)] for e in annotation.events]
    return _text([["start", "end", "label"], *rows])


def read_sonic_visualiser(text: str, asked: Asked) -> Annotation:
    """Events of an exported layer of time instants or regions.

    Raises:
        FormatError: times in audio frames, a line that does not fit, or see `events_of`.
    """
    cells = _cells(text)
    header = _header(cells)
    if header and "frame" in header:
        raise FormatError("The times are in audio frames. Export the layer once more with times in seconds.")
    rows = []
    for n, line in cells[1 if header else 0 :]:
        if header:
            columns = [_column(header, names) for names in (_SV_STARTS, _LENGTHS, ("label",))]
            fits = len(line) == len(header)
        else:
            columns = {2: [0, None, 1], 3: [0, 1, 2], 4: [0, 2, 3]}.get(len(line), [None, None, None])
            fits = columns[0] is not None
        start, length, label = columns
        if not fits or start is None or label is None:
            raise FormatError(
                f"Line {n}: expected `time,label`, `time,duration,label` or `time,value,duration,label`, got "
                f"`{_shown(line)}`."
            )
        begin = _time(n, line[start])
        stop = None if length is None else begin + _time(n, line[length])
        rows.append(Row(f"Line {n}", begin, stop if stop is None else round(stop, 9), line[label].strip()))
    return Annotation(events_of(rows, asked.duration))


def write_sonic_visualiser(annotation: Annotation) -> str:
    """Regions, one line an event; the value numbers the types, so that each is drawn at a height of its own."""
    kinds = list(dict.fromkeys(e.type for e in annotation.events))
    return _text(
        [f"{e.start:.9f}", str(kinds.index(e.type) + 1), f"{e.end - e.start:.9f}", format_description(e)]
        for e in annotation.events
    )


def read_reaper(text: str, asked: Asked) -> Annotation:
    """Events of Reaper's regions and markers; a marker that names no moment is a boundary.

    Raises:
        FormatError: times in bars, frames or samples, a line that does not fit the header, or see `events_of`.
    """
    cells = _cells(text)
    header = _header(cells)
    if not header or not {"#", "name", "start"} <= set(header):
        raise FormatError("Line 1: expected Reaper's header `#,Name,Start,End,Length`.")
    rows = []
    for n, line in cells[1:]:
        row = dict(zip(header, line, strict=False))
        mark, start, end = row["#"].strip(), row.get("start", ""), row.get("end", "")
        if not re.fullmatch(r"[RM]?\d+", mark):
            raise FormatError(f"Line {n}: expected a region (R1) or a marker (M1), got `{_shown(line)}`.")
        begin = _reaper_time(n, start)
        stop = _reaper_time(n, end) if end.strip() and not mark.startswith("M") else None
        rows.append(Row(f"Line {n}", begin, stop, row.get("name", "").strip()))
    _refuse_samples(cells)
    return Annotation(events_of(rows, asked.duration))


def write_reaper(annotation: Annotation) -> str:
    """Regions R1, R2 … and, for moments without a length, markers M1, M2 …; times m:ss.mmm."""
    rows = [["#", "Name", "Start", "End", "Length"]]
    counts = {"R": 0, "M": 0}
    for e in annotation.events:
        kind = "M" if e.start == e.end else "R"
        counts[kind] += 1
        start, end = round(e.start * 1000), round(e.end * 1000)  # milliseconds
        span = ["", ""] if kind == "M" else [_clock_text(end), _clock_text(end - start)]
        rows.append([f"{kind}{counts[kind]}", format_description(e), _clock_text(start), *span])
    return _text(rows)


def _reaper_time(number: int, text: str) -> float:
    text = text.strip()
    again = "Right-click Reaper's ruler, choose minutes and seconds, and export again."
    if _BARS.fullmatch(text):
        raise FormatError(f"Line {number}: `{text}` is in bars and beats, and the file does not say the tempo. {again}")
    if text.count(":") == 3:
        raise FormatError(f"Line {number}: `{text}` counts frames, and the file does not say their rate. {again}")
    return _time(number, text)


def _refuse_samples(cells: Cells) -> None:
    whole = [cell for _, line in cells[1:] for cell in line[2:4] if cell.strip()]
    if whole and all(re.fullmatch(r"\d+", cell.strip()) for cell in whole) and int(max(whole, key=len)) > _TEN_HOURS:
        raise FormatError(
            f"Line {cells[1][0]}: the times are whole numbers up to {max(whole, key=len)}, which are samples and not "
            "seconds. Right-click Reaper's ruler, choose minutes and seconds, and export again."
        )


def _clock_text(milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}:{rest // 1000:02d}.{rest % 1000:03d}"


def _time(number: int, text: str) -> float:
    time = clock(text)
    if time is None:
        raise FormatError(f"Line {number}: `{text.strip()[:40]}` is no time. Give seconds or m:ss.mmm.")
    return time


def _cells(text: str) -> Cells:
    """The table's rows, without blank ones.

    Raises:
        FormatError: a quotation mark that is not closed swallows the rest, or the like.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first_line(text)), strict=True)
    found: Cells = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                found.append((reader.line_num, row))
    except csv.Error as problem:
        raise FormatError(
            f"Line {reader.line_num}: this is no table that can be read: {problem}. Check the quotation marks."
        ) from problem
    return found


def _delimiter(line: str) -> str:
    return next((sign for sign in "\t;" if sign in line), ",")


def _header(cells: Cells) -> list[str]:
    """The first row's names in lower case, if it is a header: its first cell is no time."""
    first = [cell.strip().lower() for cell in cells[0][1]] if cells else []
    return first if first and clock(first[0]) is None and not _BARS.fullmatch(first[0]) else []


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _shown(cells: Sequence[str]) -> str:
    return ",".join(cells)[:60]


def _text(rows: object) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def _looks(fits: Callable[[list[str], list[str]], bool]) -> Callable[[str], bool]:
    """A recogniser that sees the header, or nothing, and the first row."""

    def recognise(text: str) -> bool:
        try:
            cells = _cells(text)
        except FormatError:
            cells = [(1, first_line(text).split(","))]
        return bool(cells) and fits(_header(cells), cells[0][1])

    return recognise


def _is_csv(header: list[str], first: list[str]) -> bool:
    if header:
        spans = _column(header, _ENDS) is not None or _column(header, _LENGTHS) is not None
        named = _column(header, _STARTS) is not None and _column(header, _LABELS) is not None
        return spans and named and "#" not in header and "value" not in header
    return len(first) == 3 and (clock(first[1]) is not None or not first[1].strip()) and clock(first[2]) is None


def _is_sonic_visualiser(header: list[str], first: list[str]) -> bool:
    if header:
        known = _column(header, _SV_STARTS) is not None and "label" in header
        return known and ("start" not in header or "value" in header)
    times = [cell for cell in first[:-1] if clock(cell) is not None]
    return 2 <= len(first) <= 4 and len(times) == len(first) - 1 and clock(first[-1]) is None


def _is_reaper(header: list[str], first: list[str]) -> bool:
    return {"#", "name", "start"} <= set(header)


CSV = Format("csv", "Plain CSV", (".csv", ".tsv"), _looks(_is_csv), read_csv, write_csv, DESCRIPTION)
SONIC_VISUALISER = Format(
    "sonic-visualiser",
    "Sonic Visualiser CSV",
    (".csv",),
    _looks(_is_sonic_visualiser),
    read_sonic_visualiser,
    write_sonic_visualiser,
    DESCRIPTION,
)
REAPER = Format("reaper", "Reaper CSV", (".csv",), _looks(_is_reaper), read_reaper, write_reaper, DESCRIPTION)
