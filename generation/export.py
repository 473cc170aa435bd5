"""What leaves the studio of a song made here: the sound with its tags, and its sections for other programs."""

from pathlib import Path

from annotate.audio import SUBTYPES, read_audio, write_audio
from annotate.formats.annotation import Annotation, carried, lost
from annotate.formats.registry import format_named
from generation.history import Take
from generation.service import tags
from structure.errors import StudioError

SOUNDS: tuple[str, ...] = tuple(SUBTYPES)
SECTIONS: dict[str, str] = {
    "Audacity labels": "audacity",
    "JAMS": "jams",
    "LRC, words with their times": "lrc",
    "Reaper regions": "reaper",
}
"""Names for a person, and what the annotation room calls the formats."""


def export_sound(take: Take, form: str, folder: Path) -> Path:
    """The song as WAV, FLAC, MP3 or OGG in `folder`; WAV and FLAC hold its very samples.

    Raises:
        StudioError: another form, or the disk refuses.
    """
    if form not in SOUNDS:
        raise StudioError(f"`{form[:20]}` is no form that songs are written in. Choose {', '.join(SOUNDS)}.")
    if form == "WAV":
        return take.audio
    samples, rate = read_audio(take.audio)
    target = folder / f"{take.name}.{form.lower()}"
    try:
        write_audio(target, samples, rate, tags(take.made, take.caption), form)
    except OSError as problem:
        raise StudioError(f"{target.name}: cannot be written ({problem.strerror or problem}).") from problem
    return target


def export_sections(take: Take, form: str, folder: Path) -> tuple[Path, str]:
    """The song's structure in another program's format, in `folder`, and a sentence on what that cannot carry.

    Raises:
        StudioError: another format, or the disk refuses.
    """
    if form not in SECTIONS:
        raise StudioError(f"`{form[:20]}` is no format that sections are written in. Choose {', '.join(SECTIONS)}.")
    written = format_named(SECTIONS[form])
    target = folder / f"{take.name}{written.extensions[0]}"
    text = written.write(Annotation(carried(written, take.events), take.duration, take.name))
    try:
        target.write_text(text, encoding="utf-8", newline="")
    except OSError as problem:
        raise StudioError(f"{target.name}: cannot be written ({problem.strerror or problem}).") from problem
    return target, lost(written, take.events)
