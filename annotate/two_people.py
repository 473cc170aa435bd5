"""Two people's annotations on disk: files of one song, or copies of a dataset, compared and merged."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotate.agreement import Agreement, agreement, agreement_text, differences, mean_agreement, merge
from annotate.audio import AUDIO_SUFFIXES
from annotate.dataset import DatasetError
from annotate.desk import count_events
from annotate.formats.annotation import Asked
from annotate.formats.convert import decode
from annotate.formats.registry import read_annotation
from structure.events import Event, sections
from structure.sidecar import read_sidecar, save_sidecar, with_events


@dataclass(frozen=True)
class Compared:
    """What two people agree on, song by song.

    Attributes:
        songs: by name: the agreement, and a sentence for each difference.
    """

    songs: dict[str, tuple[Agreement, list[str]]]

    @property
    def mean(self) -> dict[str, float | None]:
        return mean_agreement([found for found, _ in self.songs.values()])

    def to_dict(self) -> dict[str, Any]:
        songs = {name: {**found.to_dict(), "differences": said} for name, (found, said) in self.songs.items()}
        return {"songs": songs, "mean": self.mean}


def compared(first: Path, second: Path) -> Compared:
    """Compare two files (sidecars, or any format that `annotate.formats` reads), or the sidecars of two folders that
    have the same names.

    Raises:
        StudioError: a file cannot be read or has no sections, or the folders share no annotated song.
    """
    if not (first.is_dir() and second.is_dir()):
        (ours, author), (theirs, other) = read_any(first), read_any(second)
        name = f"{author or first} and {other or second}"
        return Compared({name: (agreement(ours, theirs), differences(ours, theirs))})
    names = [{path.relative_to(folder) for path in folder.rglob("*.json")} for folder in (first, second)]
    found = {}
    for path in sorted(names[0] & names[1]):
        (ours, _), (theirs, _) = read_any(first / path), read_any(second / path)
        if sections(ours) and sections(theirs):
            found[path.as_posix()] = (agreement(ours, theirs), differences(ours, theirs))
    if not found:
        raise DatasetError(f"`{first}` and `{second}` share no annotated song. Copies of a dataset keep their names.")
    return Compared(found)


def compared_text(found: Compared) -> str:
    """The figures of each song, its differences under them, and the mean where there are several."""
    lines = []
    for name, (one, said) in found.songs.items():
        lines += [name, f"  {agreement_text(one.to_dict())}", *(f"  {line}" for line in said)]
    if len(found.songs) > 1:
        lines += [f"mean of {len(found.songs)} songs", f"  {agreement_text(found.mean)}"]
    return "\n".join(lines)


def merge_files(first: Path, second: Path, output: Path) -> tuple[str, list[str]]:
    """Write both annotations as one sidecar: all that the first file says, and of the second what does not collide.

    Args:
        first: whose word counts; what else its sidecar holds is kept.
        second: the other one.
        output: a sidecar that is not there yet, or `first` itself.

    Returns:
        A line that says what was written, and a sentence for each section that was left out.

    Raises:
        StudioError: a file cannot be read, or `output` is another file that is there.
    """
    if output.suffix.lower() != ".json":
        raise DatasetError(f"`{output}`: a merged annotation is a sidecar. Give it the ending .json.")
    itself = output.exists() and first.exists() and output.samefile(first)
    if output.exists() and not itself:
        raise DatasetError(f"`{output}` is there already. Name another file, or A itself.")
    events, left = merge(read_any(first)[0], read_any(second)[0])
    base = read_sidecar(first if first.suffix.lower() == ".json" else output)
    save_sidecar(with_events(replace(base, path=output, version=base.version if itself else None), events))
    return f"{output}: {count_events(events)}", left


def read_any(path: Path) -> tuple[list[Event], str]:
    """Events of a sidecar or an annotation file, and who made them, "" where it does not say.

    Raises:
        StudioError: there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise DatasetError(f"There is no file `{path}`. Check the spelling.")
    suffix = path.suffix.lower()
    if suffix == ".json" or suffix in AUDIO_SUFFIXES:
        sidecar = read_sidecar(path)
        if sidecar.events or suffix != ".json":
            return sidecar.events, str(sidecar.get("annotator", ""))
    return read_annotation(decode(path.read_bytes()), path.suffix, Asked()).events, ""
