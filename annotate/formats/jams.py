"""JAMS: JSON annotations of music, `data: [{time, duration, value, confidence}]` under a namespace; seconds.

Read are `segment_open`, `segment_salami_function`, `multi_segment` (one layer a level), `segment_tut`,
`segment_salami_upper` and `_lower`, in this order of preference; observations may stand in columns too. Written are
the sections as `segment_open`, since the other namespaces allow only their own words, and the moments as `tag_open`,
marked in its sandbox; a foreign `tag_open` counts only where it names moments.

The reader is our own: the `jams` package brings pandas for what is three fields deep.

Source: github.com/marl/jams, schema of version 0.3.
"""

from collections.abc import Mapping
from typing import Any

from annotate.formats.annotation import Annotation, Asked, Format, FormatError
from annotate.formats.json_text import entries, json_object, recogniser, time_of, write_json
from annotate.formats.labels import is_moment_word, names_nothing, plain_name, read_label
from annotate.formats.layers import choose_layer, numbered
from annotate.formats.rows import Row, events_of
from structure.events import Event, moments, sections
from structure.json_reading import number

_VERSION = "0.3.5"
_MARK = "structure_studio"  # the key of our note in a sandbox
_SEGMENTS = (
    "segment_open",
    "segment_salami_function",
    "multi_segment",
    "segment_tut",
    "segment_salami_upper",
    "segment_salami_lower",
)


def read(text: str, asked: Asked) -> Annotation:
    """Events of one annotation of sections, and of the moments beside it.

    Raises:
        FormatError: not JAMS, an observation without time or label, no such layer, or see `events_of`.
    """
    data = json_object(text)
    found: dict[str, list[Row]] = {}
    on_top: list[Event] = []
    for i, annotation in enumerate(entries(data.get("annotations"), "annotations"), start=1):
        namespace = annotation.get("namespace")
        if namespace == "tag_open":
            on_top += _moments(annotation, f"Annotation {i} (`tag_open`)")
        elif namespace in _SEGMENTS:
            for name, rows in _layers(annotation, str(namespace), f"Annotation {i} (`{namespace}`)").items():
                found[numbered(name, found)] = rows
    about = data.get("file_metadata")
    about = about if isinstance(about, Mapping) else {}
    duration, title = number(about.get("duration")), about.get("title")
    if not found and not on_top:
        raise FormatError(f"No annotation has sections. Read are the namespaces {', '.join(_SEGMENTS)}.")
    order = sorted(found, key=lambda name: _SEGMENTS.index(name.split()[0]))
    rows, notes = choose_layer({name: found[name] for name in order}, asked.layer) if found else ([], [])
    known = asked.duration if asked.duration is not None else duration
    events = events_of(rows, known, moments=False)
    return Annotation(events + on_top, duration, title if isinstance(title, str) else "", notes=notes)


def write(annotation: Annotation) -> str:
    """A whole JAMS file that the reference validator takes."""
    end = max([annotation.duration or 0.0, *(e.end for e in annotation.events)])
    made = [_annotation("segment_open", sections(annotation.events), end)]
    if on_top := moments(annotation.events):
        made.append(_annotation("tag_open", on_top, end) | {"sandbox": {_MARK: "moments"}})
    about = {"title": annotation.title, "artist": "", "release": "", "duration": round(end, 6)}
    metadata = {**about, "identifiers": {}, "jams_version": _VERSION}
    return write_json({"annotations": made, "file_metadata": metadata, "sandbox": {}})


def _annotation(namespace: str, events: list[Event], end: float) -> dict[str, Any]:
    data = [
        {
            "time": round(e.start, 6),
            "duration": round(e.end - e.start, 6),
            "value": plain_name(e),
            "confidence": None,
        }
        for e in events
    ]
    about = {
        "curator": {"name": "", "email": ""},
        "annotator": {},
        "version": "",
        "corpus": "",
        "annotation_tools": "Structure Studio",
        "annotation_rules": "",
        "validation": "",
        "data_source": "",
    }
    return {
        "annotation_metadata": about,
        "namespace": namespace,
        "data": data,
        "sandbox": {},
        "time": 0,
        "duration": round(end, 6),
    }


def _layers(annotation: Mapping[str, Any], namespace: str, where: str) -> dict[str, list[Row]]:
    """Rows by layer: one, but for `multi_segment`, where each level is one, the coarsest first."""
    levels: dict[int, list[Row]] = {}
    for i, observation in enumerate(_observations(annotation, where), start=1):
        place = f"{where}, observation {i}"
        value, level = observation.get("value"), 0
        if namespace == "multi_segment":
            if not isinstance(value, Mapping) or not isinstance(value.get("level"), int):
                raise FormatError(f"{place} has no `label` and `level` as its value.")
            value, level = value.get("label"), value["level"]
        row = _row(observation, value, place)
        if not (row.is_point and names_nothing(row.label)):
            levels.setdefault(level, []).append(row)
    if namespace != "multi_segment":
        return {namespace: levels.get(0, [])}
    return {f"{namespace} {level}": levels[level] for level in sorted(levels)}


def _moments(annotation: Mapping[str, Any], where: str) -> list[Event]:
    sandbox = annotation.get("sandbox")
    ours = isinstance(sandbox, Mapping) and sandbox.get(_MARK) == "moments"
    made = []
    for i, observation in enumerate(_observations(annotation, where), start=1):
        value = observation.get("value")
        if not ours and not (isinstance(value, str) and is_moment_word(read_label(value)[0])):
            continue
        row = _row(observation, value, f"{where}, observation {i}")
        kind, fields = read_label(row.label)
        family = None if is_moment_word(kind) else "moment"
        made.append(Event(type=kind, start=row.start, end=row.end, **fields | {"family": family}))
    return made


def _row(observation: Mapping[str, Any], value: object, where: str) -> Row:
    start, length = time_of(observation, "time", where), time_of(observation, "duration", where)
    if not isinstance(value, str) or not value.strip():
        raise FormatError(f"{where} has no text as its value. Give it a label, such as verse.")
    if start < 0 or length < 0:
        raise FormatError(f"{where} begins at {start} s and lasts {length} s. Neither may be below 0.")
    return Row(where, start, round(start + length, 9), value)


def _observations(annotation: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """An annotation's observations, from a list or from columns."""
    data = annotation.get("data")
    if not isinstance(data, Mapping):
        return entries(data, f"{where[0].lower()}{where[1:].replace('`', '')}, data")
    columns = [data.get(key) for key in ("time", "duration", "value")]
    if not all(isinstance(column, list) for column in columns) or len({len(c) for c in columns}) != 1:  # type: ignore[arg-type]
        raise FormatError(f"{where}: expected columns `time`, `duration` and `value` of one length.")
    return [
        {"time": t, "duration": d, "value": v}
        for t, d, v in zip(*columns, strict=True)  # type: ignore[arg-type]
    ]


JAMS = Format(
    "jams",
    "JAMS",
    (".jams",),
    recogniser(lambda d: isinstance(d.get("annotations"), list) and "file_metadata" in d),
    read,
    write,
    frozenset({"points", "spans", "family"}),
    layered=True,
)
