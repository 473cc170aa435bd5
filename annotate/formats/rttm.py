"""RTTM: `SPEAKER song 1 start duration <NA> <NA> label <NA> <NA>` in each line, times in seconds.

Made for who speaks when, used by annotators for any labelled span. A name holds no blank: `_` stands for one.

Source: NIST, Rich Transcription 2009 evaluation plan, appendix A.
"""

import re

from annotate.formats.annotation import Annotation, Asked, Format, FormatError
from annotate.formats.labels import plain_name
from annotate.formats.layers import choose_layer
from annotate.formats.rows import Row, events_of, seconds

_KINDS = re.compile(
    r"(?:SEGMENT|NOSCORE|NO_RT_METADATA|LEXEME|NON-LEX|NON-SPEECH|FILLER|EDIT|IP|SU|CB|A/P|SPEAKER|SPKR-INFO)\s"
)


def recognise(text: str) -> bool:
    lines = _lines(text)
    return bool(lines) and _KINDS.match(lines[0][1]) is not None


def read(text: str, asked: Asked) -> Annotation:
    """Events of the `SPEAKER` lines; other kinds are skipped. A file of several songs needs a layer: the song's name.

    Raises:
        FormatError: a line that is not RTTM, several songs, or see `events_of`.
    """
    songs: dict[str, list[Row]] = {}
    for number, line in _lines(text):
        if not _KINDS.match(line):
            raise FormatError(f"Line {number}: expected `SPEAKER song 1 start duration …`, got `{line.strip()[:60]}`.")
        cells = line.split()
        if cells[0] != "SPEAKER":
            continue
        start, length = (seconds(cells[3]), seconds(cells[4])) if len(cells) >= 8 else (None, None)
        if start is None or length is None:
            raise FormatError(
                f"Line {number}: expected at least eight columns, the fourth and fifth start and duration in seconds, "
                f"got `{line.strip()[:60]}`."
            )
        label = "" if cells[7] == "<NA>" else cells[7].replace("_", " ")
        songs.setdefault(cells[1], []).append(Row(f"Line {number}", start, round(start + length, 9), label))
    if len(songs) > 1 and asked.layer is None:
        names = ", ".join(f"`{name[:40]}`" for name in list(songs)[:6])
        raise FormatError(f"The file holds {len(songs)} songs ({names}). Say which one with --layer.")
    if not songs:
        return Annotation([])
    rows, notes = choose_layer(songs, asked.layer)
    return Annotation(events_of(rows, asked.duration, points=False), notes=notes)


def write(annotation: Annotation) -> str:
    """One line an event, times to the microsecond."""
    song = "_".join(annotation.title.split()) or "song"
    return "".join(
        f"SPEAKER {song} 1 {e.start:.6f} {e.end - e.start:.6f} <NA> <NA> {plain_name(e).replace(' ', '_')} <NA> <NA>\n"
        for e in annotation.events
    )


def _lines(text: str) -> list[tuple[int, str]]:
    """Numbered lines without blank ones and `;;` comments."""
    return [(n, x) for n, x in enumerate(text.split("\n"), 1) if x.strip() and not x.lstrip().startswith(";;")]


RTTM = Format("rttm", "RTTM", (".rttm",), recognise, read, write, frozenset({"points", "spans"}), layered=True)
