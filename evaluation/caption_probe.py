"""Does a song sound as its caption says? A small classifier fitted on real songs names one word of the description.

    probe = fit_caption_probe(songs)     # songs: list[DescribedSong], real ones
    probe.score(generated)               # CaptionScore
    held_out_score(songs)                # the ceiling: what real songs reach

Any category of a sidecar will do as the word: genre, mood, who sings. The probe
hears colour and rhythm, no pitch classes. Where the category goes with the tempo,
as genres do, it hears the tempo too.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.adherence import AdherenceError, check_length, onsets, tempogram
from evaluation.features import limit_range, log_mel

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FOLDS = 5
_RHYTHM_BANDS = 6
_RHYTHMS = 0.6 * 2 ** (np.arange(57) / 12)  # Hz: half a bar to a fast sixteenth
_REGULARISATION = 0.1


@dataclass(frozen=True)
class DescribedSong:
    """A song and one word of its request.

    Attributes:
        name: for messages.
        mel: float32 (frames, bands) of `features.log_mel`.
        label: a category from its sidecar, such as the genre.
    """

    name: str
    mel: np.ndarray
    label: str

    @classmethod
    def from_samples(cls, name: str, samples: np.ndarray, sample_rate: int, label: str) -> DescribedSong:
        """Listen to float (samples,) or (samples, channels) at `sample_rate` Hz.

        Raises:
            AdherenceError: the song is shorter than 3 s.
        """
        check_length(samples, sample_rate)
        return cls(name, log_mel(samples, sample_rate), label)


@dataclass(frozen=True)
class CaptionScore:
    """How well songs sound as they were described.

    Attributes:
        top: share of songs whose label is the likeliest to the probe.
        log_probability: mean log probability of their labels in nepers; knowing nothing gives log(1 / labels).
        chance: `top` of one who always names the commonest label of these songs.
        heard: the likeliest label of each song, in their order.
    """

    top: float
    log_probability: float
    chance: float
    heard: tuple[str, ...]


@dataclass(frozen=True)
class CaptionProbe:
    """Names a song's label by its sound; of `fit_caption_probe`."""

    labels: tuple[str, ...]
    model: Pipeline

    def log_probabilities(self, mel: np.ndarray) -> np.ndarray:
        """float (labels,) from `features.log_mel`, float (frames, bands)."""
        return self.model.predict_log_proba(song_features(mel)[None])[0]

    def score(self, songs: Sequence[DescribedSong]) -> CaptionScore:
        """How well these songs sound as they were described.

        Raises:
            AdherenceError: no songs, or a label that the probe was not fitted on.
        """
        if not songs:
            raise AdherenceError("There is no song to be scored. Generate some, then score again.")
        for song in songs:
            if song.label not in self.labels:
                raise AdherenceError(
                    f'`{song.name}` was described as "{song.label}", of which the reference has no song. '
                    f"Ask for {' or '.join(self.labels)}, or add such songs to the reference."
                )
        return _score(songs, self.labels, np.stack([self.log_probabilities(song.mel) for song in songs]))


def fit_caption_probe(songs: Sequence[DescribedSong]) -> CaptionProbe:
    """Fit the probe on real songs: multinomial logistic regression on `song_features`.

    Each song is heard as it is, through hiss and through another equaliser, since a codec adds a little of both.
    `held_out_score` says how good the probe is.

    Raises:
        AdherenceError: only one label, or a label that only one song has.
    """
    _check_labels(songs)
    return _fit([_examples(song, number) for number, song in enumerate(songs)], [song.label for song in songs])


def held_out_score(songs: Sequence[DescribedSong]) -> CaptionScore:
    """How well a probe names songs that it was not fitted on: cross-validation in five parts, the ceiling of `score`.

    Raises:
        AdherenceError: as `fit_caption_probe`.
    """
    _check_labels(songs)
    examples = [_examples(song, number) for number, song in enumerate(songs)]
    fold = np.empty(len(songs), int)
    # dealt out label by label, so that no fold takes all songs of one
    fold[np.argsort([song.label for song in songs], kind="stable")] = np.arange(len(songs)) % FOLDS
    log_p = np.empty((len(songs), len({song.label for song in songs})))
    for part in set(fold):
        taught = np.flatnonzero(fold != part)
        probe = _fit([examples[i] for i in taught], [songs[i].label for i in taught])
        for i in np.flatnonzero(fold == part):
            log_p[i] = probe.log_probabilities(songs[i].mel)
    return _score(songs, probe.labels, log_p)


def song_features(mel: np.ndarray) -> np.ndarray:
    """A whole song as numbers: colour, strength of onsets, rhythm; nothing of its pitch classes.

    Args:
        mel: float (frames, bands) of `features.log_mel`.

    Returns:
        float (4 * bands + 6 * 57,): mean and deviation of each band and of its onsets, then the log strength of
        periodicities from 0.6 to 15 Hz in six groups of bands.
    """
    rises = onsets(mel)
    groups = np.stack([part.mean(axis=1) for part in np.array_split(rises, _RHYTHM_BANDS, axis=1)], axis=1)
    rates, strengths = tempogram(groups)
    rhythm = [np.log(np.interp(_RHYTHMS, rates, column) + 1e-2) for column in strengths.T]
    return np.concatenate([mel.mean(axis=0), mel.std(axis=0), rises.mean(axis=0), rises.std(axis=0), *rhythm])


def _check_labels(songs: Sequence[DescribedSong]) -> None:
    counts = Counter(song.label for song in songs)
    if len(counts) < 2:
        raise AdherenceError(
            f"The reference songs have {len(counts)} label between them, so there is nothing to tell apart. "
            "Add songs that are described otherwise."
        )
    alone = [label for label, count in counts.items() if count == 1]
    if alone:
        raise AdherenceError(
            f'Only one reference song is described as "{alone[0]}". Add another one, or leave it out: '
            "a probe learns nothing from a single song."
        )


def _examples(song: DescribedSong, number: int) -> np.ndarray:
    """float (3, features): a song as it is, through hiss, and through another equaliser."""
    rng = np.random.default_rng(number)
    bands = np.linspace(-0.5, 0.5, song.mel.shape[1], dtype=np.float32)
    hiss = np.logaddexp(song.mel, np.float32(rng.uniform(-6.0, -3.5)) + np.float32(rng.uniform(-2, 3)) * bands)
    tilt = limit_range(song.mel + np.float32(rng.choice([-1, 1]) * rng.uniform(1.0, 3.0)) * bands)
    return np.stack([song_features(mel) for mel in (song.mel, hiss, tilt)])


def _fit(examples: Sequence[np.ndarray], labels: Sequence[str]) -> CaptionProbe:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_REGULARISATION, max_iter=200))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `held_out_score` judges the outcome
        model.fit(np.vstack(examples), np.repeat(labels, [len(heard) for heard in examples]))
    return CaptionProbe(tuple(map(str, model.classes_)), model)


def _score(songs: Sequence[DescribedSong], labels: tuple[str, ...], log_p: np.ndarray) -> CaptionScore:
    asked = [song.label for song in songs]
    heard = tuple(labels[i] for i in log_p.argmax(axis=1))
    return CaptionScore(
        top=float(np.mean([a == b for a, b in zip(asked, heard, strict=True)])),
        log_probability=float(np.mean([row[labels.index(label)] for row, label in zip(log_p, asked, strict=True)])),
        chance=max(Counter(asked).values()) / len(asked),
        heard=heard,
    )
