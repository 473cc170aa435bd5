"""Does anything else get worse? Style, tempo, key, variety, copying and realism, with events on, off, and without an
adapter."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from acestep.pipeline import GeneratedSong, StructuredPipeline
from acestep.starter.songs import SAMPLE_RATE, StarterSong, make_song, render, song_seed
from annotate.audio import read_audio
from benchmarks.structure.trial import (
    REFERENCE_SEED,
    SECONDS,
    Ask,
    figures,
    generate,
    held_out,
    held_out_songs,
    score,
    training_songs,
)
from evaluation.adherence import key_score, tempo_right
from evaluation.caption_probe import CaptionProbe, DescribedSong, fit_caption_probe
from evaluation.variety import Ear, fit_ear, near_copies, sound_cells, variety
from structure.events import Event

STYLE_SONGS, EAR_SONGS = 400, 60
VARIED, SEEDS = 6, 4  # requests made several times, how often each


@lru_cache(maxsize=1)
def style_probe() -> CaptionProbe:
    """Who names a song's style."""
    songs = (make_song(song_seed(REFERENCE_SEED, 1000 + number), SECONDS) for number in range(STYLE_SONGS))
    return fit_caption_probe(
        [DescribedSong.from_samples(str(i), s.samples, SAMPLE_RATE, s.sidecar["genre"]) for i, s in enumerate(songs)]
    )


@lru_cache(maxsize=1)
def ear() -> Ear:
    """Who tells one song from another."""
    songs = (make_song(song_seed(REFERENCE_SEED, 2000 + number), SECONDS) for number in range(EAR_SONGS))
    return fit_ear([sound_cells(song.samples, SAMPLE_RATE) for song in songs])


def besides(pipeline: StructuredPipeline, ask: Ask, structures: int, trained_on: int) -> dict[str, Any]:
    """All that is not structure, for one way of asking.

    Args:
        pipeline: with or without an adapter.
        ask: guidance, and whether events are used.
        structures: held-out requests, one song each.
        trained_on: how many training songs may have been copied.
    """
    asked = held_out(structures)
    songs = generate(pipeline, asked, ask)
    described = [
        DescribedSong.from_samples(str(i), song.samples, song.sample_rate, sidecar["genre"])
        for i, (song, sidecar) in enumerate(zip(songs, asked, strict=True))
    ]
    style = style_probe().score(described)
    windows = [_windows(song) for song in songs]
    copies = near_copies(windows, _training_windows(trained_on))
    again = [
        variety([_windows(generate(pipeline, [sidecar], ask, seed=100 * number + 7)[0]) for number in range(SEEDS)])
        for sidecar in asked[:VARIED]
    ]
    pairs = list(zip(songs, asked, strict=True))
    return figures(score(songs)) | {
        "style": style.top,
        "style log p": style.log_probability,
        "tempo": _mean(tempo_right(s.samples, s.sample_rate, a["bpm"]) for s, a in pairs),
        "key": _mean(key_score(s.samples, s.sample_rate, a["keyscale"]) for s, a in pairs),
        "variety": _mean(again),
        "near copies": copies.songs,
        "near copies, windows": copies.windows,
    }


def real_songs(structures: int, trained_on: int) -> dict[str, float]:
    """The same figures for the real songs whose structures are asked for; the same requests played with other seeds
    tell how much songs of one request can differ."""
    songs = held_out_songs(structures)
    described = [
        DescribedSong.from_samples(str(i), song.samples, SAMPLE_RATE, song.sidecar["genre"])
        for i, song in enumerate(songs)
    ]
    windows = [ear().windows(sound_cells(song.samples, SAMPLE_RATE)) for song in songs]
    return {
        "style": style_probe().score(described).top,
        "tempo": _mean(tempo_right(s.samples, SAMPLE_RATE, s.sidecar["bpm"]) for s in songs),
        "key": _mean(key_score(s.samples, SAMPLE_RATE, s.sidecar["keyscale"]) for s in songs),
        "variety": _mean(variety([_played_again(song, seed) for seed in range(SEEDS)]) for song in songs[:VARIED]),
        "near copies": near_copies(windows, _training_windows(trained_on)).songs,
    }


def _played_again(song: StarterSong, seed: int) -> np.ndarray:
    """Windows of another song of the same request."""
    asked = song.sidecar
    events = [Event.model_validate(event) for event in asked["events"]]
    samples = render(events, asked["duration"], asked["bpm"], asked["keyscale"], asked["genre"], seed, song.band)
    return ear().windows(sound_cells(samples, SAMPLE_RATE))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _windows(song: GeneratedSong) -> np.ndarray:
    return ear().windows(sound_cells(song.samples, song.sample_rate))


def _training_windows(count: int) -> list[np.ndarray]:
    found = []
    for audio in sorted(training_songs(count).glob("*.wav")):
        samples, rate = read_audio(audio, mono=True)
        found.append(ear().windows(sound_cells(samples, rate)))
    return found
