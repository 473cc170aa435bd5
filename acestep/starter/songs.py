"""Procedural songs with exact truth: random structures, rendered as music, with their sidecars.

    song = make_song(7)
    song.samples, song.sample_rate, song.sidecar["events"]

The same seed is the same song, sample for sample. NumPy and SciPy only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acestep.starter.arrangement import LEVELS, PLAYERS, Band, make_band, make_theme, play_section
from acestep.starter.captions import caption, phrase
from acestep.starter.instruments import KITS
from acestep.starter.moments import play_moments, random_moments
from acestep.starter.sounds import SAMPLE_RATE, loudness, master, reverb
from acestep.starter.styles import STYLES, Style
from structure.errors import StudioError
from structure.events import Event, moments, sections
from structure.files import unfinished

STARTER_TYPES: tuple[str, ...] = tuple(PLAYERS)
SECTION_BARS = (1, 2, 3, 4, 6, 8)
SHORTEST, LONGEST = 6.0, 120.0  # seconds of song that can be asked for
KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
LOUDNESS = (-16.9, -14.8)  # LUFS, whole song before the limiter
TYPICAL = 0.6  # intensity of a section that names none
INTENSITY_DB = 12.0  # what intensity 1 is louder than intensity 0
RIGHTS = "made by this project's generator, CC0"

_OPENS_WITH_INTRO = 0.4
_CLOSES_WITH_OUTRO = 0.35
_BAR_WEIGHTS = {1: 0.6, 2: 2.0, 3: 1.2, 4: 2.0, 6: 0.8, 8: 0.6}
_INNER_WEIGHTS = {"intro": 0.55, "outro": 0.6}  # rarer inside, since songs open and close with them
_AGAIN = 0.5  # each time that a type was there already makes it so much less likely
_RATED, _LABELLED = 0.7, 0.5  # shares of sections whose intensity and label the sidecar tells
_REVERB = 0.2
_SONGS_A_SEED = 10_000


class SongError(StudioError):
    """A procedural song that cannot be made as asked."""


@dataclass(frozen=True)
class StarterSong:
    """A song and its truth.

    Attributes:
        samples: mono float32 (n,) within [-1, 1].
        sidecar: its content; tells intensity and label of some sections only.
        band: who plays.
    """

    samples: np.ndarray
    sample_rate: int
    sidecar: dict[str, Any]
    band: Band


def _bar(bpm: int) -> float:
    return 4 * 60.0 / bpm


def _reachable(n_bars: int, n_sections: int) -> list[set[int]]:
    """Entry m holds the bar counts that m sections can fill exactly."""
    sums = [{0}]
    for _ in range(n_sections):
        sums.append({s + b for s in sums[-1] for b in SECTION_BARS if s + b <= n_bars})
    return sums


def _section_bars(rng: np.random.Generator, n_bars: int) -> list[int]:
    """Split a song of `n_bars` bars into sections, as many as fit: 3 to 8, more in long songs."""
    fewest = max(min(3, n_bars), -(-n_bars // 8))
    sums = _reachable(n_bars, max(8, fewest + 4))
    counts = [m for m in range(fewest, len(sums)) if n_bars in sums[m] and n_bars / m >= min(1.6, n_bars / 3)]
    left = int(rng.choice(counts))
    bars: list[int] = []
    while left:
        rest = n_bars - sum(bars)
        options = [b for b in SECTION_BARS if rest - b in sums[left - 1]]
        weights = np.array([_BAR_WEIGHTS[b] for b in options])
        bars.append(int(rng.choice(options, p=weights / weights.sum())))
        left -= 1
    return [bars[i] for i in rng.permutation(len(bars))]


def random_structure(rng: np.random.Generator, duration: float | None = None, bpm: int = 120) -> list[Event]:
    """Draw a song form: sections on bar lines from 0 s on, order and lengths as different as they can be.

    Args:
        rng: the randomness.
        duration: seconds, met to the nearest bar; None draws 20 to 40.
        bpm: quarter notes a minute, in 4/4.

    Returns:
        Adjoining sections of `STARTER_TYPES`, no two neighbours of one type.

    Raises:
        SongError: `duration` is outside 6 to 120 s.
    """
    if duration is None:
        duration = float(rng.uniform(20.0, 40.0))
    if not SHORTEST <= duration <= LONGEST:
        raise SongError(
            f"A starter song lasts {SHORTEST:g} to {LONGEST:g} s, got {duration:g} s. Ask for a duration in between."
        )
    bar = _bar(bpm)
    bars = _section_bars(rng, max(2, round(duration / bar)))
    kinds: list[str] = []
    for i in range(len(bars)):
        weights = np.array([_INNER_WEIGHTS.get(kind, 1.0) * _AGAIN ** kinds.count(kind) for kind in STARTER_TYPES])
        for kind, place, share in (("intro", 0, _OPENS_WITH_INTRO), ("outro", len(bars) - 1, _CLOSES_WITH_OUTRO)):
            if i == place:
                index = STARTER_TYPES.index(kind)
                weights[index] = 0
                weights[index] = weights.sum() * share / (1 - share)
        if kinds:
            weights[STARTER_TYPES.index(kinds[-1])] = 0
        kinds.append(STARTER_TYPES[int(rng.choice(len(STARTER_TYPES), p=weights / weights.sum()))])
    edges = np.cumsum([0, *bars]) * bar
    return [
        Event(type=kind, start=round(float(start), 4), end=round(float(end), 4))
        for kind, start, end in zip(kinds, edges[:-1], edges[1:], strict=True)
    ]


def _parse_key(key: str) -> tuple[int, str]:
    root, _, mode = key.partition(" ")
    if root not in KEYS or mode not in ("major", "minor"):
        raise SongError(f"The key {key!r} is unknown. Write a root of {', '.join(KEYS)} and major or minor.")
    return KEYS.index(root), mode


def render(
    events: Sequence[Event], duration: float, bpm: int, key: str, style: str, seed: int, band: Band | None = None
) -> np.ndarray:
    """Play a structure.

    Args:
        events: sections of `STARTER_TYPES` and moments of `STARTER_MOMENTS`, in seconds, in order; bars count from
            each section's start, and a section without an intensity is played at 0.6.
        duration: seconds of the whole song; stretches without a section are silent.
        bpm: quarter notes a minute.
        key: such as "A minor".
        style: one of `STYLES`.
        seed: draws chords, motifs and patterns.
        band: who plays; None draws one of the style's.

    Returns:
        float32 (round(duration * SAMPLE_RATE),), peak at -1 dBFS or below.

    Raises:
        SongError: an unknown type, key or style.
    """
    if style not in STYLES:
        raise SongError(f"The style {style!r} is unknown. Choose from {', '.join(STYLES)}.")
    root, mode = _parse_key(key)
    rng = np.random.default_rng([seed, 1])
    band = band or make_band(rng, STYLES[style])
    theme = make_theme(rng, STYLES[style], band, root, mode)
    n, parts = round(duration * SAMPLE_RATE), sections(events)
    dry, drums, send, level = (np.zeros(n, np.float32) for _ in range(4))
    for number, event in enumerate(parts, 1):
        if event.type not in PLAYERS:
            raise SongError(
                f"Event {number} ({event.type}): starter songs cannot play this type. "
                f"Choose from {', '.join(STARTER_TYPES)}."
            )
        start, end = round(event.start * SAMPLE_RATE), min(n, round(event.end * SAMPLE_RATE))
        if end <= start:
            continue
        intensity = TYPICAL if event.intensity is None else event.intensity
        music, beaten = play_section(theme, event.type, intensity, end - start, _bar(bpm), number == len(parts), rng)
        target = LEVELS[event.type] + INTENSITY_DB * (intensity - TYPICAL)
        gain = 10 ** ((target - loudness(music + beaten)) / 20)
        ramp = np.ones(end - start, np.float32)
        edge = min(end - start, int(0.012 * SAMPLE_RATE))
        ramp[end - start - edge :] = np.linspace(1, 0, edge)
        music, beaten = music * gain * ramp, beaten * gain * ramp
        dry[start:end] = music + beaten
        drums[start:end] = beaten
        send[start:end] = music + 0.25 * beaten
        level[start:end] = 10 ** ((target - max(LEVELS.values())) / 20)
    added = play_moments(moments(events), (dry, send), drums, KITS[band.kit], 60 / bpm, level)
    song = dry + added + _REVERB * reverb(send + 0.25 * added, STYLES[style].room)
    loud = loudness(song)
    return master(song * 10 ** ((float(np.clip(loud, *LOUDNESS)) - loud) / 20))


def _draw_bpm(rng: np.random.Generator, style: Style, duration: float | None) -> int:
    """A tempo of the style; with a duration asked for, the one nearby whose bars fill it best."""
    low, high = style.tempo
    bpm = int(rng.integers(low, high + 1))
    if duration is None:
        return bpm
    near = range(max(low, bpm - 6), min(high, bpm + 6) + 1)
    return min(near, key=lambda b: (abs(max(2, round(duration / _bar(b))) * _bar(b) - duration), abs(b - bpm)))


def make_song(seed: int, duration: float | None = None) -> StarterSong:
    """Compose and render one song.

    Args:
        seed: the whole song follows from it.
        duration: seconds (6 to 120), met to within half a bar; None draws 20 to 40.

    Returns:
        The samples, mono at `SAMPLE_RATE`, and the sidecar's content.

    Raises:
        SongError: `duration` is outside 6 to 120 s, or `seed` is negative.
    """
    if seed < 0:
        raise SongError(f"A song's seed is a whole number from 0 on, got {seed}.")
    rng = np.random.default_rng(seed)
    name = tuple(STYLES)[int(rng.integers(len(STYLES)))]
    style = STYLES[name]
    bpm = _draw_bpm(rng, style, duration)
    mode = "major" if rng.random() < style.major else "minor"
    key = f"{KEYS[int(rng.integers(12))]} {mode}"
    band = make_band(rng, style)
    parts = [_told(rng, event, band) for event in random_structure(rng, duration, bpm)]
    on_top = random_moments(rng, parts, _bar(bpm))
    samples = render([*parts, *on_top], parts[-1].end, bpm, key, name, seed, band)
    events = sorted([*parts, *on_top], key=lambda event: (event.start, event.end))
    sidecar = {
        "caption": caption(rng, name, band, bpm, mode),
        "lyrics": "[Instrumental]",
        "bpm": bpm,
        "keyscale": key,
        "timesignature": "4",
        "vocal_language": "en",
        "duration": round(len(samples) / SAMPLE_RATE, 4),
        "genre": name,
        "events": [event.to_dict() for event in events],
        "rights": RIGHTS,
    }
    return StarterSong(samples, SAMPLE_RATE, sidecar, band)


def _told(rng: np.random.Generator, event: Event, band: Band) -> Event:
    """A section with the intensity and the label that its sidecar tells, if any."""
    told = {}
    if rng.random() < _RATED:
        told["intensity"] = round(float(rng.uniform(0.1, 1.0)), 2)
    if rng.random() < _LABELLED:
        told["label"] = phrase(rng, event.type, band)
    return event.model_copy(update=told)


def song_seed(seed: int, number: int) -> int:
    """Seed of song `number` of a set: two sets share no song, nor does any with the recipe's seeds below 10**9."""
    return 10**9 + seed * _SONGS_A_SEED + number


def write_songs(folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` songs, each a PCM16 WAV and its sidecar; song i is `make_song(song_seed(seed, i))`.

    Files appear whole or not at all; songs of the same name are replaced.

    Returns:
        The WAV files' paths.

    Raises:
        SongError: `count` or `seed` is out of range, or the folder cannot be written.
    """
    import soundfile

    if seed < 0:
        raise SongError(f"--seed is a whole number from 0 on, got {seed}.")
    if not 1 <= count <= _SONGS_A_SEED:
        raise SongError(f"--count must be 1 to {_SONGS_A_SEED}, got {count}.")

    folder = Path(folder)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            song = make_song(song_seed(seed, number))
            audio = folder / f"song-{seed}-{number:04d}.wav"
            for path in (audio, audio.with_suffix(".json")):
                partial = unfinished(path)
                if path == audio:
                    soundfile.write(partial, song.samples, song.sample_rate, subtype="PCM_16", format="WAV")
                else:
                    partial.write_text(json.dumps(song.sidecar, indent=1, ensure_ascii=False), encoding="utf-8")
                os.replace(partial, path)
            paths.append(audio)
    except (OSError, soundfile.SoundFileError) as problem:
        raise SongError(f"{folder}: the songs cannot be written ({problem}). Choose another folder.") from problem
    return paths
