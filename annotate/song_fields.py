"""The fields that describe a song beside its events: caption, lyrics, tempo, key, meter, language."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from annotate.desk import EDITED_FIELDS, Desk, OpenSong

LABELS = {
    "caption": "Caption",
    "lyrics": "Lyrics",
    "bpm": "Tempo (BPM)",
    "keyscale": "Key",
    "timesignature": "Beats in a bar",
    "vocal_language": "Language",
}
LANGUAGES = ["en", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "tr", "zh", "unknown"]
METERS = ["2", "3", "4", "6"]


def song_fields() -> dict[str, gr.components.Component]:
    """The fields that describe a song, in the order of `EDITED_FIELDS`."""
    with gr.Row():
        caption = gr.Textbox(
            label=LABELS["caption"], lines=3, placeholder="slow rock, warm guitars, male voice", scale=2
        )
        lyrics = gr.Textbox(label=LABELS["lyrics"], lines=3, max_lines=12, placeholder="[Verse]\n…", scale=3)
    with gr.Row():
        bpm = gr.Number(label=LABELS["bpm"], minimum=0, min_width=110)
        key = gr.Textbox(label=LABELS["keyscale"], placeholder="A minor", min_width=110)
        meter = gr.Dropdown(METERS, label=LABELS["timesignature"], allow_custom_value=True, value=None, min_width=110)
        language = gr.Dropdown(
            LANGUAGES, label=LABELS["vocal_language"], allow_custom_value=True, value=None, min_width=110
        )
    return dict(zip(EDITED_FIELDS, (caption, lyrics, bpm, key, meter, language), strict=True))


def field_updates(desk: Desk, opened: OpenSong, fields: Mapping[str, gr.components.Component]) -> dict[Any, Any]:
    """What the fields show of an open song; the label of one says so where a machine filled it in."""
    name = opened.song.name
    return {
        field: gr.update(
            value=desk.field_value(name, key),
            interactive=not opened.trouble,
            label=LABELS[key] + (", heard by a machine" if key in desk.heard(name) else ""),
        )
        for key, field in fields.items()
    }
