"""Convert one annotation file into another, or into a sidecar of which all else is kept."""

import codecs
import contextlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotate.audio import AUDIO_SUFFIXES, audio_info
from annotate.formats.annotation import Annotation, Asked, Format, FormatError, carried, lost
from annotate.formats.json_text import json_object
from annotate.formats.machine import EXTRAS, SIDECAR
from annotate.formats.registry import format_for, read_annotation
from structure.errors import StudioError
from structure.events import problems, replace_sections
from structure.files import keep_backup, sync_folder, unfinished, write_durably
from structure.json_reading import number
from structure.sidecar import SIDECAR_FIELDS, read_sidecar, save_sidecar, with_events, with_fields

LARGEST = 64_000_000  # bytes; an annotation of one song has thousands


@dataclass(frozen=True)
class Converted:
    """What was done, and a sentence on each thing that was left out."""

    summary: str
    notes: list[str] = field(default_factory=list)


def convert(
    source: Path,
    target: Path,
    source_format: str | None = None,
    target_format: str | None = None,
    layer: str | None = None,
) -> Converted:
    """Read one annotation file and write another.

    Args:
        source: file in any known format.
        target: `.json` is a sidecar, new or existing: its sections are replaced, its moments and all else kept. Any
            other is written anew. The version before stays beside it as `.bak`.
        source_format: name of the source's format; None to find it.
        target_format: name of the target's; None for the one of its extension.
        layer: which of several layers to read.

    Raises:
        StudioError: one of the two cannot be read or written; then the target is as it was.
    """
    form = format_for(target, target_format)
    text = read_text(source)
    duration = _known_duration(source, target, form)
    try:
        annotation = read_annotation(text, source.suffix, Asked(duration, layer), source_format)
        if wrong := problems(annotation.events):
            raise FormatError(wrong[0])
    except StudioError as problem:
        raise FormatError(f"`{source}`: {problem}") from problem
    if form is SIDECAR:
        return Converted(_into_sidecar(annotation, target), annotation.notes)
    return _into_file(annotation, target, form, duration, source.stem)


def audio_beside(path: Path) -> Path | None:
    """The song of a sidecar or annotation file: audio of the same name in the same folder."""
    siblings = (path.with_suffix(suffix) for suffix in AUDIO_SUFFIXES)
    return next((audio for audio in siblings if os.path.isfile(audio)), None)


def decode(content: bytes) -> str:
    """A text file's content with `\\n` line ends: UTF-8 or UTF-16 where its mark says so, else Windows' Latin-1.

    Raises:
        FormatError: it holds NUL bytes, so it is no text.
    """
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise FormatError("it is no text. Export the annotation as a text file, in UTF-8")


def read_text(path: Path) -> str:
    """An annotation file's text.

    Raises:
        FormatError: it cannot be read, is no text, or is larger than an annotation can be.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise FormatError(f"it has more than {LARGEST // 1_000_000} MB, too much for one song's annotation")
        return decode(content)
    except (OSError, FormatError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise FormatError(f"`{path}` cannot be read: {reason}.") from problem


def _known_duration(source: Path, target: Path, form: Format) -> float | None:
    """Length of the song in seconds: the audio beside either file knows best, then the sidecar to be filled."""
    audio = audio_beside(target) or audio_beside(source)
    if audio:
        return audio_info(audio).duration
    return number(read_sidecar(target).get("duration")) if form is SIDECAR else None


def _into_sidecar(annotation: Annotation, path: Path) -> str:
    before = read_sidecar(path)
    filled = with_events(before, replace_sections(before.events, annotation.events))
    fresh = {key: value for key, value in annotation.extras.items() if not before.get(key)}
    saved = save_sidecar(with_fields(filled, **fresh))
    also = f", {', '.join(fresh)}" if fresh else ""
    return f"{path}: {len(saved.events)} events{also}"


def _into_file(annotation: Annotation, path: Path, form: Format, duration: float | None, title: str) -> Converted:
    events = carried(form, annotation.events)
    if not events:
        raise FormatError(f"`{path}`: {form.title} holds sections, and there is none to write.")
    _refuse_to_lose(path, form)
    whole = replace(
        annotation,
        events=events,
        duration=duration if duration is not None else annotation.duration,
        title=annotation.title or title,
    )
    assert form.write is not None  # only the sidecar is not written
    _write(path, form.write(whole).encode("utf-8", errors="replace"))
    missing = lost(form, annotation.events)
    return Converted(f"{path}: {len(events)} events", [*annotation.notes, *([missing] if missing else [])])


def _refuse_to_lose(path: Path, form: Format) -> None:
    """A JSON file that holds more than this format is somebody's sidecar, whatever `--to` says."""
    if path.suffix.lower() != ".json" or not path.exists():
        return
    with contextlib.suppress(FormatError):
        data = json_object(read_text(path))
        more = [key for key in ("events", *SIDECAR_FIELDS) if key in data and key not in EXTRAS]
        if form.recognise(read_text(path)) and not more:
            return
    raise FormatError(
        f"`{path}` is there already and holds more than {form.title} does. Choose another name, or leave --to out to "
        "put the sections into it."
    )


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; the version before stays as `.bak`.

    Raises:
        FormatError: the disk refuses.
    """
    target = path.resolve()  # a link stays a link
    temporary = unfinished(target)
    try:
        write_durably(temporary, content, like=target)
        keep_backup(target)
        os.replace(temporary, target)
        sync_folder(target.parent)
    except OSError as problem:
        raise FormatError(
            f"`{path}` could not be written: {problem.strerror or problem}. Make room there, or give write access."
        ) from problem
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
