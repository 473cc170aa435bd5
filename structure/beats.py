"""Beats of a song as a sidecar keeps them: `"beats": {"times": [0.51, 1.02, …], "ones": [0, 4, …]}`.

`times` are seconds, ascending; `ones` are the places in it of each bar's beat one. The key is written once a person has
corrected what a machine heard; until then the beats are found anew where they are needed. What allin1 says is read too:
`"beats": [0.51, 1.02, …], "downbeats": [0.51, 2.55, …]`.
"""

import math
from dataclasses import dataclass

from structure.errors import StudioError

MOST = 100_000  # beats: two days of music at any tempo


class BeatsFieldError(StudioError):
    """A sidecar's `beats` that cannot be read."""


@dataclass(frozen=True)
class BeatTimes:
    """Beats in seconds, ascending, and the places of those that begin a bar."""

    times: tuple[float, ...]
    ones: tuple[int, ...]

    def to_dict(self) -> dict[str, list]:
        """As it stands in a sidecar, in milliseconds' precision."""
        return {"times": [round(t, 3) for t in self.times], "ones": list(self.ones)}


def read_beats(raw: object, downbeats: object = None) -> BeatTimes | None:
    """A sidecar's `beats`; None where there are none.

    Args:
        raw: in either form.
        downbeats: seconds of each beat one, for allin1's form; each is the beat that is nearest.

    Raises:
        BeatsFieldError: not of the form above.
    """
    if isinstance(raw, list):
        raw = {"times": raw, "ones": []}
        listed = [t for t in downbeats if _is_time(t)] if isinstance(downbeats, list) else []
    else:
        listed = []
    if raw is None or (isinstance(raw, dict) and raw.get("times") == []):
        return None
    if not isinstance(raw, dict) or not isinstance(raw.get("times"), list):
        raise BeatsFieldError(
            '`beats` is no list of times. Write {"times": [0.5, 1.0, …], "ones": [0, 4, …]}, or null.'
        )
    times, ones = raw["times"], raw.get("ones", [])
    if len(times) > MOST:
        raise BeatsFieldError(f"`beats` has {len(times)} times. A song has fewer than {MOST}: take the key out.")
    for place, time in enumerate(times):
        if not _is_time(time):
            raise BeatsFieldError(f"`beats`: time {place + 1} is {time!r:.40}. Give seconds from 0 on.")
        if place and time <= times[place - 1]:
            raise BeatsFieldError(f"`beats`: time {place + 1} ({time} s) does not come after the one before it.")
    if not isinstance(ones, list) or any(
        isinstance(one, bool) or not isinstance(one, int) or not 0 <= one < len(times) for one in ones
    ):
        raise BeatsFieldError("`beats`: `ones` are places in `times`, whole numbers from 0 on.")
    ones = ones or [min(range(len(times)), key=lambda place: abs(times[place] - one)) for one in listed]
    return BeatTimes(tuple(float(t) for t in times), tuple(sorted(set(ones))))


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
