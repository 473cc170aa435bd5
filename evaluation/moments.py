"""The judge of moments: hears the crashes, fills, drop-outs and risers of a song, and counts those that were asked for.

    probe = fit_moment_probe(songs)              # songs: list[JudgedSong] with annotated moments
    heard = probe.find(samples, sample_rate)     # list[Event]
    moments_found(asked, heard).overall.f        # found within 0.25 s
    probe.quality.by_type                        # how well it hears songs that it was not fitted on

A moment is judged by the edge that a listener hears (`LANDING`). Fifty times a second the judge compares band levels
in windows up to 2 s before and after with the level around them, so that it hears change and not loudness, and says
how likely such an edge is: a small neural network and boosted trees, who err in different places, have one voice each.
Peaks above a type's threshold are its moments.

The judge is a committee, each member fitted without a part of the songs. What that member hears in that part sets the
thresholds and tells the quality, so the songs need not be fitted again for it.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.features import FRAME_RATE, log_mel, window_stats
from evaluation.probe import FEWEST_SONGS, JudgedSong, ProbeError
from evaluation.segments import ScoreError
from structure.events import MOMENT_TYPES, Event, moments

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.neural_network import MLPClassifier

LANDING = ("riser", "fill", "drop-out")
"""Types heard at their end, where they land; any other is heard where it starts.

Held-out F at the end and at the start, 130 procedural songs: riser 0.99 and 0.68, fill 0.85 and 0.63, drop-out 0.96 and
0.95.
"""

TOLERANCE = 0.25  # seconds
FOLDS = 4
_EDGE = 0.05  # seconds round an edge whose frames are examples of it
_SHARE = 0.15  # of the other frames that are examples of none
_SINGLE_BANDS, _GROUP = 6, 6  # kick and toms lie one low band apart; above these, six bands make one
_AROUND = 100  # frames either way
_LEVEL_CUTS = (-100, -50, -25, -12, -5, -2, 0, 1, 3, 6, 13, 26, 51, 101)  # frames between which levels are averaged
_RISE_CUTS = (-100, -50, -25, -8, -2, 3, 9, 26, 51, 101)  # the same for rises from one frame to the next
_SMOOTHING = np.array([1, 2, 3, 2, 1]) / 9
_APART = 0.5  # seconds between two moments of one type, at least
_THRESHOLDS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True)
class MomentCount:
    """Moments asked for, heard, and found (both); a share of nothing is None."""

    found: int = 0
    asked: int = 0
    heard: int = 0

    @property
    def precision(self) -> float | None:
        return self.found / self.heard if self.heard else None

    @property
    def recall(self) -> float | None:
        return self.found / self.asked if self.asked else None

    @property
    def f(self) -> float | None:
        return 2 * self.found / (self.asked + self.heard) if self.asked + self.heard else None

    def __add__(self, other: MomentCount) -> MomentCount:
        return MomentCount(self.found + other.found, self.asked + other.asked, self.heard + other.heard)


@dataclass(frozen=True)
class MomentScore:
    """A count for each type asked for or heard. The scores of several songs add up: `sum(scores, MomentScore({}))`."""

    by_type: dict[str, MomentCount]

    @property
    def overall(self) -> MomentCount:
        """All types together, every moment of equal weight."""
        return sum(self.by_type.values(), MomentCount())

    def __add__(self, other: MomentScore) -> MomentScore:
        types, none = sorted({*self.by_type, *other.by_type}), MomentCount()
        return MomentScore({kind: self.by_type.get(kind, none) + other.by_type.get(kind, none) for kind in types})


def audible_edge(moment: Event) -> float:
    """When a listener hears a moment, in seconds."""
    return moment.end if moment.type in LANDING else moment.start


def moments_found(asked: Sequence[Event], heard: Sequence[Event], tolerance: float = TOLERANCE) -> MomentScore:
    """Which moments were found: one of the same type is heard whose audible edge lies within the tolerance.

    Args:
        asked: events asked for, or annotated, of one song; its sections do not count.
        heard: events heard in it.
        tolerance: seconds, positive.

    Returns:
        Counts by type. As many as possible are matched, each once.

    Raises:
        ScoreError: `tolerance` is not positive.

    Source: maximum bipartite matching, as in mir_eval.onset (Raffel et al., ISMIR 2014).
    """
    if not tolerance > 0:
        raise ScoreError(f"The tolerance of moments is in seconds and must be positive, got {tolerance}.")
    types = sorted({event.type for event in moments([*asked, *heard])})
    return MomentScore({kind: _count(_edges(asked, kind), _edges(heard, kind), tolerance) for kind in types})


@dataclass(frozen=True)
class MomentProbe:
    """A fitted judge of moments.

    Attributes:
        types: the moment types that it knows.
        lengths: seconds that each type typically lasts; only one edge is heard, and this places the other.
        thresholds: float (types,), the likelihood above which a peak is a moment.
        members: the committee.
        held_out: the moments heard in each song that it was fitted on, by the member who was not, with thresholds
            from songs of other members.
        quality: `held_out` against the annotation, over songs with moments and the types that it knows.
    """

    types: tuple[str, ...]
    lengths: tuple[float, ...]
    thresholds: np.ndarray
    members: tuple[_Member, ...]
    held_out: list[list[Event]]
    quality: MomentScore

    def find(self, samples: np.ndarray, sample_rate: int, duration: float | None = None) -> list[Event]:
        """The moments heard in a song.

        Args:
            samples: float (samples,) or (samples, channels).
            sample_rate: Hz.
            duration: seconds; None takes the samples' own.

        Returns:
            Moments by start, cut to 0 to `duration`.
        """
        duration = len(samples) / sample_rate if duration is None else duration
        return self.find_mel(log_mel(samples, sample_rate), duration)

    def find_mel(self, mel: np.ndarray, duration: float) -> list[Event]:
        """The same from `features.log_mel`, float (frames, bands)."""
        features = moment_features(mel, np.arange(len(mel)))
        log_odds = np.mean([member.log_odds(features) for member in self.members], axis=0)
        return _to_events(_peaks(log_odds), self.types, self.lengths, self.thresholds, duration)


def fit_moment_probe(songs: Sequence[JudgedSong]) -> MomentProbe:
    """Fit the judge on annotated songs: 7 seconds of one core for 16 songs of half a minute, 21 for 60, 45 for 130.

    A song without moments teaches nothing, since whoever annotated it may not have looked for any. A type that fewer
    than four songs hold is not learned.

    Raises:
        ProbeError: no type of moment is in four songs.

    Source: cross-validated committees (Krogh and Vedelsby, NIPS 1994); peaks of a learned likelihood of onsets (Eyben
    et al., ISMIR 2010).
    """
    folds = min(FOLDS, len(songs))
    types = _known_types(songs, folds)
    examples = [_examples(song, types, number) for number, song in enumerate(songs)]
    members, peaks = [], [[] for _ in songs]
    for fold in range(folds):
        members.append(_fit([example for number, example in enumerate(examples) if number % folds != fold]))
        for number in range(fold, len(songs), folds):
            mel = songs[number].mel
            peaks[number] = _peaks(members[fold].log_odds(moment_features(mel, np.arange(len(mel)))))

    marked = [number for number, song in enumerate(songs) if moments(song.events)]
    asked = {number: [event for event in songs[number].events if event.type in types] for number in marked}
    lasting = [[e.duration for number in marked for e in asked[number] if e.type == kind] for kind in types]
    lengths = tuple(float(np.median(durations)) for durations in lasting)

    def thresholds(numbers: Sequence[int]) -> np.ndarray:
        return _best_thresholds([asked[number] for number in numbers], [peaks[number] for number in numbers], types)

    others = [thresholds([number for number in marked if number % folds != fold]) for fold in range(folds)]
    held_out = [
        _to_events(peaks[number], types, lengths, others[number % folds], song.duration)
        for number, song in enumerate(songs)
    ]
    quality = sum((moments_found(asked[number], held_out[number]) for number in marked), MomentScore({}))
    return MomentProbe(types, lengths, thresholds(marked), tuple(members), held_out, quality)


def moment_features(mel: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """What the judge hears at given frames of a song.

    Args:
        mel: float (frames of the song, bands) of `features.log_mel`.
        frames: int (frames,).

    Returns:
        float32 (frames, features): mean level of each band over ±2 s; its levels in windows relative to this; its
        rises in windows.
    """
    single, rest = np.split(mel, [_SINGLE_BANDS], axis=1)
    levels = np.hstack([single, rest.reshape(len(mel), -1, _GROUP).mean(axis=2)])
    rises = np.maximum(np.diff(levels, axis=0, prepend=levels[:1]), 0)

    def mean(values: np.ndarray, first: int, stop: int) -> np.ndarray:
        return window_stats(values, frames + first, frames + stop)[:, : values.shape[1]]

    around = mean(levels, -_AROUND, _AROUND + 1)
    return np.hstack(
        [around]
        + [mean(levels, first, stop) - around for first, stop in itertools.pairwise(_LEVEL_CUTS)]
        + [mean(rises, first, stop) for first, stop in itertools.pairwise(_RISE_CUTS)]
    )


@dataclass(frozen=True)
class _Member:
    """One of the committee: a network for all types and boosted trees for each; mean and scale (features,)."""

    mean: np.ndarray
    scale: np.ndarray
    network: MLPClassifier
    trees: tuple[HistGradientBoostingClassifier, ...]

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """float (frames, types) from raw features (frames, features)."""
        from threadpoolctl import threadpool_limits

        # the last columns, since for a single type sklearn puts the likelihood of none first
        by_network = self.network.predict_proba((features - self.mean) / self.scale)[:, -len(self.trees) :]
        with threadpool_limits(1, user_api="openmp"):  # each tree is so small that threads only wait for one another
            by_trees = np.stack([trees.predict_proba(features)[:, 1] for trees in self.trees], axis=1)
        # a thousandth on both sides: nobody's voice alone rules a moment in or out
        return np.mean([np.log((p + 1e-3) / (1 - p + 1e-3)) for p in (by_network, by_trees)], axis=0)


def _known_types(songs: Sequence[JudgedSong], folds: int) -> tuple[str, ...]:
    """Types in at least four songs, and not all of these in one fold: every member must have met each type."""
    having: dict[str, set[int]] = {}
    for number, song in enumerate(songs):
        for event in moments(song.events):
            having.setdefault(event.type, set()).add(number)
    known = [k for k, own in having.items() if len(own) >= FEWEST_SONGS and len({n % folds for n in own}) > 1]
    if not known:
        raise ProbeError(
            f"The judge of moments needs one type of moment in at least {FEWEST_SONGS} songs, spread over the dataset; "
            f"the commonest is in {max(map(len, having.values()), default=0)}. Mark moments in more songs of it."
        )
    return tuple(sorted(known))


def _examples(song: JudgedSong, types: Sequence[str], number: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (examples, features), and whether an edge of each type is there, bool (examples, types)."""
    times = np.arange(len(song.mel))[:, None] / FRAME_RATE
    there = np.stack([(abs(times - _edges(song.events, kind)) < _EDGE).any(axis=1) for kind in types], axis=1)
    share = _SHARE if moments(song.events) else 0
    chosen = there.any(axis=1) | (np.random.default_rng(number).random(len(times)) < share)
    return moment_features(song.mel, np.flatnonzero(chosen)), there[chosen]


def _fit(examples: Sequence[tuple[np.ndarray, np.ndarray]]) -> _Member:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    features, there = (np.concatenate(part) for part in zip(*examples, strict=True))
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)
    network = MLPClassifier((128,), alpha=0.1, batch_size=128, max_iter=20, random_state=0)
    trees = [
        HistGradientBoostingClassifier(
            learning_rate=0.2,
            max_iter=40,
            max_leaf_nodes=8,
            min_samples_leaf=10,
            l2_regularization=1.0,
            max_features=0.1,
            max_bins=63,
            early_stopping=False,
            random_state=0,
        )
        for _ in there.T
    ]
    # batches and trees are so small that threads only wait for one another
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # twenty rounds are meant to be all
        network.fit((features - mean) / scale, there if there.shape[1] > 1 else there[:, 0])
        for column, fitted in zip(there.T, trees, strict=True):
            fitted.fit(features, column)
    return _Member(mean, scale, network, tuple(trees))


def _peaks(log_odds: np.ndarray) -> list[np.ndarray]:
    """For each type, times and likelihoods of its peaks, float (peaks, 2), the likeliest first."""
    from scipy.ndimage import convolve1d
    from scipy.special import expit

    likelihood = convolve1d(expit(log_odds), _SMOOTHING, axis=0, mode="nearest")
    reach, found = round(_APART * FRAME_RATE), []
    for column in likelihood.T:
        free, peaks = column >= _THRESHOLDS[0], []
        for frame in np.argsort(-column):
            if free[frame]:
                peaks.append((frame / FRAME_RATE, column[frame]))
                free[max(0, frame - reach) : frame + reach + 1] = False
        found.append(np.reshape(peaks, (-1, 2)))
    return found


def _best_thresholds(
    asked: Sequence[Sequence[Event]], peaks: Sequence[Sequence[np.ndarray]], types: Sequence[str]
) -> np.ndarray:
    """The threshold of each type with the best F over songs, float (types,)."""
    best = []
    for index, kind in enumerate(types):
        pairs = [(_edges(events, kind), found[index]) for events, found in zip(asked, peaks, strict=True)]
        counts = [
            sum((_count(edges, found[found[:, 1] >= least, 0], TOLERANCE) for edges, found in pairs), MomentCount())
            for least in _THRESHOLDS
        ]
        best.append(_THRESHOLDS[np.argmax([count.f or 0 for count in counts])])
    return np.array(best)


def _to_events(
    peaks: Sequence[np.ndarray], types: Sequence[str], lengths: Sequence[float], thresholds: np.ndarray, duration: float
) -> list[Event]:
    """Peaks above their type's threshold, cut to the song's `duration` in seconds."""
    heard = []
    for kind, length, least, found in zip(types, lengths, thresholds, peaks, strict=True):
        for time in found[found[:, 1] >= least, 0]:
            start = time - length if kind in LANDING else time
            start, end = (round(float(np.clip(edge, 0, duration)), 3) for edge in (start, start + length))
            heard.append(Event(type=kind, start=start, end=end, family=None if kind in MOMENT_TYPES else "moment"))
    return moments(heard)


def _edges(events: Sequence[Event], kind: str) -> np.ndarray:
    """Audible edges of a type's moments, float (moments,) seconds."""
    return np.array([audible_edge(event) for event in moments(events) if event.type == kind])


def _count(asked: np.ndarray, heard: np.ndarray, tolerance: float) -> MomentCount:
    """From edges in seconds; `moments_found` for one type."""
    from mir_eval.util import match_events  # brings scipy

    # a millisecond of grace: 4.25 - 4.0 may come out above 0.25
    found = len(match_events(asked, heard, tolerance + 1e-3)) if asked.size and heard.size else 0
    return MomentCount(found, asked.size, heard.size)
