"""The desk: one visitor's open songs and what was saved of them.

Every visitor has a desk of their own. It holds the version of each sidecar as
it was read, so that a file which somebody else changes meanwhile is noticed
and never overwritten. A song is named by its path inside the dataset, and
only songs that were found there can be named: names come from a browser.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from annotate.agreement import merge_changes
from annotate.catalogue import AT_ONCE, Catalogue, Listed
from annotate.conflict import Conflict
from annotate.dataset import Song, read_song
from annotate.track import register_track, track_duration
from structure.beats import read_beats
from structure.errors import StudioError
from structure.events import Event, moments, read_events, sections
from structure.history import State, states
from structure.sidecar import (
    SIDECAR_FIELDS,
    Sidecar,
    SidecarConflict,
    SidecarError,
    keep_unsaved,
    read_sidecar,
    save_sidecar,
    sidecar_path,
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


@dataclass
class Desk:
    """One visitor's dataset and songs.

    Attributes:
        root: the dataset; None before one is chosen.
        catalogue: its songs, of which some may be waiting to be read.
        conflicts: by song; each waits for the visitor's choice, and until then nothing of that song is saved.
    """

    root: Path | None = None
    catalogue: Catalogue | None = None
    conflicts: dict[str, Conflict] = field(default_factory=dict)
    _open: dict[str, OpenSong] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)  # edits and clicks of one visitor may overlap

    def open_dataset(self, root: Path) -> None:
        """Read a folder, all of it where that takes no time; the desk stays as it was if that fails.

        Raises:
            DatasetError: no such folder, or no songs in it.
        """
        catalogue = Catalogue(root)
        catalogue.read_some(AT_ONCE)
        with self._lock:
            if root != self.root:
                self._open, self.conflicts = {}, {}
            self.root, self.catalogue = root, catalogue

    @property
    def songs(self) -> Mapping[str, Listed]:
        """By name, in the order of the list."""
        return self.catalogue.songs if self.catalogue else {}

    def read_on(self) -> list[Listed]:
        """Read some of the songs that are still waiting for it; none where all are read."""
        return self.catalogue.read_some(AT_ONCE) if self.catalogue else []

    def first_to_mark(self) -> str | None:
        """The song to begin with: the first that is new, else the first."""
        return (self.catalogue and self.catalogue.first_new()) or next(iter(self.songs), None)

    @property
    def n_marked(self) -> int:
        """How many songs have nothing left to mark."""
        return sum(song.is_marked for song in self.songs.values())

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
            duration = round(track_duration(track), 3)
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
            if name in self.conflicts and opened.trouble is None:
                self.conflicts[name] = replace(self.conflicts[name], theirs=sidecar)
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
            SidecarConflict: the file changed on disk; it is then among `conflicts`, and nothing was written.
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
        return heard_fields(self._seen(name))

    def field_value(self, name: str, field_name: str) -> str | float | None:
        """What the page shows of a field: text, and for `bpm` a number or None."""
        held = self._seen(name).get(field_name)
        if field_name == "bpm":
            return held if isinstance(held, int | float) and not isinstance(held, bool) else None
        return "" if held is None else str(held)

    def held(self, name: str) -> dict[str, Any]:
        """What the sidecar of an open song holds, its events as they are shown.

        Raises:
            DeskError: the song is not open here or cannot be edited.
        """
        opened = self._editable(name)
        seen = self._seen(name)
        return seen.data | {"duration": opened.duration, "events": [event.to_dict() for event in seen.events]}

    def look(self, name: str) -> bool:
        """Whether an open song's sidecar is no longer what this visitor sees: a conflict then, where none was known."""
        with self._lock:
            opened = self._open.get(name) if isinstance(name, str) else None
            if opened is None or opened.trouble or name in self.conflicts:
                return False
            try:
                theirs = read_sidecar(opened.song.audio)
            except SidecarError:  # half written by an editor, or damaged: saving will say so
                return False
            if theirs.version == opened.sidecar.version:
                return False
            self._dispute(Conflict(name, opened.sidecar, opened.sidecar, theirs))
            return True

    def states(self, name: str) -> list[State]:
        """Earlier states of a song's sidecar, newest first.

        Raises:
            DeskError: no song of this name in the dataset.
        """
        return states(self._place(name))

    def earlier(self, name: str, number: int) -> Sidecar:
        """What a song's sidecar held in an earlier state.

        Raises:
            DeskError: there is no such state any more.
            SidecarError: it cannot be read.
        """
        found = next((state for state in self.states(name) if state.number == number), None)
        if found is None:
            raise DeskError("This state is no longer kept. Choose another one.")
        return read_sidecar(found.path)

    def bring_back(self, name: str, number: int) -> str:
        """Save an earlier state once more; what there is now becomes the newest of the earlier states.

        Raises:
            As `earlier` and `save_events`.
        """
        state = self.earlier(name, number)
        return self._save(name, lambda sidecar: replace(sidecar, data=dict(state.data)))

    def keep_mine(self, name: str) -> str:
        """Apply the edit that met a conflict to the version on disk, which becomes the backup.

        Raises:
            DeskError: there is no conflict.
            StudioError: the file cannot be written.
        """
        with self._lock:
            conflict = self._conflict(name)
            return self._settle(conflict, conflict.kept)

    def load_theirs(self, name: str) -> None:
        """Give up the edit that met a conflict, which stays among the earlier states; the song is to be opened again.

        Raises:
            DeskError: there is no conflict.
        """
        with self._lock:
            del self.conflicts[self._conflict(name).name]

    def merge_both(self, name: str) -> list[str]:
        """Save the changes of both, where they do not collide; this visitor's where they do.

        Returns:
            a sentence for each section that had to be left out; the song is to be opened again.

        Raises:
            As `keep_mine`.
        """
        with self._lock:
            conflict = self._conflict(name)
            events, left = merge_changes(conflict.base.events, conflict.mine.events, conflict.theirs.events)
            self._settle(conflict, with_events(conflict.kept, events))
            return left

    def _save(self, name: str, edit: Callable[[Sidecar], Sidecar]) -> str:
        with self._lock:
            opened = self._editable(name)
            if waiting := self.conflicts.get(name):
                # Later edits join the one that waits, so that "keep mine" keeps them all.
                self._dispute(replace(waiting, mine=edit(waiting.mine)))
                raise SidecarConflict("Not saved: choose below which version to keep.", waiting.theirs)
            mine = edit(opened.sidecar)
            if mine.get("duration") is None:
                mine = with_fields(mine, duration=opened.duration)
            try:
                opened.sidecar = save_sidecar(mine)
            except SidecarConflict as conflict:
                self._dispute(Conflict(name, opened.sidecar, mine, conflict.theirs))
                raise
            events, found = opened.sidecar.events, opened.sidecar.problems(opened.duration)
            assert self.catalogue is not None
            self.catalogue.put(replace(opened.song, problems=found, events=events))
            return f"Saved {datetime.now():%H:%M:%S}, {count_events(events)}"

    def _conflict(self, name: str) -> Conflict:
        if name not in self.conflicts:
            raise DeskError("Both versions are already the same: there is nothing to choose.")
        return self.conflicts[name]

    def _dispute(self, conflict: Conflict) -> None:
        """Let a conflict wait; what this visitor wanted to save is found among the earlier states, whatever happens."""
        self.conflicts[conflict.name] = conflict
        with contextlib.suppress(SidecarError):  # no room for it: it waits here all the same
            keep_unsaved(conflict.mine)

    def _settle(self, conflict: Conflict, chosen: Sidecar) -> str:
        """Save what the visitor chose over the version on disk; where that fails, the conflict waits on."""
        opened, before = self._editable(conflict.name), self._open[conflict.name].sidecar
        del self.conflicts[conflict.name]
        opened.sidecar = conflict.theirs
        try:
            return self._save(conflict.name, lambda _: chosen)
        except StudioError:
            opened.sidecar = before
            self.conflicts.setdefault(conflict.name, conflict)
            raise

    def _seen(self, name: str) -> Sidecar:
        """A song's sidecar as this visitor sees it: with what waits for a choice; empty where it is not open."""
        place = self._place(name)
        if conflict := self.conflicts.get(name):
            return conflict.mine
        return self._open[name].sidecar if name in self._open else Sidecar(place)

    def _place(self, name: str) -> Path:
        """Where the sidecar of a song is or will be."""
        song = self._named(name)
        assert self.catalogue is not None  # it has the song
        return sidecar_path(self.catalogue.audio(song.name))

    def _named(self, name: str) -> Listed:
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

    def _refresh(self, song: Listed) -> Song:
        assert self.root is not None and self.catalogue is not None
        fresh = read_song(self.catalogue.audio(song.name), self.root, song.owner)
        self.catalogue.put(fresh)
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
