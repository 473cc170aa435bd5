"""LRC: timed lyrics, `[mm:ss.xx]words`, with section tags: `[00:32.00][Chorus]`.

A tag begins a section that lasts until the next; `[End]` closes one. A tag on a line without a time begins with the
next timed line, as in lyrics that carry tags. A section keeps the words that begin in it; their own times are left out.
`[length:mm:ss]` says how long the song is, `[offset:+500]` that all times come half a second too late.

Source: the LRC files of players; no standard exists.
"""

import re
from collections.abc import Sequence

from annotate.formats.annotation import Annotation, Asked, Format, FormatError
from annotate.formats.labels import plain_name
from annotate.formats.rows import Row, boundaries, clock, events_of
from structure.events import Event

_TIMED = re.compile(r"\s*\[(\d+:\d{1,2}(?:[.:]\d{1,3})?)\]")
_TAG = re.compile(r"\s*\[([^\[\]]+)\]\s*(.*)")
_ABOUT = re.compile(r"\s*\[(ar|al|ti|au|lr|by|offset|re|ve|tool|length|la|id|#)\s*:(.*)\]\s*", re.IGNORECASE)


def recognise(text: str) -> bool:
    return any(_TIMED.match(line) for line in text.split("\n"))


def read(text: str, asked: Asked) -> Annotation:
    """Sections of the tags in timed lyrics, each with its words.

    Raises:
        FormatError: a time that is none, no tag at all, or see `events_of`.
    """
    rows: list[Row] = []
    pending: list[tuple[int, str]] = []
    words: list[tuple[float, str]] = []
    begins: list[float] = []
    homeless = 0
    offset, length, title = 0.0, None, ""
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
        sung = re.sub(r"<[\d:.]*>", "", tag[2] if tag else rest).strip()
        begins = times or begins  # a line without a time of its own goes on with the one before
        words += [(t, sung) for t in begins] if sung else []
        homeless += bool(sung and not begins)
        if tag and not times:
            pending.append((number, tag[1]))
        if times:
            named = [*pending, *([(number, tag[1])] if tag else [])]
            rows += [Row(f"Line {n}", t, None, name.strip()) for t in times for n, name in named]
            pending = []
    if not rows:
        raise FormatError("No section tag has a time. Write them as `[00:32.00][Chorus]`.")
    rows = [Row(r.where, max(0.0, round(r.start - offset, 6)), None, r.label) for r in rows]
    known = asked.duration if asked.duration is not None else length
    lines = [(max(0.0, time - offset), sung) for time, sung in sorted(words, key=lambda line: line[0])]
    events, outside = _with_words(events_of(rows, known), lines)
    homeless += outside
    counted = "1 line of lyrics is" if homeless == 1 else f"{homeless} lines of lyrics are"
    notes = [f"{counted} in no section and left out."] if homeless else []
    return Annotation(events, length, title, notes=notes)


def write(annotation: Annotation) -> str:
    """A tag a section, its words at its start, `[End]` where one ends with none after it; to hundredths of a second."""
    lines = [f"[ti:{' '.join(annotation.title.split())}]"] if annotation.title else []
    lines += [f"[length:{_mark(annotation.duration)}]"] if annotation.duration else []
    for time, event in boundaries(annotation.events):
        name = re.sub(r"[\[\]]", "", plain_name(event)) if event else "End"
        lines.append(f"[{_mark(time)}][{name}]")
        lines += [f"[{_mark(time)}]{words}" for words in event.sung.splitlines() if words.strip()] if event else []
    return "".join(f"{line}\n" for line in lines)


def _with_words(events: Sequence[Event], lines: Sequence[tuple[float, str]]) -> tuple[list[Event], int]:
    """The events with the words that begin in them, and how many lines begin in none."""
    sung: list[list[str]] = [[] for _ in events]
    homeless = 0
    for time, words in lines:
        # Tags are rounded to hundredths, as words are: a word may begin a rounding error before its section.
        at = next((i for i, e in enumerate(events) if e.is_section and e.start - 0.005 <= time < e.end - 0.005), None)
        if at is None:
            homeless += 1
        else:
            sung[at].append(words)
    told = [e.model_copy(update={"lyrics": "\n".join(w)}) if w else e for e, w in zip(events, sung, strict=True)]
    return told, homeless


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


LRC = Format("lrc", "LRC", (".lrc",), recognise, read, write, frozenset({"lyrics"}))
