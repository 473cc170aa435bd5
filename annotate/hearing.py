"""Hear what a model makes of the open song's structure: a chooser, a button, and a second recording on the timeline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.desk import NO_DESK, Desk
from annotate.page_errors import errors_shown
from annotate.timeline import Timeline
from annotate.track import register_track
from structure.errors import StudioError
from structure.markdown import escaped


@dataclass(frozen=True)
class SongMaker:
    """What the page may ask of a model.

    Attributes:
        adapters: those there are: (name, value) of each.
        make: a song from a sidecar's content and an adapter's value; gives the audio file. A `StudioError` is shown.
    """

    adapters: Callable[[], list[tuple[str, str]]]
    make: Callable[[Mapping[str, Any], str], Path]


def hear_it(maker: SongMaker, desk: gr.State, timeline: Timeline) -> None:
    """A chooser, a button, and what came of it: the timeline gets a second recording to switch to."""

    def make(desk: Desk | None, value: dict[str, Any] | None, adapter: str) -> tuple[Any, str]:
        with errors_shown():
            song = (value or {}).get("song")
            if desk is None:
                raise StudioError(NO_DESK)
            made = maker.make(desk.held(song), adapter)
            track = register_track(made)
        said = f"Press X to switch between the song and {escaped(made.name)}."
        return gr.update(other={"song": song, "track": track}), said

    with gr.Row(equal_height=True):
        adapter = gr.Dropdown(maker.adapters(), label="Adapter", scale=3, elem_id="annotate-adapter")
        button = gr.Button("Make a song of it", scale=1, elem_id="annotate-hear")
    said = gr.Markdown("Takes the song's caption, lyrics, tempo and key too.")
    gr.context.Context.root_block.load(
        lambda: gr.update(choices=maker.adapters()), None, adapter, show_progress="hidden", api_visibility="private"
    )
    button.click(make, [desk, timeline, adapter], [timeline, said], api_visibility="private", concurrency_limit=1)
