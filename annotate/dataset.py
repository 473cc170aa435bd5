"""A dataset: a folder of songs, each with a sidecar beside it or none yet."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotate.archive import ArchiveError, songs_in, unpacked
from annotate.audio import AUDIO_SUFFIXES, AudioError, audio_info, content_hash
from structure.errors import StudioError
from structure.events import Event
from structure.places import writing_folder
from structure.sidecar import SidecarError, read_sidecar, save_sidecar, shared_sidecars, sidecar_path

MOST_FILES = 20_000  # a home directory typed by mistake should be refused, not walked for minutes
UPLOADS = writing_folder("data") / "uploads"


class DatasetError(StudioError):
    """A folder that is not there, or holds no songs."""


@dataclass(frozen=True)
class Song:
    """One song of a dataset, as it lay on disk when the folder was read.

    Attributes:
        audio: the sound file.
        name: path inside the dataset, with `/`; names the song within its folder.
        sidecar_path: where its events are or will be.
        problems: one sentence each.
        duration: seconds; None where the audio cannot be read.
        events: what the sidecar holds; empty where it cannot be read.
        owner: another file of the same stem, whose sidecar this one would share; None for nearly every song.
    """

    audio: Path
    name: str
    sidecar_path: Path
    problems: list[str]
    duration: float | None
    events: list[Event] = field(default_factory=list)
    owner: Path | None = None


def scan(root: Path) -> list[Song]:
    """Every song in a folder and the folders in it, by name. Hidden folders and files are left out.

    Raises:
        DatasetError: no such folder, no audio in it, or far too many files.
    """
    paths = sorted(find_audio(root), key=lambda p: p.relative_to(root).as_posix().lower())
    taken = shared_sidecars(paths)
    return [read_song(path, root, taken.get(path)) for path in paths]


def find_audio(root: Path) -> list[Path]:
    """The audio files below a folder, unsorted.

    Raises:
        DatasetError: no such folder, no audio in it, or far too many files.
    """
    if not root.is_dir():
        raise DatasetError(f"There is no folder `{root}`. Check the spelling, or make it and put songs in it.")
    found: list[Path] = []
    seen = 0
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        seen += len(files)
        if seen > MOST_FILES:
            raise DatasetError(f"`{root}` holds more than {MOST_FILES} files. Choose the folder that holds the songs.")
        songs = (name for name in files if name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith("."))
        found += [Path(folder, name) for name in songs]
    if not found:
        kinds = ", ".join(s.lstrip(".").upper() for s in (".wav", ".flac", ".ogg", ".mp3"))
        raise DatasetError(f"`{root}` holds no audio. Put songs in it ({kinds}), or choose another folder.")
    return found


def read_song(audio: Path, root: Path, owner: Path | None = None) -> Song:
    """One song as it lies on disk now; what is wrong with it becomes `problems`, never an exception.

    Args:
        audio: a file below `root`.
        root: the dataset.
        owner: another file of the same stem, which owns their sidecar; None where there is no other.
    """
    found: list[str] = []
    duration, events = None, []
    try:
        duration = audio_info(audio).duration
    except AudioError as problem:
        found.append(str(problem))
    if owner is not None:
        found.append(
            f"`{audio.name}` and `{owner.name}` would share one sidecar, which belongs to `{owner.name}`. "
            "Rename one of them."
        )
    else:
        try:
            sidecar = read_sidecar(audio)
            events = sidecar.events
            found += sidecar.problems(duration)
        except SidecarError as problem:
            found.append(str(problem))
    name = audio.relative_to(root).as_posix()
    return Song(audio, name, sidecar_path(audio), found, duration, events, owner)


def add_songs(root: Path, files: Iterable[Path]) -> tuple[list[str], list[str]]:
    """Copy songs into a dataset, which is made where it is missing. A name that is taken gets a number.

    Args:
        root: the dataset.
        files: audio, or zip archives of audio and sidecars; of a folder with songs its songs are meant.

    Returns:
        names of the songs added (or there already, with the same content), and a sentence for each file refused.

    Raises:
        DatasetError: the disk refuses.
    """
    added: list[str] = []
    refused: list[str] = []
    for file in files:
        try:
            if file.suffix.lower() == ".zip":
                with unpacked(file, root) as folder:
                    _add_folder(folder, root, added, refused)
            elif file.is_dir():
                _add_folder(file, root, added, refused)
            else:
                added.append(_add_song(file, root))
        except (AudioError, ArchiveError) as problem:
            refused.append(str(problem))
    return added, refused


def _add_song(file: Path, root: Path) -> str:
    audio_info(file)  # raises where it is no audio
    try:
        return _copy_in(file, root)
    except OSError as problem:
        raise DatasetError(
            f"`{file.name}` could not be copied to {root}: {problem.strerror or problem}. Make room there, or give "
            "write access, and add it again."
        ) from problem


def _add_folder(folder: Path, root: Path, added: list[str], refused: list[str]) -> None:
    """Songs with the sidecars that lie beside them. What is annotated already stays as it is."""
    for song in songs_in(folder):
        try:
            name = _add_song(song, root)
        except AudioError as problem:
            refused.append(str(problem))
            continue
        added.append(name)
        beside, target = sidecar_path(song), sidecar_path(root / name)
        if not beside.is_file():
            continue
        if target.exists():
            if target.read_bytes() != beside.read_bytes():
                refused.append(f"`{name}` is annotated already: what came with it was left out.")
            continue
        try:
            save_sidecar(replace(read_sidecar(song), path=target, version=None))
        except SidecarError as problem:
            refused.append(str(problem))


def _copy_in(file: Path, root: Path) -> str:
    root.mkdir(parents=True, exist_ok=True)
    content = content_hash(file)
    number = 1
    target = root / file.name
    while target.exists() or _stem_taken(target):
        if target.exists() and content_hash(target) == content:
            return target.name
        number += 1
        target = root / f"{file.stem}-{number}{file.suffix}"
    partial = target.with_name(f".{target.name}.tmp")
    try:
        shutil.copyfile(file, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return target.name


def _stem_taken(target: Path) -> bool:
    """Whether another song would share its sidecar."""
    return any(target.with_suffix(suffix).exists() for suffix in AUDIO_SUFFIXES)
