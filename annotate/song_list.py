"""Song list: name, length, a strip of coloured sections and the state of every song, in a narrow column."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.dataset import Song
from annotate.timeline import asset, head_tags, static_paths, vocabulary_data

_HERE = Path(__file__).resolve().parent
_ASSETS = (_HERE / "song_list.css", _HERE / "elements.js", _HERE / "song_list.js")


def song_list_value(songs: Iterable[Song], selected: str | None) -> dict[str, Any]:
    """A value for `SongList`: the songs in their order, and which of them is open."""
    rows = [
        {
            "name": song.name,
            "duration": song.duration,
            "state": song.state,
            "problems": song.problems,
            "events": [event.to_dict() for event in song.events],
        }
        for song in songs
    ]
    return {"songs": rows, "selected": selected}


class SongList(gr.HTML):
    """Value: see `song_list_value`. `.input` fires when the visitor chooses a song; its name is `selected`."""

    def __init__(self, value: Mapping[str, Any] | None = None, **settings: Any) -> None:
        static_paths(_ASSETS)
        super().__init__(
            value=dict(value) if value else None,
            html_template=vocabulary_data() + asset("song_list.html"),
            js_on_load="window.StructureSongList.mount({element, trigger, props, watch}); // 'input'",
            head=head_tags(_ASSETS),
            apply_default_css=False,
            **settings,
        )

    def preprocess(self, payload: Any) -> str | None:
        """The chosen song's name; the desk checks that there is such a song."""
        selected = payload.get("selected") if isinstance(payload, Mapping) else None
        return selected if isinstance(selected, str) else None

    def postprocess(self, value: Any) -> dict[str, Any] | None:
        return dict(value) if isinstance(value, Mapping) else None

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "properties": {"selected": {"type": "string"}}}

    def example_payload(self) -> dict[str, Any]:
        return {"selected": "song.wav"}

    def example_value(self) -> dict[str, Any]:
        return self.example_payload()
