"""The structure on the page: its text, its timeline, and what one may start from. A piece of the generation tab."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.timeline import Timeline
from generation.composing import (
    Frame,
    Structure,
    fit,
    from_song,
    from_template,
    read_drawn,
    read_frame,
    read_typed,
)
from generation.suggesting import suggest
from generation.template_strip import SuggestionStrip, TemplateStrip, suggestions_html
from generation.templates import NOMINAL, written
from structure.errors import StudioError
from structure.markdown import escaped

SongList = Callable[[], list[tuple[str, Path]]]  # annotated songs: (name for a person, audio file)
Untaught = Callable[[str, Sequence[str]], list[str]]  # of an adapter and types: those that it was never taught

FIRST_STRUCTURE = "intro 0-4, verse 4-12, chorus 12-20"
PLACEHOLDER = "intro 4s, (verse 8s, chorus 8s) x2, outro 4s   or   intro 0-4, verse 4-12   or   verse 8 bars"


@dataclass(frozen=True)
class StructureFields:
    """The components that together say what is asked for."""

    text: gr.Textbox
    drawn: Timeline
    slip: gr.Markdown
    songs: gr.Dropdown
    templates: TemplateStrip
    suggest: gr.Button
    suggested: SuggestionStrip
    written: gr.State  # the text as the page last wrote it: nobody typed that

    def shown(self) -> list[Any]:
        """What a new structure changes."""
        return [self.text, self.drawn, self.slip, self.written]


def lay_out() -> StructureFields:
    """The components, one under another."""
    text = gr.Textbox(FIRST_STRUCTURE, label="Structure", placeholder=PLACEHOLDER, max_lines=6)
    slip = gr.Markdown(visible=False, elem_classes="sst-slip")
    drawn = Timeline(read_typed(FIRST_STRUCTURE, Frame()).on_timeline(), elem_classes="sst-compose")
    templates = TemplateStrip()
    with gr.Row(equal_height=False):
        chooser = gr.Dropdown([], label="Or start from one of your songs", value=None, scale=2)
        suggest = gr.Button("Suggest structures", size="sm", min_width=150, elem_classes="sst-beside-field")
    suggested = SuggestionStrip()
    return StructureFields(text, drawn, slip, chooser, templates, suggest, suggested, gr.State(FIRST_STRUCTURE))


def wire(
    fields: StructureFields,
    frame: Sequence[gr.Textbox | gr.Dropdown],
    fit_button: gr.Button,
    adapter: gr.Dropdown,
    caption: gr.Textbox,
    root: gr.State | None,
    songs: SongList,
    untaught: Untaught,
) -> None:
    """Let text and timeline follow each other.

    Args:
        frame: the fields of length, BPM and meter.
        fit_button: stretches the structure to them.
        adapter: chooses who is asked.
        caption: a word of its genre tells the planner which songs to follow.
        root: holds the folder of annotated songs that the planner learns from too.
        songs: those that one may start from.
        untaught: which types an adapter was never taught.
    """
    hidden = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}

    def typed(text: str, written: str, drawn: dict[str, Any], adapter: str, *frame: str | None) -> tuple[Any, Any, Any]:
        if text == written:
            return gr.skip(), gr.skip(), gr.skip()
        return framed(text, drawn, adapter, *frame)

    def framed(text: str, drawn: dict[str, Any], adapter: str, *frame: str | None) -> tuple[Any, Any, Any]:
        try:
            structure = read_typed(text, read_frame(*frame), drawn)
        except StudioError as problem:
            return gr.skip(), gr.update(value=escaped(str(problem)), visible=True), ""
        return structure.on_timeline(), remark(adapter, structure), ""

    def remark(adapter: str, structure: Structure) -> Any:
        unknown = untaught(adapter, [event.type for event in structure.events])
        said = f"This adapter was never taught {' or '.join(escaped(kind) for kind in unknown)}: expect nothing there."
        return gr.update(value=said if unknown else "", visible=bool(unknown))

    def show(adapter: str, make: Callable[[], Structure]) -> tuple[Any, Any, Any, Any]:
        try:
            structure = make()
        except StudioError as problem:
            return gr.skip(), gr.skip(), gr.update(value=escaped(str(problem)), visible=True), gr.skip()
        return structure.text, structure.on_timeline(), remark(adapter, structure), structure.text

    def redrawn(drawn: dict[str, Any], text: str, adapter: str, *frame: str | None) -> tuple[Any, Any, Any]:
        try:
            structure = read_drawn(drawn, text, read_frame(*frame))
        except StudioError as problem:
            return gr.skip(), gr.update(value=escaped(str(problem)), visible=True), gr.skip()
        return structure.text, remark(adapter, structure), structure.text

    def template(adapter: str, length: str | None, bpm: str | None, meter: str | None, event: gr.EventData) -> Any:
        return show(adapter, lambda: from_template(str(event.template), read_frame(length, bpm, meter)))

    def song(path: str | None, adapter: str, *frame: str | None) -> Any:
        allowed = {str(audio) for _, audio in songs()}
        if path not in allowed:
            gone = gr.update(value="That song is not there any more.", visible=bool(path))
            return gr.skip(), gr.skip(), gone, gr.skip()
        return show(adapter, lambda: from_song(Path(path), read_frame(*frame)))

    def suggested(drawn: dict[str, Any], caption: str, seed: int, *rest: Any) -> tuple[str, int, Any]:
        *frame, folder = rest if root is not None else (*rest, "")
        try:
            asked = read_frame(*frame)
            tempo = asked.tempo or NOMINAL
            found = suggest(
                tempo, asked.duration or drawn["duration"], caption or "", Path(folder) if folder else None, seed=seed
            )
        except StudioError as problem:
            return "", seed, gr.update(value=escaped(str(problem)), visible=True)
        listed = [(s, s.events(tempo)) for s in found]
        shown = [(written(e, asked.tempo), e, f"each choice {s.likelihood:.0%} likely") for s, e in listed]
        return suggestions_html(shown), seed + 1, gr.update(visible=False)

    def taken(adapter: str, length: str | None, bpm: str | None, meter: str | None, event: gr.EventData) -> Any:
        return show(adapter, lambda: read_typed(str(event.template), read_frame(length, bpm, meter)))

    def fitted(text: str, drawn: dict[str, Any], adapter: str, *frame: str | None) -> Any:
        def make() -> Structure:
            asked = read_frame(*frame)
            return fit(Structure(text, read_drawn(drawn, text, Frame()).events, asked))

        return show(adapter, make)

    given = [adapter, *frame]
    # `change`, since Gradio's text fields do not tell of every `input`: not of what is pasted, nor of a cleared field
    fields.text.change(
        typed,
        [fields.text, fields.written, fields.drawn, *given],
        [fields.drawn, fields.slip, fields.written],
        trigger_mode="always_last",
        **hidden,
    )
    gr.on(
        [*(field.change for field in frame), adapter.change],
        framed,
        [fields.text, fields.drawn, *given],
        [fields.drawn, fields.slip, fields.written],
        trigger_mode="always_last",
        **hidden,
    )
    fields.drawn.input(
        redrawn,
        [fields.drawn, fields.text, *given],
        [fields.text, fields.slip, fields.written],
        trigger_mode="always_last",
        **hidden,
    )
    times = gr.State(0)
    inside = [fields.drawn, caption, times, *frame, *([root] if root is not None else [])]
    fields.suggest.click(suggested, inside, [fields.suggested, times, fields.slip], **hidden)
    fields.suggested.select(taken, given, fields.shown(), **hidden)
    fields.templates.select(template, given, fields.shown(), **hidden)
    fields.songs.input(song, [fields.songs, *given], fields.shown(), **hidden)
    fields.songs.focus(
        lambda: gr.update(choices=[(name, str(path)) for name, path in songs()]), None, fields.songs, **hidden
    )
    fit_button.click(fitted, [fields.text, fields.drawn, *given], fields.shown(), **hidden)
