"""What was heard: a judge fitted on annotated songs listens to one song.

The judge hears what the reference's parts sound like; on songs of another kind it may be refused, and then nothing is
claimed.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.scores import StructureScore, score_structure
from structure.errors import StudioError
from structure.events import Event, sections

if TYPE_CHECKING:
    from evaluation.probe import JudgedSong, Probe


@dataclass(frozen=True)
class Heard:
    """Sections that the judge heard, and how well they keep to what was asked."""

    events: list[Event]
    score: StructureScore

    @property
    def rank(self) -> float:
        """One number from 0 to 1: the mean of time under the right name and of boundaries hit within 0.5 s (F)."""
        return ((self.score.frame_accuracy or 0.0) + self.score.boundary_f_500ms) / 2

    def sentence(self) -> str:
        """For a person: how much is where it was asked, and how far off the changes are."""
        errors = self.score.transition_errors
        within = int((errors <= 0.5).sum())
        changes = (
            f" {within} of {len(errors)} changes fall within half a second of where they were asked."
            if len(errors)
            else ""
        )
        return f"Heard as asked: {self.score.frame_accuracy or 0:.0%} of the time.{changes}"


def listen(audio: Path, asked: Sequence[Event], reference: Path) -> Heard:
    """Name the sections of a song by ear, by the judge that `reference` teaches now.

    Raises:
        StudioError: too few annotated songs, or no judge that can be trusted comes of them.
    """
    return hear(audio, asked, judge_of(reference))


def judge_of(reference: Path) -> "Probe":
    """A judge for many songs, which stays the same whatever is marked in the folder meanwhile.

    Args:
        reference: folder of annotated songs that teach the judge what each type sounds like.

    Raises:
        StudioError: too few annotated songs, or no judge that can be trusted comes of them.
    """
    return _judge(reference, _stamp(reference))


def hear(audio: Path, asked: Sequence[Event], judge: "Probe") -> Heard:
    """Name the sections of a song by ear, and score them against the structure `asked`, which needs a section.

    Raises:
        AudioError: no audio can be read.
    """
    from annotate.audio import read_audio

    samples, sample_rate = read_audio(audio, mono=True)
    heard = judge.label(samples, sample_rate)
    return Heard(heard, score_structure(sections(asked), heard))


@lru_cache(maxsize=4)
def _judge(reference: Path, stamp: tuple[int, int]):
    """The judge that a folder's songs make; `stamp` only tells one state of the folder from another."""
    from evaluation.probe import check_trust, fit_probe, held_out_labels
    from evaluation.reference import read_folder

    songs = read_folder(reference, limit=40).songs
    passed = _verdict(songs)
    if not passed.exists():  # five judges are taught to know whether one can be trusted: once for the same songs
        check_trust(songs, held_out_labels(songs))
        with contextlib.suppress(OSError):  # it will be found out again
            passed.parent.mkdir(parents=True, exist_ok=True)
            passed.touch()
    return fit_probe(songs)


def _verdict(songs: Sequence["JudgedSong"]) -> Path:
    """The file that is there once a judge taught on these very songs, by this very program, was found trustworthy."""
    from annotate.track import CACHE_DIR
    from evaluation import features, probe

    digest = hashlib.blake2b(digest_size=16)
    for module in (features, probe):
        digest.update(Path(module.__file__).read_bytes())
    for song in songs:
        digest.update(f"{song.content} {[event.to_dict() for event in song.events]}".encode())
    return CACHE_DIR.parent / "judges" / digest.hexdigest()


def _stamp(folder: Path) -> tuple[int, int]:
    """How many sidecars a folder holds and when the last of them changed (ns)."""
    try:
        times = [path.stat().st_mtime_ns for path in folder.rglob("*.json")]
    except OSError as problem:
        raise StudioError(f"{folder}: cannot be read ({problem.strerror}).") from problem
    return len(times), max(times, default=0)
