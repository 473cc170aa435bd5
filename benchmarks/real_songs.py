"""Eight real songs that Debian packages, and where their parts begin: `benchmarks/annotations`, made by eye.

The packages hold a game's songs as two files each, the guitar and all else; the sum of both is the song. Only the
annotations are in the repository: a song that is not installed, or is another version than was annotated, is left out
with a sentence that says what to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotate.audio import read_audio, write_audio
from evaluation.segments import boundary_f, pairwise_f, v_measure
from structure.errors import StudioError
from structure.events import Event, sections
from structure.sidecar import read_sidecar

ANNOTATIONS = Path(__file__).resolve().parent / "annotations"
AGAIN = "again"
"""Its folder with second annotations of some of the songs: what the first can be expected to agree with."""
INSTALLED = Path("/usr/share/games/fretsonfire/data/songs")
_DRAWS = 20  # of random boundaries, for each song


class RealSongError(StudioError):
    """A song that was annotated is not here, or not as it was."""


@dataclass(frozen=True)
class RealSong:
    """One annotated song.

    Attributes:
        name: of the annotation's file, without its suffix.
        parts: sections from the song's start to its end.
        again: the same from the second annotation; None for most songs.
        package: of Debian, that installs it.
        folder: where it lies below `INSTALLED`.
        hashes: SHA-256 of its audio files, by their names.
    """

    name: str
    parts: list[Event]
    again: list[Event] | None
    package: str
    folder: str
    hashes: dict[str, str]

    def mixed(self, target: Path, installed: Path = INSTALLED) -> Path:
        """Write the sum of the song's files to `target`, a WAV file; quieter where it would clip.

        Raises:
            RealSongError: not installed, or its audio is not what was annotated.
        """
        total: np.ndarray | None = None
        for name, sha256 in self.hashes.items():
            path = installed / self.folder / name
            if not path.is_file():
                raise RealSongError(
                    f"`{self.name}` is not installed, so it is left out: `apt-get install {self.package}`."
                )
            if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                raise RealSongError(
                    f"`{path}` is another version than was annotated, so it is left out: its boundaries may lie "
                    "elsewhere. Annotate it anew."
                )
            samples, sample_rate = read_audio(path)
            total = samples if total is None else total + samples
        if total is None:
            raise RealSongError(f"The annotation of `{self.name}` names no audio files. Restore it.")
        write_audio(target, total / max(1.0, float(np.abs(total).max())), sample_rate)
        return target


def real_songs(folder: Path = ANNOTATIONS) -> list[RealSong]:
    """Every annotated song, by name.

    Raises:
        SidecarError: an annotation cannot be read.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        sidecar, second = read_sidecar(path), folder / AGAIN / path.name
        source = sidecar.data["source"]
        found.append(
            RealSong(
                path.stem,
                sections(sidecar.events),
                sections(read_sidecar(second).events) if second.is_file() else None,
                source["package"],
                source["folder"],
                source["sha256"],
            )
        )
    return found


def scores(truth: Sequence[Event], estimate: Sequence[Event]) -> dict[str, float]:
    """Boundaries without the song's two ends, and labels whatever they are called."""
    return {
        "F 0.5 s": boundary_f(truth, estimate, 0.5, trim=True).f,
        "F 3 s": boundary_f(truth, estimate, 3.0, trim=True).f,
        "pairwise F": pairwise_f(truth, estimate).f,
        "V-measure": v_measure(truth, estimate).f,
        "same name": same_name(truth, estimate),
    }


def same_name(truth: Sequence[Event], estimate: Sequence[Event]) -> float:
    """Share of the song's tenths of a second that have the same type in both; neither has gaps."""
    moments = np.arange(0.05, truth[-1].end, 0.1)
    told = [
        np.array([e.type for e in parts])[np.searchsorted([e.start for e in parts], moments, side="right") - 1]
        for parts in (truth, estimate)
    ]
    return float(np.mean(told[0] == told[1]))


def by_chance(truth: Sequence[Event], estimate: Sequence[Event], seed: int) -> dict[str, float]:
    """Mean scores of as many parts as the estimate has, of its types in any order, that begin anywhere."""
    rng = np.random.default_rng(seed)
    end = estimate[-1].end
    drawn = []
    for _ in range(_DRAWS):
        edges = [0.0, *np.sort(rng.uniform(0, end, len(estimate) - 1)), end]
        types = rng.permutation([event.type for event in estimate])
        parts = [Event(type=str(t), start=a, end=b) for t, a, b in zip(types, edges[:-1], edges[1:], strict=True)]
        drawn.append(scores(truth, parts))
    return mean_scores(drawn)


def mean_scores(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Over songs, each counted once."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
