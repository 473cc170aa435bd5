"""What there is to learn from: songs with sidecars, checked, counted and split before anything is trained.

`read_dataset` opens every sidecar and every audio header, never the samples, so the page can call it on each visit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from annotate.audio import audio_info
from annotate.dataset import scan
from structure.errors import StudioError
from structure.events import Event, moments, sections
from structure.sidecar import Sidecar, read_sidecar

HELD_OUT_FROM = 8  # with fewer songs every one is needed for training


class TrainingDataError(StudioError):
    """A dataset that cannot be trained on; the message says what to do about it."""


@dataclass(frozen=True)
class TrainingSong:
    """One song as training needs it: where it is, what is said about it, and when what happens.

    Times in seconds from the start of the audio; `bpm` and `timesignature` in the form the prompt template takes.
    """

    audio: Path
    duration: float
    caption: str = ""
    lyrics: str = ""
    bpm: int | None = None
    keyscale: str = ""
    timesignature: str = ""
    vocal_language: str = "en"
    events: tuple[Event, ...] = ()

    @property
    def name(self) -> str:
        """File name without its folder."""
        return self.audio.name


@dataclass(frozen=True)
class DatasetReport:
    """What a folder holds: `songs` to train on, `held_out` to measure with, and what is wrong or left out."""

    root: Path
    songs: tuple[TrainingSong, ...] = ()
    held_out: tuple[TrainingSong, ...] = ()
    problems: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    seconds_by_type: dict[str, float] = field(default_factory=dict)
    count_by_type: dict[str, int] = field(default_factory=dict)
    moments_by_type: dict[str, int] = field(default_factory=dict)

    @property
    def everything(self) -> tuple[TrainingSong, ...]:
        """Training and held-out songs."""
        return self.songs + self.held_out

    @property
    def minutes(self) -> float:
        """Length of all usable songs."""
        return sum(song.duration for song in self.everything) / 60

    def lines(self) -> list[str]:
        """The report in words, a line each."""
        held = f", {len(self.held_out)} of them held out to measure with" if self.held_out else ""
        out = [f"{len(self.everything)} songs, {self.minutes:.1f} minutes{held}."]
        by_time = sorted(self.seconds_by_type.items(), key=lambda item: -item[1])
        out += [f"{name}: {self.count_by_type[name]} sections, {seconds / 60:.1f} min" for name, seconds in by_time]
        out += [f"{name}: {count} moments" for name, count in sorted(self.moments_by_type.items())]
        out += [f"Skipped: {sentence}" for sentence in self.skipped]
        out += [f"Problem: {sentence}" for sentence in self.problems]
        return out


def read_dataset(root: Path, events: bool = True, held_out: int | None = None, seed: int = 42) -> DatasetReport:
    """Look a dataset through.

    Args:
        root: folder with audio and sidecars.
        events: whether songs without events are of no use.
        held_out: how many songs to keep out of training; None: one in ten from eight songs on.
        seed: which ones.

    Raises:
        StudioError: the folder is missing or holds no audio.
    """
    usable, problems, skipped = [], [], []
    for found in scan(Path(root)):
        try:
            sidecar = read_sidecar(found.audio)
            duration = audio_info(found.audio).duration
        except StudioError as problem:
            problems.append(_sentence(found.name, str(problem)))
            skipped.append(f"{found.name}: it or its sidecar cannot be read.")
            continue
        wrong = [_sentence(found.name, problem) for problem in found.problems]
        if wrong:
            problems += wrong
            skipped.append(f"{found.name}: its sidecar has to be put right first.")
        elif sidecar.version is None:
            skipped.append(f"{found.name}: has no sidecar; mark its sections first.")
        elif events and not sidecar.events:
            skipped.append(f"{found.name}: has no events; mark its sections, or train with --no-events.")
        else:
            song = _song(found.audio, duration, sidecar)
            problems += _doubts(song, sidecar)
            usable.append(song)
    songs, kept_out = _split(usable, held_out, seed)
    return DatasetReport(
        root=Path(root),
        songs=songs,
        held_out=kept_out,
        problems=tuple(problems),
        skipped=tuple(skipped),
        **_counts(usable),
    )


def require_songs(report: DatasetReport, events: bool = True) -> None:
    """Refuse a dataset that has nothing to train on.

    Raises:
        TrainingDataError: the first reason and the way out.
    """
    if report.songs:
        return
    if report.problems:
        raise TrainingDataError(f"{report.root}: no song can be trained on. First: {report.problems[0]}")
    if events:
        raise TrainingDataError(
            f"{report.root}: no song has any events, so there is no structure to learn. Mark sections on the Annotate "
            "tab, or train a plain LoRA with --no-events."
        )
    raise TrainingDataError(
        f"{report.root}: no song has a sidecar. Give each song.wav a song.json with at least a caption."
    )


def _song(audio: Path, duration: float, sidecar: Sidecar) -> TrainingSong:
    return TrainingSong(
        audio=audio,
        duration=duration,
        caption=_text(sidecar.get("caption")),
        lyrics=_text(sidecar.get("lyrics")),
        bpm=_whole_bpm(sidecar.get("bpm")),
        keyscale=_text(sidecar.get("keyscale")),
        timesignature=_beats_per_bar(sidecar.get("timesignature")),
        vocal_language=_text(sidecar.get("vocal_language")) or "en",
        events=tuple(sidecar.events),
    )


def _text(value: Any) -> str:
    return str(value).strip() if value is not None else ""


def _whole_bpm(value: Any) -> int | None:
    """The prompt template was trained with whole numbers; anything else is "not known"."""
    try:
        bpm = round(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return bpm if bpm > 0 else None


def _beats_per_bar(value: Any) -> str:
    """`4/4` and `4` are both the template's `4`."""
    return _text(value).split("/")[0].strip()


def _doubts(song: TrainingSong, sidecar: Sidecar) -> list[str]:
    """What does not stop training but deserves a look."""
    found = []
    try:
        said = float(sidecar.get("duration"))
    except (TypeError, ValueError):
        said = song.duration
    if abs(said - song.duration) > 1.0:
        found.append(
            f"{song.name}: the sidecar says {said:.1f} s but the audio lasts {song.duration:.1f} s; "
            "is it another song's sidecar?"
        )
    if not song.caption:
        found.append(f"{song.name}: has no caption; the model will not know what sound to call it.")
    return found


def _split(
    songs: list[TrainingSong], held_out: int | None, seed: int
) -> tuple[tuple[TrainingSong, ...], tuple[TrainingSong, ...]]:
    count = max(1, len(songs) // 10) if held_out is None and len(songs) >= HELD_OUT_FROM else held_out or 0
    if count >= len(songs):
        count = 0
    chosen = set(np.random.default_rng(seed).permutation(len(songs))[:count].tolist())
    return (
        tuple(song for index, song in enumerate(songs) if index not in chosen),
        tuple(song for index, song in enumerate(songs) if index in chosen),
    )


def _counts(songs: Iterable[TrainingSong]) -> dict[str, dict[str, Any]]:
    seconds: dict[str, float] = {}
    count: dict[str, int] = {}
    on_top: dict[str, int] = {}
    for song in songs:
        for event in sections(song.events):
            seconds[event.type] = seconds.get(event.type, 0.0) + event.duration
            count[event.type] = count.get(event.type, 0) + 1
        for event in moments(song.events):
            on_top[event.type] = on_top.get(event.type, 0) + 1
    return {"seconds_by_type": seconds, "count_by_type": count, "moments_by_type": on_top}


def _sentence(name: str, problem: str) -> str:
    return problem if problem.startswith(name) else f"{name}: {problem}"
