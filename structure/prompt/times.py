"""Times of the structure language: `8-16`, `0:32 to 1:04`, `@32`, `8 bars`, `bars 1-8`, in text and in seconds."""

import re
from dataclasses import dataclass

from structure.errors import StudioError
from structure.tempo import Tempo

LONGEST = 1e6  # seconds; more is a slip
_CLOCK = r"(?:\d+:)?\d+:\d{1,2}(?:\.\d*)?"
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_SECONDS = r"(?:seconds|second|secs|sec|s)(?![^\W\d])"
_BARS = r"(?:bars|bar|measures|measure)"
_UNIT = rf"(?:{_SECONDS}|(?:minutes|minute|mins|min)(?![^\W\d])|{_BARS}(?![^\W\d])|(?:beats|beat)(?![^\W\d]))"
_TIME = rf"(?:{_BARS}\s*\d+|{_CLOCK}(?:\s*{_SECONDS})?|{_NUMBER}(?:\s*{_SECONDS})?)"
_TO = r"\s*(?:[-–—]|\bto\b)\s*"
_BEGINS, _ENDS = r"(?<![^\s:=])", r"(?=$|\s)"
WHEN = re.compile(
    rf"{_BEGINS}{_BARS}\s*(?P<first>\d+){_TO}(?P<last>\d+){_ENDS}"
    rf"|{_BEGINS}(?P<start>{_TIME}){_TO}(?P<end>{_TIME}){_ENDS}"
    rf"|(?:@|(?<!\S)at\s)\s*(?P<at>{_TIME}){_ENDS}"
    rf"|{_BEGINS}(?P<length>{_CLOCK}|{_NUMBER})\s*(?P<unit>{_UNIT}){_ENDS}"
    rf"|{_BEGINS}(?P<open>{_CLOCK}|{_BARS}\s*\d+){_ENDS}",
    re.IGNORECASE,
)
"""A time, wherever it stands in a text; `read_when` reads the match."""


class WhenError(StudioError):
    """A time that cannot be meant; `at` is its character in the text."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True)
class When:
    """A time as it is written, in seconds.

    Attributes:
        text: as written.
        start: None where only a length is given.
        end: None where only a start or a length is given.
        length: None where times are given.
        is_point: whether it was written as a point, `@32`.
    """

    text: str
    start: float | None = None
    end: float | None = None
    length: float | None = None
    is_point: bool = False


def read_when(found: re.Match[str], tempo: Tempo | None) -> When:
    """What `WHEN` matched, in seconds rounded to the microsecond.

    Raises:
        WhenError: `1:75`, bar 0, a time too long for a song, or bars and beats without a tempo.
    """
    text = found[0]
    if found["first"]:
        start = _bar_start(found, "first", tempo)
        return When(text, start, _bar_start(found, "last", tempo, after=1))
    if found["at"]:
        time = _time(found, "at", tempo)
        return When(text, time, time, is_point=True)
    if found["length"]:
        return When(text, length=_length(found, tempo))
    if found["open"]:
        return When(text, start=_time(found, "open", tempo))
    return When(text, _time(found, "start", tempo), _time(found, "end", tempo))


def format_time(t: float) -> str:
    """Seconds as the language writes them: `8`, `8.5`."""
    return f"{t:.6f}".rstrip("0").rstrip(".")


def format_clock(t: float) -> str:
    """Minutes and seconds: `0:08`, `1:04.5`, to the millisecond."""
    minutes, milliseconds = divmod(round(t * 1000), 60_000)
    whole, part = divmod(milliseconds, 1000)
    return f"{minutes}:{whole:02d}" + (f".{part:03d}".rstrip("0") if part else "")


def _length(found: re.Match[str], tempo: Tempo | None) -> float:
    unit = found["unit"].lower()
    seconds = _seconds(found["length"], found, "length")
    if unit.startswith("min"):
        seconds *= 60
    elif unit.startswith(("ba", "me", "be")):
        if ":" in found["length"]:
            raise WhenError(f"`{found[0]}` is no length. Expected `8s`, `8 bars` or `16 beats`.", found.start())
        known = _known(tempo, found[0], found.start())
        seconds *= known.beat if unit.startswith("be") else known.bar
    return _checked(seconds, found, "length")


def _time(found: re.Match[str], group: str, tempo: Tempo | None) -> float:
    if re.match(_BARS, found[group], re.IGNORECASE):
        return _bar_start(found, group, tempo)
    return _seconds(re.sub(r"[^\d.:]+$", "", found[group].strip()), found, group)


def _bar_start(found: re.Match[str], group: str, tempo: Tempo | None, after: int = 0) -> float:
    """Seconds where a bar begins, counted from 1."""
    digits = re.search(r"\d+", found[group])[0]
    if len(digits) > 7:
        raise WhenError(f"bar {digits[:8]}… is too late for a song.", found.start(group))
    if int(digits) < 1:
        raise WhenError("bars count from 1: the song begins with bar 1.", found.start(group))
    known = _known(tempo, found[0], found.start())
    return _checked((int(digits) - 1 + after) * known.bar, found, group)


def _known(tempo: Tempo | None, what: str, at: int) -> Tempo:
    if tempo is None:
        raise WhenError(f"`{what.strip()}` counts bars or beats, so the tempo is needed: give the BPM, or seconds.", at)
    return tempo


def _seconds(number: str, found: re.Match[str], group: str) -> float:
    """Seconds of `8`, `8.5`, `1:04`, `1:02:03.5`."""
    *upper, seconds = number.split(":")
    if upper and (float(seconds) >= 60 or any(float(part) >= 60 for part in upper[1:])):
        raise WhenError(
            f"`{number[:20]}` is no time: after the colon, minutes and seconds go to 59.", found.start(group)
        )
    total = float(seconds)
    for place, part in enumerate(reversed(upper), start=1):
        total += float(part) * 60**place
    return _checked(total, found, group)


def _checked(seconds: float, found: re.Match[str], group: str) -> float:
    if seconds > LONGEST:
        shown = found[group] if len(found[group]) <= 20 else f"{found[group][:19]}…"
        raise WhenError(f"`{shown}` is too long for a song. Expected seconds.", found.start(group))
    return round(seconds, 6)
