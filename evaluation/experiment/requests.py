"""What every arm is asked for: the same structures, captions and seeds, told in the arm's own way.

Three sets of songs:

    asked   each held-out structure with each seed: is it kept?
    free    a song without a structure, only what is said of it: does the arm arrange it as its genre is?
    again   a few structures with several seeds: do the songs still differ?
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.dataset import Song
from evaluation.experiment.data import words
from evaluation.experiment.settings import Arm, ExperimentSettings
from structure.sidecar import read_sidecar

SETS = ("asked", "free", "again")
_SAID = ("caption", "bpm", "keyscale", "timesignature", "vocal_language", "duration")
_FREE_SEED, _AGAIN_SEED = 5_000, 9_000  # apart from the seeds of `asked`


@dataclass(frozen=True)
class Wanted:
    """One song to make.

    Attributes:
        set: `asked`, `free` or `again`.
        structure: number of the held-out song, from 0.
        seed: of the noise.
    """

    set: str
    structure: int
    seed: int

    @property
    def name(self) -> str:
        """Its file in an arm's folder."""
        return f"{self.set}/structure-{self.structure + 1:02d}.seed-{self.seed}.wav"


def wanted_songs(settings: ExperimentSettings, structures: int, seed: int) -> list[Wanted]:
    """The songs that the adapter of one seed makes.

    Args:
        settings: how many of each set.
        structures: how many are held out.
        seed: of the adapter, from 1; only the first makes `free` and `again`.
    """
    asked = [Wanted("asked", number, seed) for number in range(structures)]
    if seed > 1:
        return asked
    free = [Wanted("free", number % structures, _FREE_SEED + number) for number in range(settings.free)]
    again = [
        Wanted("again", number, _AGAIN_SEED + take)
        for number in range(min(settings.varied, structures))
        for take in range(settings.takes)
    ]
    return asked + free + again


def request(arm: Arm, song: Song, wanted: Wanted) -> dict[str, Any]:
    """One line for `python -m generation make --requests`."""
    sidecar = read_sidecar(song.audio)
    bare, tagged = words(sidecar.data, song.events)
    line: dict[str, Any] = {key: sidecar.get(key) for key in _SAID if sidecar.get(key) is not None}
    if "bpm" in line:
        line["bpm"] = round(line["bpm"])
    line.setdefault("duration", song.duration)
    told = wanted.set != "free"
    line["lyrics"] = tagged if arm.tags and told else bare
    line |= {"use_events": arm.events and told, "section_tags": False}
    if told:  # an arm that is not told keeps them in its sidecar, so that its songs can be held against them
        line["events"] = [event.to_dict() for event in song.events]
    return line | {"seed": wanted.seed, "output": wanted.name}


def write_requests(arm: Arm, held_out: Sequence[Song], wanted: Sequence[Wanted], file: Path) -> Path:
    """One line a song."""
    lines = [json.dumps(request(arm, held_out[one.structure], one), ensure_ascii=False) for one in wanted]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file
