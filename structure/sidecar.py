"""Sidecars: the JSON file beside a song, read, checked, and saved so that nothing in it is ever lost.

`song.wav` has `song.json`: seven fields that describe the song, `events`, and
whatever other programs put there. A `Sidecar` is what was read together with
a hash of the file's bytes, its version. Saving compares that version with the
file once more, just before an atomic replace, so that two people with one
folder never overwrite each other; the version before stays as `song.json.bak`,
and those before it in a hidden folder (`history.py`).
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from structure.beats import BeatsFieldError, BeatTimes, read_beats
from structure.errors import StudioError
from structure.events import Event, is_readable, problems
from structure.files import keep_backup, sync_folder, unfinished, write_durably
from structure.formats import read_machine_timeline
from structure.history import keep_content, keep_state
from structure.json_reading import parse_json

SIDECAR_FIELDS: tuple[str, ...] = (
    "caption",
    "lyrics",
    "bpm",
    "keyscale",
    "timesignature",
    "vocal_language",
    "duration",
)
_NUMBERS = ("bpm", "duration")

_NUMBER_LIST = re.compile(r"\[\n\s+(-?\d[^\n]*(?:\n\s+-?\d[^\n]*)*)\n\s+\]")  # no text of JSON holds a line break

_saving = threading.Lock()  # one process, many visitors: compare and replace must not interleave


class SidecarError(StudioError):
    """A sidecar cannot be read or saved; the file on disk is as it was."""


class SidecarConflict(SidecarError):
    """The file changed since it was read.

    Attributes:
        theirs: what the file holds now. Save it again with this version to keep yours, or take theirs.
    """

    def __init__(self, message: str, theirs: "Sidecar") -> None:
        super().__init__(message)
        self.theirs = theirs


@dataclass(frozen=True)
class Sidecar:
    """What a sidecar held when it was read, or what is to be saved. Change it with `with_events` and `with_fields`.

    Attributes:
        path: the JSON file, whether or not it is there yet.
        data: the whole object, every key in its order.
        version: hash of the file's bytes when it was read; None where there was no file.
    """

    path: Path
    data: dict[str, Any] = field(default_factory=dict)
    version: str | None = None

    @property
    def events(self) -> list[Event]:
        """The events as they stand in the file, or imported from an older program's timeline where it has none.

        Entries that are no event at all (without times, say) are left out here, reported by `problems`, and kept on
        saving.
        """
        if self.imported:
            return read_machine_timeline(self.data)
        return [event for event in self._entries if isinstance(event, Event)]

    @property
    def imported(self) -> bool:
        """Whether `events` comes from a machine-made timeline: a proposal that nobody has saved yet."""
        return self.data.get("events") is None and bool(read_machine_timeline(self.data))

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key of the file; `default` where the key is missing or null."""
        value = self.data.get(key)
        return default if value is None else value

    def problems(self, duration: float | None = None) -> list[str]:
        """What is wrong with the events and fields, one sentence each, beginning with the file's name.

        Args:
            duration: length of the audio in seconds; without it the file's own `duration` counts.
        """
        found = [_field_problem(key, self.data[key]) for key in SIDECAR_FIELDS if key in self.data]
        if duration is None and _is_number(self.data.get("duration")):
            duration = float(self.data["duration"])
        found += [self._beats_problem(), *self._event_problems(duration)]
        return [f"`{self.path.name}`: {what}" for what in found if what]

    @property
    def beats(self) -> BeatTimes | None:
        """The beats that a person has corrected; None where nobody has, or where they cannot be read."""
        return None if self._beats_problem() else read_beats(self.data.get("beats"), self.data.get("downbeats"))

    def _beats_problem(self) -> str | None:
        try:
            read_beats(self.data.get("beats"))
        except BeatsFieldError as problem:
            return str(problem)
        return None

    def _event_problems(self, duration: float | None = None) -> list[str]:
        raw = self.data.get("events")
        if raw is not None and not isinstance(raw, list):
            return ['`events` is not a list. Write `[{"type": …, "start": …, "end": …}, …]`.']
        return problems(self._entries, duration)

    @cached_property
    def _entries(self) -> list[Any]:
        """The list of events, each read once; what is no event at all stays as it is."""
        return [Event.model_validate(raw) if is_readable(raw) else raw for raw in self._raw_events()]

    def _raw_events(self) -> list[Any]:
        raw = self.data.get("events")
        return raw if isinstance(raw, list) else []


def sidecar_path(audio: Path) -> Path:
    """`folder/song.wav` to `folder/song.json`."""
    return Path(audio).with_suffix(".json")


def shared_sidecars(audio_files: Iterable[Path]) -> dict[Path, Path]:
    """Audio files that find their sidecar taken, each with the file that owns it.

    `song.flac` and `song.wav` would share `song.json`: the first in alphabetical order of extension owns it.
    """
    owners: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    for audio in sorted(audio_files, key=lambda p: (p.suffix.lower(), str(p))):
        owner = owners.setdefault(sidecar_path(audio), audio)
        if owner != audio:
            taken[audio] = owner
    return taken


def read_sidecar(audio_or_json: Path) -> Sidecar:
    """The sidecar of a song, given either file; an empty one where there is none yet.

    Raises:
        SidecarError: the file is there but cannot be read: not UTF-8, not JSON (with line and column), a number that
            is not finite, or not an object. Wrong events are no reason: `Sidecar.problems` reports them.
    """
    path = Path(audio_or_json)
    path = path if path.suffix.lower() == ".json" else sidecar_path(path)
    content = _read_bytes(path)
    return Sidecar(path) if content is None else Sidecar(path, _parse(content, path.name), _version(content))


def with_events(sidecar: Sidecar, events: Iterable[Event]) -> Sidecar:
    """A copy with these events. Entries that could not be read stay at the end, so that saving names them."""
    events, unreadable = list(events), [entry for entry in sidecar._entries if not isinstance(entry, Event)]
    data = {**sidecar.data, "events": [e.to_dict() for e in events] + unreadable}
    return _with_entries(Sidecar(sidecar.path, data, sidecar.version), events + unreadable)


def with_fields(sidecar: Sidecar, /, **fields: Any) -> Sidecar:
    """A copy with these keys of the file set; None empties a field, and adds none.

    Raises:
        SidecarError: a value that the field cannot hold, such as a tempo below zero.
    """
    for key, value in fields.items():
        if key in SIDECAR_FIELDS and (problem := _field_problem(key, value)):
            raise SidecarError(f"`{sidecar.path.name}`: {problem}")
    kept = {key: value for key, value in fields.items() if value is not None or key in sidecar.data}
    return Sidecar(sidecar.path, sidecar.data | kept, sidecar.version)


def save_sidecar(sidecar: Sidecar, *, overwrite: bool = False) -> Sidecar:
    """Write the file whole or not at all, keep the version before as `.bak`, and give the new version back.

    Args:
        sidecar: its `version` is the one that the file must still have.
        overwrite: replace a version that somebody else saved meanwhile (it becomes the backup). Even then a file that
            cannot be read is left alone: nobody could say what would be lost.

    Returns:
        the same data with the new version. A file that holds these very bytes is not touched.

    Raises:
        SidecarConflict: the file changed since it was read.
        SidecarError: events are wrong, the file on disk is damaged, or the disk refuses.
    """
    name = sidecar.path.name
    if wrong := sidecar._event_problems():
        raise SidecarError("\n".join(f"`{name}`: {what}" for what in wrong))
    content = _to_bytes(sidecar)
    target = sidecar.path.resolve()  # a link stays a link: the file it points to is replaced
    temporary = unfinished(target)
    try:
        if _read_bytes(sidecar.path) != content:
            write_durably(temporary, content, like=target)
            with _saving:
                _refuse_to_lose(sidecar, overwrite)
                keep_state(target)
                keep_backup(target)
                os.replace(temporary, target)
            sync_folder(target.parent)
    except OSError as problem:
        raise SidecarError(
            f"`{name}` could not be saved in {target.parent}: {problem.strerror or problem}. The file there is as it "
            "was: make room or give write access, then save again."
        ) from problem
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return _with_entries(Sidecar(sidecar.path, sidecar.data, _version(content)), sidecar._entries)


def keep_unsaved(sidecar: Sidecar) -> None:
    """Keep what somebody gave up saving as the newest of the file's earlier states; the file stays as it is.

    Raises:
        SidecarError: the disk refuses.
    """
    try:
        keep_content(sidecar.path, _to_bytes(sidecar))
    except OSError as problem:
        raise SidecarError(
            f"What you wanted to save in `{sidecar.path.name}` cannot be kept: {problem.strerror or problem}. Make "
            "room or give write access."
        ) from problem


def _with_entries(sidecar: Sidecar, entries: list[Any]) -> Sidecar:
    """The same, its events known: thousands need not be read once more."""
    sidecar.__dict__["_entries"] = entries
    return sidecar


def _refuse_to_lose(sidecar: Sidecar, overwrite: bool) -> None:
    """Look at the file once more: it must be the version that was read, or readable and given up knowingly."""
    now = _read_bytes(sidecar.path)
    if now is None or _version(now) == sidecar.version:
        return
    theirs = Sidecar(sidecar.path, _parse(now, sidecar.path.name), _version(now))
    if not overwrite:
        raise SidecarConflict(
            f"`{sidecar.path.name}` changed on disk since it was read. Compare both versions and choose one: nothing "
            "was written.",
            theirs,
        )


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            raise SidecarError(
                f"`{path.stem[:40]}…`: the song's name is so long that no sidecar fits beside it. Shorten it."
            ) from problem
        raise SidecarError(f"`{path.name}` cannot be read: {problem.strerror or problem}.") from problem


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _parse(content: bytes, name: str) -> dict[str, Any]:
    """JSON of an object with finite numbers; a byte order mark is fine."""
    repair = "Repair it in a text editor, or move it away and annotate anew; until then it is left as it is."
    try:
        data = parse_json(content.decode("utf-8-sig"), _finite, _once)
    except UnicodeDecodeError as problem:
        raise SidecarError(f"`{name}` is not UTF-8 text (byte {problem.start}). {repair}") from problem
    except json.JSONDecodeError as problem:
        raise SidecarError(
            f"`{name}` is not JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}. {repair}"
        ) from problem
    except ValueError as problem:
        raise SidecarError(f"`{name}` cannot be read: {problem}. {repair}") from problem
    if not isinstance(data, dict):
        raise SidecarError(f"`{name}` holds no JSON object (`{{…}}`). {repair}")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once, or say the same: of two values that differ, saving would lose one."""
    data = dict(pairs)
    if len(data) < len(pairs):
        wrong = next((key for key, value in pairs if data[key] != value), None)
        if wrong is not None:
            raise ValueError(f"the key `{wrong[:60]}` stands twice with different values")
    return data


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal} is not a finite number")
    return number


def _to_bytes(sidecar: Sidecar) -> bytes:
    try:
        text = json.dumps(sidecar.data, indent=2, ensure_ascii=False, allow_nan=False)
        return f"{_NUMBER_LIST.sub(_in_one_line, text)}\n".encode()
    except UnicodeEncodeError:  # half an emoji, which JSON may escape but UTF-8 cannot hold
        return f"{json.dumps(sidecar.data, indent=2, allow_nan=False)}\n".encode()
    except (TypeError, ValueError, RecursionError) as problem:
        raise SidecarError(f"`{sidecar.path.name}` cannot be written as JSON: {problem}.") from problem


def _in_one_line(found: re.Match[str]) -> str:
    """Hundreds of beats in a line: a person who opens the file wants to see the events."""
    return f"[{' '.join(found[1].split())}]"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 and value == value


def _field_problem(key: str, value: object) -> str | None:
    """Why a field of the ancestor's seven cannot hold this value; an empty or unknown one is null or empty text."""
    if value is None:
        return None
    if key in _NUMBERS:
        if not _is_number(value) or value <= 0:  # type: ignore[operator]
            unit = "beats per minute" if key == "bpm" else "seconds"
            return f"`{key}` is {json.dumps(value, default=str)[:60]}. Give a number of {unit} above 0, or null."
    elif not isinstance(value, str) and not (key == "timesignature" and _is_number(value)):
        return f"`{key}` is {json.dumps(value, default=str)[:60]}. Write it as text in quotes."
    return None
