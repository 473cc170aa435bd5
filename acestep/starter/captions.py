"""Words for the procedural songs: captions that name what plays, and a phrase for what each section sounds like.

Everything said is true of the song: style, mood, tempo, mode and instruments. The mood follows from nothing that
is played but the style.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acestep.starter.arrangement import Band
from acestep.starter.styles import STYLES

_CAPTIONS = (
    "{A} {mood} {genre} song with {two}, {tempo}, in a {mode} key.",
    "{Mood} {genre}, {tempo}: {three} and {one}.",
    "{Tempo} {genre} instrumental, {mood} in mood, with {two} over {other}.",
    "{Genre}. {Mood}, {tempo}. {Three}.",
    "An instrumental {genre} track, {mood} and {tempo}, built from {three}.",
    "{Mood} {genre} at {bpm} BPM with {one}, {two}.",
    "{Genre}, {mode} key, {tempo}, {one}.",
)
WORDS: dict[str, tuple[str, ...]] = {
    "intro": ("intro", "opening", "introduction"),
    "verse": ("verse", "strophe"),
    "chorus": ("chorus", "refrain", "hook"),
    "bridge": ("bridge", "middle eight"),
    "build-up": ("build-up", "rise", "tension part"),
    "drop": ("drop", "beat drop", "climax"),
    "breakdown": ("breakdown", "break", "quiet part"),
    "solo": ("solo", "lead break"),
    "outro": ("outro", "ending", "coda"),
}
"""What people call a section of each type; the first is the type itself."""

PHRASES: dict[str, tuple[str, ...]] = {
    "intro": (
        "soft {pad} and {pluck}, closed hats",
        "a quiet opening of {pluck}",
        "{pluck} arpeggio over {pad}",
        "gentle start, {pad} and hats",
    ),
    "verse": (
        "steady groove, muted {keys}",
        "{kit}, {bass} and clipped {keys}",
        "muted {keys} over {bass}",
        "plain beat with {bass} and short {keys}",
    ),
    "chorus": (
        "full drums, wide {pad}",
        "the big refrain, {lead} in octaves",
        "everyone plays, {lead} on top of {pad}",
        "full and wide, open hats, {lead} hook",
    ),
    "bridge": (
        "half-time toms, low {pad}",
        "tom drums under dark {pad}",
        "long {bass} notes and toms",
        "slow heavy toms, {pad} down low",
    ),
    "build-up": (
        "snare roll, climbing {keys}",
        "rising tension, rolling snare",
        "snares ever faster, {keys} going up",
        "tension grows over a snare roll",
    ),
    "drop": (
        "pounding kick, heavy {bass} riff",
        "four on the floor and a {bass} riff",
        "the beat drops, {bass} and {keys} hit together",
        "hard kick and claps, {bass} in front",
    ),
    "breakdown": (
        "no drums, high {pluck} alone",
        "everything falls away but {pluck}",
        "sparse and airy, {pluck} only",
        "a breath, {pluck} up high without drums",
    ),
    "solo": (
        "fast {lead} solo, busy hats",
        "{lead} takes a solo",
        "a dense {lead} line over drums and {bass}",
        "virtuoso {lead}, sixteenth hats",
    ),
    "outro": (
        "falling low {keys}, ride cymbal",
        "slow {keys} chords to end on",
        "an ending of low {keys}",
        "{keys} sinking, ride cymbal only",
    ),
}


def tempo_word(bpm: int) -> str:
    """What a person calls the tempo."""
    return "slow" if bpm < 90 else "mid-tempo" if bpm < 112 else "upbeat" if bpm < 132 else "fast"


def caption(rng: np.random.Generator, style: str, band: Band, bpm: int, mode: str) -> str:
    """One of many ways to describe a song of a style.

    Args:
        rng: draws words and instruments.
        style: a key of `STYLES`.
        mode: major or minor.
    """
    of = STYLES[style]
    names = [band.kit, *map(_with_article, (band.bass, band.keys, band.pad, band.pluck, band.lead))]
    a, b, c, d = (names[i] for i in rng.permutation(len(names))[:4])
    words = {
        "mood": _pick(rng, of.moods),
        "genre": _pick(rng, of.genre),
        "tempo": tempo_word(bpm),
        "bpm": str(bpm),
        "mode": mode,
        "one": a,
        "two": f"{b} and {c}",
        "three": f"{b}, {c} and {d}",
        "other": d,
    }
    words["A"] = "An" if words["mood"][0] in "aeiou" else "A"
    words |= {key.capitalize(): value[0].upper() + value[1:] for key, value in words.items() if key.islower()}
    return _pick(rng, _CAPTIONS).format(**words)


def phrase(rng: np.random.Generator, kind: str, band: Band) -> str:
    """What a section of type `kind` sounds like when this band plays it."""
    return _pick(rng, PHRASES[kind]).format(**vars(band))


def parts(rng: np.random.Generator, kinds: Sequence[str], band: Band) -> str:
    """A sentence about the sections that follow one another, by name, by sound or by both."""
    told = []
    for kind in kinds:
        word, sound = _pick(rng, WORDS[kind]), phrase(rng, kind, band)
        told.append(_pick(rng, (word, sound, f"{word}: {sound}")))
    return f"First {', then '.join(told)}." if len(told) > 1 else f"{told[0][0].upper()}{told[0][1:]}."


def _with_article(name: str) -> str:
    """A player's name as a sentence has it: `a sub bass`, but `piano` and `strings`."""
    if name.split()[-1] not in ("bass", "pad", "lead", "box", "flute", "whistle", "trumpet"):
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]
