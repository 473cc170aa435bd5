"""Moments of the procedural songs: risers, fills, drop-outs and crashes, where they fall and how they sound.

They lie at boundaries more often than elsewhere, as in real songs, but never always, so that neither can be told from
the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acestep.starter.sounds import SAMPLE_RATE, Kit, drum, sweep_up
from structure.events import Event

STARTER_MOMENTS: tuple[str, ...] = ("riser", "fill", "drop-out", "crash")
_FILLS = ("ssssssttttuuuuvv", "s.ss.ss.t.tt.uvv", "ttuuvvttuuvvssss", "s.s.t.t.u.u.v.vv")
_FILL_DRUMS = {"s": "snare", "t": "tom1", "u": "tom2", "v": "tom3"}
_EDGE = 0.008  # seconds over which a bus is muted and comes back


def random_moments(rng: np.random.Generator, sections: Sequence[Event], bar: float) -> list[Event]:
    """Draw moments for adjoining sections.

    Args:
        rng: the randomness.
        sections: on bar lines from 0 s on.
        bar: seconds.

    Returns:
        Moments in order of start; fills and drop-outs overlap none of either, risers no riser, all end on bar lines.
    """
    beat, end = bar / 4, sections[-1].end
    starts = {round(section.start, 4) for section in sections}
    found: list[Event] = []
    busy_until, risen_until = 0.0, 0.0  # ends of the last fill or drop-out, and of the last riser
    for n in range(1, round(end / bar) + 1):
        line = n * bar
        boundary = any(abs(line - start) < 0.01 for start in starts)
        usual = 1.0 if boundary else 0.18
        if rng.random() < 0.3 * usual:
            length = bar * (2 if rng.random() < 0.4 else 1)
            if line - length > risen_until - 1e-3:
                found.append(_moment("riser", line - length, line))
                risen_until = line
        if rng.random() < 0.5 * usual and line < end - 0.1:
            kind = "fill" if rng.random() < 0.55 else "drop-out"
            length = beat * int(rng.choice((2, 4) if kind == "fill" else (1, 2)))
            if line - length > busy_until - 1e-3:
                found.append(_moment(kind, line - length, line))
                busy_until = line
        if rng.random() < 0.4 * usual and line < end - 0.1:
            found.append(_moment("crash", line, line))
    if rng.random() < 0.3:
        found.append(_moment("crash", 0.0, 0.0))
    return sorted(found, key=lambda moment: (moment.start, moment.type))


def play_moments(
    moments: Sequence[Event],
    buses: tuple[np.ndarray, np.ndarray],
    drums: np.ndarray,
    kit: Kit,
    beat: float,
    level: np.ndarray,
) -> np.ndarray:
    """Play moments over a song.

    Args:
        moments: of `STARTER_MOMENTS`, in seconds.
        buses: the song without moments and what it sends to the reverb, float32 (n,) each; changed in place: silent
            in drop-outs, without drums in fills.
        drums: the drums' part of the song, (n,).
        kit: what fills and crashes are played on.
        beat: seconds.
        level: how loud the song is around each sample, (n,), 1 at full level.

    Returns:
        What the moments add, float32 (n,).
    """
    dry, send = buses
    added = np.zeros_like(dry)
    for moment in moments:
        start, stop = (min(len(dry), round(t * SAMPLE_RATE)) for t in (moment.start, moment.end))
        if moment.type == "crash":
            _add(added, start, drum(kit, "crash"), 0.42 * max(0.5, float(level[min(start, len(level) - 1)])))
        elif moment.type == "riser":
            loud = max(0.5, float(level[start:stop].max(initial=0.0)))
            _add(added, start, sweep_up(stop - start), 0.17 * loud)
        elif moment.type == "fill":
            gate = _gate(stop - start)
            dry[start:stop] -= drums[start:stop] * (1 - gate)
            send[start:stop] -= 0.25 * drums[start:stop] * (1 - gate)
            loud = max(0.45, float(level[start:stop].max(initial=0.0)))
            count = max(1, round((moment.end - moment.start) / beat * 4))
            pattern = _FILLS[int(moment.start * 1000) % len(_FILLS)]
            for i in range(count):
                mark = pattern[i * 16 // count]
                if mark != ".":
                    at = start + round(i * beat / 4 * SAMPLE_RATE)
                    _add(added, at, drum(kit, _FILL_DRUMS[mark]), loud * (0.2 + 0.14 * i / count))
        else:
            for bus in buses:
                bus[start:stop] *= _gate(stop - start)
    return added


def _moment(kind: str, start: float, end: float) -> Event:
    return Event(type=kind, start=round(max(0.0, start), 4), end=round(end, 4))


def _gate(n: int) -> np.ndarray:
    """0 with edges up to 1 at both ends, float32 (n,)."""
    edge = min(n // 2, int(_EDGE * SAMPLE_RATE))
    gate = np.zeros(n, np.float32)
    gate[:edge] = np.linspace(1, 0, edge)
    gate[n - edge :] = np.linspace(0, 1, edge)
    return gate


def _add(bus: np.ndarray, start: int, sound: np.ndarray, gain: float) -> None:
    part = bus[start : start + len(sound)]
    part += np.float32(gain) * sound[: len(part)]
