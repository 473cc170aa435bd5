"""Every format, and which of them a file is in.

A format is found by the file's extension and by its content. Where two would fit, both read the file: a reading that
breaks a rule (sections overlap, say) is no reading, and two that agree need no choice. Only where two sound readings
differ must the person say which is meant.
"""

from pathlib import Path

from annotate.formats.annotation import Annotation, Asked, Format, FormatError
from annotate.formats.audacity import AUDACITY
from annotate.formats.jams import JAMS
from annotate.formats.json_text import json_object
from annotate.formats.lists import HARMONIX, ISOPHONICS, SALAMI
from annotate.formats.lrc import LRC
from annotate.formats.machine import AF3, ALLIN1, MUSIC_ANALYSIS, SIDECAR
from annotate.formats.rows import first_line
from annotate.formats.rttm import RTTM
from annotate.formats.tables import CSV, REAPER, SONIC_VISUALISER
from annotate.formats.textgrid import TEXTGRID
from structure.events import problems

FORMATS: tuple[Format, ...] = (
    SIDECAR,
    AUDACITY,
    JAMS,
    SALAMI,
    HARMONIX,
    ISOPHONICS,
    ALLIN1,
    CSV,
    SONIC_VISUALISER,
    REAPER,
    RTTM,
    LRC,
    TEXTGRID,
    MUSIC_ANALYSIS,
    AF3,
)


def format_named(name: str) -> Format:
    """The format that `--from` or `--to` names.

    Raises:
        FormatError: there is none of that name.
    """
    found = next((f for f in FORMATS if f.name == name.strip().lower()), None)
    if found is None:
        raise FormatError(f"There is no format `{name}`. Known are {', '.join(f.name for f in FORMATS)}.")
    return found


def read_annotation(text: str, suffix: str, asked: Asked, name: str | None = None) -> Annotation:
    """What a file says, in the format that is named or found.

    Args:
        text: the file's content, lines ending in `\\n`.
        suffix: the file's extension, with its dot.
        asked: length of the song and layer.
        name: the format's, where the person says it.

    Returns:
        an annotation with at least one event.

    Raises:
        FormatError: no format fits, two fit and differ, or the one that fits finds a slip.
    """
    if not text.strip():
        raise FormatError("The file is empty. Export the annotation once more.")
    if name is not None:
        return _read(format_named(name), text, asked)
    fitting = find_formats(text, suffix)
    if len(fitting) == 1:
        return _read(fitting[0], text, asked)
    readings: list[tuple[Format, Annotation]] = []
    refusals: list[FormatError] = []
    for form in fitting:
        try:
            annotation = _read(form, text, asked)
        except FormatError as problem:
            refusals.append(problem)
            continue
        if not problems(annotation.events, asked.duration):
            readings.append((form, annotation))
    if not readings:
        if refusals:
            raise refusals[0]
        return _read(fitting[0], text, asked)  # none breaks a rule of its format: saving says what is wrong
    if any(annotation.events != readings[0][1].events for _, annotation in readings):
        names = [form.name for form, _ in readings]
        raise FormatError(
            f"This can be read as {_either([form.title for form, _ in readings])}, with different sections. Say which "
            f"it is with {_either([f'--from {n}' for n in names])}."
        )
    return readings[0][1]


def find_formats(text: str, suffix: str) -> list[Format]:
    """Formats that a text may be in: of those with its extension, else of all.

    Raises:
        FormatError: none, and the extension does not say which one was meant.
    """
    by_extension = [f for f in FORMATS if suffix.lower() in f.extensions]
    fitting = [f for f in by_extension if f.recognise(text)] or [f for f in FORMATS if f.recognise(text)]
    if fitting:
        return fitting
    if len(by_extension) == 1:  # its reader says what is wrong
        return by_extension
    if suffix.lower() == ".json":
        json_object(text)
        raise FormatError(
            "This JSON holds no `events` (a sidecar), `segments` (allin1), `music_analysis` or `sections` (Audio "
            "Flamingo). Check that it is the right file."
        )
    known = _either([f.title for f in by_extension or FORMATS if f is not SIDECAR])
    raise FormatError(
        f"Line 1 `{first_line(text)}` does not begin {known}. Say with --from which format it is, to hear what is "
        "wrong with it."
    )


def format_for(target: Path, name: str | None = None) -> Format:
    """The format to write a file in: the one that is named, else the one of its extension; `.json` is a sidecar.

    Raises:
        FormatError: the extension fits no format, several, or another than the one named.
    """
    suffix = target.suffix.lower()
    if name is not None:
        form = format_named(name)
        if suffix not in form.extensions:
            raise FormatError(f"`{target}`: {form.title} is written to {_either(list(form.extensions))}. Rename it.")
        return form
    if suffix in SIDECAR.extensions:
        return SIDECAR
    fitting = [f for f in FORMATS if suffix in f.extensions]
    if not fitting:
        known = sorted({e for f in FORMATS for e in f.extensions})
        raise FormatError(f"`{target}`: no format is written to `{suffix}` files. Known are {', '.join(known)}.")
    if len(fitting) > 1:
        raise FormatError(
            f"`{target}`: {_either([f.title for f in fitting])} may be meant. Say which with "
            f"{_either([f'--to {f.name}' for f in fitting])}."
        )
    return fitting[0]


def _read(form: Format, text: str, asked: Asked) -> Annotation:
    if asked.layer is not None and not form.layered:
        raise FormatError(f"{form.title} holds one layer only. Leave --layer out.")
    annotation = form.read(text, asked)
    if not annotation.events:
        raise FormatError(f"The file, read as {form.title}, holds no sections and no moments.")
    return annotation


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
