"""The songs of a run on the page: a player for each, its step and how well it keeps to what was asked.

A `gr.HTML` whose template never changes: `sample_list.js` keeps the players that are there, so that none stops when
another song arrives. What is played are decoded copies in the page's cache, the only folder of audio that it serves.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.audio import AudioError
from annotate.colours import section_colour
from annotate.timeline import register_track, static_paths
from annotate.track import track_audio
from structure.events import Event, sections
from training.runs import Run
from training.sample_files import SampleSong, list_samples, samples_stamp

MOST_SHOWN = 60  # newest songs
_JS = (Path(__file__).resolve().parent / "sample_list.js").read_text(encoding="utf-8")
_TEMPLATE = (
    '<div class="tr-card tr-samples" hidden><p class="tr-facts">'
    "<b>Songs on the way</b> · the same request each time: the strip here as asked, below each song as heard</p>"
    '<div class="tr-sample-asked" title="asked"></div><div class="tr-sample-rows"></div></div>'
)


class SampleList(gr.HTML):
    """Value: see `sample_list_value`."""

    def __init__(self, value: Mapping[str, Any] | None = None, **settings: Any) -> None:
        static_paths()
        super().__init__(
            value=dict(value) if value else None,
            html_template=_TEMPLATE,
            js_on_load=_JS,
            apply_default_css=False,
            **settings,
        )

    def postprocess(self, value: Any) -> dict[str, Any] | None:
        return dict(value) if isinstance(value, Mapping) else None

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "properties": {"songs": {"type": "string"}}}

    def example_payload(self) -> dict[str, Any]:
        return {"songs": "[]"}

    def example_value(self) -> dict[str, Any]:
        return self.example_payload()


def sample_list_stamp(run: Run | None) -> str:
    """Changes when the list has to be sent again; "" where there is nothing to show."""
    stamp = samples_stamp(run.folder) if run else ""
    return f"{stamp} {run.state.best_step}" if run and stamp else ""


def sample_list_value(run: Run | None) -> dict[str, Any]:
    """A value for `SampleList`: the newest songs of a run, JSON in strings, and the step of its best checkpoint."""
    rows, asked = [], []
    for song in list_samples(run.folder)[:MOST_SHOWN] if run else []:
        try:
            track = register_track(song.audio)
        except (AudioError, OSError):  # damaged, or deleted just now
            continue
        asked = asked or _strip(song.asked, song.duration)
        rows.append(_row(f"{run.name}/{song.audio.name}/{track}" if run else "", song, track))
    best = run.state.best_step if run else None
    return {"songs": json.dumps(rows, ensure_ascii=False), "asked": json.dumps(asked, ensure_ascii=False), "best": best}


def _row(key: str, song: SampleSong, track: str) -> dict[str, Any]:
    return {
        "key": key,
        "step": song.step,
        "score": "not judged" if song.score is None else f"{100 * song.score:.0f} %",
        "said": song.said,
        "heard": _strip(song.heard, song.duration),
        "audio": track_audio(track).as_posix(),
    }


def _strip(events: Sequence[Event], duration: float) -> list[tuple[str, float, str]]:
    """Words, seconds and colour of each section, gaps between them without a colour."""
    parts, at = [], 0.0
    for event in sections(events):
        if event.start > at:
            parts.append(("", event.start - at, "transparent"))
        words = f"{event.name} {event.start:g}-{event.end:g} s"
        parts.append((words, event.duration, section_colour(event.type)))
        at = event.end
    if parts and duration > at:
        parts.append(("", duration - at, "transparent"))
    return parts
