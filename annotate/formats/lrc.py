"""LRC: timed lyrics, `[mm:ss.xx]words`, of which the section tags are read: `[00:32.00][Chorus]`.

A tag begins a section that lasts until the next; `[End]` closes one. A tag on a line without a time begins with the
next timed line, as in lyrics that carry tags. `[length:mm:ss]` says how long the song is, `[offset:+500]` that all
times come half a second too late. The words themselves are left out.

Source: the LRC files of players; no standard exists.
"""

import re

from annotate.formats.annotation import Annotation, Asked, Format, FormatError
from annotate.formats.labels import plain_name
from annotate.formats.rows import Row, boundaries, clock, events_of

_TIMED = re.compile(r"\s*\[(\d+:\d{1,2}(?:[.:]\d{1,3})?)\]")
_TAG = re.compile(r"\s*\[([^\[\]]+)\]\s*(.*)")
_ABOUT = re.compile(r"\s*\[(ar|al|ti|au|lr|by|offset|re|ve|tool|length|la|id|#)\s*:(.*)\]\s*", re.IGNORECASE)


def recognise(text: str) -> bool:
    return any(_TIMED.match(line) for line in text.split("\n"))


def read(text: str, asked: Asked) -> Annotation:
    """Sections of the tags in timed lyrics.

    Raises:
        FormatError: a time that is none, no tag at all, or see `events_of`.
    """
    rows: list[Row] = []
    pending: list[tuple[int, str]] = []
    words, offset, length, title = 0, 0.0, None, ""
    for number, line in enumerate(text.split("\n"), start=1):
        times, rest = _times(number, line)
        if not times and (about := _ABOUT.fullmatch(line)):
            key, value = about[1].lower(), about[2].strip()
            if key == "offset" and re.fullmatch(r"[+-]?\d+", value):
                offset = int(value) / 1000
            length = clock(value) if key == "length" else length
            title = value if key == "ti" else title
            continue
        tag = _TAG.fullmatch(rest)
        words += bool(re.sub(r"<[\d:.]*>", "", tag[2] if tag else rest).strip())
        if tag and not times:
            pending.append((number, tag[1]))
        if times:
            named = [*pending, *([(number, tag[1])] if tag else [])]
            rows += [Row(f"Line {n}", t, None, name.strip()) for t in times for n, name in named]
            pending = []
    if not rows:
        raise FormatError("No section tag has a time. Write them as `[00:32.00][Chorus]`.")
    rows = [Row(r.where, max(0.0, round(r.start - offset, 6)), None, r.label) for r in rows]
    notes = [f"{words} line{'' if words == 1 else 's'} of lyrics {'was' if words == 1 else 'were'} left out."]
    known = asked.duration if asked.duration is not None else length
    return Annotation(events_of(rows, known), length, title, notes=notes if words else [])


def write(annotation: Annotation) -> str:
    """A tag a section, and `[End]` where one ends with none after it; hundredths of a second."""
    lines = [f"[ti:{' '.join(annotation.title.split())}]"] if annotation.title else []
    lines += [f"[length:{_mark(annotation.duration)}]"] if annotation.duration else []
    for time, event in boundaries(annotation.events):
        name = re.sub(r"[\[\]]", "", plain_name(event)) if event else "End"
        lines.append(f"[{_mark(time)}][{name}]")
    return "".join(f"{line}\n" for line in lines)


def _times(number: int, line: str) -> tuple[list[float], str]:
    """The times that a line begins with, and what follows them."""
    times: list[float] = []
    while found := _TIMED.match(line):
        # Some players write hundredths after a second colon.
        time = clock(re.sub(r"^(\d+:\d+):(\d+)$", r"\1.\2", found[1]))
        if time is None:
            raise FormatError(f"Line {number}: `{found[0].strip()}` is no time: seconds go to 59.")
        times.append(time)
        line = line[found.end() :]
    return times, line.strip()


def _mark(time: float) -> str:
    minutes, rest = divmod(round(time * 100), 6000)
    return f"{minutes:02d}:{rest // 100:02d}.{rest % 100:02d}"


LRC = Format("lrc", "LRC", (".lrc",), recognise, read, write)
