"""Two people's annotations on disk: files of one song, or copies of a dataset, compared and merged."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from annotate.agreement import Agreement, agreement, agreement_lines, differences, mean_agreement, merge
from annotate.audio import AUDIO_SUFFIXES, audio_info
from annotate.dataset import DatasetError
from annotate.desk import count_events
from annotate.formats.annotation import Asked
from annotate.formats.convert import audio_beside, read_text
from annotate.formats.machine import SIDECAR
from annotate.formats.registry import FORMATS, read_annotation
from structure.errors import StudioError
from structure.events import Event, problems, sections
from structure.sidecar import Sidecar, read_sidecar, save_sidecar, with_events


@dataclass(frozen=True)
class Read:
    """One person's annotation of a song.

    Attributes:
        events: sections and moments, without problems.
        annotator: who made it, as the sidecar's key `annotator` says; "" where nothing does.
        sidecar: what to add to when it is saved. That of another format holds what the format knows beside events.
    """

    events: list[Event]
    annotator: str
    sidecar: Sidecar


@dataclass(frozen=True)
class Pair:
    """Two annotations of a song, compared: figures, a sentence for each difference, and who made them ("": unknown)."""

    agreement: Agreement
    differences: list[str]
    annotators: tuple[str, str]


@dataclass(frozen=True)
class Compared:
    """What two people agree on, song by song.

    Attributes:
        songs: by name.
        left_out: a sentence for each song that could not be compared.
    """

    songs: dict[str, Pair]
    left_out: list[str] = field(default_factory=list)

    @property
    def mean(self) -> dict[str, float | None]:
        return mean_agreement([pair.agreement for pair in self.songs.values()])

    def to_dict(self) -> dict[str, Any]:
        songs = {
            name: {
                **pair.agreement.to_dict(),
                "annotators": [who or None for who in pair.annotators],
                "differences": pair.differences,
            }
            for name, pair in self.songs.items()
        }
        return {"songs": songs, "mean": self.mean, "left_out": self.left_out}


def compared(first: Path, second: Path) -> Compared:
    """Compare two files (sidecars, or any format that `annotate.formats` reads), or the songs that have one name in
    two folders.

    Raises:
        StudioError: a file cannot be read or has no sections, or the folders share no annotated song.
    """
    if first.is_dir() != second.is_dir():
        raise DatasetError(f"Of `{first}` and `{second}` one is a folder. Compare two folders, or two files.")
    if not first.is_dir():
        return Compared({f"{first} and {second}": _pair(first, second)})
    ours, theirs = _annotations_in(first), _annotations_in(second)
    found, left = {}, []
    for name in sorted(ours.keys() & theirs.keys()):
        try:
            found[name] = _pair(ours[name], theirs[name])
        except StudioError as problem:
            left.append(f"`{name}` was left out: {problem}")
    if not found:
        reason = left[0] if left else "Copies of a dataset keep their songs' names."
        raise DatasetError(f"`{first}` and `{second}` share no annotated song. {reason}")
    for mine, other, whose in ((ours, theirs, first), (theirs, ours, second)):
        left += [f"`{name}` is annotated in `{whose}` only." for name in sorted(mine.keys() - other.keys())]
    return Compared(found, left)


def compared_lines(found: Compared) -> Iterator[str]:
    """The figures of each song with its differences under them, and the mean where there are several songs."""
    for name, pair in found.songs.items():
        people = " and ".join(who or "somebody" for who in pair.annotators) if any(pair.annotators) else ""
        yield f"{name} (by {people})" if people else name
        yield from (f"  {line}" for line in agreement_lines(pair.agreement.to_dict()))
        yield from (f"  {line}" for line in pair.differences)
    if len(found.songs) > 1:
        yield f"mean of {len(found.songs)} songs"
        yield from (f"  {line}" for line in agreement_lines(found.mean))


def merge_files(
    first: Path, second: Path, output: Path, prefer_theirs: bool = False, overwrite: bool = False
) -> tuple[str, list[str]]:
    """Write both annotations as one sidecar: all that the first file says, and of the second what does not collide.

    Args:
        first: whose word counts; what else its sidecar holds is kept.
        second: the other one.
        output: a sidecar that is not there yet, or `first` itself.
        prefer_theirs: the second's word counts where they collide.
        overwrite: replace another `output` too; it stays as `.bak`.

    Returns:
        A line that says what was written, and a sentence for each collision.

    Raises:
        StudioError: a file cannot be read, or `output` is another file that is there.
    """
    if output.suffix.lower() != ".json":
        raise DatasetError(f"`{output}`: a merged annotation is a sidecar. Give it the ending .json.")
    mine, theirs = read_any(first), read_any(second)
    held = mine.sidecar.version is not None
    itself = held and output.exists() and output.samefile(mine.sidecar.path)
    if output.exists() and not itself and not overwrite:
        raise DatasetError(f"`{output}` is there already. Name another file, A itself, or give --force.")
    events, left = merge(mine.events, theirs.events, prefer_theirs)
    version = mine.sidecar.version if itself else None
    saved = replace(with_events(mine.sidecar, events), path=output, version=version)
    save_sidecar(saved, overwrite=overwrite and not itself)
    return f"{output}: {count_events(events)}", left


def read_any(path: Path) -> Read:
    """A sidecar, given itself or its audio, or an annotation file of any format.

    Raises:
        StudioError: there is no such file, it cannot be read, or its events are wrong.
    """
    if not path.is_file():
        raise DatasetError(f"There is no file `{path}`. Check the spelling.")
    suffix = path.suffix.lower()
    if suffix in AUDIO_SUFFIXES:
        read = _of_sidecar(read_sidecar(path))
    elif suffix != ".json":
        read = _of_other_format(path, _text(path))
    else:
        read = _of_sidecar(read_sidecar(path))
        text = "" if read.events else _text(path)
        others = (form for form in FORMATS if suffix in form.extensions and form is not SIDECAR)
        if any(form.recognise(text) for form in others):
            read = _of_other_format(path, text)
    if wrong := problems(read.events):
        raise DatasetError(f"`{path}`: {wrong[0]}")
    return read


def _pair(first: Path, second: Path) -> Pair:
    ours, theirs = read_any(first), read_any(second)
    for path, read in ((first, ours), (second, theirs)):
        if not sections(read.events):
            raise DatasetError(f"`{path}` has no sections, so there is nothing to compare.")
    people = (ours.annotator, theirs.annotator)
    names = people if all(people) and people[0] != people[1] else ("A", "B")
    said = differences(ours.events, theirs.events, names)
    return Pair(agreement(ours.events, theirs.events), said, people)


def _annotations_in(folder: Path) -> dict[str, Path]:
    """The annotation of each song, by the song's name without ending: sidecars, or what there is where it has none."""
    suffixes = {suffix for form in FORMATS for suffix in form.extensions}
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.suffix.lower() in suffixes}
    seen = {name: path for name, path in files.items() if not any(part.startswith(".") for part in name.parts)}
    sidecars = {name: path for name, path in seen.items() if name.suffix.lower() == ".json"}
    return {name.with_suffix("").as_posix(): path for name, path in (sidecars or seen).items() if path.is_file()}


def _of_sidecar(sidecar: Sidecar) -> Read:
    who = sidecar.get("annotator")
    return Read(sidecar.events, " ".join(who.split())[:60] if isinstance(who, str) else "", sidecar)


def _of_other_format(path: Path, text: str) -> Read:
    audio = audio_beside(path)  # knows where the last section of a list of boundaries ends
    try:
        found = read_annotation(text, path.suffix, Asked(audio_info(audio).duration if audio else None))
    except StudioError as problem:
        raise DatasetError(f"`{path}`: {problem}") from problem
    return Read(found.events, "", Sidecar(path.with_suffix(".json"), dict(found.extras)))


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except StudioError as problem:
        raise DatasetError(str(problem)) from problem
