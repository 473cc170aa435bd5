"""Timeline: the one picture of a song's structure, for every tab.

A `gr.HTML` subclass. Its template never changes, so Gradio leaves the DOM to
timeline.js, which draws the waveform with Plotly's own JavaScript and edits
the sections; Python sees the whole value after every edit. All scripts and
the decoded tracks are served from this machine.
"""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import plotly

from annotate.colours import OTHER_COLOUR, SECTION_COLOURS
from annotate.envelope import BUCKETS_PER_SECOND
from annotate.pictures import picture
from annotate.track import CACHE_DIR, is_track, register_track, track_audio, track_envelope, track_reading, why_no_sound
from annotate.written import structure_read, written_structure
from structure.beats import BeatTimes
from structure.errors import StudioError
from structure.events import MOMENT_TYPES, SECTION_TYPES, Event, read_events, sections
from structure.json_reading import parse_json
from structure.lyrics import UNSUNG_TYPES
from structure.plan import frame_plan, plan_columns

__all__ = ["CACHE_DIR", "KEYS", "Timeline", "register_track", "static_paths", "timeline_value"]

KEYS: tuple[str, ...] = (
    "intro",
    "verse",
    "pre-chorus",
    "chorus",
    "bridge",
    "instrumental",
    "solo",
    "breakdown",
    "outro",
)
"""The section types on the digits 1 to 9."""

LONGEST = 4 * 3600.0  # seconds that a browser may ask to see as a frame plan
PLAN_RATE = 25.0  # Hz: ACE-Step 1.5's latents; here it is only a picture
PLAN_COLUMNS = 1000
_PACKED = ("events", "beats")  # of a value, on its way to the browser and back

_HERE = Path(__file__).resolve().parent
_PLOTLY = Path(plotly.__file__).resolve().parent / "package_data" / "plotly.min.js"
_PARTS = (  # in the order in which a browser is to run them
    "timeline.css",
    "elements.js",
    "timeline_model.js",
    "timeline_grid.js",
    "timeline_wave.js",
    "timeline_paint.js",
    "timeline_stretch.js",
    "timeline_sound.js",
    "timeline_twin.js",
    "timeline_clicks.js",
    "timeline_edits.js",
    "timeline_moments.js",
    "timeline_parts.js",
    "timeline_pointer.js",
    "timeline_keys.js",
    "timeline_controls.js",
    "timeline_folds.js",
    "timeline_details.js",
    "timeline_table.js",
    "timeline_pictures.js",
    "timeline_beats.js",
    "timeline_said.js",
    "timeline_unsaved.js",
    "timeline.js",
)
_ASSETS = (_PLOTLY, *(_HERE / name for name in _PARTS))


@cache
def static_paths(assets: tuple[Path, ...] = _ASSETS) -> list[Path]:
    """Let Gradio serve what the timeline needs, and return it: its scripts and styles, Plotly, the decoded tracks.

    The components call this themselves; the cache folder is the only folder of audio that is served.
    """
    paths = [*assets, CACHE_DIR]
    gr.set_static_paths(paths)
    return paths


@cache  # Gradio makes a component anew for each update of it
def head_tags(assets: tuple[Path, ...]) -> str:
    """Tags for `gr.HTML(head=…)`; the hash makes the browser take a new version at once.

    Style sheets come this way too: Gradio would insert a `css_template` anew with every value, and the browser would
    then style the whole page again after each edit.
    """
    tags = []
    for path in assets:
        version = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()[:8]
        address = f"gradio_api/file={html.escape(path.as_posix())}?v={version}"
        style = path.suffix == ".css"
        tags.append(f'<link rel="stylesheet" href="{address}">' if style else f'<script src="{address}"></script>')
    return "".join(tags)


def track_source(track: object) -> dict[str, Any]:
    """For the browser: what to play and draw of a track in the cache.

    Returns:
        `ok`; then `audio` (path to fetch), `duration` in seconds, `rate` in buckets per second and `peaks` (base64 of
        int8 (buckets, 3)), else `error`, a sentence. While a long recording is being read, `share` says how much of it
        is, in place of `audio`, and `peaks` is a sketch.
    """
    reading = track_reading(track)
    if reading and not reading.trouble:
        rows, duration = reading.sketch, reading.duration
        rate, where = len(rows) / duration, {"share": reading.share}
    elif not is_track(track):
        return {"ok": False, "error": why_no_sound(track)}
    else:
        assert isinstance(track, str)
        rows, duration = track_envelope(track)
        rate, where = BUCKETS_PER_SECOND, {"audio": track_audio(track).as_posix()}
    return {
        "ok": True,
        **where,
        "duration": duration,
        "rate": rate,
        "peaks": base64.b64encode(rows.tobytes()).decode("ascii"),
    }


def proposed_parts(track: object) -> dict[str, Any]:
    """For the browser: where a machine hears parts begin in a track of the cache.

    Returns:
        `ok`; then `events`, as a sidecar has them, else `error`, a sentence.
    """
    from annotate.grid import track_beats
    from annotate.proposals import proposal_of

    if not is_track(track):
        return {"ok": False, "error": why_no_sound(track)}
    assert isinstance(track, str)
    try:
        beats = track_beats(track)
    except StudioError as problem:
        return {"ok": False, "error": str(problem)}
    if beats is None:
        return {"ok": False, "error": "No beat can be heard in this song: mark its parts by ear."}
    return {"ok": True, "events": [event.to_dict() for event in proposal_of(beats).events]}


def beat_grid(track: object) -> dict[str, Any]:
    """For the browser: the beats that a machine hears in a track of the cache.

    Returns:
        `ok`; then `times` and `phases` as `annotate.grid.track_grid` has them, else `error`, a sentence.
    """
    from annotate.grid import track_grid

    if not is_track(track):
        return {"ok": False, "error": why_no_sound(track)}
    assert isinstance(track, str)
    try:
        return {"ok": True, **track_grid(track)}
    except (StudioError, OSError) as problem:
        return {"ok": False, "error": str(problem)}


def likely_names(asked: object) -> dict[str, Any]:
    """For the browser: what one part probably is.

    Args:
        asked: `{"track": …, "duration": seconds, "events": […], "start": where the part begins}`.

    Returns:
        `ok`; then `names`, the three likeliest types, each with its probability, and `alike`, where the parts begin
        that sound like it, itself among them; else `error`, a sentence.
    """
    from annotate.grid import track_beats
    from annotate.next_type import likely_types, parts_alike

    try:
        song = check_value(asked)
        parts = sections([Event.model_validate(raw) for raw in song["events"]])
        place = next((i for i, part in enumerate(parts) if part.start == song.get("start")), None)
        if place is None:
            raise StudioError("No part of the song begins there.")
        track = song.get("track")
        beats = track_beats(str(track)) if is_track(track) else None
    except StudioError as problem:
        return {"ok": False, "error": str(problem)}
    alike = parts_alike(beats, parts, place) if beats else [place]
    return {"ok": True, "names": likely_types(parts, place, alike)[:3], "alike": [parts[i].start for i in alike]}


def plan_picture(asked: object) -> dict[str, Any]:
    """For the browser: the frame plan of `{"events": […], "duration": seconds}` as rows of bytes.

    Returns:
        `ok`; then `names` of the rows that hold anything, `columns`, `cells` (base64 of uint8 (rows, columns)) and
        `text`, else `error`, a sentence.
    """
    try:
        song = check_value(asked)
        events = [Event.model_validate(raw) for raw in song["events"]]
    except StudioError as problem:
        return {"ok": False, "error": str(problem)}
    n_frames = max(1, round(min(song["duration"], LONGEST) * PLAN_RATE))
    plan = frame_plan(events, n_frames, PLAN_RATE)  # (frames, channels)
    step = -(-n_frames // PLAN_COLUMNS)
    columns = -(-n_frames // step)
    padded = plan[[min(i, n_frames - 1) for i in range(columns * step)]]
    picture = padded.reshape(columns, step, -1).max(axis=1).T  # (channels, columns): a short crash stays visible
    rows = [i for i in range(len(picture)) if picture[i].any()]
    return {
        "ok": True,
        "names": [plan_columns()[i] for i in rows],
        "columns": columns,
        "cells": base64.b64encode((picture[rows] * 255).astype("uint8").tobytes()).decode("ascii"),
        "text": f"{n_frames} frames at {PLAN_RATE:g} a second. Free parts stay empty: the model is told nothing there.",
    }


def timeline_value(
    duration: float,
    events: list[Event],
    *,
    track: str | None = None,
    song: str = "",
    compare: list[Event] | None = None,
    names: tuple[str, str] | None = None,
    beats: BeatTimes | None = None,
    past: str = "",
    meter: int = 4,
    blind: bool = False,
    types: Sequence[str] | None = None,
    mode: str = "view",
) -> dict[str, Any]:
    """A value for `Timeline`.

    Args:
        duration: seconds.
        events: sections and moments.
        track: from `register_track`; None draws the structure alone.
        song: what to call it; comes back with every edit.
        compare: sections for a second row.
        names: what the two rows are called, such as ("asked", "heard").
        beats: as a person corrected them; None lets the browser ask for those that a machine hears.
        past: what undo goes back to, oldest first, as JSON of `[{"events": …, "beats": …}, …]`; it is not sent back.
        meter: beats in a bar, where a machine counts them.
        blind: a song to be marked without a machine's proposals, unless the person insists.
        types: names that parts are given, the first nine on the digits; None: ours.
        mode: `edit`, `view`, or `compose`: editing a structure that has no song yet.
    """
    return {
        "song": song,
        "track": track,
        "duration": duration,
        "events": [e.to_dict() for e in events],
        "compare": None if compare is None else [e.to_dict() for e in compare],
        "names": names,
        "beats": beats and beats.to_dict(),
        "past": past,
        "meter": meter,
        "blind": blind,
        "types": None if types is None else list(types),
        "mode": mode,
    }


def check_value(value: object) -> dict[str, Any]:
    """A value as it came from a browser, its events sound and inside the song.

    Raises:
        StudioError: it is no timeline's value, or an event is wrong.
    """
    if not isinstance(value, Mapping):
        raise StudioError("A timeline's value is an object with `duration` and `events`.")
    duration, events = value.get("duration"), value.get("events", [])
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 <= duration < float("inf"):
        raise StudioError(f"`duration` is {duration!r}. Give the song's length in seconds.")
    if not isinstance(events, list):
        raise StudioError('`events` is not a list. Write [{"type": "verse", "start": 0, "end": 8}, …].')
    read_events(events, duration or None)
    return {**value, "duration": float(duration), "events": events}


@cache
def asset(name: str) -> str:
    """The text of a file beside this one."""
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def vocabulary_data() -> str:
    """Types, digits and colours as a hidden element that the scripts read.

    It is part of a template, so it must hold neither `${` nor two opening braces in a row: JSON is spread over lines.
    """
    vocabulary = {
        "types": list(SECTION_TYPES),
        "keys": list(KEYS),
        "moments": list(MOMENT_TYPES),
        "sections": dict(SECTION_COLOURS),
        "other": OTHER_COLOUR,
        "unsung": list(UNSUNG_TYPES),
    }
    return f'<div class="sst-data" hidden>{html.escape(json.dumps(vocabulary, indent=0), quote=False)}</div>'


def _unpacked(key: str, part: Any) -> Any:
    """A part of a value, whether it came packed, from a browser, or plain, from somebody's program."""
    if key not in _PACKED or not isinstance(part, str):
        return part
    try:
        return parse_json(part)
    except ValueError:
        return part  # which `check_value` refuses


class Timeline(gr.HTML):
    """Waveform with sections, moments, play head; edited in mode `edit`, looked at and played in mode `view`.

    Value: see `timeline_value`, and `rev`, which counts the person's edits. `.input` fires on each edit; give it
    `trigger_mode="always_last"` and `show_progress="hidden"`. `.focus` fires when a person comes back to the page. What
    a handler has saved it reports with `gr.update(status={"song": …, "rev": …, "text": …, "kind": "ok" | "error"})`,
    which leaves newer edits alone; `kept` says that an edit which was refused is kept elsewhere; with `problems`,
    sentences, the song list learns what is still wrong. `gr.update(other={"song": …, "track": …})` gives a song another
    recording of the same structure, which the visitor switches to and back from while it plays.
    """

    def __init__(
        self,
        value: Mapping[str, Any] | None = None,
        *,
        status: Mapping[str, Any] | None = None,
        other: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        static_paths()
        super().__init__(
            value=dict(value) if value else None,
            html_template=vocabulary_data() + asset("timeline.html"),
            js_on_load="window.StructureTimeline.mount({element, trigger, props, server, watch}); // 'input', 'focus'",
            head=head_tags(_ASSETS),
            server_functions=[
                track_source,
                plan_picture,
                beat_grid,
                proposed_parts,
                likely_names,
                written_structure,
                structure_read,
                picture,
            ],
            apply_default_css=False,
            status=status,
            other=other,
            **settings,
        )

    def preprocess(self, payload: Any) -> dict[str, Any] | None:
        """The value as the browser has it; a tab checks it with `check_value` where it uses the events."""
        return {key: _unpacked(key, part) for key, part in payload.items()} if isinstance(payload, Mapping) else None

    def postprocess(self, value: Any) -> dict[str, Any] | None:
        """The value with events and beats as JSON in strings, which Gradio does not walk through on both sides."""
        if not isinstance(value, Mapping):
            return None
        return {key: json.dumps(part) if key in _PACKED and part else part for key, part in value.items()}

    def api_info(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "song": {"type": "string"},
                "track": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "duration": {"type": "number"},
                "events": {"type": "array", "items": {"type": "object"}},
            },
            "required": ["duration", "events"],
        }

    def example_payload(self) -> dict[str, Any]:
        return {"duration": 20.0, "events": [{"type": "intro", "start": 0.0, "end": 8.0}]}

    def example_value(self) -> dict[str, Any]:
        return self.example_payload()
