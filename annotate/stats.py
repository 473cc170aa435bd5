"""What a dataset holds: songs, minutes, how far each is, and its sections and moments by type."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Literal

from annotate.dataset import Song
from annotate.progress import STATES, State, is_marked, state_of
from structure.events import Event

Teller = Literal["person", "edited", "machine"]
_STATE_WORDS: dict[State, str] = {
    "new": "new",
    "work": "in work",
    "done": "done",
    "unsure": "unsure",
    "problem": "with problems",
}
_TELLER_WORDS: dict[Teller, str] = {
    "person": "a person",
    "edited": "a person after a machine",
    "machine": "a machine",
}


@dataclass(frozen=True)
class TypeStats:
    """Sections of one type: how many, their seconds together, and their median length in seconds."""

    count: int
    seconds: float
    median: float


@dataclass(frozen=True)
class Stats:
    """A dataset in numbers.

    Attributes:
        songs: how many there are.
        minutes: their length together; a song that cannot be read has none.
        marked: songs in which nothing is left to mark, doubts allowed.
        marked_minutes: the length of these.
        states: how many songs are in each state; each song is in one.
        sections: by type, the most seconds first.
        moments: how many of each type, the most first.
        told: how many events a person marked, a person changed or accepted after a machine, a machine alone proposed.
        unsure: events that somebody noted a doubt about.
    """

    songs: int
    minutes: float
    marked: int
    marked_minutes: float
    states: dict[State, int]
    sections: dict[str, TypeStats]
    moments: dict[str, int]
    told: dict[Teller, int]
    unsure: int

    def to_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


def dataset_stats(songs: Iterable[Song]) -> Stats:
    """Count what songs hold; what of a sidecar can be read counts, problems or not."""
    songs = list(songs)
    events = [event for song in songs for event in song.events]
    marked = [song for song in songs if is_marked(song)]
    states, told = Counter(map(state_of, songs)), Counter(map(_teller, events))
    return Stats(
        songs=len(songs),
        minutes=_minutes(songs),
        marked=len(marked),
        marked_minutes=_minutes(marked),
        states={state: states[state] for state in reversed(STATES)},
        sections=_by_type([event for event in events if event.is_section]),
        moments=dict(Counter(event.type for event in events if event.is_moment).most_common()),
        told={teller: told[teller] for teller in _TELLER_WORDS},
        unsure=sum(event.is_unsure for event in events),
    )


def stats_text(stats: Stats) -> str:
    """For a person at a terminal."""
    lines = [
        f"{_number(stats.songs, 'song')}, {stats.minutes:.0f} min; "
        f"{stats.marked} marked, {stats.marked_minutes:.0f} min",
        ", ".join(f"{count} {_STATE_WORDS[state]}" for state, count in stats.states.items()),
    ]
    width = max(map(len, ["section", *stats.sections, *stats.moments]))
    if stats.sections:
        lines += ["", f"{'section':<{width}}  count  seconds  median length"]
        lines += [
            f"{kind:<{width}}  {these.count:5}  {these.seconds:7.0f}  {these.median:11.1f} s"
            for kind, these in stats.sections.items()
        ]
    if stats.moments:
        lines += ["", f"{'moment':<{width}}  count"]
        lines += [f"{kind:<{width}}  {count:5}" for kind, count in stats.moments.items()]
    if total := sum(stats.told.values()):
        shares = (f"{_TELLER_WORDS[teller]} {count / total:.0%}" for teller, count in stats.told.items())
        lines += ["", f"Told by {', '.join(shares)}; {_number(stats.unsure, 'event')} unsure"]
    return "\n".join(lines)


def _by_type(parts: Sequence[Event]) -> dict[str, TypeStats]:
    lengths: dict[str, list[float]] = {}
    for part in parts:
        lengths.setdefault(part.type, []).append(max(0.0, part.duration))
    found = {
        kind: TypeStats(len(these), round(sum(these), 3), round(median(these), 3)) for kind, these in lengths.items()
    }
    return dict(sorted(found.items(), key=lambda one: (-one[1].seconds, one[0])))


def _teller(event: Event) -> Teller:
    source = (event.model_extra or {}).get("source")
    return source if source in ("edited", "machine") else "person"


def _minutes(songs: Iterable[Song]) -> float:
    return round(sum(song.duration or 0.0 for song in songs) / 60, 2)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
