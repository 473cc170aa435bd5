"""Tempo and meter: how many seconds a bar and a beat of a song with one tempo take."""

import re
from dataclasses import dataclass

from structure.errors import StudioError

BEATS_PER_BAR = 4


@dataclass(frozen=True)
class Tempo:
    """Beats per minute, and how many of them make a bar. Bar 1 begins at 0 s."""

    bpm: float
    beats_per_bar: int = BEATS_PER_BAR

    @property
    def beat(self) -> float:
        """Seconds."""
        return 60 / self.bpm

    @property
    def bar(self) -> float:
        """Seconds."""
        return self.beat * self.beats_per_bar


def read_meter(text: str) -> int:
    """Beats in a bar of `4`, `3/4`, `6/8`; 4 where nothing is said.

    Raises:
        StudioError: it is no meter.
    """
    if not text.strip():
        return BEATS_PER_BAR
    found = re.fullmatch(r"\s*(\d{1,2})\s*(?:/\s*\d{1,2}\s*)?", text)
    if found is None or not 1 <= int(found[1]) <= 32:
        raise StudioError(
            f"`{text.strip()[:20]}` is no meter. Expected the beats of a bar, such as `4`, `3/4` or `6/8`."
        )
    return int(found[1])
