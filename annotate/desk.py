"""The desk: one visitor's open songs and what was saved of them.

Every visitor has a desk of their own. It holds the version of each sidecar as
it was read, so that a file which somebody else changes meanwhile is noticed
and never overwritten. A song is named by its path inside the dataset, and
only songs that were found there can be named: names come from a browser.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from annotate.agreement import merge
from annotate.dataset import Song, read_song, scan
from annotate.progress import is_marked, state_of
from annotate.track import register_track, track_envelope
from structure.beats import read_beats
from structure.errors import StudioError
from structure.events import Event, moments, read_events, sections
from structure.sidecar import (
    SIDECAR_FIELDS,
    Sidecar,
    SidecarConflict,
    SidecarError,
    read_sidecar,
    save_sidecar,
    with_events,
    with_fields,
)

EDITED_FIELDS = tuple(name for name in SIDECAR_FIELDS if name != "duration")
NO_DESK = "This page has lost touch with the server. Reload it: everything that was saved is there."


class DeskError(StudioError):
    """A song that is not on this desk, or cannot be edited."""


@dataclass
class OpenSong:
    """A song as this visitor has it.

    Attributes:
        song: what was found on disk.
        track: id of the decoded copy; None where the audio cannot be read.
        duration: seconds of the decoded copy.
        sidecar: as it was last read or saved.
        trouble: why it cannot be edited, one sentence; None where it can.
    """

    song: Song
    track: str | None
    duration: float
    sidecar: Sidecar
    trouble: str | None = None


@dataclass(frozen=True)
class Conflict:
    """The sidecar changed on disk while this visitor was editing.

    Attributes:
        name: the song.
        mine: what this visitor wanted to save.
        theirs: what the file holds now.
        again: applies the visitor's edit to another version of the file.
    """

    name: str
    mine: Sidecar
    theirs: Sidecar
    again: Callable[[Sidecar], Sidecar]


@dataclass
class Desk:
    """One visitor's dataset and songs.

    Attributes:
        root: the dataset; None before one is chosen.
        songs: by name, in the order of the list.
        conflict: waits for the visitor's choice; until then nothing of that song is saved.
    """

    root: Path | None = None
    songs: dict[str, Song] = field(default_factory=dict)
    conflict: Conflict | None = None
    _open: dict[str, OpenSong] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)  # edits and clicks of one visitor may overlap

    def open_dataset(self, root: Path) -> None:
        """Read a folder; the desk stays as it was if that fails.

        Raises:
            DatasetError: no such folder, or no songs in it.
        """
        songs = {song.name: song for song in scan(root)}
        with self._lock:
            if root != self.root:
                self._open, self.conflict = {}, None
            self.root, self.songs = root, songs

    def first_to_mark(self) -> str | None:
        """The song to begin with: the first that is new, else the first."""
        return next((s.name for s in self.songs.values() if state_of(s) == "new"), next(iter(self.songs), None))

    @property
    def n_marked(self) -> int:
        """How many songs have nothing left to mark."""
        return sum(map(is_marked, self.songs.values()))

    def neighbour(self, name: str, step: int) -> str:
        """The song `step` places further down the list; the ends stay."""
        names = list(self.songs)
        return names[min(max(names.index(name) + step, 0), len(names) - 1)]

    def open_song(self, name: str) -> OpenSong:
        """Read a song's sidecar anew and decode its audio, if that has not been done before.

        Raises:
            DeskError: no song of this name in the dataset.
        """
        song = self._refresh(self._named(name))
        track, duration, sidecar = None, song.duration or 0.0, Sidecar(song.sidecar_path)
        trouble = song.problems[0] if song.owner or song.duration is None else None
        try:
            track = register_track(song.audio)
            duration = round(track_envelope(track)[1], 3)
        except (StudioError, OSError) as problem:
            trouble = str(problem)
        try:
            sidecar = read_sidecar(song.audio)
            trouble = trouble or _cannot_be_saved(song)
        except SidecarError as problem:
            trouble = trouble or str(problem)
        opened = OpenSong(song, track, duration, sidecar, trouble)
        with self._lock:
            self._open[name] = opened
            if self.conflict and self.conflict.name == name:
                self.conflict = None  # the file has just been read: what it holds is what the visitor sees
        return opened

    def save_events(self, name: str, raw: Sequence[Mapping[str, Any]], beats: object = None) -> str:
        """Save a song's events and say so: `Saved 12:03:05, 9 sections`.

        Args:
            name: the song.
            raw: its events.
            beats: as a person corrected them, in a sidecar's form; None where nobody has. What the sidecar holds is
                touched only where it says something else.

        Raises:
            DeskError: the song is not open here or cannot be edited.
            SidecarConflict: the file changed on disk; `conflict` is then set, and nothing was written.
            StudioError: an event or the beats are wrong, or the file cannot be written.
        """
        events = read_events(list(raw), where=f"`{name}`")
        told = read_beats(beats)

        def edit(sidecar: Sidecar) -> Sidecar:
            kept = with_events(sidecar, events)
            return kept if told == sidecar.beats else with_fields(kept, beats=told and told.to_dict())

        return self._save(name, edit)

    def save_field(self, name: str, field_name: str, value: str | float | None) -> str | None:
        """Save one of `EDITED_FIELDS`, which describe the song; None as the answer: it held that already.

        Raises:
            As `save_events`.
        """
        if field_name not in EDITED_FIELDS:
            raise DeskError(f"`{field_name}` is no field of a song. There are {', '.join(EDITED_FIELDS)}.")
        if field_name == "bpm":
            value = int(value) if isinstance(value, float) and value.is_integer() else value
        elif value is None:
            value = ""
        if value == self.field_value(name, field_name):
            return None
        return self._save(name, lambda sidecar: not_heard(with_fields(sidecar, **{field_name: value}), field_name))

    def fill_fields(self, name: str, heard: Mapping[str, str | float]) -> str | None:
        """Save what a machine heard of a song, where nobody has said it; `heard` in the sidecar names those fields.

        Returns:
            as `save_field`; None: nothing was empty.

        Raises:
            As `save_events`.
        """
        held = self._editable(name).sidecar
        empty = {key: value for key, value in heard.items() if held.get(key) in (None, "")}
        if not empty:
            return None
        told = sorted({*heard_fields(held), *empty})
        return self._save(name, lambda sidecar: with_fields(sidecar, **empty, heard=told))

    def heard(self, name: str) -> list[str]:
        """Which fields of an open song a machine filled in."""
        opened = self._open.get(self._named(name).name)
        return heard_fields(opened.sidecar) if opened else []

    def field_value(self, name: str, field_name: str) -> str | float | None:
        """What the page shows of a field: text, and for `bpm` a number or None."""
        opened = self._open.get(self._named(name).name)
        held = opened.sidecar.get(field_name) if opened else None
        if field_name == "bpm":
            return held if isinstance(held, int | float) and not isinstance(held, bool) else None
        return "" if held is None else str(held)

    def held(self, name: str) -> dict[str, Any]:
        """What the sidecar of an open song holds, its events as they are shown.

        Raises:
            DeskError: the song is not open here or cannot be edited.
        """
        opened = self._editable(name)
        told = {"duration": opened.duration, "events": [event.to_dict() for event in opened.sidecar.events]}
        return opened.sidecar.data | told

    def keep_mine(self) -> str:
        """Apply the edit that met a conflict to the version on disk, which becomes the backup.

        Raises:
            DeskError: there is no conflict.
            StudioError: the file cannot be written.
        """
        with self._lock:
            conflict = self._take_conflict()
            self._open[conflict.name].sidecar = conflict.theirs
            return self._save(conflict.name, conflict.again)

    def load_theirs(self) -> str:
        """Give up the edit that met a conflict; returns the song's name, to be opened again.

        Raises:
            DeskError: there is no conflict.
        """
        with self._lock:
            return self._take_conflict().name

    def merge_both(self) -> tuple[str, list[str]]:
        """Save all events of the edit that met a conflict, and of the version on disk what does not collide with them.

        Returns:
            the song's name, to be opened again, and a sentence for each section that had to be left out.

        Raises:
            As `keep_mine`.
        """
        with self._lock:
            conflict = self._take_conflict()
            events, left = merge(conflict.mine.events, conflict.theirs.events)
            self._open[conflict.name].sidecar = conflict.theirs
            self._save(conflict.name, lambda sidecar: with_events(conflict.again(sidecar), events))
            return conflict.name, left

    def _save(self, name: str, edit: Callable[[Sidecar], Sidecar]) -> str:
        with self._lock:
            opened = self._editable(name)
            if self.conflict and self.conflict.name == name:
                # Later edits join the one that waits, so that "keep mine" keeps them all.
                waiting = self.conflict
                again = _both(waiting.again, edit)
                self.conflict = Conflict(name, edit(waiting.mine), waiting.theirs, again)
                raise SidecarConflict("Not saved: choose below which version to keep.", waiting.theirs)
            mine = edit(opened.sidecar)
            if mine.get("duration") is None:
                mine = with_fields(mine, duration=opened.duration)
            try:
                opened.sidecar = save_sidecar(mine)
            except SidecarConflict as conflict:
                self.conflict = Conflict(name, mine, conflict.theirs, edit)
                raise
            events, found = opened.sidecar.events, opened.sidecar.problems(opened.duration)
            self.songs[name] = replace(opened.song, problems=found, events=events)
            return f"Saved {datetime.now():%H:%M:%S}, {count_events(events)}"

    def _take_conflict(self) -> Conflict:
        if self.conflict is None:
            raise DeskError("Both versions are already the same: there is nothing to choose.")
        conflict, self.conflict = self.conflict, None
        return conflict

    def _named(self, name: str) -> Song:
        song = self.songs.get(name) if isinstance(name, str) else None
        if song is None:
            raise DeskError("This song is not in the folder any more. Open the folder again to read it anew.")
        return song

    def _editable(self, name: str) -> OpenSong:
        opened = self._open.get(self._named(name).name)
        if opened is None:
            raise DeskError(f"`{name}` is not open. Choose it from the list first.")
        if opened.trouble is not None:
            raise DeskError(opened.trouble)
        return opened

    def _refresh(self, song: Song) -> Song:
        assert self.root is not None
        fresh = read_song(song.audio, self.root, song.owner)
        self.songs[song.name] = fresh
        return fresh


def _cannot_be_saved(song: Song) -> str | None:
    """Why nobody can mark this song, before anybody tries in vain; None where it can be marked."""
    folder = song.sidecar_path.resolve().parent
    if os.access(folder, os.W_OK):
        return None
    return f"`{folder}` is read-only, so nothing can be saved: play and look, or open a copy that you may write to."


def heard_fields(sidecar: Sidecar) -> list[str]:
    """The fields that a machine filled in and nobody has changed since."""
    told = sidecar.get("heard")
    return [key for key in told if key in EDITED_FIELDS] if isinstance(told, list) else []


def not_heard(sidecar: Sidecar, field_name: str) -> Sidecar:
    """The same, with this field a person's."""
    told = heard_fields(sidecar)
    if field_name not in told:
        return sidecar
    return with_fields(sidecar, heard=[key for key in told if key != field_name] or None)


def count_events(events: Sequence[Event]) -> str:
    """`9 sections`, `1 section, 2 moments, 1 unsure`."""
    parts, points, doubts = len(sections(events)), len(moments(events)), sum(e.is_unsure for e in events)
    text = f"{parts} section{'s' * (parts != 1)}"
    text += f", {points} moment{'s' * (points != 1)}" if points else ""
    return text + (f", {doubts} unsure" if doubts else "")


def _both(first: Callable[[Sidecar], Sidecar], then: Callable[[Sidecar], Sidecar]) -> Callable[[Sidecar], Sidecar]:
    return lambda sidecar: then(first(sidecar))
