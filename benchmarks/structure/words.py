"""Do words steer? Sections asked for by a description, or by a type that no adapter ever saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from acestep.pipeline import StructuredPipeline
from acestep.starter.captions import PHRASES
from acestep.starter.songs import make_song, song_seed
from benchmarks.structure.trial import HELD_OUT_SEED, Ask, judge, request
from evaluation.features import log_mel
from structure.events import Event, label_at

NEW_TYPES: dict[str, tuple[str, ...]] = {
    "verse": ("strophe two",),
    "build-up": ("tension part", "rise"),
    "drop": ("beat drop", "climax"),
    "breakdown": ("quiet part",),
    "solo": ("lead break",),
}
"""Names that the starter's text encoder has met in captions and that are neither types nor aliases of ours."""

PARAPHRASES: dict[str, tuple[str, ...]] = {
    "intro": ("hats and soft {pad} to start with", "it opens quietly, {pluck} over {pad}"),
    "verse": ("short muted {keys} with {bass}, a plain groove", "clipped {keys}, {kit} steady"),
    "chorus": ("{lead} in octaves over wide {pad}, everyone plays", "big and wide, full drums and open hats"),
    "bridge": ("low {pad} and slow toms", "dark toms, long {bass} notes"),
    "build-up": ("{keys} climbing, snares roll faster", "snare roll and growing tension"),
    "drop": ("a heavy riff on {bass} with pounding kick", "hard kick, claps, {bass} hits"),
    "breakdown": ("{pluck} alone, no drums at all", "airy and sparse, high {pluck}"),
    "solo": ("busy hats under a fast {lead}", "dense virtuoso {lead} line"),
    "outro": ("low {keys} falling to the end", "only ride cymbal and slow {keys}"),
}
"""Descriptions in other orders and words than any label of the training songs."""


def asked_in_words(kind: str, words: str) -> list[Event]:
    """Eight seconds in words between two known sections that differ from what the words mean."""
    around = ("verse", "bridge") if kind not in ("verse", "bridge") else ("intro", "solo")
    middle = Event(type=words, family="section", start=6, end=14)
    return [Event(type=around[0], start=0, end=6), middle, Event(type=around[1], start=14, end=20)]


def heard_as(pipeline: StructuredPipeline, kind: str, events: Sequence[Event], number: int, ask: Ask) -> float:
    """Share of the middle section's frames that the judge calls `kind`."""
    sidecar = make_song(song_seed(HELD_OUT_SEED, number), 20.0).sidecar
    song = pipeline.generate(request(sidecar, ask, number, events=list(events), duration=20.0))
    heard = judge().listener.probe.label_mel(log_mel(song.samples, song.sample_rate), 20.0)
    labels = label_at(heard, np.arange(6.5, 13.5, 0.1))
    return float(np.mean([label == kind for label in labels]))


def words_study(pipeline: StructuredPipeline, ask: Ask, songs: int) -> Mapping[str, Any]:
    """Shares of frames heard as the nearest known section, by how it was asked for; chance is one in nine.

    Args:
        songs: how many songs for each text.
    """
    shares: dict[str, list[float]] = {}
    for kind in PHRASES:
        for number in range(songs):
            band = vars(make_song(song_seed(HELD_OUT_SEED, number), 6.0).band)
            asked = [
                ("by type", kind),
                ("by a label's words", PHRASES[kind][number % len(PHRASES[kind])].format(**band)),
                ("by a paraphrase", PARAPHRASES[kind][number % len(PARAPHRASES[kind])].format(**band)),
                *(("by a new type", words) for words in NEW_TYPES.get(kind, ())),
            ]
            for name, words in asked:
                share = heard_as(pipeline, kind, asked_in_words(kind, words), number, ask)
                shares.setdefault(name, []).append(share)
    return {name: float(np.mean(found)) for name, found in shares.items()}
