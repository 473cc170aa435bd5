"""Praat TextGrids, long and short text form: interval tiers and point tiers, times in seconds.

Praat itself reads a text file as a row of free-standing numbers, quoted texts and flags, and skips all other words;
read so, the two forms are one. Sections stand in the tier `sections`, else in the first interval tier that holds
any text; moments in tiers whose names begin with `moments`, of either kind, and in point tiers whose marks all name
moments. An interval without text is a stretch that no section covers.

Source: Praat manual, TextGrid file formats.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from annotate.formats.annotation import DESCRIPTION, Annotation, Asked, Format, FormatError
from annotate.formats.labels import is_moment_word, read_label
from annotate.formats.layers import choose_layer, numbered
from annotate.formats.rows import Row, events_of
from structure.events import Event, moments, sections
from structure.language import format_description

_TOKEN = re.compile(
    r"(?P<text>\"(?:[^\"]|\"\")*\")|(?P<flag><\w+>)|(?P<number>(?<!\S)[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?%?(?!\S))"
    r"|(?P<comment>(?<!\S)![^\n]*)|(?P<open>\")|(?P<word>[^\s\"]+)"
)
_MOST = 100_000  # tiers, intervals or points: a count beyond it is no count


@dataclass(frozen=True)
class _Tier:
    """Its rows, without intervals that hold no text."""

    points: bool
    rows: list[Row]


def recognise(text: str) -> bool:
    return "ooTextFile" in text[:200] and "TextGrid" in text[:400]


def read(text: str, asked: Asked) -> Annotation:
    """Events of one tier of sections and of every tier of moments.

    Raises:
        FormatError: not a TextGrid, a file that breaks off, no such tier, or see `events_of`.
    """
    duration, tiers = _tiers(text)
    with_moments = {name: tier for name, tier in tiers.items() if _holds_moments(name, tier)}
    others = {name: tier for name, tier in tiers.items() if name not in with_moments and tier.rows}
    order = sorted(others, key=lambda n: (n.lower() != "sections", others[n].points))
    notes: list[str] = []
    rows: list[Row] = []
    if others or asked.layer is not None:
        chosen, notes = choose_layer({n: others[n] for n in order} or tiers, asked.layer)
        rows = chosen.rows
    known = asked.duration if asked.duration is not None else duration
    events = events_of(rows, known)
    for name, tier in with_moments.items():
        read_as = [_as_moment(e) for e in _spans(tier)] if name.lower().startswith("moments") else _spans(tier)
        events += read_as
    return Annotation(events, duration, notes=notes)


def write(annotation: Annotation) -> str:
    """The long form: an interval tier `sections`, then as many tiers `moments` as lie on top of one another."""
    spans, on_top = sections(annotation.events), moments(annotation.events)
    end = max([annotation.duration or 0.0, *(e.end for e in annotation.events)])
    tiers = [("sections", False, spans)] if spans else []
    levels = [
        (points, level)
        for points in (False, True)
        for level in _levels([e for e in on_top if (e.start == e.end) == points])
    ]
    tiers += [("moments" if n == 1 else f"moments {n}", *level) for n, level in enumerate(levels, start=1)]
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_seconds(end)}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for i, (name, points, events) in enumerate(tiers, start=1):
        kind, entry = ("TextTier", "points") if points else ("IntervalTier", "intervals")
        entries = list(_entries(events, points, end))
        lines += [
            f"    item [{i}]:",
            f'        class = "{kind}"',
            f"        name = {_quoted(name)}",
            "        xmin = 0",
        ]
        lines += [f"        xmax = {_seconds(end)}", f"        {entry}: size = {len(entries)}"]
        for j, fields in enumerate(entries, start=1):
            lines += [f"        {entry} [{j}]:", *(f"            {key} = {value}" for key, value in fields)]
    return "".join(f"{line}\n" for line in lines)


def _tiers(text: str) -> tuple[float, dict[str, _Tier]]:
    """Length in seconds and tiers by name."""
    tokens = _Tokens(text)
    if tokens.next("text")[:10] != "ooTextFile" or tokens.next("text") != "TextGrid":
        raise FormatError(
            'Line 1: expected `File type = "ooTextFile"` and then `"TextGrid"`. Save it in Praat as text.'
        )
    begin, end = tokens.number(), tokens.number()
    tiers: dict[str, _Tier] = {}
    if tokens.next("flag") == "<absent>":
        return end, tiers
    for _ in range(tokens.count()):
        kind = tokens.next("text")
        if kind not in ("IntervalTier", "TextTier"):
            raise FormatError(f"Line {tokens.line}: expected an IntervalTier or a TextTier, got `{kind[:40]}`.")
        name = numbered(tokens.next("text").strip() or "unnamed", tiers)
        tokens.number(), tokens.number()
        rows = []
        for _ in range(tokens.count()):
            start = tokens.number()
            where = f"Line {tokens.line}"
            stop = tokens.number() if kind == "IntervalTier" else None
            label = tokens.next("text").strip()
            if label:
                rows.append(Row(where, start - begin, None if stop is None else stop - begin, label))
        tiers[name] = _Tier(kind == "TextTier", rows)
    return end - begin, tiers


class _Tokens:
    """Praat's free-standing values, one after the other.

    Attributes:
        line: of the value taken last, from 1.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._found = _TOKEN.finditer(text)
        self._counted, self.line = 0, 1

    def next(self, kind: str) -> str:
        """The next value, which must be of this kind: `text` (without its quotes), `number` or `flag`."""
        for found in self._found:
            if found.lastgroup in ("comment", "word"):
                continue
            self.line += self._text.count("\n", self._counted, found.start())
            self._counted = found.start()
            if found.lastgroup == "open":
                raise FormatError(f"Line {self.line}: this quotation mark is not closed.")
            if found.lastgroup != kind:
                raise FormatError(f"Line {self.line}: expected a {kind}, got `{' '.join(found[0].split())[:40]}`.")
            return found[0][1:-1].replace('""', '"') if kind == "text" else found[0]
        raise FormatError(f"The file breaks off: expected a {kind} after line {self.line}. Export it once more.")

    def number(self) -> float:
        return float(self.next("number").rstrip("%"))

    def count(self) -> int:
        value = self.number()
        if not 0 <= value <= _MOST or value != int(value):
            raise FormatError(f"Line {self.line}: expected how many follow, got {value}.")
        return int(value)


def _holds_moments(name: str, tier: _Tier) -> bool:
    if name.lower().startswith("moments"):
        return True
    return tier.points and bool(tier.rows) and all(is_moment_word(read_label(row.label)[0]) for row in tier.rows)


def _spans(tier: _Tier) -> list[Event]:
    """A tier of moments, each on its own: they may be points, and two of one tier never meet."""
    made = []
    for row in tier.rows:
        kind, fields = read_label(row.label)
        end = row.start if row.end is None else row.end
        if end < row.start or row.start < 0:
            raise FormatError(f"{row.where}: `{kind[:40]}` has times that run backwards or lie before the start.")
        made.append(Event(type=kind, start=row.start, end=end, **fields))
    return made


def _as_moment(event: Event) -> Event:
    """A tier of moments holds moments, whatever their names say."""
    family = None if is_moment_word(event.type) else "moment"
    return event.model_copy(update={"family": family})


def _levels(events: Sequence[Event]) -> list[list[Event]]:
    """Events in as few rows as it takes for none to meet another in its row; each in the first that has room."""
    rows: list[list[Event]] = []
    lasts: list[tuple[float, float]] = []  # each row's last start and end: thousands may lie at one time
    for event in events:
        start, here = event.start, (event.start, event.end)
        for i, (before, end) in enumerate(lasts):
            if start > before and start >= end:
                rows[i].append(event)
                lasts[i] = here
                break
        else:
            rows.append([event])
            lasts.append(here)
    return rows


def _entries(events: Sequence[Event], points: bool, end: float) -> Iterator[list[tuple[str, str]]]:
    """A tier's entries; intervals fill the whole time, so gaps become intervals without text."""
    reach = 0.0
    for e in events:
        if points:
            yield [("number", _seconds(e.start)), ("mark", _quoted(format_description(e)))]
            continue
        if e.start > reach:
            yield [("xmin", _seconds(reach)), ("xmax", _seconds(e.start)), ("text", '""')]
        yield [("xmin", _seconds(e.start)), ("xmax", _seconds(e.end)), ("text", _quoted(format_description(e)))]
        reach = e.end
    if not points and reach < end:
        yield [("xmin", _seconds(reach)), ("xmax", _seconds(end)), ("text", '""')]


def _seconds(t: float) -> str:
    return f"{t:.6f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


TEXTGRID = Format("textgrid", "Praat TextGrid", (".textgrid",), recognise, read, write, DESCRIPTION, layered=True)
