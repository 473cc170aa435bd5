"""Songs from a zip archive: looked at before a byte is written, unpacked beside the dataset, moved in at the end."""

import shutil
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from annotate.audio import AUDIO_SUFFIXES
from structure.errors import StudioError
from structure.files import unfinished

MOST_FILES = 2_000
MOST_BYTES = 20 * 1024**3  # unpacked
MOST_OF_ONE = 2 * 1024**3
SWOLLEN = 200  # times larger unpacked than packed: no music is that, a bomb is
_BESIDE = (".json", ".txt", ".lrc")  # what belongs to a song and is no sound
_BLOCK = 1024 * 1024


class ArchiveError(StudioError):
    """An archive that cannot be taken; nothing of it was kept."""


def look_at(archive: Path) -> list[zipfile.ZipInfo]:
    """The songs of an archive and what lies beside them; other files are passed over.

    Raises:
        ArchiveError: it is no zip, is encrypted, names a place outside, holds a link, too much, or nothing.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            entries = [entry for entry in zipped.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError) as problem:
        raise ArchiveError(f"`{archive.name}` is no zip archive that can be read. Pack it again.") from problem
    if len(entries) > MOST_FILES:
        raise ArchiveError(f"`{archive.name}` holds {len(entries)} files; {MOST_FILES} are taken at once. Divide it.")
    taken = [entry for entry in entries if _is_wanted(entry.filename)]
    for entry in taken:
        _refuse(archive, entry)
    if sum(entry.file_size for entry in taken) > MOST_BYTES:
        raise ArchiveError(f"`{archive.name}` unpacks to more than {MOST_BYTES >> 30} GB. Divide it.")
    twice = [name for name, count in Counter(entry.filename.lower() for entry in taken).items() if count > 1]
    if twice:
        raise ArchiveError(f"`{archive.name}` holds `{twice[0]}` twice. Rename one of the two.")
    if not any(PurePosixPath(entry.filename).suffix.lower() in AUDIO_SUFFIXES for entry in taken):
        raise ArchiveError(f"`{archive.name}` holds no audio. Known are {', '.join(sorted(AUDIO_SUFFIXES))}.")
    return taken


@contextmanager
def unpacked(archive: Path, beside: Path) -> Iterator[Path]:
    """A folder with the archive's songs, in the folder where `beside` is, gone at the end.

    Raises:
        ArchiveError: see `look_at`; or an entry is spoilt, or larger than it says; or the disk refuses.
    """
    entries = look_at(archive)
    folder = unfinished(beside)
    try:
        folder.mkdir(parents=True)
        with zipfile.ZipFile(archive) as zipped:
            for entry in entries:
                _unpack(zipped, entry, folder / entry.filename)
        yield folder
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as problem:
        raise ArchiveError(f"`{archive.name}` is spoilt or packed in an unknown way. Pack it again.") from problem
    except OSError as problem:
        raise ArchiveError(f"`{archive.name}` could not be unpacked: {problem.strerror or problem}.") from problem
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def songs_in(folder: Path) -> Sequence[Path]:
    """Audio files of an unpacked archive, by name."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in AUDIO_SUFFIXES)


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any((part.startswith(".") and part not in (".", "..")) or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in (*AUDIO_SUFFIXES, *_BESIDE)


def _refuse(archive: Path, entry: zipfile.ZipInfo) -> None:
    name, path = entry.filename, PurePosixPath(entry.filename)
    what = f"`{archive.name}`: `{name[:80]}`"
    strange = "\\" in name or ":" in name or any(ord(c) < 32 for c in name)
    if path.is_absolute() or ".." in path.parts or strange or len(name) > 1000:
        raise ArchiveError(f"{what} would lie outside of the folder, or has a name that no system takes.")
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise ArchiveError(f"{what} is a link or a device, not a file.")
    if entry.flag_bits & 0x1:
        raise ArchiveError(f"{what} is encrypted. Pack it again without a password.")
    if entry.file_size > MOST_OF_ONE:
        raise ArchiveError(f"{what} is larger than {MOST_OF_ONE >> 30} GB.")
    if entry.file_size > SWOLLEN * max(entry.compress_size, 1) + _BLOCK:
        raise ArchiveError(f"{what} unpacks to {SWOLLEN} times its size: that is no music.")


def _unpack(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """No byte more than the archive announced, whatever the packed data says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with zipped.open(entry) as source, target.open("xb") as file:
        while block := source.read(min(_BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                raise zipfile.BadZipFile("larger than it says")
            file.write(block)
