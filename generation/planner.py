"""A planner: structures as songs have them, in whole bars, from annotated songs.

Which part comes next is counted after the last two parts, in songs of the genre first; how long it is, in bars, after
how long the last part of its name was. Suggestions are songs drawn from these counts that come near to the length asked
for. `arrangements.tsv` has the parts of 912 songs of the Harmonix set; a person's own songs count `OWN` times each.

Source: Nieto et al., The Harmonix Set, ISMIR 2019 (annotations under the MIT licence); absolute discounting with
interpolation: Ney, Essen and Kneser, 1994.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from structure.errors import StudioError
from structure.events import Event, sections
from structure.tempo import Tempo

ARRANGEMENTS = Path(__file__).with_name("arrangements.tsv")
START, END = "^", "$"
OWN = 5  # songs of ours that one of the person's own counts for
DISCOUNT = 0.5  # taken off each count for what was not seen there
SAME_LENGTH = 0.5  # weight of "as long as the last one of its name": the likeliest on the 912 songs, by steps of 0.05
MOST_PARTS = 40
DRAWN = 1500  # songs that suggestions are chosen from
ENDS_WELL = 0.1  # share of songs that end after such a part: suggestions that end otherwise come last
GENRES: dict[str, tuple[str, ...]] = {
    "club": ("drum and bass", "drum'n'bass", "dnb", "dubstep", "trance", "techno", "house", "edm", "hardstyle"),
    "electronic": ("electronic", "dance", "synthwave", "club", "garage", "electro", "ambient"),
    "hip-hop": ("hip-hop", "hip hop", "rap", "trap", "reggaeton", "boom bap"),
    "rock": ("rock", "metal", "punk", "grunge", "alternative", "prog"),
    "country": ("country", "folk", "bluegrass", "americana"),
    "r&b": ("r&b", "soul", "funk", "disco", "blues"),
    "pop": ("pop",),
}

CLUB = (  # ours, since no corpus that may be shipped marks drops: how such tracks are commonly laid out for mixing
    "intro:16 build-up:8 drop:16 breakdown:16 build-up:8 drop:16 outro:16",
    "intro:16 verse:16 build-up:8 drop:16 breakdown:16 build-up:8 drop:16 outro:16",
    "intro:32 build-up:16 drop:32 breakdown:16 build-up:16 drop:32 outro:16",
    "intro:8 verse:8 build-up:4 drop:8 verse:8 build-up:4 drop:8 outro:4",
    "intro:4 build-up:4 drop:8 breakdown:4 build-up:4 drop:8 outro:4",
)

Parts = Sequence[tuple[str, int]]  # type, bars


@dataclass(frozen=True)
class Arrangement:
    """A song's parts in whole bars, its genre (a key of `GENRES`, or empty), and its tempo."""

    parts: tuple[tuple[str, int], ...]
    genre: str = ""
    bpm: float = 120.0
    weight: float = 1.0

    def line(self) -> str:
        """As `arrangements.tsv` has it."""
        return "\t".join([self.genre, f"{self.bpm:g}", " ".join(f"{kind}:{bars}" for kind, bars in self.parts)])


@dataclass(frozen=True)
class Suggestion:
    """A structure in bars, and how likely each of its choices was on average: the geometric mean of their shares."""

    parts: tuple[tuple[str, int], ...]
    likelihood: float

    def events(self, tempo: Tempo) -> list[Event]:
        """Its parts one after another, in seconds."""
        edges = np.cumsum([0, *(bars for _, bars in self.parts)]) * tempo.bar
        return [
            Event(type=kind, start=round(float(start), 6), end=round(float(end), 6))
            for (kind, _), start, end in zip(self.parts, edges, edges[1:], strict=False)
        ]


class Planner:
    """What is usual in a set of songs."""

    def __init__(self, songs: Iterable[Arrangement]) -> None:
        self._next: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)  # (genre, *context) to what came next
        self._bars: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)  # (genre, type) to lengths
        for song in songs:
            kinds = [START, START, *(kind for kind, _ in song.parts), END]
            for genre in {song.genre, ""}:
                for i in range(2, len(kinds)):
                    for reach in range(3):
                        self._next[(genre, *kinds[i - reach : i])][kinds[i]] += song.weight
                for kind, bars in song.parts:
                    self._bars[genre, kind][bars] += song.weight

    def next_types(self, before: Parts, genre: str = "") -> list[tuple[str, float]]:
        """What comes next, the likeliest first, each with its share; `END` is the song's end and never the first."""
        shares = self._shares((START, START, *(kind for kind, _ in before))[-2:], genre)
        inside = [(kind, share) for kind, share in shares.items() if kind != END]
        return [*sorted(inside, key=lambda guess: -guess[1]), (END, shares.get(END, 0.0))]

    def likely_bars(self, kind: str, before: Parts, genre: str = "") -> int:
        """How long a part is: as the last one of its name, else the middle length of such parts."""
        last = next((bars for name, bars in reversed(before) if name == kind), None)
        if last is not None:
            return last
        lengths = self._bars.get((genre, kind)) or self._bars.get(("", kind)) or Counter({8: 1})
        return _median(lengths)

    def suggest(self, bars: int, genre: str = "", count: int = 3, seed: int = 0, begun: Parts = ()) -> list[Suggestion]:
        """Structures of about `bars` bars, the likeliest first, each with another order of parts.

        Args:
            bars: length of the song.
            genre: a key of `GENRES`; others count as none.
            count: how many.
            seed: another one, others.
            begun: parts that the song begins with.

        Raises:
            StudioError: it is too short or too long for a song.
        """
        if not 4 <= bars <= 400:
            raise StudioError(f"A song of {bars} bars cannot be planned: expected 4 to 400.")
        rng = np.random.default_rng(seed)
        known = genre if (genre, START, START) in self._next else ""
        drawn = [self._draw(rng, bars, known, begun) for _ in range(DRAWN)]
        near = sorted(drawn, key=lambda s: abs(sum(n for _, n in s.parts) - bars))[: max(DRAWN // 20, 4 * count)]
        chosen: dict[tuple[str, ...], Suggestion] = {}
        for song in sorted(near, key=lambda s: (not self._ends_well(s, known), -s.likelihood)):
            chosen.setdefault(tuple(kind for kind, _ in song.parts), song)
        return [_whole(song, bars) for song in list(chosen.values())[:count]]

    def _ends_well(self, song: Suggestion, genre: str) -> bool:
        """Whether songs do end after its last two parts."""
        kinds = (START, START, *(kind for kind, _ in song.parts))[-2:]
        return self._shares(kinds, genre).get(END, 0.0) >= ENDS_WELL

    def _draw(self, rng: np.random.Generator, bars: int, genre: str, begun: Parts) -> Suggestion:
        """One song, part by part, until its bars are used up."""
        parts, total, logs = list(begun), sum(n for _, n in begun), []
        while len(parts) < MOST_PARTS:
            shares = dict(self._shares((START, START, *(kind for kind, _ in parts))[-2:], genre))
            left = bars - total
            over = left < 2  # the song's own end counts only where its length allows it
            if over:
                logs.append(math.log(max(shares.get(END, 0.0), 1e-6)))
                break
            shares.pop(END, None)
            kinds = list(shares)
            weights = np.array([shares[kind] for kind in kinds])
            kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
            length, share = self._length(rng, kind, parts, genre)
            logs += [math.log(shares[kind]), math.log(share)]
            parts.append((kind, length))
            total += length
        return Suggestion(tuple(parts), math.exp(sum(logs) / max(len(logs), 1)))

    def _length(self, rng: np.random.Generator, kind: str, before: Parts, genre: str) -> tuple[int, float]:
        """A length in bars, and its share."""
        last = next((bars for name, bars in reversed(before) if name == kind), None)
        lengths = self._bars.get((genre, kind)) or self._bars[("", kind)]
        total = sum(lengths.values())
        shares = {bars: n / total for bars, n in lengths.items()}
        if last is not None:
            shares = {bars: (1 - SAME_LENGTH) * share for bars, share in shares.items()}
            shares[last] = shares.get(last, 0.0) + SAME_LENGTH
        bars = list(shares)
        drawn = bars[int(rng.choice(len(bars), p=np.array(list(shares.values())) / sum(shares.values())))]
        return drawn, shares[drawn]

    @lru_cache(maxsize=4096)  # noqa: B019  # a planner lives as long as the songs that it knows
    def _shares(self, context: tuple[str, ...], genre: str) -> dict[str, float]:
        """The share of each type after a context: seen counts less a discount, the rest by the shorter context."""
        if context:
            below = self._shares(context[1:], genre)
        elif genre:
            below = self._shares((), "")
        else:
            every = self._next[("",)]
            return {kind: n / every.total() for kind, n in every.items() if kind != START}
        counts = self._next.get((genre, *context))
        if genre and context:
            broad = self._shares(context, "")
            below = {kind: (below.get(kind, 0.0) + broad.get(kind, 0.0)) / 2 for kind in {*below, *broad}}
        if not counts:
            return below
        total = counts.total()
        taken = sum(min(n, DISCOUNT) for n in counts.values()) / total
        kinds = {*counts, *below}
        return {k: max(counts.get(k, 0) - DISCOUNT, 0) / total + taken * below.get(k, 0.0) for k in kinds}


def arrangement_of(
    events: Sequence[Event], bpm: float, beats_per_bar: int = 4, caption: str = "", weight: float = OWN
) -> Arrangement | None:
    """An annotated song as the planner counts it; None where it has no sections of at least a bar."""
    bar = Tempo(bpm, beats_per_bar).bar
    parts = tuple((e.type, n) for e in sections(events) if (n := round(e.duration / bar)) >= 1)
    return Arrangement(parts, genre_of(caption), bpm, weight) if parts else None


def genre_of(text: str) -> str:
    """The genre that a caption or a tag speaks of: the first of `GENRES` that has a word in it; empty for none."""
    said = f" {' '.join(text.lower().replace(',', ' ').replace('.', ' ').replace('/', ' ').split())} "
    return next((genre for genre, words in GENRES.items() if any(f" {word} " in said for word in words)), "")


@lru_cache(maxsize=1)
def shipped_arrangements() -> tuple[Arrangement, ...]:
    """The songs that ship with the program: those of the Harmonix set, and `CLUB`."""
    lines = [line.split("\t") for line in ARRANGEMENTS.read_text(encoding="utf-8").splitlines()]
    counted = [Arrangement(_parts(parts), genre, float(bpm)) for genre, bpm, parts in lines]
    return (*counted, *(Arrangement(_parts(parts), "club", 128.0, OWN) for parts in CLUB))


def _parts(text: str) -> tuple[tuple[str, int], ...]:
    """`intro:4 verse:8` to types and bars."""
    pairs = (part.rsplit(":", 1) for part in text.split(" "))
    return tuple((kind, int(bars)) for kind, bars in pairs)


def _whole(song: Suggestion, bars: int) -> Suggestion:
    """The same song with exactly `bars` bars: the last part takes what is missing and gives what is too much, then the
    longest ones.
    """
    lengths = [n for _, n in song.parts]
    lengths[-1] = max(lengths[-1] + bars - sum(lengths), min(2, lengths[-1]))
    while (over := sum(lengths) - bars) > 0:
        longest = lengths.index(max(lengths))
        lengths[longest] -= min(over, max(lengths[longest] // 2, 1))
    parts = zip((kind for kind, _ in song.parts), lengths, strict=True)
    return Suggestion(tuple((kind, n) for kind, n in parts if n > 0), song.likelihood)


def _median(lengths: Counter[int]) -> int:
    half, run = sum(lengths.values()) / 2, 0.0
    for bars in sorted(lengths):
        run += lengths[bars]
        if run >= half:
            return bars
    return 8
