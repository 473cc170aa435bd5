"""Structures to start from, and how one is made to fit: to a length, to a tempo, to whole bars.

Templates count bars; without a tempo a bar takes `BAR` seconds.
"""

from collections.abc import Sequence

import numpy as np

from structure.errors import StudioError
from structure.events import Event, sections, show_seconds
from structure.language import format_structure, parse_structure
from structure.tempo import Tempo

NOMINAL = Tempo(120)
BAR = NOMINAL.bar
TOUCHING_EDGES = 0.05  # seconds

TEMPLATES: dict[str, str] = {
    "Short song": "intro 2 bars, verse 4 bars, chorus 4 bars",
    "Verse and chorus": "intro 2 bars, verse 4 bars, chorus 4 bars, verse 4 bars, chorus 4 bars, outro 2 bars",
    "With a bridge": "intro 2 bars, verse 4 bars, chorus 4 bars, bridge 3 bars, chorus 4 bars, outro 2 bars",
    "Breakdown, solo": "intro 2 bars, verse 4 bars, breakdown 3 bars, solo 4 bars, chorus 4 bars, outro 2 bars",
    "Build and drop": (
        "intro 2 bars, build-up 2 bars, drop 4 bars, breakdown 2 bars, drop 4 bars, riser bar 4 - bar 5, crash @bar 5"
    ),
    "Straight in": "chorus 4 bars, verse 4 bars, chorus 4 bars, outro 2 bars",
    "Pop song": (
        "intro 4 bars, (verse 8 bars, pre-chorus 4 bars, chorus 8 bars) x2, bridge 8 bars, chorus 8 bars x2, "
        "outro 4 bars"
    ),
    "Club track": (
        "intro 16 bars, build-up 8 bars, drop 16 bars, breakdown 16 bars, build-up 8 bars, drop 16 bars, outro 8 bars, "
        "riser bar 21 - bar 25, crash @bar 25, riser bar 61 - bar 65, crash @bar 65"
    ),
    "AABA": "verse 8 bars, verse 8 bars, bridge 8 bars, verse 8 bars",
    "Twelve bars": "intro 4 bars, verse 12 bars x2, solo 12 bars, verse 12 bars, outro 4 bars",
    "Through-composed": (
        "intro 4 bars, verse 8 bars, interlude 4 bars, bridge 8 bars, instrumental 8 bars, build-up 4 bars, "
        "outro 8 bars"
    ),
}


def template_events(name: str, duration: float | None = None, tempo: Tempo | None = None) -> list[Event]:
    """A template's events, in seconds.

    Args:
        name: a key of `TEMPLATES`.
        duration: seconds that it shall take; None leaves the bars as they are.
        tempo: of the song; None: a bar takes `BAR` seconds.

    Raises:
        StudioError: it does not fit into `duration`.
    """
    return fitted(parse_structure(TEMPLATES[name], tempo=NOMINAL), duration, tempo, NOMINAL)


def fitted(
    events: Sequence[Event], duration: float | None = None, tempo: Tempo | None = None, own: Tempo | None = None
) -> list[Event]:
    """A structure stretched to a length, with its boundaries on bar lines where there is a tempo.

    Args:
        events: in seconds; moments keep their place between the boundaries around them.
        duration: seconds that all shall take; None keeps the bars where `tempo` and `own` are known, else the seconds.
        tempo: of the new song: each part takes whole bars, at least one.
        own: tempo of the song that `events` come from.

    Raises:
        StudioError: there are more parts than bars.
    """
    parts = sections(events)
    if not parts:
        return list(events)
    old = _edges(parts)
    kept = tempo.bar / own.bar if tempo and own else 1.0
    new = old * (kept if duration is None else duration / old[-1])
    if tempo:
        new = _on_bars(new, tempo, duration)
    times = np.array([t for e in events for t in (e.start, e.end)])
    nearest = old[np.abs(times[:, None] - old).argmin(axis=1)]
    times = np.where(np.abs(times - nearest) <= TOUCHING_EDGES, nearest, times)
    move = np.interp(times, old, new).round(6).tolist()
    return [
        e.model_copy(update={"start": start, "end": end})
        for e, start, end in zip(events, move[::2], move[1::2], strict=True)
    ]


def written(events: Sequence[Event], tempo: Tempo | None) -> str:
    """A structure as text: in bars where there is a tempo, else in seconds to the hundredth."""
    if tempo:
        return format_structure(events, tempo)
    return format_structure(e.model_copy(update={"start": round(e.start, 2), "end": round(e.end, 2)}) for e in events)


def _edges(parts: Sequence[Event]) -> np.ndarray:
    """Where parts begin and end, in seconds; those that only just miss each other are one."""
    edges = np.unique([t for part in parts for t in (part.start, part.end)])
    return edges[np.diff(edges, prepend=-np.inf) > TOUCHING_EDGES]


def _on_bars(edges: np.ndarray, tempo: Tempo, duration: float | None) -> np.ndarray:
    """Each edge on a bar line, all of them apart; the last on the last one that the song holds."""
    bars = np.round(edges / tempo.bar)
    bars[0] = max(bars[0], 0)
    for i in range(1, len(bars)):
        bars[i] = max(bars[i], bars[i - 1] + 1)
    if duration is not None and bars[-1] * tempo.bar > duration + 1e-6:
        last = np.floor(duration / tempo.bar + 1e-6)
        if last < len(bars) - 1:
            raise StudioError(
                f"{show_seconds(duration)} hold {last:.0f} bars at {tempo.bpm:g} BPM, but the structure has "
                f"{len(bars) - 1} parts. Give it more time, or a faster tempo."
            )
        bars[-1] = last
        for i in range(len(bars) - 2, -1, -1):
            bars[i] = min(bars[i], bars[i + 1] - 1)
    return bars * tempo.bar
