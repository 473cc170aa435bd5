"""Generation tab: layout and wiring. `jobs.py` checks what is asked, `service.py` makes the song."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.timeline import Timeline, register_track, timeline_value
from generation.hearing import listen
from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER, make_job
from generation.service import Cancelled, DeviceGate, Song, adapter_folder, generate_song
from generation.template_strip import TemplateStrip
from generation.templates import TEMPLATES
from structure.errors import StudioError
from structure.events import Event
from structure.language import format_structure, parse_structure
from structure.sidecar import read_sidecar

AdapterList = Callable[[], list[tuple[str, str]]]  # (name for a person, folder), newest first
Made = tuple[str, str, str]  # name for a person, WAV, sidecar

FIRST_STRUCTURE = TEMPLATES["Short song"]
FIRST_CAPTION = "An upbeat indie pop song with drums, bass, guitar and a bright lead."
STARTER_NOTE = (
    "The starter is a toy-sized instrument: you can hear its parts change, but it knows only the demo songs' sounds "
    "and sings no words. Music of your own needs a real ACE-Step checkpoint (`--model`)."
)
UNHEARD_NOTE = "**Without an event adapter the structure will not be followed.**"

_stop: dict[str, threading.Event] = {}  # by browser session, while its song waits or is being made


def show_structure(text: str, length: str | None) -> tuple[Any, Any]:
    """The structure on the timeline as it is typed, or the slip in words while it cannot be read."""
    try:
        seconds = make_job({"duration": _given(length)}).duration
        events = parse_structure(text, seconds)
    except StudioError as problem:
        return gr.skip(), gr.update(value=str(problem), visible=True)
    return _drawn(events, seconds), gr.update(visible=False)


def rewrite_structure(drawn: dict[str, Any]) -> tuple[str, Any]:
    """The timeline as text, times to the hundredth of a second."""
    events = [Event(**event) for event in drawn["events"]]
    rounded = [e.model_copy(update={"start": round(e.start, 2), "end": round(e.end, 2)}) for e in events]
    return format_structure(rounded), gr.update(visible=False)


def take_template(length: str | None, event: gr.EventData) -> tuple[str, Any, Any]:
    """The template that was clicked, as text and on the timeline."""
    text = TEMPLATES.get(str(event.template), FIRST_STRUCTURE)
    return text, *show_structure(text, length)


def open_song(name: str, songs: list[Made]) -> tuple[Any, Any, Any]:
    """One of this visitor's songs: its timeline and its two files."""
    found = [song for song in songs if song[0] == name]
    if not found:
        return gr.skip(), gr.skip(), gr.skip()
    _, wav, sidecar = found[0]
    return _heard(Path(wav), None), wav, sidecar


def ask_for_song(request: gr.Request) -> str:
    """Note that this visitor's song may be stopped from now on, while it waits for its turn as well."""
    _stop.setdefault(request.session_hash, threading.Event())
    return ""


def stop_song(request: gr.Request) -> Any:
    """Ask this visitor's song to stop: after its current step, or when its turn comes."""
    if (event := _stop.get(request.session_hash)) is None:
        return gr.skip()
    event.set()
    return "Stopping …"


def build(
    model: str = "starter",
    adapters: AdapterList = list,
    gate: DeviceGate | None = None,
    reference: Callable[[], Path] | None = None,
) -> gr.Dropdown:
    """Lay the tab out inside the caller's `gr.Tab`.

    Args:
        model: `starter`, a diffusers folder or a hub id.
        adapters: lists the adapters that training left behind.
        gate: takes turns on the device with training runs.
        reference: gives the folder of annotated songs that teach a judge to name the parts of what was made; None:
            nobody listens.

    Returns:
        The adapter chooser, for whoever wants to send an adapter here.
    """
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=340):
            structure = gr.Textbox(
                FIRST_STRUCTURE, label="Structure", placeholder="intro 0-4, verse 4-12, chorus 12-20", max_lines=4
            )
            slip = gr.Markdown(visible=False, elem_classes="sst-slip")
            drawn = Timeline(_drawn(parse_structure(FIRST_STRUCTURE), None), elem_classes="sst-compose")
            templates = TemplateStrip()
            with gr.Row():
                caption = gr.Textbox(FIRST_CAPTION, label="Caption", lines=2, placeholder="style, instruments, mood")
                lyrics = gr.Textbox("[Instrumental]", label="Lyrics", lines=2, max_lines=12)
            with gr.Row():
                button = gr.Button("Generate", variant="primary", scale=4)
                stop = gr.Button("Stop", scale=1, min_width=80)
            status = gr.Markdown(min_height=56)
            with gr.Column(visible=False) as result:
                songs_chooser = gr.Dropdown([], label="Songs of this visit", visible=False)
                song = Timeline(timeline_value(1.0, []))
                verdict = gr.Markdown(elem_classes="sst-remark", min_height=24)
                with gr.Row():
                    wav = gr.DownloadButton("Download WAV", size="sm")
                    sidecar = gr.DownloadButton("Download sidecar", size="sm")
        with gr.Column(scale=1, min_width=250):
            adapter = gr.Dropdown(adapter_choices(model, adapters), value=DEFAULT_ADAPTER, label="Adapter")
            note = gr.Markdown(describe_adapter(model, DEFAULT_ADAPTER), elem_classes="sst-remark")
            with gr.Row():
                seed = gr.Number(1, label="Seed", precision=0, minimum=0, min_width=90)
                dice = gr.Button("Another seed", size="sm", min_width=90, elem_classes="sst-beside-field")
            length = gr.Textbox("", label="Length in seconds", placeholder="where the structure ends")
            with gr.Row():
                bpm = gr.Textbox("", label="BPM", placeholder="free", min_width=90)
                key = gr.Textbox("", label="Key", placeholder="A minor", min_width=90)
            with gr.Accordion("More", open=False):
                event_guidance = gr.Textbox(
                    "", label="Event guidance", placeholder="the model's", info="how firmly times are kept; 1 is off"
                )
                strength = gr.Slider(0, 2, 1, step=0.05, label="Adapter strength")
                steps = gr.Textbox("", label="Steps", placeholder="the model's")
                guidance = gr.Textbox(
                    "", label="Text guidance", placeholder="the model's", info="on caption and lyrics; 1 is off"
                )
                tags = gr.Checkbox(True, label="Section tags in the lyrics too")
    songs = gr.State([])

    def make_song(
        structure: str,
        caption: str,
        lyrics: str,
        duration: str | None,
        bpm: str | None,
        keyscale: str | None,
        seed: int | None,
        steps: str | None,
        guidance: str | None,
        event_guidance: str | None,
        adapter: str,
        strength: float,
        section_tags: bool,
        songs: list[Made],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands the bar over
    ) -> tuple[Any, ...]:
        """Make a song from a structure such as `intro 0-4, verse 4-12, chorus 12-20`."""
        stopped = _stop.setdefault(request.session_hash, threading.Event())
        try:
            job = make_job(
                {
                    "structure": structure or "",
                    "caption": caption or "",
                    "lyrics": lyrics or "",
                    "duration": _given(duration),
                    "bpm": _given(bpm),
                    "keyscale": keyscale or "",
                    "seed": seed or 0,
                    "steps": _given(steps),
                    "guidance": _given(guidance),
                    "event_guidance": _given(event_guidance),
                    "adapter": adapter,
                    "strength": strength,
                    "section_tags": section_tags,
                }
            )
            progress(0, desc="Loading the model")
            finished = generate_song(
                job,
                model=model,
                gate=gate,
                on_step=lambda done, total: progress((done, total), desc="Making the song"),
                on_wait=lambda why: progress(0, desc=why),
                cancelled=stopped.is_set,
            )
        except Cancelled:
            return *(gr.skip() for _ in range(6)), "Stopped. Nothing was written."
        except StudioError as problem:
            raise gr.Error(str(problem), print_exception=False) from problem
        finally:
            _stop.pop(request.session_hash, None)
        name = f"{len(songs) + 1}: {', '.join(e.type for e in finished.events if e.is_section)}, seed {job.seed}"
        songs = [(name, str(finished.audio), str(finished.sidecar)), *songs]
        chooser = gr.update(choices=[song[0] for song in songs], value=name, visible=len(songs) > 1)
        return *open_song(name, songs), songs, chooser, gr.update(visible=True), _done(finished)

    def hear(name: str, songs: list[Made]) -> tuple[Any, str]:
        """Name the parts of a song by ear."""
        found = [Path(song[1]) for song in songs if song[0] == name]
        if reference is None or not found:
            return gr.skip(), ""
        try:
            heard = listen(found[0], read_sidecar(found[0]).events, reference())
        except StudioError as problem:
            return gr.skip(), f"Its parts were not named by ear: {problem}"
        return _heard(found[0], heard.events), heard.sentence()

    shown = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    gr.on(
        [structure.input, length.input],
        show_structure,
        [structure, length],
        [drawn, slip],
        trigger_mode="always_last",
        **shown,
    )
    drawn.input(rewrite_structure, drawn, [structure, slip], trigger_mode="always_last", **shown)
    templates.select(take_template, length, [structure, drawn, slip], **shown)
    adapter.change(lambda chosen: describe_adapter(model, chosen), adapter, note, **shown)
    adapter.focus(lambda: gr.update(choices=adapter_choices(model, adapters)), None, adapter, **shown)
    dice.click(lambda: random.randrange(1, 1_000_000), None, seed, **shown)
    opened = songs_chooser.input(open_song, [songs_chooser, songs], [song, wav, sidecar], **shown)
    wishes = [
        structure,
        caption,
        lyrics,
        length,
        bpm,
        key,
        seed,
        steps,
        guidance,
        event_guidance,
        adapter,
        strength,
        tags,
    ]
    making = button.click(ask_for_song, None, status, **shown).then(
        make_song,
        [*wishes, songs],
        [song, wav, sidecar, songs, songs_chooser, result, status],
        api_name="generate_sample",
        concurrency_limit=1,
        show_progress_on=status,
    )
    for ready in (making.success, opened.then):
        ready(hear, [songs_chooser, songs], [song, verdict], show_progress="hidden", api_visibility="private")
    stop.click(stop_song, None, status, **shown)
    return adapter


def describe_adapter(model: str, adapter: str) -> str:
    """What to expect of this model with this adapter, in the words of the page."""
    from acestep.adapter import read_card

    remarks = []
    try:
        folder = adapter_folder(model, adapter)
        card = None if folder is None else read_card(folder)
        if card is None or not card.has_events:
            remarks.append(UNHEARD_NOTE)
        elif card.trained_types:
            remarks.append(f"Knows {', '.join(card.trained_types)}.")
    except StudioError as problem:
        remarks.append(str(problem))
    if model == "starter":
        remarks.append(STARTER_NOTE)
    return "\n\n".join(remarks)


def adapter_choices(model: str, adapters: AdapterList) -> list[tuple[str, str]]:
    """What ships with the model, what training made, and none."""
    shipped = "Shipped with the starter" if model == "starter" else "The model as it is"
    return [(shipped, DEFAULT_ADAPTER), *adapters(), *([("None", NO_ADAPTER)] if model == "starter" else [])]


def _given(text: str | None) -> str | None:
    """What was typed into a field that may stay empty."""
    return (text or "").strip() or None


def _drawn(events: list[Event], seconds: float | None) -> dict[str, Any]:
    """Events as the timeline takes them, on an empty song that ends where they do."""
    duration = seconds or max((event.end for event in events), default=20.0)
    return timeline_value(duration, events, song=f"structure of {duration:g} s", mode="compose")


def _heard(wav: Path, heard: list[Event] | None) -> dict[str, Any]:
    """A finished song as the timeline takes it: what was asked over its waveform and, once known, what was heard."""
    sidecar = read_sidecar(wav)
    return timeline_value(
        float(sidecar.get("duration") or 0),
        sidecar.events,
        track=register_track(wav),
        song=wav.stem,
        compare=heard,
        names=("asked", "heard") if heard is not None else None,
    )


def _done(song: Song) -> str:
    steps, adapter = song.made["steps"], song.made["adapter_has_events"]
    said = f"{song.duration:.1f} s of song made in {song.took:.1f} s, {steps} steps, seed {song.made['seed']}."
    if untaught := song.made["untaught"]:
        said += f" The adapter has never been taught {' or '.join(untaught)}: expect nothing of it there."
    return said if adapter or not song.events else f"{said} {UNHEARD_NOTE}"
