"""Sound examples: the same structures asked in several ways, beside the real songs that have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import soundfile as sf

from acestep.loading import STARTER_ADAPTER
from benchmarks.record import WORK
from benchmarks.structure.trial import GUIDED, NO_EVENTS, ONE_PASS, generate, held_out, real_songs, starter

FOLDER = WORK / "structure" / "examples"
WAYS = {"no-events": NO_EVENTS, "one-pass": ONE_PASS, "guided": GUIDED}


def write_examples(count: int = 4, seconds: float = 30.0) -> Iterator[Path]:
    """Songs of held-out structures by the shipped adapter, and the real ones through the codec; yields each file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    asked = held_out(count, seconds)
    pipeline = starter()
    pipeline.load_adapter(STARTER_ADAPTER)
    made = {"real": real_songs(pipeline, count, seconds)}
    made |= {name: generate(pipeline, asked, ask) for name, ask in WAYS.items()}
    for number, sidecar in enumerate(asked):
        (FOLDER / f"{number}.json").write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")
        for name, songs in made.items():
            path = FOLDER / f"{number}-{name}.flac"
            sf.write(path, songs[number].samples, songs[number].sample_rate)
            yield path
