"""The page: composes the rooms' tabs into one Blocks and hands a tab what it may call of another room."""

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

import annotate.tab
import api
import evaluation.tab
import generation.tab
import training.tab
from acestep.starter.demo import demo_folder, make_demo
from annotate.dataset import UPLOADS, add_songs, scan
from annotate.hearing import SongMaker
from blocks import SendableBlocks
from generation.adapters import adapter_choices, sent_adapters, shelf
from generation.jobs import make_job
from generation.service import generate_song, output_folder
from header import TITLE, header_html, header_line
from relay import NoRelay, fetch_nothing
from structure.errors import StudioError
from structure.events import sections
from structure.files import sweep
from structure.sidecar import sidecar_path
from training import device_lock
from training.latents import default_cache
from training.recovery import take_up, taken_up_in_words
from training.runs import list_runs, runs_folder
from training.sound import HEARD

KEY_SECONDS = 240.0  # of a song in which its key is looked for
KEY_RATE = 16_000  # Hz
MOST_STARTS = 500  # songs in a chooser
LARGEST_UPLOAD = "500mb"  # a lossless album side
THEME = gr.themes.Base(
    primary_hue="teal",
    neutral_hue="slate",
    spacing_size="sm",
    radius_size="sm",
    text_size="sm",
    # the visitor's own fonts: nothing is fetched
    font=("system-ui", "sans-serif"),
    font_mono=("ui-monospace", "Consolas", "monospace"),
).set(  # what Gradio writes paler than 4.5 : 1
    color_accent="*primary_700",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    input_placeholder_color="*neutral_600",
    input_placeholder_color_dark="*neutral_300",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_hover_dark="*primary_800",
    slider_color_dark="*primary_500",
    checkbox_border_color_selected_dark="*primary_500",
    checkbox_background_color_selected="*primary_700",
    checkbox_background_color_selected_dark="*primary_700",
)
CSS = (Path(__file__).parent / "lora_ui.css").read_text(encoding="utf-8")


def build_app(
    dataset: Path,
    model: str = "starter",
    local: bool = True,
    ready: Callable[[], None] | None = None,
    copies: bool = False,
    no_training: str = "",
) -> gr.Blocks:
    """The whole page.

    Args:
        dataset: folder of songs to open on.
        model: `starter`, a diffusers folder or a hub id.
        local: the page is used on this very machine, so a visitor may type in other folders.
        ready: returns once the dataset's songs are there; called when a page is opened.
        copies: each visitor marks a copy of the dataset.
        no_training: why nothing may be trained here, a sentence; "" where it may.
    """
    fetch_nothing()
    adapters = trained_and_sent_adapters if local else trained_adapters
    old_uploads = (3600, 24 * 3600) if copies else None  # seconds: how often Gradio looks at its copies, and their age
    with SendableBlocks(title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=old_uploads) as page:
        header = header_line()
        with gr.Tabs() as tabs:
            with gr.Tab("Annotate", id="annotate"):
                annotation = annotate.tab.build(dataset, local, ready, song_maker(model), tempo_and_key, copies)
            with gr.Tab("Train", id="train"):
                trained = training.tab.build(annotation.root, model, root=dataset, refusal=no_training)
            with gr.Tab("Generate", id="generate"):
                adapter = generation.tab.build(
                    model,
                    adapters,
                    device_lock,
                    lambda: known_songs(model, dataset),
                    lambda: annotated_songs(dataset),
                    local,
                    annotation.root,
                    send_to_dataset,
                )
            with gr.Tab("Evaluate", id="evaluate"):
                evaluation.tab.build(annotation.root, output_folder(), local, model)
        quiet = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        gr.on([page.load, adapter.change], partial(header_html, model), adapter, header, **quiet)
        gr.on([header.click, annotation.train.click], lambda: gr.Tabs(selected="train"), None, tabs, **quiet)
        for button, folder in ((trained.use, trained.adapter), (trained.use_best, trained.best)):
            button.click(lambda folder: use_adapter(model, folder), folder, [tabs, adapter], **quiet)
        api.serve_dataset(dataset, local, ready, copies)
        api.serve_adapters(model, local, adapters, device_lock, lambda: known_songs(model, dataset))
    return page


def begin(training: bool) -> None:
    """Put in order what a crash left: files that were half made go, and runs go on.

    Args:
        training: runs may be started from this page.
    """
    cache = default_cache()
    for folder in (annotate.timeline.CACHE_DIR, cache, cache / HEARD, output_folder(), UPLOADS, shelf()):
        sweep(folder)
    if training:
        for run in take_up(runs_folder()):
            print(f"{run.name}: {taken_up_in_words(run)}", flush=True)


def launch(
    page: gr.Blocks, host: str, port: int, auth: tuple[str, str] | None, open_browser: bool, root_path: str = ""
) -> None:
    """Serve the page until interrupted. Only decoded copies and songs made here can be fetched from the disk."""
    page.launch(
        server_name=host,
        server_port=port,
        auth=auth,
        root_path=root_path,
        app_kwargs={"middleware": [Middleware(NoRelay)]},
        inbrowser=open_browser,
        allowed_paths=[str(annotate.timeline.CACHE_DIR), str(output_folder())],
        theme=THEME,
        css=CSS,
        share=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size=LARGEST_UPLOAD,
        show_error=False,
        quiet=True,
        prevent_thread_lock=True,
    )
    print(f"{TITLE}: {page.local_url}  (Ctrl+C ends it)", flush=True)
    page.block_thread()


def trained_adapters() -> list[tuple[str, str]]:
    """Adapters that runs left behind, newest first, and the best checkpoint of each beside it: (name, folder)."""
    found = []
    for run in list_runs(runs_folder()):
        if run.has_adapter:
            found.append((run.name, str(run.folder)))
        if run.best is not None:
            found.append((f"{run.name}, its best (step {run.state.best_step})", str(run.best)))
    return found


def trained_and_sent_adapters() -> list[tuple[str, str]]:
    """The same, then those that somebody sent; to other machines their names are told only to who sent them."""
    return [*trained_adapters(), *sent_adapters()]


def known_songs(model: str, dataset: Path) -> Path:
    """Songs that sound as the model does, for the judge who names the parts of what it made."""
    if model != "starter":
        return dataset
    make_demo(demo_folder())  # there already, unless the page was opened on other songs
    return demo_folder()


def annotated_songs(dataset: Path) -> list[tuple[str, Path]]:
    """Songs with sections, whose structure a new song may start from: (name, audio), at most `MOST_STARTS`."""
    try:
        found = [(song.name, song.audio) for song in scan(dataset) if sections(song.events)]
    except StudioError:  # the folder is gone or empty: the annotation tab says so
        return []
    return found[:MOST_STARTS]


def send_to_dataset(audio: Path, root: Path) -> str:
    """Make a song that was made here one of a dataset, its sidecar with it.

    Raises:
        StudioError: the folder refuses it.
    """
    added, refused = add_songs(root, [audio, sidecar_path(audio)])
    if not added:
        raise StudioError(refused[0] if refused else f"{audio.name} could not be added.")
    return f"`{added[0]}` is now a song of {root.name}. Open the folder again in Annotate to see it."


def song_maker(model: str) -> SongMaker:
    """Lets the annotation tab have a song made of a structure."""

    def make(sidecar: Mapping[str, Any], adapter: str) -> Path:
        asked = {name: sidecar.get(name) for name in ("caption", "lyrics", "keyscale", "duration", "events")}
        bpm = sidecar.get("bpm")
        tempo = round(bpm) if isinstance(bpm, float) else bpm  # a song of 120.4 is asked for as 120
        job = make_job({k: v for k, v in asked.items() if v} | {"bpm": tempo, "adapter": adapter})
        return generate_song(job, model=model, gate=device_lock).audio

    return SongMaker(lambda: adapter_choices(model, trained_adapters), make)


def tempo_and_key(audio: Path) -> dict[str, str | float]:
    """What a machine hears of a song: `bpm` and `keyscale`, as far as it hears them.

    Raises:
        AudioError: not audio, or empty.
    """
    from annotate.audio import read_audio
    from annotate.beats import BeatsError, find_beats
    from evaluation.adherence import heard_key

    heard: dict[str, str | float] = {}
    with contextlib.suppress(BeatsError):
        beats = find_beats(audio).edges[1:-1]  # the song's ends are no beats
        heard["bpm"] = round(60 * (len(beats) - 1) / (beats[-1] - beats[0]))
    samples, rate = read_audio(audio, sample_rate=KEY_RATE, mono=True)
    if key := heard_key(samples[: round(KEY_SECONDS * rate)], rate):
        heard["keyscale"] = key
    return heard


def use_adapter(model: str, folder: str) -> tuple[Any, Any]:
    """Go to Generate and choose there what a run has trained."""
    choices = adapter_choices(model, trained_adapters)
    return gr.Tabs(selected="generate"), gr.update(choices=choices, value=folder)
