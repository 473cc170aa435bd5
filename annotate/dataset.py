"""A dataset: a folder of songs, each with a sidecar beside it or none yet."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotate.archive import ArchiveError, unpacked
from annotate.audio import AUDIO_SUFFIXES, AudioError, audio_info, content_hash, readable
from structure.errors import StudioError
from structure.events import Event
from structure.files import sweep, unfinished
from structure.places import writing_folder
from structure.sidecar import SidecarError, read_sidecar, save_sidecar, shared_sidecars, sidecar_path

MOST_FILES = 100_000  # a home directory typed by mistake should be refused, not walked for minutes
UPLOADS = writing_folder("data") / "uploads"
_TEXTS = (".txt", ".caption.txt", ".lyrics.txt")  # words beside a song, which training reads
_BESIDE = (".json", ".txt")  # what belongs to a song and is no sound


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
    return [read_song(root / name, root, owner) for name, owner in find_songs(root).items()]


def find_songs(root: Path) -> dict[str, Path | None]:
    """The names of all songs in a folder, in their order, each with the `owner` of its sidecar if that is another's.

    Raises:
        DatasetError: no such folder, no audio in it, or far too many files.
    """
    names = sorted(_audio_names(root), key=str.lower)
    stems = [os.path.normcase(os.path.splitext(name)[0]) for name in names]
    alike = Counter(stems)
    taken = shared_sidecars(root / name for name, stem in zip(names, stems, strict=True) if alike[stem] > 1)
    return {name: taken.get(root / name) if taken else None for name in names}


def find_audio(root: Path) -> list[Path]:
    """The audio files below a folder, unsorted.

    Raises:
        DatasetError: no such folder, no audio in it, or far too many files.
    """
    return [root / name for name in _audio_names(root)]


def _audio_names(root: Path) -> list[str]:
    """Paths inside a folder, with `/`; what dead processes left half made among them goes."""
    if not root.is_dir():
        raise DatasetError(f"There is no folder `{root}`. Check the spelling, or make it and put songs in it.")
    found: list[str] = []
    seen = 0
    for folder, subfolders, files in os.walk(root):
        sweep(Path(folder), [*subfolders, *files])
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        seen += len(files)
        if seen > MOST_FILES:
            raise DatasetError(f"`{root}` holds more than {MOST_FILES} files. Choose the folder that holds the songs.")
        inside = Path(folder).relative_to(root).as_posix()
        before = "" if inside == "." else f"{inside}/"
        found += [before + name for name in files if name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith(".")]
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
    name = readable(audio.relative_to(root).as_posix())
    return Song(audio, name, sidecar_path(audio), list(map(readable, found)), duration, events, owner)


def add_songs(root: Path, files: Iterable[Path]) -> tuple[list[str], list[str]]:
    """Copy songs into a dataset, which is made where it is missing. Nothing that is there is overwritten.

    A single song whose name is taken gets a number. The songs of a folder or an archive keep their names and folders,
    so that they can be compared with those of another copy, and bring their sidecars and texts. So do single songs that
    come with a sidecar or a text, all of them as if they lay in one folder.

    Args:
        root: the dataset.
        files: audio, zip archives of audio and sidecars, folders of songs, or sidecars and texts of the audio.

    Returns:
        names of the songs added (a single one also where it was there already, with the same content), and a sentence
        for each file that was refused or was there.

    Raises:
        DatasetError: the disk refuses.
    """
    added: list[str] = []
    refused: list[str] = []
    files = list(files)
    if any(file.suffix.lower() in _BESIDE for file in files):
        loose = [file for file in files if file.suffix.lower() != ".zip" and not file.is_dir()]
        files = [file for file in files if file not in loose]
        _add_together(loose, root, added, refused)
    for file in files:
        try:
            if file.suffix.lower() == ".zip":
                with unpacked(file, root) as folder:
                    _add_folder(folder, root, added, refused, os.replace)
            elif file.is_dir():
                _add_folder(file, root, added, refused, _copy)
            else:
                added.append(_add_song(file, root))
        except (AudioError, ArchiveError) as problem:
            refused.append(str(problem))
        except OSError as problem:
            raise DatasetError(
                f"`{file.name}` could not be copied to {root}: {problem.strerror or problem}. Make room there, or "
                "give write access, and add it again."
            ) from problem
    return added, refused


def _add_together(files: Sequence[Path], root: Path, added: list[str], refused: list[str]) -> None:
    """Songs and what is written beside them, which lie in folders of their own after an upload.

    Raises:
        DatasetError: the disk refuses.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = unfinished(root / "adding")
        folder.mkdir()
        try:
            for file in files:
                if (folder / file.name).exists():
                    refused.append(f"`{file.name}` was left out: two files of this name came together.")
                else:
                    shutil.copyfile(file, folder / file.name)
            songs = [path for path in folder.iterdir() if path.name.lower().endswith(AUDIO_SUFFIXES)]
            for path in sorted(folder.iterdir()):
                if path in songs or any(path.name.startswith(f"{song.stem}.") for song in songs):
                    continue
                lonely = path.suffix.lower() in _BESIDE
                refused.append(f"`{path.name}` {'belongs to no song that came with it' if lonely else 'is no audio'}.")
            if songs:
                _add_folder(folder, root, added, refused, os.replace)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as problem:
        raise DatasetError(f"The songs could not be copied to {root}: {problem.strerror or problem}.") from problem


def _add_song(file: Path, root: Path) -> str:
    """Copy one song under a name that is free; the name."""
    audio_info(file)  # raises where it is no audio
    content = content_hash(file)
    number = 1
    target = root / file.name
    while target.exists() or _stem_taken(target):
        if target.exists() and content_hash(target) == content:
            return target.name
        number += 1
        target = root / f"{file.stem}-{number}{file.suffix}"
    _copy(file, target)
    return target.name


def _add_folder(
    folder: Path, root: Path, added: list[str], refused: list[str], bring: Callable[[Path, Path], None]
) -> None:
    """Songs with what lies beside them; `bring` copies or moves a file to a place that is free."""
    try:
        songs = sorted(find_audio(folder))
    except DatasetError as problem:
        refused.append(str(problem))
        return
    for song in songs:
        name = song.relative_to(folder).as_posix()
        target = root / name
        try:
            if _place(song, target, name, bring):
                added.append(name)
            else:
                refused.append(f"`{name}` is there already.")
            _place_words(song, target, name, bring)
        except (AudioError, SidecarError, DatasetError) as problem:
            refused.append(str(problem))


def _place(song: Path, target: Path, name: str, bring: Callable[[Path, Path], None]) -> bool:
    """Put a song where it belongs; False where it is there already.

    Raises:
        AudioError: it is no audio.
        DatasetError: another song has its name, or its sidecar.
    """
    audio_info(song)
    if target.exists():
        if content_hash(target) == content_hash(song):
            return False
        raise DatasetError(f"`{name}` was left out: another song of this name is there. Rename one of them.")
    if _stem_taken(target):
        raise DatasetError(f"`{name}` was left out: it would share its sidecar with a song that is there. Rename it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    bring(song, target)
    return True


def _place_words(song: Path, target: Path, name: str, bring: Callable[[Path, Path], None]) -> None:
    """What is written beside a song, where nothing of the kind is there; a sidecar is read and checked first.

    Raises:
        SidecarError: the sidecar cannot be read, its events are wrong, or another is there.
    """
    for ending in _TEXTS:
        text, place = song.with_suffix(ending), target.with_suffix(ending)
        if os.path.isfile(text) and not os.path.exists(place):  # a name with no room for the ending is none
            bring(text, place)
    brought, there = read_sidecar(song), read_sidecar(target)
    if brought.version is None or brought.data == there.data:
        return
    if there.version is not None:
        raise SidecarError(f"`{name}` is annotated otherwise already, which was kept. `merge` makes one of both.")
    save_sidecar(replace(brought, path=there.path, version=None))


def _copy(file: Path, target: Path) -> None:
    """A whole copy, or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = unfinished(target)
    try:
        shutil.copyfile(file, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _stem_taken(target: Path) -> bool:
    """Whether another song would share its sidecar."""
    return any(os.path.exists(target.with_suffix(suffix)) for suffix in AUDIO_SUFFIXES)
