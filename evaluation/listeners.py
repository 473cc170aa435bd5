"""Who names the sections of a song: a probe fitted on the dataset, another program's files, or a person's.

All three answer one question, so that a report need not know whom it asks:

    listener.hear(song)          # list[Event], the sections heard
    listener.hear_known(song)    # the same for a song of the reference, by somebody who was not taught on it

A person who listens blind annotates copies without sidecars (`python -m evaluation blind`); which copy is which song
is told by the audio's content, so that nothing in the folder says what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from annotate.audio import AUDIO_SUFFIXES, content_hash
from annotate.formats.annotation import Asked
from annotate.formats.convert import read_text
from annotate.formats.registry import read_annotation
from evaluation.probe import JudgedSong
from evaluation.reference import JudgedFolder
from evaluation.scores import merge_repeats
from evaluation.segments import ScoreError
from evaluation.teaching import teach
from structure.errors import StudioError
from structure.events import Event, clip, sections
from structure.sidecar import sidecar_path


class Listener(Protocol):
    """Whoever names sections.

    Attributes:
        name: for a table, such as `probe` or the folder that holds the files.
        types: the section types that can be named; None where nobody can say.
    """

    name: str
    types: tuple[str, ...] | None

    def hear(self, song: JudgedSong) -> list[Event] | None:
        """The sections heard in a song; None where it was not listened to."""

    def hear_known(self, song: JudgedSong) -> list[Event] | None:
        """The same for a song of the reference, whose annotation the listener must not have learned from."""


class ProbeListener:
    """The judge of `probe.py`, fitted on a reference; its own songs are heard by a judge who was not taught on them.

    Args:
        reference: annotated real songs.

    Raises:
        ProbeError: no judge can be fitted on them, or it is no better than a guess.
    """

    name = "probe"

    def __init__(self, reference: JudgedFolder) -> None:
        self._taught = teach(reference.songs)
        self.probe = self._taught.probe
        self.types: tuple[str, ...] | None = self.probe.types

    def hear(self, song: JudgedSong) -> list[Event]:
        """By the judge, or for a song that it was taught on by the judge that was not."""
        known = self._taught.held_out.get(song.content)
        return self.probe.label_mel(song.mel, song.duration) if known is None else known

    hear_known = hear


@dataclass(frozen=True)
class FileListener:
    """Sections from files, one a song, in any format that `annotate` reads (allin1, SongFormer, JAMS, a sidecar …).

    A file belongs to the song of its stem, or to the song whose very audio lies beside the file.

    Attributes:
        folder: of the files.
    """

    folder: Path
    types: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        return f"files in {self.folder.name}"

    def hear(self, song: JudgedSong) -> list[Event] | None:
        """What the song's file says, cut to the song; None without a file.

        Raises:
            ScoreError: the file cannot be read, or names no section.
        """
        file = self._files.get(song.content) or self._files.get(Path(song.name).stem)
        if file is None:
            return None
        try:
            events = read_annotation(read_text(file), file.suffix, Asked(song.duration, None)).events
        except StudioError as problem:
            raise ScoreError(f"`{file}` cannot be used: {problem}") from problem
        if not (found := merge_repeats(clip(sections(events), song.duration))):
            raise ScoreError(f"`{file}` names no section of {song.name}. Annotate it, or take the file away.")
        return found

    hear_known = hear

    @cached_property
    def _files(self) -> dict[str, Path]:
        """Annotation files by stem and by content of the audio beside them."""
        if not self.folder.is_dir():
            raise ScoreError(f"There is no folder {self.folder} with the sections that were heard.")
        files: dict[str, Path] = {}
        found = sorted(path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        for path in found:
            if path.suffix.lower() in AUDIO_SUFFIXES:
                if sidecar_path(path).exists():
                    files[content_hash(path)] = sidecar_path(path)
            else:
                files.setdefault(path.stem, path)
        if not files:
            raise ScoreError(f"{self.folder} holds no file that says what was heard.")
        return files


def listener_for(reference: JudgedFolder, heard: Path | None = None) -> Listener:
    """The probe, or the files in `heard`.

    Raises:
        ProbeError: no judge can be fitted on the reference, or it is no better than a guess.
    """
    return ProbeListener(reference) if heard is None else FileListener(heard)
