"""A dataset as somebody outside sees it: which folders may be named, what songs lie there, and one song's edit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from annotate.dataset import DatasetError, Song, find_audio, read_song, scan
from annotate.desk import not_heard
from annotate.visitors import fresh, known
from structure.sidecar import (
    SidecarConflict,
    SidecarError,
    read_sidecar,
    save_sidecar,
    shared_sidecars,
    with_fields,
)


class SongRow(TypedDict):
    """A song in a list; `events` says how many, `version` is its sidecar's, empty where there is none."""

    song: str
    caption: str
    duration: float | None
    events: int
    problems: list[str]
    version: str


@dataclass(frozen=True)
class Folders:
    """The folders that a visitor may name.

    Attributes:
        root: the dataset that the page was opened on.
        local: the visitor sits at this very machine and may name any folder; else those in `root`, and their own.
        copies: strangers meet here, and may change songs of their own alone.
    """

    root: Path
    local: bool
    copies: bool = False

    def find(self, folder: str = "") -> Path:
        """The folder that a visitor means; empty: `root`.

        Raises:
            DatasetError: it is not there, or not theirs to see.
        """
        asked = folder.strip()
        own = None if self.local else known(asked)
        try:
            place = own.folder if own else (self.root / Path(asked).expanduser()).resolve()
            hidden = any(part.startswith(".") for part in Path(asked).parts)  # `..` with them
            if not self.local and own is None and (hidden or not place.is_relative_to(self.root.resolve())):
                raise DatasetError(f"`{asked[:80]}` is not a folder of this page's dataset: give one inside of it.")
            if place.is_dir():
                return place
        except (OSError, ValueError, RuntimeError) as problem:  # no path at all, or of nobody's home
            if isinstance(problem, DatasetError):
                raise
        raise DatasetError(f"There is no folder `{asked[:80]}`. Check the spelling.")

    def for_uploads(self, folder: str = "") -> tuple[Path, str]:
        """Where songs from a visitor go, and by which name that folder is found again.

        Args:
            folder: empty: the dataset on one's own machine, a new folder of the visitor's own elsewhere.

        Raises:
            DatasetError: it is not there, or not theirs to fill.
        """
        if self.local:
            return self.find(folder), folder.strip()
        own = known(folder.strip()) if folder.strip() else fresh()
        if own is None:
            raise DatasetError(
                "Songs from another machine go into a folder of their own: leave `folder` empty the first time, then "
                "give the name that you were told."
            )
        return own.folder, own.word

    def to_change(self, folder: str = "") -> Path:
        """The folder whose songs a visitor may change.

        Raises:
            DatasetError: it is not there, or not theirs to change.
        """
        if self.copies and known(folder.strip()) is None:
            raise DatasetError(
                "On this page everybody changes songs of their own alone: send them with `load_uploaded`, then give "
                "the folder that you were told."
            )
        return self.find(folder)


def list_songs(root: Path) -> list[SongRow]:
    """Every song of a dataset, by name.

    Raises:
        DatasetError: no such folder, no songs in it, or far too many files.
    """
    return [_row(song) for song in scan(root)]


def edit_song(root: Path, name: str, fields: Mapping[str, Any], version: str) -> SongRow:
    """Set keys of a song's sidecar; every other key stays.

    Args:
        root: the dataset.
        name: of a song in it.
        fields: keys and values as in the JSON file; `events` are replaced as a whole, None empties a field.
        version: of the sidecar as it was last seen, empty where there was none.

    Returns:
        the song as it is now, with its new version.

    Raises:
        SidecarConflict: the sidecar has another version; nothing was written.
        StudioError: there is no such song, a value is wrong, or the disk refuses.
    """
    songs = {path.relative_to(root).as_posix(): path for path in find_audio(root)}
    if name not in songs:
        raise DatasetError(f"There is no song `{name[:80]}` in this folder: scan it anew for their names.")
    audio = songs[name]
    song = read_song(audio, root, shared_sidecars(songs.values()).get(audio))
    if song.owner is not None or song.duration is None:
        raise DatasetError(song.problems[0])
    held = read_sidecar(audio)
    if held.version != (version or None):
        raise SidecarConflict(
            f"`{held.path.name}` is not as you saw it: its version is now {held.version or 'none'}. Scan the folder "
            "anew, look at what changed, and save again with that version. Nothing was written.",
            held,
        )
    edited = with_fields(held, **fields)
    for key in fields:
        edited = not_heard(edited, key)
    if edited.get("duration") is None:
        edited = with_fields(edited, duration=round(song.duration, 3))
    save_sidecar(edited)
    return _row(read_song(audio, root))


def _row(song: Song) -> SongRow:
    try:
        sidecar = None if song.owner is not None else read_sidecar(song.audio)
    except SidecarError:  # among the problems already
        sidecar = None
    return SongRow(
        song=song.name,
        caption=str(sidecar.get("caption", "")) if sidecar else "",
        duration=song.duration,
        events=len(song.events),
        problems=song.problems,
        version=(sidecar.version if sidecar else None) or "",
    )
