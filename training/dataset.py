"""What there is to learn from: songs with sidecars, checked, counted and split before anything is trained.

`read_dataset` opens every sidecar and every audio header, and no samples of its own accord, so the page can call it on
each visit; what reading the samples finds (silence, clipping, copies) is told to it by `sound`.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from annotate.audio import AudioError, AudioInfo, audio_info
from annotate.dataset import Song, find_songs, scan
from structure.errors import StudioError
from structure.events import Event, moments, sections
from structure.lyrics import song_lyrics
from structure.peers import PeerReader
from structure.sidecar import read_sidecar
from training.sound import Sound

HELD_OUT_FROM = 8  # with fewer songs every one is needed for training
MANY = 500  # songs; more take seconds to look through, and are only when somebody wants to train on them
SHORTEST = 1.0  # seconds; below that there is no section to learn
SAME_LENGTH = 0.02  # a sidecar whose duration is further off than this share (and a second) is another song's
READABLE = 0.9  # of the length that a header tells; less is damage, more may be an estimate (raw AAC has no length)
USUAL_RATES = (22_050, 96_000)  # Hz; outside them the report says what is done


class TrainingDataError(StudioError):
    """A dataset that cannot be trained on; the message says what to do about it."""


@dataclass(frozen=True)
class TrainingSong:
    """One song as training needs it: where it is, what is said about it, and when what happens.

    Times in seconds from the start of the audio; `bpm` and `timesignature` in the form the prompt template takes. The
    song comes `repeats` times in a pass over the dataset, and its loss counts `weight` times.
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
    repeats: int = 1
    weight: float = 1.0

    @property
    def name(self) -> str:
        """File name without its folder."""
        return self.audio.name


@dataclass(frozen=True)
class DatasetReport:
    """What a folder holds.

    Attributes:
        root: the folder.
        songs: to train on.
        held_out: to measure with.
        problems: what has to be put right, a sentence each.
        skipped: which songs are left out, and why.
        notes: what is done with unusual songs that are used all the same.
        unmarked: how many of those left out have no sidecar or no events.
        seconds_by_type: of sections.
        count_by_type: of sections.
        moments_by_type: how many.
    """

    root: Path
    songs: tuple[TrainingSong, ...] = ()
    held_out: tuple[TrainingSong, ...] = ()
    problems: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unmarked: int = 0
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
        length = f"{self.minutes:.1f} minutes" if self.minutes < 120 else f"{self.minutes / 60:.1f} hours"
        count = len(self.everything)
        out = [f"{count} {'song' if count == 1 else 'songs'}, {length}{held}."]
        by_time = sorted(self.seconds_by_type.items(), key=lambda item: -item[1])
        out += [f"{name}: {self.count_by_type[name]} sections, {seconds / 60:.1f} min" for name, seconds in by_time]
        out += [f"{name}: {count} moments" for name, count in sorted(self.moments_by_type.items())]
        out += [f"Skipped: {sentence}" for sentence in self.skipped]
        out += [f"Problem: {sentence}" for sentence in self.problems]
        out += [f"Note: {sentence}" for sentence in self.notes]
        return out

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON types."""
        return {
            "songs": [song.name for song in self.songs],
            "held_out": [song.name for song in self.held_out],
            "hours": self.minutes / 60,
            "sections": {
                name: {"count": self.count_by_type[name], "seconds": seconds}
                for name, seconds in self.seconds_by_type.items()
            },
            "moments": self.moments_by_type,
            "skipped": list(self.skipped),
            "problems": list(self.problems),
            "notes": list(self.notes),
        }


def read_dataset(
    root: Path,
    events: bool = True,
    held_out: int | None = None,
    seed: int = 42,
    sound: Callable[[Path], Sound | None] | None = None,
    max_seconds: float | None = None,
) -> DatasetReport:
    """Look a dataset through.

    Args:
        root: folder with audio and sidecars.
        events: whether songs without events are of no use.
        held_out: how many songs to keep out of training; None: one in ten from eight songs on.
        seed: which ones.
        sound: what is known of a file's samples, None for a file that nobody has read; unset: nothing is known.
        max_seconds: how much of a song will be used.

    Raises:
        StudioError: the folder is missing or holds no audio.
    """
    reader = _Reader(events, sound, max_seconds)
    usable = [song for listed in scan(Path(root)) if (song := reader.read(listed)) is not None]
    songs, kept_out = _split(usable, held_out, seed)
    return DatasetReport(
        root=Path(root),
        songs=songs,
        held_out=kept_out,
        problems=tuple(reader.problems),
        skipped=tuple(reader.skipped),
        notes=tuple(reader.all_notes()),
        unmarked=reader.unmarked,
        **_counts(usable),
    )


def is_large(root: Path) -> bool:
    """Whether looking a dataset through is felt."""
    try:
        return len(find_songs(root)) > MANY
    except StudioError:  # `read_dataset` will say it
        return False


class _Reader:
    """Reads songs one after another and gathers what is to be said of them."""

    def __init__(self, events: bool, sound: Callable[[Path], Sound | None] | None, max_seconds: float | None) -> None:
        self.events = events
        self.sound = sound
        self.max_seconds = max_seconds
        self.problems: list[str] = []
        self.skipped: list[str] = []
        self.notes: list[str] = []
        self.unmarked = 0
        self._peers = PeerReader()
        self._from_peers: Counter[str] = Counter()
        self._contents: dict[str, str] = {}  # hash of the audio: name of the first song with it

    def read(self, listed: Song) -> TrainingSong | None:
        """One song as training needs it; None, and a sentence in `skipped`, where it is of no use."""
        name = listed.name
        try:
            sidecar = read_sidecar(listed.audio)
            info = audio_info(listed.audio)
        except StudioError as problem:
            self.problems.append(_sentence(name, str(problem)))
            return self._skip(name, "it or its sidecar cannot be read.")
        if listed.problems:
            self.problems += [_sentence(name, problem) for problem in listed.problems]
            return self._skip(name, "its sidecar has to be put right first.")
        words = self._peers.words(listed.audio)
        self.problems += [_sentence(name, problem) for problem in words.problems]
        if sidecar.version is None and not words.fields:
            self.unmarked += 1
            return self._skip(name, "has no sidecar; mark its sections first.")
        if self.events and not sidecar.events:
            self.unmarked += 1
            return self._skip(name, "has no events; mark its sections, or train with --no-events.")
        own = {key: value for key, value in sidecar.data.items() if value not in (None, "")}
        song = _song(listed.audio, info.duration, {**words.fields, **own}, sidecar.events)
        if reason := _not_to_be_used(song, own):
            return self._skip(name, reason)
        try:
            heard = self.sound(listed.audio) if self.sound else None
        except AudioError as problem:
            return self._skip(name, f"its sound cannot be read ({problem})")
        if heard is not None:
            if reason := _not_worth_hearing(heard, info, self._contents):
                return self._skip(name, reason)
            self._contents[heard.content] = name
        self.problems += [f"{name}: {doubt}" for doubt in _doubts(song, own)]
        self.notes += [f"{name}: {remark}" for remark in _remarks(info, heard, self.max_seconds)]
        self._from_peers.update(key for key in words.fields if key not in own)
        return song

    def all_notes(self) -> list[str]:
        """The notes on songs, and one on what other programs' files gave."""
        if not self._from_peers:
            return self.notes
        counted = ", ".join(f"{key} of {n}" for key, n in self._from_peers.items())
        return [*self.notes, f"Read from other programs' files, which are never written: {counted} songs."]

    def _skip(self, name: str, reason: str) -> None:
        self.skipped.append(f"{name}: {reason}")


def require_songs(report: DatasetReport, events: bool = True) -> None:
    """Refuse a dataset that has nothing to train on.

    Raises:
        TrainingDataError: the first reason and the way out.
    """
    if report.songs:
        return
    if report.problems or report.unmarked < len(report.skipped):
        first = (*report.problems, *report.skipped)[0]
        raise TrainingDataError(f"{report.root}: no song can be trained on. First: {first}")
    if events:
        raise TrainingDataError(
            f"{report.root}: no song has any events, so there is no structure to learn. Mark sections on the Annotate "
            "tab, or train a plain LoRA with --no-events."
        )
    raise TrainingDataError(
        f"{report.root}: no song has a sidecar. Give each song.wav a song.json with at least a caption."
    )


def _song(audio: Path, duration: float, said: Mapping[str, Any], events: Sequence[Event]) -> TrainingSong:
    return TrainingSong(
        audio=audio,
        duration=duration,
        caption=_text(said.get("caption")),
        lyrics=song_lyrics(_text(said.get("lyrics")), events),
        bpm=_whole_bpm(said.get("bpm")),
        keyscale=_text(said.get("keyscale")),
        timesignature=_beats_per_bar(said.get("timesignature")),
        vocal_language=_text(said.get("vocal_language")) or "en",
        events=tuple(events),
        repeats=int(_number(said.get("repeats", 1), least=0, whole=True, otherwise=1)),
        weight=_number(said.get("weight", 1), least=0, otherwise=1.0),
    )


def _text(value: Any) -> str:
    return str(value).strip() if value is not None else ""


def _number(value: Any, least: float, otherwise: float, whole: bool = False) -> float:
    """The value where it is a finite number of at least `least`, else `otherwise`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
        return otherwise
    return otherwise if whole and value != int(value) else value


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


def _not_to_be_used(song: TrainingSong, own: Mapping[str, Any]) -> str:
    """Why a song whose events are sound is left out all the same; empty where it is not."""
    told = _number(own.get("duration"), least=0, otherwise=song.duration)
    if song.duration < SHORTEST:
        return f"lasts {song.duration:.2f} s; a song needs {SHORTEST:g} s at least."
    if song.repeats == 0:
        return "its sidecar says `repeats` 0."
    if abs(told - song.duration) > max(1.0, SAME_LENGTH * song.duration):
        return (
            f"its sidecar says {told:.1f} s but the audio lasts {song.duration:.1f} s, so it may be another song's. "
            "If the two belong together, correct `duration` in the sidecar."
        )
    return ""


def _not_worth_hearing(heard: Sound, info: AudioInfo, contents: Mapping[str, str]) -> str:
    """Why the sound itself can teach nothing; empty where it can. `contents` names the song that has a sound."""
    if heard.duration < READABLE * info.duration - 1.0:
        return f"is damaged: {heard.duration:.1f} of its {info.duration:.1f} s can be read; export it again."
    if heard.not_numbers:
        return f"{heard.not_numbers} of its samples are not numbers (NaN or infinite); export it again."
    if heard.is_silent:
        return "is silent from start to end."
    if heard.content in contents:
        return f"is the same file as {contents[heard.content]}; set `repeats` there to hear it more often."
    return ""


def _doubts(song: TrainingSong, own: Mapping[str, Any]) -> list[str]:
    """What does not stop training but deserves a look."""
    found = []
    if not song.caption:
        found.append("has no caption; the model will not know what sound to call it.")
    for key, used in (("repeats", song.repeats), ("weight", song.weight)):
        if key in own and own[key] != used:
            found.append(f"has {own[key]!r} as `{key}`, which is no number that fits; {used:g} is used.")
    return found


def _remarks(info: AudioInfo, heard: Sound | None, max_seconds: float | None) -> list[str]:
    """What is done with audio that is not the usual kind."""
    found = []
    if info.channels > 2:
        found.append(f"its {info.channels} channels are mixed down.")
    if info.sample_rate < USUAL_RATES[0]:
        found.append(f"is sampled at {info.sample_rate} Hz; nothing above {info.sample_rate / 2000:g} kHz is learned.")
    elif info.sample_rate > USUAL_RATES[1]:
        found.append(f"is sampled at {info.sample_rate} Hz and is brought down to the model's rate.")
    if max_seconds is not None and info.duration > max_seconds:
        found.append(f"lasts {info.duration / 60:.1f} min; its first {max_seconds:g} s are used (--max-duration-sec).")
    if heard is not None and heard.is_clipped:
        found.append(f"{100 * heard.clipped:.1f} % of its samples are clipped; it is used as it is.")
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
