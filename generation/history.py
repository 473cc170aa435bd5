"""Takes: songs that were made here, each known by its audio and the sidecar beside it.

What a judge heard in a take, its score and whether somebody likes it stand in the sidecar under `generation`. Takes are
kept until the folder outgrows the size that its owner set; the oldest go first, favourites never.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from structure.errors import StudioError
from structure.events import Event, is_readable
from structure.files import backup_path, sweep, write_whole
from structure.json_reading import read_json
from structure.sidecar import read_sidecar, save_sidecar, sidecar_path, with_fields

SETTINGS = "history.json"
DEFAULT_LIMIT_MB = 4000
LEAST_MB, MOST_MB = 10, 1_000_000


@dataclass(frozen=True)
class Take:
    """A song that was made here.

    `made` is the sidecar's `generation`; `heard` are the sections that a judge named, None where nobody listened;
    `score`, 0 to 1, says how well they keep to `events`; `size` is in bytes, audio and sidecar together.
    """

    audio: Path
    events: list[Event]
    duration: float
    caption: str
    made: Mapping[str, Any]
    heard: list[Event] | None
    score: float | None
    favourite: bool
    size: int
    written: int  # ns: tells takes of one second apart

    @property
    def name(self) -> str:
        """The file's name without its ending, by which the page knows it."""
        return self.audio.stem


def list_takes(folder: Path, search: str = "") -> list[Take]:
    """The takes in a folder, newest first.

    Args:
        folder: may not exist yet.
        search: words that must all occur in caption, types of parts, adapter, seed or name.
    """
    found = []
    sweep(folder)
    for sidecar in folder.glob("*.json") if folder.is_dir() else ():
        try:
            stamp = sidecar.stat()
        except OSError:
            continue  # deleted meanwhile
        take = _read(sidecar, stamp.st_mtime_ns, stamp.st_size)
        if take is not None:
            found.append(take)
    wanted = search.lower().split()
    kept = [take for take in found if all(word in _described(take) for word in wanted)]
    return sorted(kept, key=lambda take: (str(take.made.get("made", "")), take.written), reverse=True)


def find_take(folder: Path, name: str) -> Take:
    """The take that the page calls `name`.

    Raises:
        StudioError: it is not there, or it is no name of a take.
    """
    sidecar = folder / f"{name}.json"
    if sidecar.parent != folder or not sidecar.is_file():
        raise StudioError("That song is not there any more: it was deleted, or made room for newer ones.")
    stamp = sidecar.stat()
    take = _read(sidecar, stamp.st_mtime_ns, stamp.st_size)
    if take is None:
        raise StudioError(f"`{name[:60]}` was not made here.")
    return take


def keep_heard(take: Take, heard: Sequence[Event], score: float) -> Take:
    """Note in the sidecar what a judge heard."""
    noted = {"heard": [event.to_dict() for event in heard], "score": round(float(score), 4)}
    return _noted(take, noted)


def set_favourite(take: Take, favourite: bool) -> Take:
    """A favourite is never deleted to make room."""
    return _noted(take, {"favourite": favourite})


def delete_take(take: Take) -> None:
    """Take audio and sidecar off the disk.

    Raises:
        StudioError: the disk refuses.
    """
    try:
        for path in (take.audio, sidecar_path(take.audio), _backup(take.audio)):
            path.unlink(missing_ok=True)
    except OSError as problem:
        raise StudioError(f"{take.audio.name}: cannot be deleted ({problem.strerror or problem}).") from problem


def tidy(folder: Path, keep: Iterable[str] = ()) -> list[str]:
    """Delete the oldest takes until the folder is no larger than its owner set; those named and favourites stay.

    Returns:
        the names of those that went.
    """
    limit, safe, gone = limit_mb(folder) * 1_000_000, set(keep), []
    takes = list_takes(folder)
    total = sum(take.size for take in takes)
    for take in reversed(takes):
        if total <= limit:
            break
        if take.favourite or take.name in safe:
            continue
        delete_take(take)
        total -= take.size
        gone.append(take.name)
    return gone


def limit_mb(folder: Path) -> int:
    """How large the folder may become, in megabytes."""
    try:
        said = read_json(folder / SETTINGS)["limit_mb"]
        return int(min(max(said, LEAST_MB), MOST_MB))
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_LIMIT_MB


def set_limit_mb(folder: Path, megabytes: float) -> None:
    """Say how large the folder may become.

    Raises:
        StudioError: it is no sensible size, or cannot be written.
    """
    if not LEAST_MB <= megabytes <= MOST_MB:
        raise StudioError(f"{megabytes:g} MB: expected {LEAST_MB} to {MOST_MB} megabytes for the songs made here.")
    target = folder / SETTINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(target, f'{{"limit_mb": {int(megabytes)}}}\n'.encode())
    except OSError as problem:
        raise StudioError(f"{target}: cannot be written ({problem.strerror or problem}).") from problem


@lru_cache(maxsize=4096)
def _read(path: Path, _modified: int, size: int) -> Take | None:
    """One take; None for other files and damaged sidecars. Time and size tell one state of the file from another."""
    audio = path.with_suffix(".wav")
    try:
        sidecar = read_sidecar(audio)
        made = sidecar.get("generation")
        if not isinstance(made, Mapping) or not audio.is_file():
            return None
        heard = made.get("heard")
        score = made.get("score")
        return Take(
            audio=audio,
            events=list(sidecar.events),
            duration=float(sidecar.get("duration") or 0),
            caption=str(sidecar.get("caption") or ""),
            made=made,
            heard=[Event.model_validate(e) for e in heard if is_readable(e)] if isinstance(heard, list) else None,
            score=float(score) if isinstance(score, int | float) else None,
            favourite=made.get("favourite") is True,
            size=size + audio.stat().st_size,
            written=audio.stat().st_mtime_ns,
        )
    except (StudioError, OSError, ValueError, TypeError):
        return None


def _noted(take: Take, noted: Mapping[str, Any]) -> Take:
    sidecar = read_sidecar(take.audio)
    save_sidecar(with_fields(sidecar, generation=dict(sidecar.get("generation") or {}) | dict(noted)))
    return find_take(take.audio.parent, take.name)


def _backup(audio: Path) -> Path:
    """The sidecar's version before the last, which saving leaves behind."""
    sidecar = sidecar_path(audio)
    return backup_path(sidecar)


def _described(take: Take) -> str:
    """All that one may search a take by, in lower case."""
    parts = " ".join(event.type for event in take.events)
    adapter = Path(str(take.made.get("adapter") or "none")).name
    return f"{take.caption} {parts} {adapter} seed {take.made.get('seed')} {take.name}".lower()
