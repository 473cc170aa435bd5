"""What can be heard in the experiment's report: one deck for each structure, with every arm's song on one play head."""

from __future__ import annotations

import base64
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.audio import AudioError, read_audio, write_audio
from annotate.colours import section_colour
from evaluation.experiment.report.tables import Cell, Table
from evaluation.experiment.values import NOTHING, items, name_of, show, show_clock, word
from structure.json_reading import number
from structure.places import lies_in

MOST_DECKS = 8
MOST_SOUND_BYTES = 24_000_000
"""Of encoded sound in one file: a report must still fit into a letter."""

_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300)  # seconds between marks of the axis
_MOST_TICKS = 8
_DARK_TEXT = 0.18  # relative luminance of a colour from which black on it reads better than white


@dataclass(frozen=True)
class Block:
    """A section as drawn: start and width in percent of the strip."""

    kind: str
    start: float
    width: float
    colour: str
    ink: str
    title: str


@dataclass(frozen=True)
class Row:
    """One arm's song of a deck; `sound` is base64 OGG Vorbis, empty where there is none."""

    arm: str
    score: str
    blocks: list[Block]
    words: str
    sound: str


@dataclass(frozen=True)
class Deck:
    """One structure: what was asked for, and what each arm made of it."""

    name: str
    duration: float
    asked: list[Block]
    words: str
    ticks: list[tuple[float, str]]
    rows: list[Row]
    detail: Table


def build_decks(results: Mapping[str, Any], folder: Path) -> tuple[list[Deck], list[str]]:
    """The first song of each structure, as much as fits.

    Args:
        results: the experiment's; `audio` of its songs is relative to `folder`.
        folder: where the songs lie.

    Returns:
        The decks, and one sentence for whatever was left out.
    """
    arms = items(results, "arms")
    first_seed: dict[str, Any] = {}
    for arm in arms:
        for song in items(arm, "songs"):
            first_seed.setdefault(str(song.get("name") or NOTHING), _seed(song))
    decks, notes, room = [], [], MOST_SOUND_BYTES
    for name, seed in list(first_seed.items())[:MOST_DECKS]:
        songs = [(arm, song) for arm in arms if (song := _song(arm, name, seed)) is not None]
        sounds = [_encode(folder, song, notes) for _, song in songs]
        size = sum(map(len, sounds))
        if size > room:
            notes.append(
                f"The sound of {name} is left out: the report would pass {MOST_SOUND_BYTES / 1e6:.0f} MB of it."
            )
            sounds = [b""] * len(sounds)
        else:
            room -= size
        decks.append(_deck(name, songs, sounds))
    if len(first_seed) > MOST_DECKS:
        notes.append(
            f"{MOST_DECKS} of {len(first_seed)} structures are here; the others lie in the experiment's folder."
        )
    if any(_seed(song) != first_seed.get(str(song.get("name"))) for arm in arms for song in items(arm, "songs")):
        notes.append("Of each structure the first seed is here; the figures above count all of them.")
    return decks, notes


def every_song(results: Mapping[str, Any]) -> Table:
    """All songs by arms: frames with the right type, boundary F and the median error in seconds."""
    arms = items(results, "arms")
    found: dict[tuple[str, Any], dict[str, Mapping[str, Any]]] = {}
    for arm in arms:
        for song in items(arm, "songs"):
            found.setdefault((str(song.get("name") or NOTHING), _seed(song)), {})[name_of(arm)] = song
    table = Table(["song", *map(name_of, arms)])
    for (name, seed), songs in found.items():
        row = [Cell(name, [f"seed {seed}"] if seed is not None else [])]
        for arm in arms:
            song = songs.get(name_of(arm), {})
            under = [f"F {show(number(song.get('boundary_f_500ms')))}", show(number(song.get("median_error")), "s")]
            row.append(Cell(show(number(song.get("frame_accuracy"))), under if song else []))
        table.rows.append(row)
    return table


def _song(arm: Mapping[str, Any], name: str, seed: Any) -> Mapping[str, Any] | None:
    named = [song for song in items(arm, "songs") if str(song.get("name") or NOTHING) == name]
    return next((song for song in named if _seed(song) == seed), named[0] if named else None)


def _seed(song: Mapping[str, Any]) -> int | None:
    seed = number(song.get("seed"))
    return None if seed is None else int(seed)


def _encode(folder: Path, song: Mapping[str, Any], notes: list[str]) -> bytes:
    """The song as OGG Vorbis; nothing, and a note, where it cannot be read or is none of this experiment's."""
    name = word(song, "audio")
    if not name:
        return b""
    if not lies_in(folder, folder / name):
        notes.append(f"`{name}` lies outside the experiment's folder, and is left out.")
        return b""
    try:
        samples, sample_rate = read_audio(folder / name)
    except AudioError as problem:
        notes.append(str(problem))
        return b""
    with tempfile.TemporaryDirectory(prefix="structure-studio-") as place:
        encoded = Path(place) / "song.ogg"
        write_audio(encoded, samples, sample_rate, form="OGG")
        return encoded.read_bytes()


def _deck(name: str, songs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], sounds: Sequence[bytes]) -> Deck:
    asked = next((parts for _, song in songs if (parts := _parts(song, "requested"))), [])
    ends = [end for _, song in songs for _, _, end in (*_parts(song, "requested"), *_parts(song, "heard"))]
    lengths = [number(song.get("duration")) or 0.0 for _, song in songs]
    duration = max([*lengths, *ends, 1.0])
    rows = []
    for (arm, song), sound in zip(songs, sounds, strict=True):
        heard = _parts(song, "heard")
        score = number(song.get("frame_accuracy"))
        shown = NOTHING if score is None else f"{score:.0%}"
        coded = base64.b64encode(sound).decode("ascii")
        rows.append(Row(name_of(arm), shown, _blocks(heard, duration), _words(heard), coded))
    step = next((step for step in _TICKS if duration / step <= _MOST_TICKS), math.ceil(duration / _MOST_TICKS))
    ticks = [(100 * (t / duration), f"{t // 60}:{t % 60:02d}") for t in range(0, int(duration * 0.93) + 1, step)]
    return Deck(name, duration, _blocks(asked, duration), _words(asked), ticks, rows, _detail(asked, songs))


def _detail(
    asked: Sequence[tuple[str, float, float]], songs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> Table:
    """Parts asked for by arms: the share of each heard as asked, and what is heard most where it is another."""
    table = Table(["asked", "time", *(name_of(arm) for arm, _ in songs)])
    for kind, start, end in asked:
        row = [Cell(kind), Cell(f"{show_clock(start)} to {show_clock(end)}")]
        for _, song in songs:
            seconds: dict[str, float] = {}
            for heard, since, until in _parts(song, "heard"):
                if (shared := min(end, until) - max(start, since)) > 0:
                    seconds[heard] = seconds.get(heard, 0.0) + shared
            most = max(seconds, key=lambda heard: seconds[heard]) if seconds else None
            right = seconds.get(kind, 0.0) / (end - start)
            row.append(Cell(f"{right:.0%}" if seconds else NOTHING, [] if most in (kind, None) else [f"mostly {most}"]))
        table.rows.append(row)
    return table


def _parts(song: Mapping[str, Any], key: str) -> list[tuple[str, float, float]]:
    """Type, start and end in seconds of each section; what has no length is left out."""
    read = [(str(e.get("type")), number(e.get("start")), number(e.get("end"))) for e in items(song, key)]
    return [(kind, start, end) for kind, start, end in read if start is not None and end is not None and end > start]


def _blocks(parts: Sequence[tuple[str, float, float]], duration: float) -> list[Block]:
    blocks = []
    for kind, start, end in parts:
        colour = section_colour(kind)
        title = f"{kind} {show_clock(start)} to {show_clock(end)}"
        ink = "#000" if _luminance(colour) > _DARK_TEXT else "#fff"
        blocks.append(Block(kind, 100 * start / duration, 100 * (end - start) / duration, colour, ink, title))
    return blocks


def _words(parts: Sequence[tuple[str, float, float]]) -> str:
    return ", ".join(f"{kind} {show_clock(start)} to {show_clock(end)}" for kind, start, end in parts) or "nothing"


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1. Source: WCAG 2.2."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
