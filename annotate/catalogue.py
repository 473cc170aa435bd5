"""Catalogue: what the list shows of every song of a folder, remembered between visits.

Reading ten thousand headers and sidecars takes seconds. So a folder opened for the first time lists names at once and
is read behind them, some songs at a time; what was read is kept in the cache folder and counts until the audio or the
sidecar changes. It is never more than that: a song that is opened is read from its own files, and a catalogue that is
damaged, or was kept by another version of the program, is made anew.
"""

import contextlib
import hashlib
import json
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from annotate.audio import readable
from annotate.dataset import UPLOADS, Song, find_songs, read_song
from annotate.progress import State, is_marked, state_of
from annotate.track import CACHE_DIR
from structure.events import Event
from structure.files import write_whole
from structure.places import PROGRAM

AT_ONCE = 0.15  # seconds of reading before the list is shown: a few hundred songs
SETTLED = 2.0  # seconds; what changed less long ago may change again and look the same: clocks of disks are coarse
MOST_KEPT = 50  # folders; those opened longest ago are forgotten first
_FOLDER = CACHE_DIR.parent / "catalogues"  # beside the tracks, not among them: the server gives those to everybody
_RULES = ("audio", "catalogue", "dataset", "progress")  # modules here that say what a song's row holds
_MORE = ("family", "source", "unsure")  # what of an event the list looks at beside type and times

Stamp = list[list[int] | None]


@dataclass(frozen=True, slots=True)
class Listed:
    """A song as the list knows it.

    Attributes:
        name: path inside the dataset, with `/`.
        row: JSON of what the browser's list shows: the name; once it is read also length, problems and events, each
            `[type, start, end]` with an object of `family`, `source` and `unsure` where one of them is set.
        owner: as in `Song`.
        state: None where nobody has read it yet.
        is_marked: whether nothing is left to mark.
    """

    name: str
    row: str
    owner: Path | None = None
    state: State | None = None
    is_marked: bool = False

    @property
    def problems(self) -> list[str]:
        """One sentence each; none where nobody has read it yet."""
        return json.loads(self.row).get("problems", [])


def listed(song: Song) -> Listed:
    """What the list shows of a song."""
    events = [_shown(event) for event in song.events]
    row = {"name": song.name, "duration": song.duration, "problems": song.problems, "events": events}
    return Listed(song.name, json.dumps(row, separators=(",", ":")), song.owner, state_of(song), is_marked(song))


class Catalogue:
    """The songs of a folder, by name and in their order; `read_some` goes on with those that nobody has read yet.

    Args:
        root: the folder.

    Raises:
        DatasetError: no such folder, no audio in it, or far too many files.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.songs: dict[str, Listed] = {}
        self._stamps: dict[str, Stamp] = {}  # of the files that a song was read from, as they were then
        self._lock = threading.Lock()  # a visitor may save a song while others are read
        kept = _kept(root)
        self._odd: dict[str, Path] = {}  # names that are no text, by what is shown of them
        for found, owner in find_songs(root).items():
            if (name := readable(found)) != found:
                self._odd[name] = root / found
            song = _remembered(kept.pop(name, None), name, owner, root)
            if song is None:
                self.songs[name] = Listed(name, json.dumps({"name": name}), owner)
            else:
                self.songs[name], self._stamps[name] = song
        self._unread = deque(name for name, song in self.songs.items() if song.state is None)

    def audio(self, name: str) -> Path:
        """The sound file of a song."""
        return self._odd.get(name, self.root / name)

    def put(self, song: Song) -> None:
        """A song was read or saved just now."""
        with self._lock:
            self.songs[song.name] = listed(song)
            self._stamps.pop(song.name, None)

    @property
    def is_read(self) -> bool:
        """Whether nothing is left for `read_some`."""
        return not self._unread

    def read_some(self, seconds: float) -> list[Listed]:
        """Read songs that nobody has read yet for about so long, one at least, in their order; those that were read."""
        done = []
        deadline = time.monotonic() + seconds
        while self._unread and (not done or time.monotonic() < deadline):
            name = self._unread.popleft()
            audio, owner = self.audio(name), self.songs[name].owner
            stamp = _settled(_stamp(os.fspath(audio)))  # before reading: a change meanwhile is seen next time
            song = listed(read_song(audio, self.root, owner))
            with self._lock:
                if self.songs[name].state is None:  # else it was opened or saved meanwhile, and that is newer
                    self.songs[name] = song
                    if stamp is not None:
                        self._stamps[name] = stamp
            done.append(self.songs[name])
        if done and not self._unread:
            self._keep()
        return done

    def first_new(self) -> str | None:
        """The first song that is new; of those that nobody has read yet, one without a sidecar counts."""
        for name, song in self.songs.items():
            if song.state == "new" or (song.state is None and not self.audio(name).with_suffix(".json").exists()):
                return name
        return None

    def _keep(self) -> None:
        """Remember what was read; visitors' own folders are theirs, and go after a day."""
        if self.root.parent == UPLOADS:
            return
        with self._lock:
            songs = {
                name: [stamp, song.owner and song.owner.name, song.state, song.is_marked, song.row]
                for name, stamp in self._stamps.items()
                if (song := self.songs[name])
            }
        place = _place(self.root)
        with contextlib.suppress(OSError):  # what cannot be kept is read again
            place.parent.mkdir(parents=True, exist_ok=True)
            content = json.dumps({"edition": _edition(), "root": str(self.root), "songs": songs})
            write_whole(place, content.encode(), durable=False, private=True)
            old = sorted(place.parent.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in old[MOST_KEPT:]:
                path.unlink(missing_ok=True)


def _shown(event: Event) -> list[Any]:
    """Type, start and end, and what else the list looks at: short, since ten thousand songs come at once."""
    more = {key: value for key, value in event.to_dict().items() if key in _MORE}
    return [event.type, event.start, event.end, *([more] if more else [])]


def _place(root: Path) -> Path:
    return _FOLDER / f"{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}.json"


def _kept(root: Path) -> dict[str, Any]:
    """What was remembered of a folder; nothing where it is damaged or of another edition."""
    try:
        held = json.loads(_place(root).read_bytes())
        if held["edition"] == _edition() and held["root"] == str(root):
            return {name: entry for name, entry in held["songs"].items() if len(entry) == 5}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return {}


def _remembered(entry: Any, name: str, owner: Path | None, root: Path) -> tuple[Listed, Stamp] | None:
    """A song as it was read, where its files have not changed since."""
    if entry is None:
        return None
    stamp, owned_by, state, marked, row = entry
    if owned_by != (owner and owner.name) or stamp != _stamp(f"{root}{os.sep}{name}"):
        return None
    return Listed(name, row, owner, state, marked), stamp


def _stamp(audio: str) -> Stamp:
    """Size and times of change of a song's two files; None for one that is not there."""
    found: Stamp = []
    for path in (audio, f"{os.path.splitext(audio)[0]}.json"):
        try:
            now = os.stat(path)
        except OSError:
            found.append(None)
        else:
            found.append([now.st_size, now.st_mtime_ns, now.st_ctime_ns])
    return found


def _settled(stamp: Stamp) -> Stamp | None:
    """The same; None where a file has changed just now."""
    newest = max((moment for file in stamp if file for moment in file[1:]), default=0)
    return None if time.time_ns() - newest < SETTLED * 1e9 else stamp


@cache
def _edition() -> str:
    """Names the rules by which songs are read and judged: a catalogue holds what they said."""
    here = PROGRAM / "annotate"
    rules = [*sorted((PROGRAM / "structure").rglob("*.py")), *(here / f"{name}.py" for name in _RULES)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in rules)).hexdigest()
