"""What was made: the player, what was asked over what was heard, and cards of this and earlier visits.

A piece of the generation tab.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.timeline import Timeline, register_track, timeline_value
from generation.export import SECTIONS, SOUNDS, export_sections, export_sound
from generation.hearing import boundaries, heard_sentence
from generation.history import (
    Take,
    delete_take,
    find_take,
    limit_mb,
    list_takes,
    set_favourite,
    set_limit_mb,
    tidy,
)
from generation.service import output_folder
from generation.take_cards import TakeCards, cards_html, score_text
from structure.errors import StudioError
from structure.events import Event, sections
from structure.markdown import escaped
from structure.sidecar import sidecar_path

DEVICE = "device"  # what makes songs does so one after another
N_OPENED = 9  # what `opened` returns
MOST_CARDS = 60
FORMS = [*SOUNDS, *SECTIONS]
GONE = "That song is not there any more."


@dataclass(frozen=True)
class TakesPanel:
    """The components; `visit` holds the names of the songs of this visit, `shown` those on the player."""

    visit: gr.State
    shown: gr.State
    box: gr.Column
    player: Timeline
    verdict: gr.Markdown
    form: gr.Dropdown
    download: gr.DownloadButton
    sidecar: gr.DownloadButton
    send: gr.Button
    cards: TakeCards
    search: gr.Textbox
    limit: gr.Number
    said: gr.Markdown
    part: gr.Dropdown

    def outputs(self) -> list[Any]:
        """What `opened` fills."""
        return [
            *(self.player, self.download, self.sidecar, self.box, self.verdict, self.cards, self.shown),
            *(self.form, self.part),
        ]


def lay_out(sends: bool = False) -> TakesPanel:
    """Player on top, cards below; the chooser of a part is left for others to place.

    Args:
        sends: whether a song can become one of the dataset.
    """
    visit, shown = gr.State([]), gr.State((None, None))
    part = gr.Dropdown([], label="Part", min_width=130, filterable=False, render=False)
    with gr.Column(visible=False) as box:
        player = Timeline(timeline_value(1.0, []))
        verdict = gr.Markdown(elem_classes="sst-remark", min_height=24)
        with gr.Row(equal_height=False):
            form = gr.Dropdown(FORMS, value="WAV", label="Take home as", min_width=150, filterable=False)
            download = gr.DownloadButton("Download", size="sm", elem_classes="sst-beside-field")
            sidecar = gr.DownloadButton("Download sidecar", size="sm", elem_classes="sst-beside-field")
            send = gr.Button("Send to annotation", size="sm", visible=sends, elem_classes="sst-beside-field")
    with gr.Accordion("Songs made here", open=True):
        with gr.Row():
            search = gr.Textbox(
                label="Search the songs made here",
                show_label=False,
                placeholder="Search: a word of the caption, a part, an adapter, a seed",
                scale=4,
            )
            limit = gr.Number(limit_mb(output_folder()), label="Keep up to (MB)", precision=0, scale=1, min_width=120)
        cards = TakeCards()
        said = gr.Markdown(elem_classes=["sst-remark", "sst-spoken"])
    return TakesPanel(
        visit, shown, box, player, verdict, form, download, sidecar, send, cards, search, limit, said, part
    )


def wire(
    panel: TakesPanel, local: bool, root: gr.State | None = None, send: Callable[[Path, Path], str] | None = None
) -> None:
    """Let cards open, compare, keep and delete songs.

    Args:
        local: songs of earlier visits are shown too.
        root: holds the folder of the dataset that is open.
        send: makes a song one of that folder's and says so; a `StudioError` is shown.
    """
    hidden = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}

    def act(shown: tuple, visit: list[str], search: str, event: gr.EventData) -> tuple[Any, ...]:
        name, what = str(event.take), str(event.act)
        a, b = shown
        same = [gr.skip()] * N_OPENED
        try:
            take = allowed(name, visit, local)
            if what == "favourite":
                set_favourite(take, not take.favourite)
            elif what == "delete":
                delete_take(take)
                a, b = (None if x == name else x for x in (a, b))
                if a is None:
                    return *opened(None, None, visit, local, search), ""
            elif what == "compare" and a and a != name:
                return *opened(a, name, visit, local, search), f"Press X to switch between `{a}` and `{name}`."
            else:
                return *opened(name, None, visit, local, search), ""
        except StudioError as problem:
            return *same, escaped(str(problem))
        same[5:7] = _cards(visit, local, search, a, b), (a, b)
        return *same, ""

    def searched(search: str, shown: tuple, visit: list[str]) -> str:
        return _cards(visit, local, search, *shown)

    def limited(megabytes: float | None, shown: tuple, visit: list[str], search: str) -> tuple[Any, str]:
        try:
            set_limit_mb(output_folder(), megabytes or 0)
            gone = tidy(output_folder(), [name for name in shown if name])
        except StudioError as problem:
            return gr.skip(), escaped(str(problem))
        return _cards(visit, local, search, *shown), f"{len(gone)} songs made room." if gone else ""

    def prepare(form: str, shown: tuple, visit: list[str]) -> tuple[Any, str]:
        if not shown[0]:
            return gr.skip(), ""
        try:
            file, said = exported(allowed(shown[0], visit, local), form)
        except StudioError as problem:
            return gr.update(value=None), escaped(str(problem))
        return gr.update(value=str(file)), said

    panel.form.input(prepare, [panel.form, panel.shown, panel.visit], [panel.download, panel.said], **hidden)
    if send is not None and root is not None:

        def sent(shown: tuple, visit: list[str], folder: str) -> str:
            try:
                if not folder:
                    raise StudioError("Open a folder of songs in Annotate first.")
                return escaped(send(allowed(shown[0] or "", visit, local).audio, Path(folder)))
            except StudioError as problem:
                return escaped(str(problem))

        panel.send.click(sent, [panel.shown, panel.visit, root], panel.said, **hidden)
    panel.cards.select(act, [panel.shown, panel.visit, panel.search], [*panel.outputs(), panel.said], **hidden)
    panel.search.change(
        searched, [panel.search, panel.shown, panel.visit], panel.cards, trigger_mode="always_last", **hidden
    )
    if local:
        panel.limit.submit(
            limited, [panel.limit, panel.shown, panel.visit, panel.search], [panel.cards, panel.said], **hidden
        )
    gr.context.Context.root_block.load(searched, [panel.search, panel.shown, panel.visit], panel.cards, **hidden)


def opened(
    name: str | None, other: str | None, visit: Sequence[str], local: bool, search: str = "", hear_other: bool = True
) -> tuple[Any, ...]:
    """What the panel shows of one song, beside another where one is compared with: values for its `outputs`.

    Args:
        name: of the song; None shows none.
        other: of the one that X switches to.
        visit: names of this visit's songs.
        local: those of earlier visits may be shown too.
        search: words that the cards are chosen by.
        hear_other: begin with the other one.

    Raises:
        StudioError: a song is not there any more.
    """
    cards = _cards(visit, local, search, name, other)
    if name is None:
        return gr.skip(), gr.skip(), gr.skip(), gr.update(visible=False), "", cards, (None, None), gr.skip(), gr.skip()
    take = allowed(name, visit, local)
    value = on_player(take)
    if other is not None:
        beside = register_track(allowed(other, visit, local).audio)
        value = gr.update(value=value, other={"song": take.name, "track": beside, "name": "Other", "hear": hear_other})
    files = str(take.audio), str(sidecar_path(take.audio))
    parts = part_names(take.events)
    chosen = SOUNDS[0], gr.update(choices=parts, value=0 if parts else None)
    return value, *files, gr.update(visible=True), verdict(take), cards, (name, other), *chosen


def exported(take: Take, form: str) -> tuple[Path, str]:
    """A file to take home, and a sentence on what it cannot hold.

    Raises:
        StudioError: it cannot be written.
    """
    folder = Path(tempfile.mkdtemp(prefix="structure-studio-"))
    return export_sections(take, form, folder) if form in SECTIONS else (export_sound(take, form, folder), "")


def on_player(take: Take) -> dict[str, Any]:
    """A take as the timeline shows it: its waveform, what was asked and, where a judge listened, what was heard."""
    return timeline_value(
        take.duration,
        take.events,
        track=register_track(take.audio),
        song=take.name,
        compare=take.heard,
        names=("asked", "heard") if take.heard is not None else None,
    )


def verdict(take: Take) -> str:
    """How well a take keeps to what was asked, in a sentence and boundary by boundary."""
    if take.heard is None or not sections(take.events):
        return ""
    changes = " · ".join(
        f"{'✓' if change.is_hit else '✗'} {escaped(change.into)} at {change.time:g} s: {change.late:+.2f} s"
        for change in boundaries(take.events, take.heard)
    )
    sentence = f"**{score_text(take.score)}** {escaped(heard_sentence(take.events, take.heard))}"
    return f"{sentence}\n\n{changes}" if changes else sentence


def part_names(events: Sequence[Event]) -> list[tuple[str, int]]:
    """Sections as a chooser shows them: (name, place)."""
    return [(f"{n + 1}  {e.name}  {e.start:g}-{e.end:g} s", n) for n, e in enumerate(sections(events))]


def _cards(visit: Sequence[str], local: bool, search: str, shown: str | None, other: str | None) -> str:
    takes = [take for take in list_takes(output_folder(), search or "") if local or take.name in visit]
    return cards_html(takes[:MOST_CARDS], shown, other)


def allowed(name: str, visit: Sequence[str], local: bool) -> Take:
    """A take that this visitor may open.

    Raises:
        StudioError: it is not there, or another visitor's.
    """
    if not local and name not in visit:
        raise StudioError(GONE)
    return find_take(output_folder(), name)
