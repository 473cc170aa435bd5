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

from acestep.starter.arrangement import LEVELS, PLAYERS, make_theme, play_section
from acestep.starter.sounds import SAMPLE_RATE, loudness, master, reverb
from acestep.starter.styles import STYLES, Style
from structure.errors import StudioError
from structure.events import Event

STARTER_TYPES: tuple[str, ...] = tuple(PLAYERS)
SECTION_BARS = (1, 2, 3, 4, 6, 8)
SHORTEST, LONGEST = 6.0, 120.0  # seconds of song that can be asked for
KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
LOUDNESS = (-16.9, -14.8)  # LUFS, whole song before the limiter
RIGHTS = "made by this project's generator, CC0"

_OPENS_WITH_INTRO = 0.4
_CLOSES_WITH_OUTRO = 0.35
_BAR_WEIGHTS = {1: 1.0, 2: 2.0, 3: 1.2, 4: 2.0, 6: 0.8, 8: 0.5}
_INNER_WEIGHTS = {"intro": 0.55, "outro": 0.6}  # rarer inside, since songs open and close with them
_REVERB = 0.2
_SONGS_A_SEED = 10_000
_CAPTIONS = (
    "A {mood} {genre} song with {a}, {b} and {c}, {tempo}, in a {mode} key.",
    "{Mood} {genre}, {tempo}: {a}, {b}, {c} and {d}.",
    "{Tempo} {genre} instrumental, {mood} in mood, led by {d} over {a} and {b}.",
    "{Genre}. {Mood}, {tempo}. {A}, {c}, {d}.",
    "An instrumental {genre} track, {mood} and {tempo}, built from {a}, {b} and {c}.",
)


class SongError(StudioError):
    """A procedural song that cannot be made as asked."""


@dataclass(frozen=True)
class StarterSong:
    """A song and its truth: mono float32 samples (n,) within [-1, 1], and the sidecar's content."""

    samples: np.ndarray
    sample_rate: int
    sidecar: dict[str, Any]


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
        weights = np.array([_INNER_WEIGHTS.get(kind, 1.0) for kind in STARTER_TYPES])
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


def render(events: Sequence[Event], duration: float, bpm: int, key: str, style: str, seed: int) -> np.ndarray:
    """Play a structure.

    Args:
        events: sections of `STARTER_TYPES` in seconds, in order; bars count from each start.
        duration: seconds of the whole song; stretches without a section are silent.
        bpm: quarter notes a minute.
        key: such as "A minor".
        style: one of `STYLES`.
        seed: draws chords, motifs and patterns.

    Returns:
        float32 (round(duration * SAMPLE_RATE),), peak at -1 dBFS or below.

    Raises:
        SongError: an unknown type, key or style.
    """
    if style not in STYLES:
        raise SongError(f"The style {style!r} is unknown. Choose from {', '.join(STYLES)}.")
    root, mode = _parse_key(key)
    rng = np.random.default_rng([seed, 1])
    theme = make_theme(rng, STYLES[style], root, mode)
    n = round(duration * SAMPLE_RATE)
    song, send = np.zeros(n, np.float32), np.zeros(n, np.float32)
    for number, event in enumerate(events, 1):
        if event.type not in PLAYERS:
            raise SongError(
                f"Event {number} ({event.type}): starter songs cannot play this type. "
                f"Choose from {', '.join(STARTER_TYPES)}."
            )
        start, end = round(event.start * SAMPLE_RATE), min(n, round(event.end * SAMPLE_RATE))
        if end <= start:
            continue
        following = events[number].type if number < len(events) else None
        music, drums = play_section(theme, event.type, end - start, _bar(bpm), following, rng)
        dry = music + drums
        gain = 10 ** ((LEVELS[event.type] - loudness(dry)) / 20)
        edge = min(len(dry), int(0.012 * SAMPLE_RATE))
        ramp = np.linspace(1, 0, edge, dtype=np.float32)
        wet = music + 0.25 * drums
        for bus, part in ((song, dry), (send, wet)):
            part *= gain
            part[len(part) - edge :] *= ramp
            bus[start:end] += part
    song += _REVERB * reverb(send, STYLES[style].room)
    level = loudness(song)
    return master(song * 10 ** ((float(np.clip(level, *LOUDNESS)) - level) / 20))


def _tempo_word(bpm: int) -> str:
    return "slow" if bpm < 92 else "mid-tempo" if bpm < 112 else "upbeat" if bpm < 130 else "fast"


def _caption(rng: np.random.Generator, style: Style, bpm: int, mode: str) -> str:
    a, b, c, d = style.instruments
    words = {
        "mood": style.moods[int(rng.integers(len(style.moods)))],
        "genre": style.genre[int(rng.integers(len(style.genre)))],
        "tempo": _tempo_word(bpm),
        "mode": mode,
        "a": a,
        "b": b,
        "c": c,
        "d": d,
    }
    words |= {key.capitalize(): value[0].upper() + value[1:] for key, value in words.items()}
    text = _CAPTIONS[int(rng.integers(len(_CAPTIONS)))].format(**words)
    return text.replace("A uplifting", "An uplifting").replace("A energetic", "An energetic")


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
    events = random_structure(rng, duration, bpm)
    samples = render(events, events[-1].end, bpm, key, name, seed)
    sidecar = {
        "caption": _caption(rng, style, bpm, mode),
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
    return StarterSong(samples, SAMPLE_RATE, sidecar)


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
                partial = path.with_name(f".{path.name}.{os.getpid()}.part")
                if path == audio:
                    soundfile.write(partial, song.samples, song.sample_rate, subtype="PCM_16", format="WAV")
                else:
                    partial.write_text(json.dumps(song.sidecar, indent=1, ensure_ascii=False), encoding="utf-8")
                os.replace(partial, path)
            paths.append(audio)
    except (OSError, soundfile.SoundFileError) as problem:
        raise SongError(f"{folder}: the songs cannot be written ({problem}). Choose another folder.") from problem
    return paths
