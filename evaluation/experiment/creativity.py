"""What control costs: do an arm's songs still differ, do they copy, are they what was said, do they sound real?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotate.audio import read_audio
from annotate.dataset import Song
from evaluation.adherence import AdherenceError, key_score, tempo_right
from evaluation.caption_probe import CaptionProbe, DescribedSong, fit_caption_probe, held_out_score
from evaluation.diversity import cosines, nearest_songs, read_embeddings, song_embeddings, standardised, vendi_score
from evaluation.features import SAMPLE_RATE
from evaluation.intervals import Interval, mean_interval
from evaluation.variety import NEAR_COPY, Ear, VarietyError, fit_ear, near_copies, sound_cells, variety
from structure.sidecar import Sidecar, read_sidecar

FIGURES = ("variety", "vendi", "nearest_training", "near_copies", "tempo", "key", "caption")


@dataclass(frozen=True)
class Take:
    """A song that was made, or a real one.

    Attributes:
        audio: the file.
        sidecar: what it was asked to be, or what is written of it.
        structure: takes of one number were asked for the same.
        genre: what kind of song was asked for, or is written; "" where nothing is.
    """

    audio: Path
    sidecar: Sidecar
    structure: int
    genre: str = ""


class CreativityJudge:
    """Who measures: fitted once on the songs that were learned from.

    Args:
        training: the songs learned from.
        embeddings: folder with embeddings of another model, one `.npy` a song laid out as the songs are under `root`;
            None takes `diversity.song_embeddings`.
        root: the experiment's folder.
    """

    def __init__(self, training: Sequence[Take], embeddings: Path | None, root: Path) -> None:
        self.notes: list[str] = []
        self._embeddings, self._root = embeddings, root
        heard = [_samples(take.audio) for take in training]
        self._ear = self._fit_ear(heard)
        self._known_windows = [self._windows(samples) for samples in heard] if self._ear else []
        self._known = self._embed(training, heard)
        self._caption = self._fit_caption(training, heard)

    def measure(self, asked: Sequence[Take], again: Sequence[Take]) -> dict[str, Interval | None]:
        """All of `FIGURES` of one arm.

        Args:
            asked: one song a request.
            again: several songs of each of a few requests; empty leaves variety out.
        """
        heard, takes = [_samples(take.audio) for take in asked], [_samples(take.audio) for take in again]
        embedded = standardised(self._embed(asked, heard), self._known)
        real = standardised(self._known, self._known)
        found: dict[str, Interval | None] = {
            "nearest_training": mean_interval(nearest_songs(embedded, real)[0]),
            "near_copies": self._copies(heard),
            "tempo": _mean(_each(tempo_right, asked, heard, "bpm")),
            "key": _mean(_each(key_score, asked, heard, "keyscale")),
            "caption": self._as_said(asked, heard),
        }
        return found | self._variety(again, takes)

    def _variety(self, again: Sequence[Take], heard: Sequence[np.ndarray]) -> dict[str, Interval | None]:
        """Of each structure's takes; the interval is over structures."""
        numbers = sorted({take.structure for take in again})
        if not numbers:
            return {"variety": None, "vendi": None}
        embedded = standardised(self._embed(again, heard), self._known)
        groups = [[i for i, take in enumerate(again) if take.structure == number] for number in numbers]
        vendi = [vendi_score(cosines(embedded[group], embedded[group])) for group in groups]
        differing = None
        if self._ear:
            differing = _mean(variety([self._windows(heard[i]) for i in group]) for group in groups)
        return {"variety": differing, "vendi": mean_interval(vendi)}

    def _copies(self, heard: Sequence[np.ndarray]) -> Interval | None:
        if not self._ear:
            return None
        found = near_copies([self._windows(samples) for samples in heard], self._known_windows)
        return mean_interval((found.similarity >= NEAR_COPY).astype(float))

    def _as_said(self, asked: Sequence[Take], heard: Sequence[np.ndarray]) -> Interval | None:
        if self._caption is None:
            return None
        named = _described(asked, heard)
        right = [float(self._caption.score([song]).top) for song in named if song.label in self._caption.labels]
        return _mean(right)

    def _fit_ear(self, heard: Sequence[np.ndarray]) -> Ear | None:
        try:
            return fit_ear([sound_cells(samples, SAMPLE_RATE) for samples in heard])
        except VarietyError as problem:
            self.notes.append(f"Variety and near copies were not measured: {problem}")
            return None

    def _fit_caption(self, training: Sequence[Take], heard: Sequence[np.ndarray]) -> CaptionProbe | None:
        """Who hears what songs are said to be; None where it names songs it has not heard no better than a guess."""
        songs = _described(training, heard)
        counts = Counter(song.label for song in songs)
        songs = [song for song in songs if counts[song.label] > 1]
        try:
            quality = held_out_score(songs)
        except AdherenceError as problem:
            self.notes.append(f"Whether songs sound as they were described was not measured: {problem}")
            return None
        room = 2 * np.sqrt(quality.chance * (1 - quality.chance) / len(songs))
        if quality.top <= quality.chance + room:
            self.notes.append(
                f"Whether songs sound as they were described was not measured: of {len(songs)} real songs the genre of "
                f"{quality.top:.0%} is named rightly by ear, always saying the commonest {quality.chance:.0%}."
            )
            return None
        return fit_caption_probe(songs)

    def _windows(self, samples: np.ndarray) -> np.ndarray:
        assert self._ear is not None
        return self._ear.windows(sound_cells(samples, SAMPLE_RATE))

    def _embed(self, takes: Sequence[Take], heard: Sequence[np.ndarray]) -> np.ndarray:
        if self._embeddings is None:
            return song_embeddings([(samples, SAMPLE_RATE) for samples in heard])
        names = [str(take.audio.relative_to(self._root)) for take in takes]
        return read_embeddings(self._embeddings, names)


def takes_of(songs: Iterable[Song]) -> list[Take]:
    """Real songs, each of a request of its own."""
    read = [(song.audio, read_sidecar(song.audio)) for song in songs]
    return [Take(audio, sidecar, number, genre_of(sidecar)) for number, (audio, sidecar) in enumerate(read)]


def genre_of(sidecar: Sidecar) -> str:
    """The genre written in a sidecar; "" where none is."""
    return str(sidecar.get("genre", ""))


def _samples(audio: Path) -> np.ndarray:
    return read_audio(audio, sample_rate=SAMPLE_RATE, mono=True)[0]


def _described(takes: Sequence[Take], heard: Sequence[np.ndarray]) -> list[DescribedSong]:
    return [
        DescribedSong.from_samples(take.audio.name, samples, SAMPLE_RATE, take.genre)
        for take, samples in zip(takes, heard, strict=True)
        if take.genre
    ]


def _each(score: Any, takes: Sequence[Take], heard: Sequence[np.ndarray], field: str) -> list[float]:
    """The score of each song whose sidecar says anything of it that can be read."""
    scores = []
    for take, samples in zip(takes, heard, strict=True):
        value = take.sidecar.get(field)
        if value is not None and value != "":
            try:
                scores.append(float(score(samples, SAMPLE_RATE, value)))
            except AdherenceError:  # "N/A" is no key, and one second has no tempo
                continue
    return scores


def _mean(values: Iterable[float]) -> Interval | None:
    given = list(values)
    return mean_interval(given) if given else None
