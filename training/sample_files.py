"""The songs that a run made while it trained, as they lie in its folder: `samples/step-000100.flac` and its sidecar.

The sidecar is written last and keeps what the song was asked to be, and how it was judged; a song without one is not
finished. Nothing here needs torch: the page reads what the run writes.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from structure.errors import StudioError
from structure.events import Event, read_events
from structure.sidecar import read_sidecar

SAMPLES = "samples"
JUDGED = "training"  # key of the sidecar: step, structure_score, said, heard
_PREFIX, _ENDING = "step-", ".flac"


@dataclass(frozen=True)
class SampleSong:
    """One song made while a run trained.

    Attributes:
        audio: FLAC.
        step: optimizer steps done when it was made.
        score: 0 to 1, how well it keeps to what was asked; None: it was not judged.
        said: the judge's sentence, or why there is none.
        duration: seconds.
        asked, heard: events; `heard` is empty where nobody judged.
    """

    audio: Path
    step: int
    score: float | None
    said: str
    duration: float
    asked: list[Event]
    heard: list[Event]


def sample_path(run_folder: Path, step: int) -> Path:
    """Where the song of a step lies."""
    return run_folder / SAMPLES / f"{_PREFIX}{step:06d}{_ENDING}"


def samples_stamp(run_folder: Path) -> str:
    """Changes when a song has been added, replaced or removed; "" where there is none."""
    marks = []
    for path in _sidecars(run_folder):
        with contextlib.suppress(OSError):  # removed just now
            marks.append(f"{run_folder.name}/{path.name}:{path.stat().st_mtime_ns}")
    return " ".join(marks)


def list_samples(run_folder: Path) -> list[SampleSong]:
    """All finished songs of a run, the newest first; one that cannot be read is left out."""
    found = []
    for path in _sidecars(run_folder):
        with contextlib.suppress(
            StudioError, OSError, ValueError, TypeError, KeyError
        ):  # somebody edited or deletes it
            found.append(_read(path))
    return sorted(found, key=lambda song: -song.step)


def forget_later_samples(run_folder: Path, step: int) -> None:
    """Remove songs of steps beyond `step`: the run goes on from there, and they are another future's."""
    for path in (run_folder / SAMPLES).glob(f"{_PREFIX}*"):
        number = path.name.split(".")[0].removeprefix(_PREFIX)
        if number.isdigit() and int(number) > step:
            path.unlink(missing_ok=True)


def _sidecars(run_folder: Path) -> list[Path]:
    return sorted(p for p in (run_folder / SAMPLES).glob(f"{_PREFIX}*.json") if p.with_suffix(_ENDING).is_file())


def _read(sidecar: Path) -> SampleSong:
    audio = sidecar.with_suffix(_ENDING)
    read = read_sidecar(audio)
    judged: Any = read.get(JUDGED)
    if not isinstance(judged, dict):
        raise ValueError(f"{sidecar.name}: it does not say which step's song this is")
    score = judged.get("structure_score")
    return SampleSong(
        audio=audio,
        step=int(judged["step"]),
        score=None if score is None else float(score),
        said=str(judged.get("said", "")),
        duration=float(read.get("duration")),
        asked=read.events,
        heard=read_events(judged.get("heard") or []),
    )
