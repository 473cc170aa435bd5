"""Song list: name, length, a strip of coloured sections and the state of every song, in a narrow column.

What state a song is in is told by `song_states.js`, since it changes with every edit.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.catalogue import Listed
from annotate.timeline import asset, head_tags, static_paths, vocabulary_data

_HERE = Path(__file__).resolve().parent
_SCRIPTS = ("elements", "song_states", "song_rows", "song_drop", "song_words", "song_list")
_ASSETS = tuple(_HERE / name for name in ("song_list.css", *(f"{script}.js" for script in _SCRIPTS)))


def song_list_value(songs: Iterable[Listed], selected: str | None, whole: bool = True) -> dict[str, Any]:
    """A value for `SongList`: the songs in their order, and which of them is open.

    The songs are JSON in a string: Gradio walks through every part of a value on both sides, which takes it 18 s for
    ten thousand songs, and has nothing to look for in these.

    Args:
        songs: all of the folder, or those that were read anew.
        selected: name of the open song.
        whole: whether these are all songs; else the list keeps the others as it has them.
    """
    return {"songs" if whole else "changed": _rows(songs), "selected": selected}


def songs_read(songs: Iterable[Listed]) -> dict[str, Any]:
    """A value that tells more of songs of which the list has the names alone; no song: there is no more to tell."""
    return {"read": _rows(songs)}


def _rows(songs: Iterable[Listed]) -> str:
    return f"[{','.join(song.row for song in songs)}]"


class SongList(gr.HTML):
    """Value: see `song_list_value`. `.input` fires when the visitor chooses a song; its name is `selected`.

    Where the list has the names alone of some songs, `.expand` fires until `songs_read` has told of all.
    """

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
