"""Songs from a zip archive: looked at before a byte is written, unpacked in a hidden folder, moved in at the end."""

import lzma
import os
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from annotate.audio import AUDIO_SUFFIXES
from structure.errors import StudioError
from structure.files import unfinished

MOST_FILES = 10_000
MOST_BYTES = 20 * 1024**3  # unpacked
MOST_OF_ONE = 2 * 1024**3
MOST_TEXT = 64 * 1024**2  # of one sidecar
SWOLLEN = 200  # times larger unpacked than packed: no music is that, a bomb is
_BESIDE = (".json", ".txt")  # what belongs to a song and is no sound
_STRANGE = '\\:*?"<>|' if os.name == "nt" else "\\"  # in names; there is no folder in an archive but by "/"
_BLOCK = 1024 * 1024
_SPOILT = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)


class ArchiveError(StudioError):
    """An archive that cannot be taken; nothing of it was kept."""


def look_at(archive: Path) -> list[zipfile.ZipInfo]:
    """The songs of an archive and the sidecars and texts in it; other files are passed over.

    Raises:
        ArchiveError: it is no zip, is encrypted, names a place outside, holds a link, too much, or nothing.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            entries = zipped.infolist()
    except (*_SPOILT, OSError) as problem:
        raise ArchiveError(f"`{archive.name}` is no zip archive that can be read. Pack it again.") from problem
    if len(entries) > MOST_FILES:
        raise ArchiveError(f"`{archive.name}` holds {len(entries)} files; {MOST_FILES} are taken at once. Divide it.")
    for entry in entries:
        _refuse_to_leave(archive, entry)
    taken = [entry for entry in entries if _is_wanted(entry)]
    for entry in taken:
        _refuse(archive, entry)
    total = sum(entry.file_size for entry in taken)
    if total > MOST_BYTES:
        raise ArchiveError(f"`{archive.name}` unpacks to more than {MOST_BYTES >> 30} GB. Divide it.")
    if _is_swollen(total, archive.stat().st_size):  # entries that share their packed bytes are each small enough
        raise ArchiveError(f"`{archive.name}` unpacks to over {SWOLLEN} times its size: that is no music.")
    names = Counter(unicodedata.normalize("NFC", entry.filename).casefold() for entry in taken)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ArchiveError(f"`{archive.name}` holds `{twice[0][:80]}` twice, or once more in capitals. Rename one.")
    if not any(map(_is_audio, taken)):
        raise ArchiveError(f"`{archive.name}` holds no audio. Known are {', '.join(AUDIO_SUFFIXES)}.")
    return taken


@contextmanager
def unpacked(archive: Path, target: Path) -> Iterator[Path]:
    """The folder in which all songs of an archive lie, on the disk of `target`; gone at the end.

    Args:
        archive: a zip file.
        target: folder that the songs are for; need not be there.

    Raises:
        ArchiveError: see `look_at`; or an entry is spoilt, or larger than it says; or the disk refuses.
    """
    entries = look_at(archive)
    # Hidden, so that no scan of the dataset sees it, and inside where that can be: what lies beside may be another
    # disk, or not ours to write to.
    home = next(folder for folder in (target.absolute(), *target.absolute().parents) if folder.is_dir())
    folder = unfinished(home / "import")
    try:
        _unpack_all(archive, entries, folder)
        yield folder / _common_folder(entries)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack_all(archive: Path, entries: Sequence[zipfile.ZipInfo], folder: Path) -> None:
    try:
        if sum(entry.file_size for entry in entries) > shutil.disk_usage(folder.parent).free:
            raise ArchiveError(f"`{archive.name}` does not fit on the disk of {folder.parent}. Make room there.")
        folder.mkdir()
        with zipfile.ZipFile(archive) as zipped:
            for entry in entries:
                _unpack(zipped, entry, folder / entry.filename)
    except ArchiveError:
        raise
    except _SPOILT as problem:
        raise ArchiveError(f"`{archive.name}` is spoilt or packed in an unknown way. Pack it again.") from problem
    except OSError as problem:
        raise ArchiveError(f"`{archive.name}` could not be unpacked: {problem.strerror or problem}.") from problem


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


def _common_folder(entries: Sequence[zipfile.ZipInfo]) -> PurePosixPath:
    """The folder that holds all the songs: an archive of a folder names it before each of them."""
    first, *others = [PurePosixPath(entry.filename).parent for entry in entries if _is_audio(entry)]
    return next(folder for folder in (first, *first.parents) if all(o.is_relative_to(folder) for o in others))


def _is_audio(entry: zipfile.ZipInfo) -> bool:
    return PurePosixPath(entry.filename).suffix.lower() in AUDIO_SUFFIXES


def _is_wanted(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not entry.is_dir() and not hidden and path.suffix.lower() in (*AUDIO_SUFFIXES, *_BESIDE)


def _refuse_to_leave(archive: Path, entry: zipfile.ZipInfo) -> None:
    """An archive that tries this is not taken at all, even where the entry itself would be passed over."""
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    drive = path.parts[:1] and path.parts[0].endswith(":")
    if path.is_absolute() or ".." in path.parts or drive:
        raise ArchiveError(f"`{archive.name}`: `{entry.filename[:80]}` would lie outside of the folder. Do not use it.")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(f"`{archive.name}`: `{entry.filename[:80]}` is a link or a device. Pack the file itself.")


def _refuse(archive: Path, entry: zipfile.ZipInfo) -> None:
    what = f"`{archive.name}`: `{entry.filename[:80]}`"
    if any(c in _STRANGE or ord(c) < 32 for c in entry.filename):
        raise ArchiveError(f"{what} has a name that this system does not take. Rename it.")
    if entry.flag_bits & 0x1:
        raise ArchiveError(f"{what} is encrypted. Pack it again without a password.")
    most = MOST_OF_ONE if _is_audio(entry) else MOST_TEXT
    if entry.file_size > most:
        raise ArchiveError(f"{what} is larger than {most >> 20} MB.")
    if _is_swollen(entry.file_size, entry.compress_size):
        raise ArchiveError(f"{what} unpacks to over {SWOLLEN} times its size: that is no music.")


def _is_swollen(unpacked_bytes: int, packed_bytes: int) -> bool:
    return unpacked_bytes > SWOLLEN * packed_bytes + _BLOCK
