"""Change one part of the song on the player: which part, what becomes of it, and how. A piece of the generation tab."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.page_errors import page_error
from generation import takes_panel
from generation.candidates import judged
from generation.editing import (
    Edit,
    continued,
    lengthened,
    made_again,
    removed,
    repeated,
    shortened,
    swapped,
)
from generation.history import Take, tidy
from generation.jobs import NO_ADAPTER
from generation.remaking import remade_job
from generation.reworking import read_source, rework_song
from generation.service import generate_song, output_folder
from generation.takes_panel import TakesPanel
from generation.warm import Cancelled, DeviceGate
from structure.errors import StudioError
from structure.events import Event, sections
from structure.language import parse_structure
from structure.prompt.fields import split_description
from structure.sidecar import read_sidecar
from structure.tempo import Tempo, read_meter

AGAIN, LONGER, SHORTER = "Make it again", "Longer by", "Shorter by"
TWICE, SWAP, OUT, ON = "Twice", "Swap with the next", "Take it out", "Go on after the end with"
NO_EVENTS, NO_ADAPTERS = "The whole song without times", "The whole song without adapter"
WAYS = [AGAIN, LONGER, SHORTER, TWICE, SWAP, OUT, ON, NO_EVENTS, NO_ADAPTERS]
HOW = {
    AGAIN: 'as it is, or: bridge "strings only" intensity=0.4',
    LONGER: "8s, or 4 bars",
    SHORTER: "8s, or 4 bars",
    ON: "chorus 8s, outro 4s",
}


@dataclass(frozen=True)
class ReworkPanel:
    """The components of one line under the player."""

    way: gr.Dropdown
    how: gr.Textbox
    button: gr.Button


def lay_out(part: gr.Dropdown) -> ReworkPanel:
    """One line, which begins with the chooser of a part."""
    with gr.Row(equal_height=False):
        part.render()
        way = gr.Dropdown(WAYS, value=AGAIN, label="Change it", min_width=150, filterable=False)
        how = gr.Textbox("", label="How", placeholder=HOW[AGAIN], min_width=200, scale=2)
        button = gr.Button("Change this part", size="sm", min_width=130, elem_classes="sst-beside-field")
    return ReworkPanel(way, how, button)


def wire(
    panel: ReworkPanel,
    takes: TakesPanel,
    seed: gr.Number,
    status: gr.Markdown,
    stops: dict[str, threading.Event],
    begin: Callable[..., str],
    local: bool,
    **settings: Any,
) -> None:
    """Let the line change the song that is on the player.

    Args:
        seed: of what is made anew.
        status: where progress and result are told.
        stops: by browser session, what stops its work.
        begin: notes that the visitor may stop from now on.
        local: songs of earlier visits may be changed too.
        settings: `model`, `gate` and `reference`, as the tab has them.
    """
    hidden = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}

    def change(
        part: int | None,
        way: str,
        how: str,
        seed: int | None,
        shown: tuple,
        visit: list[str],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands the bar over
    ) -> Iterator[tuple[Any, ...]]:
        stopped = stops.setdefault(request.session_hash, threading.Event())
        try:
            take = takes_panel.allowed(shown[0] or "", visit, local)
            progress(0, desc="Loading the model")
            make = (
                partial(without, take, way)
                if way in (NO_EVENTS, NO_ADAPTERS)
                else partial(changed, take, edit_for(take, way, part or 0, how or ""), seed or 0)
            )
            made = make(
                on_step=lambda done, total: progress((done, total), desc="Making the part"),
                on_wait=lambda why: progress(0, desc=why),
                cancelled=stopped.is_set,
                **settings,
            )
            names = [*visit, made.name]
            tidy(output_folder(), [*names, take.name])
            said = f"{way}: done, {take.name} is as it was. Press X to switch between the two."
            yield *takes_panel.opened(made.name, take.name, names, local, hear_other=False), names, said
        except Cancelled:
            yield *(gr.skip() for _ in range(takes_panel.N_OPENED)), visit, "Stopped. Nothing was written."
        except StudioError as problem:
            raise page_error(problem) from problem
        finally:
            stops.pop(request.session_hash, None)

    panel.way.input(
        lambda way: gr.update(placeholder=HOW.get(way, ""), interactive=way in HOW), panel.way, panel.how, **hidden
    )
    panel.button.click(begin, None, status, **hidden).then(
        change,
        [takes.part, panel.way, panel.how, seed, takes.shown, takes.visit],
        [*takes.outputs(), takes.visit, status],
        api_visibility="private",
        concurrency_id=takes_panel.DEVICE,
        concurrency_limit=1,
        show_progress_on=status,
    )


def edit_for(take: Take, way: str, place: int, how: str) -> Edit:
    """The edit that is asked for.

    Args:
        take: the song.
        way: one of `WAYS`.
        place: of the section, from 0.
        how: a description, a length or a structure, as the way needs it.

    Raises:
        StudioError: it cannot be done, or `how` cannot be meant.
    """
    events, duration, how = take.events, take.duration, how.strip()
    if way == AGAIN:
        return made_again(_described(events, place, how), duration, place)
    if way in (LONGER, SHORTER):
        edit = lengthened if way == LONGER else shortened
        return edit(events, duration, place, _seconds(take, how))
    if way == ON:
        return continued(events, duration, parse_structure(how, None, _tempo(take)))
    try:
        return {TWICE: repeated, SWAP: swapped, OUT: removed}[way](events, duration, place)
    except KeyError:
        raise StudioError(f"`{way[:40]}` is nothing that can be done. Choose {', '.join(WAYS)}.") from None


def changed(
    take: Take,
    edit: Edit,
    seed: int,
    reference: Callable[[], Path] | None = None,
    gate: DeviceGate | None = None,
    **settings: Any,
) -> Take:
    """A new take with one part changed, listened to where there is a judge.

    Args:
        take: stays as it is.
        edit: as `edit_for` gives it.
        seed: of what is made anew; the take's own would only make the same again, so the next one is taken then.
        reference, gate, settings: as for `make_candidates`.

    Raises:
        StudioError: as `rework_song`.
        Cancelled: somebody stopped it.
    """
    job, _ = remade_job(read_sidecar(take.audio), exactly=False)
    job = job.model_copy(update={"seed": seed if seed != job.seed else seed + 1})
    song = rework_song(read_source(take.audio), edit, job, gate=gate, **settings)
    return judged(song, reference).take


def without(take: Take, way: str, reference: Callable[[], Path] | None = None, **settings: Any) -> Take:
    """The same song, same seed, without times or without any adapter: to hear what they do.

    Raises:
        StudioError: as `generate_song`.
        Cancelled: somebody stopped it.
    """
    job, _ = remade_job(read_sidecar(take.audio), exactly=False)
    less = {"use_events": False} if way == NO_EVENTS else {"adapter": NO_ADAPTER, "beside": ()}
    return judged(generate_song(job.model_copy(update=less), **settings), reference).take


def _described(events: Sequence[Event], place: int, how: str) -> list[Event]:
    """The events with one section called and described anew; a description without a name keeps the old one."""
    parts = sections(events)
    if not how or not 0 <= place < len(parts):
        return list(events)
    old = parts[place]
    named = how if not how.startswith(('"', "“", "(")) else f"{old.name} {how}"
    kind, fields = split_description(named)
    new = Event.model_validate({"type": kind, "start": old.start, "end": old.end, **fields})
    return [new if event is old else event for event in events]


def _seconds(take: Take, how: str) -> float:
    """The length that `how` says."""
    if not how:
        raise StudioError("Say by how much, such as `8s` or `4 bars`.")
    return parse_structure(f"section {how}", None, _tempo(take))[0].duration


def _tempo(take: Take) -> Tempo | None:
    sidecar = read_sidecar(take.audio)
    bpm = sidecar.get("bpm")
    return (
        Tempo(float(bpm), read_meter(str(sidecar.get("timesignature") or "4")))
        if isinstance(bpm, int | float)
        else None
    )
