"""Generation tab: layout and wiring.

`structure_fields.py` holds the structure, `takes_panel.py` what was made of it; `jobs.py` checks what is asked and
`candidates.py` makes the songs.
"""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
import pydantic

from acestep.loading import TURBO, sampling_defaults
from annotate.page_api import file_for_program, serve
from annotate.page_errors import page_error
from generation import rework_panel, structure_fields, takes_panel
from generation.adapters import UNHEARD_NOTE, AdapterList, adapter_choices, describe_adapter, find_adapter
from generation.candidates import MOST, Candidate, Made, best, made_of, make_candidates
from generation.composing import given, read_frame, read_typed
from generation.history import tidy
from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER, Job, make_job
from generation.service import output_folder, untaught
from generation.warm import Cancelled, DeviceGate
from structure.errors import StudioError
from structure.markdown import escaped

FIRST_CAPTION = "An upbeat indie pop song with drums, bass, guitar and a bright lead."
_OPEN = pydantic.BeforeValidator(lambda value: None if value == "" else value)  # an empty field of a program's
Number, WholeNumber = Annotated[float | None, _OPEN], Annotated[int | None, _OPEN]
METERS = [("2/4", "2"), ("3/4", "3"), ("4/4", "4"), ("5/4", "5"), ("6/8", "6"), ("7/8", "7")]
TURBO_NOTE = (
    "This is a turbo checkpoint: it was distilled to follow the text in one pass, so text guidance does nothing here. "
    "Event guidance still acts, at the cost of a second pass in its interval."
)

_stop: dict[str, threading.Event] = {}  # by browser session, while its songs wait or are being made


def ask_for_song(request: gr.Request) -> str:
    """Note that this visitor's songs may be stopped from now on, while they wait for their turn as well."""
    _stop.setdefault(request.session_hash, threading.Event())
    return ""


def stop_song(request: gr.Request) -> Any:
    """Ask this visitor's songs to stop: after the current step, or when their turn comes."""
    if (event := _stop.get(request.session_hash)) is None:
        return gr.skip()
    event.set()
    return "Stopping …"


def build(
    model: str = "starter",
    adapters: AdapterList = list,
    gate: DeviceGate | None = None,
    reference: Callable[[], Path] | None = None,
    songs: structure_fields.SongList = list,
    local: bool = True,
    root: gr.State | None = None,
    send: Callable[[Path, Path], str] | None = None,
) -> gr.Dropdown:
    """Lay the tab out inside the caller's `gr.Tab`.

    Args:
        model: `starter`, a diffusers folder or a hub id.
        adapters: lists the adapters that training left behind.
        gate: takes turns on the device with training runs.
        reference: gives the folder of annotated songs that teach a judge to name the parts of what was made; None:
            nobody listens.
        songs: lists annotated songs whose structure one may start from.
        local: the page is used on this very machine, so songs of earlier visits are shown too.
        root: holds the folder of the dataset that is open in the page.
        send: makes a song (audio file) one of a dataset (folder) and says so.

    Returns:
        The adapter chooser, for whoever wants to send an adapter here.
    """
    usual = sampling_defaults(model)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=340):
            fields = structure_fields.lay_out()
            with gr.Row():
                caption = gr.Textbox(FIRST_CAPTION, label="Caption", lines=2, placeholder="style, instruments, mood")
                lyrics = gr.Textbox(
                    "[Instrumental]",
                    label="Lyrics",
                    lines=2,
                    max_lines=12,
                    placeholder="for the whole song; words of single parts go into `Sung`, under the timeline",
                )
            with gr.Column(elem_classes="sst-generate"):
                with gr.Row():
                    button = gr.Button("Generate", variant="primary", scale=4)
                    stop = gr.Button("Stop", scale=1, min_width=80)
                status = gr.Markdown(min_height=56, elem_classes="sst-spoken")
            takes = takes_panel.lay_out(sends=send is not None)
            with takes.box:
                rework = rework_panel.lay_out(takes.part)
        with gr.Column(scale=1, min_width=250):
            adapter = gr.Dropdown(adapter_choices(model, adapters), value=DEFAULT_ADAPTER, label="Adapter")
            note = gr.Markdown(describe_adapter(model, DEFAULT_ADAPTER), elem_classes="sst-remark")
            with gr.Row():
                seed = gr.Number(1, label="Seed", precision=0, minimum=0, min_width=90)
                dice = gr.Button("Another seed", size="sm", min_width=90, elem_classes="sst-beside-field")
            count = gr.Slider(
                1, MOST, 1, step=1, label="Songs at once", info="a seed each; the best keeps to the structure most"
            )
            with gr.Row():
                length = gr.Textbox("", label="Length (s)", placeholder="as structure", min_width=90)
                key = gr.Textbox("", label="Key", placeholder="A minor", min_width=90)
            with gr.Row():
                bpm = gr.Textbox("", label="BPM", placeholder="free", min_width=90)
                meter = gr.Dropdown(METERS, value="4", label="Meter", min_width=90)
            fit = gr.Button("Fit to length and bars", size="sm")
            with gr.Accordion("More", open=False):
                event_guidance = gr.Slider(
                    1, 10, usual.event_guidance, step=0.5, label="Event guidance", info="on times and parts; 1 is off"
                )
                with gr.Row():
                    noise_low, noise_high = (
                        gr.Slider(0, 1, value, step=0.05, label=label, min_width=110)
                        for value, label in zip(usual.event_interval, ("acts from noise", "to noise"), strict=True)
                    )
                guidance = gr.Slider(
                    1, 15, usual.guidance_scale, step=0.5, label="Text guidance", info="on caption, lyrics; 1 is off"
                )
                strength = gr.Slider(0, 2, 1, step=0.05, label="Adapter strength")
                beside = gr.Dropdown(
                    [],
                    value=[],
                    multiselect=True,
                    label="Blend with",
                    info="their LoRAs act too; times stay the first's",
                )
                weights = gr.Textbox("", label="Their strengths", placeholder="1, or 0.5, 0.3")
                steps = gr.Textbox("", label="Steps", placeholder=f"{usual.steps}, the model's")
                tags = gr.Checkbox(True, label="Section tags in the lyrics too")
                if usual is TURBO:
                    gr.Markdown(TURBO_NOTE, elem_classes="sst-remark")

    def make_song(
        structure: str,
        caption: str,
        lyrics: str,
        duration: str | None,
        bpm: str | None,
        keyscale: str | None,
        seed: int | None,
        steps: str | None,
        guidance: float | None,
        event_guidance: float | None,
        adapter: str,
        strength: float,
        section_tags: bool,
        count: int = 1,
        meter: str = "4",
        noise_from: float | None = None,
        noise_to: float | None = None,
        beside: list[str] | None = None,
        weights: str | None = None,
        drawn: dict[str, Any] | None = None,
        visit: list[str] | None = None,
        request: gr.Request = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands the bar over
    ) -> Iterator[tuple[Any, ...]]:
        """Make songs from a structure such as `intro 0-4, verse 4-12, chorus 12-20`, each with a seed of its own."""
        stopped = _stop.setdefault(request.session_hash, threading.Event())
        made: list[Candidate] = []
        visit = list(visit or [])
        try:
            job = wanted(
                structure or "", drawn, duration, bpm, meter,
                caption=caption or "", lyrics=lyrics or "", keyscale=keyscale or "", seed=seed or 0,
                steps=given(steps), guidance=guidance, event_guidance=event_guidance,
                event_interval=None if noise_from is None or noise_to is None else (noise_from, noise_to),
                adapter=adapter, strength=strength, section_tags=section_tags,
                beside=blend(beside or [], weights or ""),
            )  # fmt: skip
            progress(0, desc="Loading the model")
            songs = make_candidates(
                job,
                int(count),
                reference,
                on_progress=lambda song, done, total: progress(
                    (song * total + done, int(count) * total), desc=_making(song, int(count)), unit="steps"
                ),
                model=model,
                gate=gate,
                on_wait=lambda why: progress(0, desc=why),
                cancelled=stopped.is_set,
            )
            for candidate in songs:
                made.append(candidate)
                visit.append(candidate.take.name)
                tidy(output_folder(), visit)
                shown = best(made).take.name
                yield *takes_panel.opened(shown, None, visit, local), visit, _done(made, int(count))
        except Cancelled:
            said = f"Stopped. {len(made)} of {int(count)} songs were made." if made else "Stopped. Nothing was written."
            yield *(gr.skip() for _ in range(takes_panel.N_OPENED)), visit, said
        except StudioError as problem:
            raise page_error(problem) from problem
        finally:
            _stop.pop(request.session_hash, None)

    shown = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    structure_fields.wire(
        fields,
        [length, bpm, meter],
        fit,
        adapter,
        caption,
        root,
        songs,
        lambda chosen, types: _untaught(model, chosen, types),
    )
    adapter.change(lambda chosen: describe_adapter(model, chosen), adapter, note, **shown)
    adapter.focus(lambda: gr.update(choices=adapter_choices(model, adapters)), None, adapter, **shown)
    beside.focus(
        lambda: gr.update(choices=[(n, f) for n, f in adapter_choices(model, adapters) if f != NO_ADAPTER]),
        None,
        beside,
        **shown,
    )
    dice.click(lambda: random.randrange(1, 1_000_000), None, seed, **shown)
    wishes = [
        *(fields.text, caption, lyrics, length, bpm, key, seed, steps, guidance, event_guidance, adapter, strength),
        *(tags, count, meter, noise_low, noise_high, beside, weights, fields.drawn, takes.visit),
    ]
    button.click(ask_for_song, None, status, **shown).then(
        make_song,
        wishes,
        [*takes.outputs(), takes.visit, status],
        api_visibility="private",
        concurrency_id=takes_panel.DEVICE,
        concurrency_limit=1,
        show_progress_on=status,
    )
    stop.click(stop_song, None, status, **shown)
    takes_panel.wire(takes, local, root, send)
    rework_panel.wire(
        rework, takes, seed, status, _stop, ask_for_song, local, model=model, gate=gate, reference=reference
    )
    _serve(model, adapters, gate, reference)
    return adapter


def _serve(model: str, adapters: AdapterList, gate: DeviceGate | None, reference: Callable[[], Path] | None) -> None:
    """The same for programs, which name an adapter as the chooser does."""

    def generate_sample(
        structure: str = "intro 0-4, verse 4-12, chorus 12-20",
        caption: str = FIRST_CAPTION,
        lyrics: str = "[Instrumental]",
        duration: Number = None,
        bpm: WholeNumber = None,
        keyscale: str = "",
        seed: int = 1,
        steps: WholeNumber = None,
        guidance: float | None = None,
        event_guidance: float | None = None,
        adapter: str = DEFAULT_ADAPTER,
        strength: float = 1.0,
        section_tags: bool = True,
        count: int = 1,
        meter: str = "4",
        noise_from: float | None = None,
        noise_to: float | None = None,
        beside: list[str] | None = None,
        weights: str = "",
    ) -> tuple[gr.FileData, gr.FileData, Made]:
        """Make a song of a structure; of several, the one that keeps to it most comes back.

        Args:
            structure: parts and their times in seconds, such as `intro 0-4, verse 4-12`; empty leaves them open.
            caption: style, instruments, mood.
            lyrics: for the whole song; `[Instrumental]` for none.
            duration: length in seconds; None: where the structure ends.
            bpm: beats per minute; None leaves them to the model.
            keyscale: such as `A minor`; empty leaves it to the model.
            seed: of the first song; each further one has the next.
            steps: of the sampler; None: the model's own number.
            guidance: on caption and lyrics, 1 is off; None: the model's own.
            event_guidance: on parts and their times, 1 is off; None: the model's own.
            adapter: a name that `list_adapters` gives.
            strength: of the adapter, 0 to 2.
            section_tags: whether parts stand in the lyrics too.
            count: how many songs, 1 to 8.
            meter: beats of a bar.
            noise_from: share of noise from which event guidance acts, 0 to 1; None: the model's own.
            noise_to: share of noise up to which it acts; None: the model's own.
            beside: names of adapters whose LoRAs act too.
            weights: their strengths, one for all or one for each, with commas.

        Returns:
            the song, a WAV file.
            its sidecar, a JSON file.
            what made it, and what a judge heard, where there is one.
        """
        job = wanted(
            structure, None, _typed(duration), _typed(bpm), meter,
            caption=caption, lyrics=lyrics, keyscale=keyscale, seed=seed, steps=steps, guidance=guidance,
            event_guidance=event_guidance,
            event_interval=None if noise_from is None or noise_to is None else (noise_from, noise_to),
            adapter=find_adapter(model, adapters, adapter), strength=strength, section_tags=section_tags,
            beside=blend([find_adapter(model, adapters, name) for name in beside or []], weights),
        )  # fmt: skip
        made = list(make_candidates(job, count, reference, model=model, gate=gate))
        tidy(output_folder(), [candidate.take.name for candidate in made])
        chosen = best(made)
        return file_for_program(chosen.song.audio), file_for_program(chosen.song.sidecar), made_of(chosen)

    serve(generate_sample, concurrency_id=takes_panel.DEVICE, concurrency_limit=1)


def _typed(value: float | None) -> str | None:
    """A number as somebody would have typed it."""
    return None if value is None else f"{value:g}"


def wanted(
    structure: str, drawn: dict[str, Any] | None, length: str | None, bpm: str | None, meter: str | None, **wishes: Any
) -> Job:
    """The request that the fields make together; parts keep what the timeline knows of them, such as what is sung.

    Raises:
        StudioError: a field is out of range, or the structure cannot be meant.
    """
    job = make_job(
        {"structure": structure, "duration": given(length), "bpm": given(bpm), "timesignature": given(meter) or "4"}
        | wishes
    )
    if not structure.strip():
        return job
    events = read_typed(structure, read_frame(length, bpm, meter), drawn).events
    return job.model_copy(update={"events": events})


def blend(folders: list[str], weights: str) -> list[dict[str, Any]]:
    """Adapters and their strengths, one for all or one for each.

    Raises:
        StudioError: there are more or fewer strengths than adapters.
    """
    said = [weight.strip() for weight in weights.replace(";", ",").split(",") if weight.strip()]
    if len(said) not in (0, 1, len(folders)):
        raise StudioError(f"{len(said)} strengths for {len(folders)} adapters: give one for all, or one for each.")
    strengths = said * len(folders) if len(said) == 1 else said or ["1"] * len(folders)
    return [{"adapter": f, "strength": strength} for f, strength in zip(folders, strengths, strict=True)]


def _untaught(model: str, adapter: str, types: list[str]) -> list[str]:
    try:
        return untaught(model, adapter, types)
    except StudioError:  # the adapter's own remark says what is wrong with it
        return []


def _making(song: int, count: int) -> str:
    return f"Making song {song + 1} of {count}" if count > 1 else "Making the song"


def _done(made: list[Candidate], count: int) -> str:
    """What was made, for the line under the button."""
    song = made[-1].song
    if count > 1:
        chosen = best(made)
        score = chosen.take.score
        said = f"{len(made)} of {count} songs made." + (
            f" Seed {chosen.song.made['seed']} keeps to the structure best: {100 * score:.0f} %." if score else ""
        )
    else:
        steps, seed = song.made["steps"], song.made["seed"]
        said = f"{song.duration:.1f} s of song made in {song.took:.1f} s, {steps} steps, seed {seed}."
    if unknown := song.made["untaught"]:
        said += f" The adapter has never been taught {escaped(' or '.join(unknown))}: expect nothing of it there."
    if song.events and not song.made["adapter_has_events"]:
        said += f" {UNHEARD_NOTE}"
    return said if not made[-1].remark else f"{said} {escaped(made[-1].remark)}"
