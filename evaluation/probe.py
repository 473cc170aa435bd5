"""The judge: a small classifier fitted on a dataset's own annotated songs labels any song's sections.

    probe = fit_probe(songs)            # songs: list[JudgedSong]
    probe.label(samples, sample_rate)   # list[Event], from 0 to the song's end

It hears log-mel means and deviations over ±0.5, ±0.25 and ±0.1 s, ten times a
second. A committee of small neural networks names each moment's type, and a
Viterbi path joins the names to sections. Then each boundary moves to where band
levels step most. The path knows nothing of song form (every change of type costs
the same) and nothing is heard from more than half a second away, so that a usual
order of parts earns nothing by being usual.

In training each song is heard three times: as it is, through hiss, and through
another equaliser. A judge who never met hiss calls it a section.

Source: committees of networks (Hansen and Salamon, IEEE PAMI, 1990). Windows, network and cost were chosen by folds
over 60 procedural songs of 20 to 40 s and on 72 others of 20 s through a codec. Share of songs with the right order of
sections, by folds and by codec: logistic regression over ±0.5 s 0.47 and 0.49 at a cost of 15, 0.68 and 0.76 at 40; the
networks over ±0.5 s 0.85 and 0.83; with the two shorter windows 0.93 and 0.93. To hear 1 or 2 s around only loses.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.features import FRAME_RATE, N_BANDS, centred_stats, limit_range, log_mel, window_stats
from evaluation.scores import frame_accuracy, merge_repeats
from structure.errors import StudioError
from structure.events import Event, label_at, sections

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier

FEWEST_SONGS = 4
FOLDS = 5
_LABEL_RATE = 10.0  # decisions per second
_FIT_RATE = 5.0  # training examples per second of song
_REACHES = (0.5, 0.25, 0.1)  # seconds heard on either side of a moment
_CHANGE_COST = 30.0  # nepers that a change of type must gain, so that no fill or drop-out passes for a section
_LEAST_LOG_P = -8.0  # no single moment, nor one network, may rule a type out
_SNAP_REACH = 0.3  # seconds that a boundary may move to the step in the sound
_STEP_REACH = 0.25  # seconds compared on either side of that step
_NETWORKS, _HIDDEN, _DECAY, _BATCH = 4, 64, 1.0, 256
_ROUNDS, _FEWEST_STEPS = 10, 200  # few songs make short rounds, so they get more of them


class ProbeError(StudioError):
    """No judge can be fitted on these songs, or the one fitted cannot be trusted."""


@dataclass(frozen=True)
class JudgedSong:
    """A song as the judge needs it.

    Attributes:
        name: for messages.
        mel: float32 (frames, bands) of `features.log_mel`.
        duration: seconds.
        events: its annotation, or the structure asked for.
        content: hash of its audio; "" where it was never a file.
    """

    name: str
    mel: np.ndarray
    duration: float
    events: list[Event]
    content: str = ""

    @classmethod
    def from_samples(cls, name: str, samples: np.ndarray, sample_rate: int, events: Sequence[Event]) -> JudgedSong:
        """Listen to float (samples,) or (samples, channels) at `sample_rate` Hz."""
        return cls(name, log_mel(samples, sample_rate), len(samples) / sample_rate, list(events))


@dataclass(frozen=True)
class Probe:
    """A fitted judge.

    Attributes:
        types: the section types it knows.
        mean, scale: float (features,) that standardise.
        networks: the committee; each has one voice.
    """

    types: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    networks: tuple[MLPClassifier, ...]

    def label(self, samples: np.ndarray, sample_rate: int, duration: float | None = None) -> list[Event]:
        """The sections heard in a song.

        Args:
            samples: float (samples,) or (samples, channels).
            sample_rate: Hz.
            duration: seconds; None takes the samples' own.

        Returns:
            Adjoining sections from 0 to `duration`, no two neighbours of one type.
        """
        duration = len(samples) / sample_rate if duration is None else duration
        return self.label_mel(log_mel(samples, sample_rate), duration)

    def label_mel(self, mel: np.ndarray, duration: float) -> list[Event]:
        """The same from `features.log_mel`, float (frames, bands)."""
        times = _moments(duration, _LABEL_RATE)
        path = best_path(self.log_probabilities(_heard(mel, times)), _CHANGE_COST)
        changes = np.flatnonzero(np.diff(path)) + 1
        edges = [0.0]
        for at in changes:
            seam = (times[at - 1] + times[at]) / 2
            edges.append(max(_snap(mel, seam), edges[-1] + 1 / _LABEL_RATE))
        edges.append(max(duration, edges[-1]))
        kinds = path[np.concatenate([[0], changes])]
        return [
            Event(type=self.types[kind], start=round(start, 3), end=round(end, 3))
            for kind, start, end in zip(kinds, edges[:-1], edges[1:], strict=True)
            if end > start
        ]

    def log_probabilities(self, features: np.ndarray) -> np.ndarray:
        """The committee's mean, float (moments, types), from raw features (moments, features)."""
        standard = (features - self.mean) / self.scale
        least = np.exp(_LEAST_LOG_P)
        return np.mean([np.log(np.maximum(net.predict_proba(standard), least)) for net in self.networks], axis=0)


def fit_probe(songs: Sequence[JudgedSong]) -> Probe:
    """Fit the judge on annotated songs. `held_out_labels` says how good it is.

    Raises:
        ProbeError: fewer than four annotated songs, or only one type of section in them.
    """
    check_songs(songs)
    return _fit([_examples(song, number) for number, song in enumerate(songs)])


@dataclass(frozen=True)
class SoundSpace:
    """How songs sound over ±0.5 s, each feature standardised on real songs: where sets of songs are apart.

    Attributes:
        mean, scale: float (features,).
    """

    mean: np.ndarray
    scale: np.ndarray

    def features(self, song: JudgedSong) -> np.ndarray:
        """float (moments, features), `_LABEL_RATE` a second."""
        stats = centred_stats(song.mel, _moments(song.duration, _LABEL_RATE), _REACHES[0])
        return (stats - self.mean) / self.scale


def fit_sound_space(songs: Sequence[JudgedSong]) -> SoundSpace:
    """Standardise on annotated moments of real songs, heard as the judge hears them in training."""
    mean, scale = _standard(np.vstack([_examples(song, number)[0] for number, song in enumerate(songs)]))
    widest = slice(2 * N_BANDS)  # the shorter windows tell the same at other sharpness; a distance needs no echo
    return SoundSpace(mean[widest], scale[widest])


def held_out_labels(songs: Sequence[JudgedSong]) -> list[list[Event]]:
    """What a judge hears in each song who was fitted on others: cross-validation by song.

    Returns:
        the sections heard in each song, in the order of `songs`.

    Raises:
        ProbeError: as `fit_probe`.
    """
    check_songs(songs)
    examples = [_examples(song, number) for number, song in enumerate(songs)]
    folds = min(FOLDS, len(songs))
    heard: list[list[Event]] = [[] for _ in songs]
    for fold in range(folds):
        probe = _fit([example for number, example in enumerate(examples) if number % folds != fold])
        for number in range(fold, len(songs), folds):
            heard[number] = probe.label_mel(songs[number].mel, songs[number].duration)
    return heard


def check_songs(songs: Sequence[JudgedSong]) -> None:
    """Refuse songs that no judge can learn from.

    Raises:
        ProbeError: fewer than four annotated songs, or only one type of section in them.
    """
    annotated = [song for song in songs if sections(song.events)]
    if len(annotated) < FEWEST_SONGS or len(annotated) < len(songs):
        raise ProbeError(
            f"The judge needs at least {FEWEST_SONGS} songs with annotated sections, got {len(annotated)}. "
            "Annotate more songs of the reference dataset."
        )
    types = {event.type for song in songs for event in sections(song.events)}
    if len(types) < 2:
        raise ProbeError(
            f"All annotated sections are of one type ({types.pop()}), so there is nothing to tell apart. "
            "Mark a second type in the reference dataset."
        )


def check_trust(songs: Sequence[JudgedSong], heard: Sequence[Sequence[Event]]) -> None:
    """Refuse a judge that does no better than one who always names the commonest type.

    The gain over that guess, song by song, must lie above zero by more than two standard errors: one
    was not enough, blind annotations of 20 songs passed in 3 of 8 trials.

    Args:
        songs: annotated songs.
        heard: `held_out_labels` of them.

    Raises:
        ProbeError: with both figures.
    """
    seconds: dict[str, float] = {}
    for song in songs:
        for event in sections(song.events):
            seconds[event.type] = seconds.get(event.type, 0.0) + event.duration
    commonest = max(seconds, key=lambda kind: seconds[kind])
    pairs = []
    for song, estimate in zip(songs, heard, strict=True):
        guess = [Event(type=commonest, start=0, end=song.duration)]
        accuracy, guessed = frame_accuracy(song.events, estimate), frame_accuracy(song.events, guess)
        if accuracy is not None and guessed is not None:
            pairs.append((accuracy, guessed))
    accuracy, guessed = np.mean(pairs, axis=0)
    gains = np.subtract(*np.transpose(pairs))
    if gains.mean() <= 2 * gains.std(ddof=1) / np.sqrt(len(gains)):
        raise ProbeError(
            f"The judge fitted on these {len(songs)} songs is no better than a guess: on songs it has not heard it "
            f"names {accuracy:.0%} of the frames rightly, always saying {commonest} {guessed:.0%}. "
            "Annotate more songs, or check the annotations."
        )


def best_path(log_p: np.ndarray, change_cost: float) -> np.ndarray:
    """The likeliest sequence of types when each change costs the same (Viterbi).

    Args:
        log_p: float (moments, types).
        change_cost: what a change must gain in log probability.

    Returns:
        int (moments,).
    """
    n, kinds = log_p.shape
    came_from = np.tile(np.arange(kinds), (n, 1))
    score = log_p[0].copy()
    for i in range(1, n):
        best = int(score.argmax())
        changed = score[best] - change_cost
        came_from[i, changed > score] = best
        score = np.maximum(score, changed) + log_p[i]
    path = np.empty(n, int)
    path[-1] = score.argmax()
    for i in range(n - 1, 0, -1):
        path[i - 1] = came_from[i, path[i]]
    return path


def _snap(mel: np.ndarray, seam: float) -> float:
    """The time near `seam`, in seconds, at which band levels step most.

    It asks for no direction: in 72 held-out songs half of the boundaries then lie within 0.007 s and 80 % within 0.1 s,
    against 0.027 s and 68 % for steps towards the next type by the weights of a logistic regression.
    """
    low, high = (round((seam + side * _SNAP_REACH) * FRAME_RATE) for side in (-1, 1))
    cuts = np.arange(max(1, low), min(len(mel) - 1, high) + 1)
    if not cuts.size:
        return seam
    bands, reach = mel.shape[1], round(_STEP_REACH * FRAME_RATE)
    steps = (window_stats(mel, cuts, cuts + reach) - window_stats(mel, cuts - reach, cuts))[:, :bands]
    return float(cuts[np.square(steps).sum(axis=1).argmax()] / FRAME_RATE)


def _heard(mel: np.ndarray, times: np.ndarray) -> np.ndarray:
    """float32 (times, 2 * bands for each reach), the widest first."""
    return np.hstack([centred_stats(mel, times, reach) for reach in _REACHES])


def _moments(duration: float, rate: float) -> np.ndarray:
    """Times in seconds, `rate` a second, the first half a step from 0; at least one."""
    return (np.arange(max(1, int(duration * rate))) + 0.5) / rate


def _examples(song: JudgedSong, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Features float32 (examples, features) and types (examples,) of a song's annotated moments, heard three ways."""
    times = _moments(song.duration, _FIT_RATE)
    labels = label_at(merge_repeats(song.events), times)
    known = np.array([label is not None for label in labels])
    rng = np.random.default_rng(number)
    bands = np.linspace(-0.5, 0.5, song.mel.shape[1], dtype=np.float32)
    hiss = np.logaddexp(song.mel, np.float32(rng.uniform(-6.0, -3.5)) + np.float32(rng.uniform(-2, 3)) * bands)
    tilt = limit_range(song.mel + np.float32(rng.choice([-1, 1]) * rng.uniform(1.0, 3.0)) * bands)
    heard = [_heard(mel, times[known]) for mel in (song.mel, hiss, tilt)]
    return np.vstack(heard), np.tile(np.array([label for label in labels if label is not None], dtype=str), len(heard))


def _standard(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale, float (features,), of examples (examples, features)."""
    return features.mean(axis=0), np.maximum(features.std(axis=0), 1e-4)


def _fit(examples: Sequence[tuple[np.ndarray, np.ndarray]]) -> Probe:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    features = np.vstack([x for x, _ in examples])
    labels = np.concatenate([y for _, y in examples])
    if len(set(labels)) < 2:
        raise ProbeError(
            "Apart from a few songs, all annotated sections are of one type, so the judge cannot be tried on songs it "
            "has not heard. Mark a second type in more songs of the reference dataset."
        )
    mean, scale = _standard(features)
    standard = (features - mean) / scale
    rounds = max(_ROUNDS, _FEWEST_STEPS * _BATCH // len(standard))
    networks = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many rounds are meant to be all
        for seed in range(_NETWORKS):
            network = MLPClassifier(
                (_HIDDEN,), alpha=_DECAY, batch_size=min(_BATCH, len(standard)), max_iter=rounds, random_state=seed
            )
            networks.append(network.fit(standard, labels))
    return Probe(tuple(map(str, networks[0].classes_)), mean, scale, tuple(networks))
