"""Train tab: layout and wiring. `runs.py` starts and stops, `pictures.py` draws; nothing here imports torch.

The form is `form_panel.py`, what can be done with a run `run_panel.py`. Runs live on disk, so a closed tab or a
restarted page finds them again; the session only remembers which one it shows and which one the form goes by.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.audio import AudioError
from annotate.page_api import serve
from annotate.page_errors import or_error
from structure.errors import StudioError
from training import form_panel, run_panel
from training.asked import Told, settings_told, told
from training.dataset import DatasetReport, is_large, read_dataset, require_songs
from training.expecting import expected, require_memory
from training.form_panel import TRAIN, TRAIN_LATER, FormPanel, presets_of
from training.latents import default_cache
from training.line import places
from training.packages import require_packages
from training.permission import Result, permitted
from training.pictures import RUN_HEADERS, closer_card, command_of, dataset_card, message_card, progress_card, run_rows
from training.run_folder import read_log
from training.run_panel import RunPanel
from training.runs import Run, find_run, list_runs, new_run_folder, resume_run, runs_folder, start_run, stop_run
from training.sample_list import SampleList, sample_list_stamp, sample_list_value
from training.settings import TrainingSettings
from training.sound import Sound, heard_before, listen

POLL_SECONDS = 1.0
TABLE_SECONDS = 5.0  # steps and losses in the table of all runs; what a run has become is told at once
MOST_LISTENED = 500  # songs that the page reads by itself; more take a quarter of an hour
NO_DATASET = "Open a folder of songs in Annotate first."

Updates = dict[Any, Any]


@dataclass(frozen=True)
class TrainTab:
    """What other tabs may use of this one.

    Attributes:
        use: the button that hands the shown run's adapter on.
        adapter: path of that adapter as text, "" where the run left none.
        use_best: the button that hands on the run's best checkpoint.
        best: path of that checkpoint as text, "" where the run's end is its best.
    """

    use: gr.Button
    adapter: gr.State
    use_best: gr.Button
    best: gr.State


def build(
    dataset: gr.State,
    model: str = "starter",
    runs_root: Path | None = None,
    root: Path | None = None,
    refusal: str = "",
) -> TrainTab:
    """Lay the tab out inside the caller's `gr.Tab`.

    Args:
        dataset: its value is the path of the folder open in Annotate, "" before one is chosen.
        model: what is trained on.
        runs_root: where run folders go; None: `runs` beside the program.
        root: the folder that the page was opened on, for callers of the API.
        refusal: why no run may be started or changed from here, a sentence; "" where it may.
    """
    runs_root = runs_root or runs_folder()
    presets = presets_of(model)
    shown, adapter, best = gr.State(""), gr.State(""), gr.State("")  # the run on display; the adapters it left
    heard = gr.State("")  # which of its songs the page has
    listed = gr.State(0)  # which table of runs it has
    moving = gr.State(False)  # whether that run went on when it was last drawn whole
    card = gr.HTML()
    if refusal:
        gr.HTML(message_card(refusal))
    form = form_panel.lay_out(presets, model)
    form.train.interactive = not refusal
    progress = gr.HTML()
    with gr.Row():
        use = gr.Button("Use in Generate", visible=False)
        use_best = gr.Button("Use the best in Generate", visible=False)
        resume = gr.Button("Go on with this run", visible=False)
    samples = SampleList()
    with gr.Accordion("A closer look", open=False, visible=False) as look:
        closer = gr.HTML(padding=False)
    panel = run_panel.lay_out()
    with gr.Accordion("Log", open=False):
        log = gr.Textbox(
            label="The run's log", lines=12, max_lines=12, show_label=False, container=False, interactive=False
        )
        command = gr.Code(language="shell", label="The same by hand", interactive=False, lines=1, visible=False)
    table = gr.Dataframe(headers=RUN_HEADERS, label="Runs", interactive=False, visible=False)
    timer = gr.Timer(POLL_SECONDS, active=False)

    page = _Page(
        runs_root, refusal, shown, moving, heard, listed, adapter, best, card, form, progress, use, use_best, resume,
        samples, look, closer, panel, log, command, table, timer,
    )  # fmt: skip

    def open_run(clicked: gr.SelectData) -> Updates:
        """The run whose row was clicked."""
        return _show(page, str(clicked.row_value[0]))

    private = {"show_progress": "hidden", "api_visibility": "private"}
    quiet = {**private, "queue": False}
    arrivals = [(gr.context.Context.root_block.load, False), (dataset.change, False)]
    if isinstance(gr.context.Context.block, gr.Tab):
        arrivals.append((gr.context.Context.block.select, True))
    listenings = []
    for arrives, looked_at in arrivals:
        visited = arrives(partial(_visit, page), shown, page.outputs(), **quiet)
        listen_to = partial(_listen, page, looked_at)
        listenings.append(visited.then(listen_to, [dataset, form.events], card, **private))
    dataset.change(None, cancels=listenings, **quiet)  # else they would go on to speak of the folder before
    form_panel.wire(form, panel.again, shown, dataset, runs_root, presets, model)
    run_panel.wire(panel, shown, runs_root, partial(_show, page), page.outputs(), page.act)
    form.events.change(partial(_card, page), [dataset, form.events], card, **quiet)
    timer.tick(partial(_poll, page), [shown, moving, heard, listed], page.outputs(), **quiet)
    form.train.click(partial(_start, page, model), [dataset, *form.asked()], page.outputs(), **private)
    form.stop.click(partial(_stop, page), shown, page.outputs(), **private)
    resume.click(partial(_resume, page), shown, page.outputs(), **private)
    table.select(open_run, None, page.outputs(), **quiet)
    _serve(page, model, root)
    return TrainTab(use, adapter, use_best, best)


@dataclass(frozen=True)
class _Page:
    """Where runs lie, why none may be started (""), and the components that handlers write to."""

    runs_root: Path
    refusal: str
    shown: gr.State
    moving: gr.State
    heard: gr.State
    listed: gr.State
    adapter: gr.State
    best: gr.State
    card: gr.HTML
    form: FormPanel
    progress: gr.HTML
    use: gr.Button
    use_best: gr.Button
    resume: gr.Button
    samples: SampleList
    look: gr.Accordion
    closer: gr.HTML
    panel: RunPanel
    log: gr.Textbox
    command: gr.Code
    table: gr.Dataframe
    timer: gr.Timer

    def act(self, action: Callable[[], Result]) -> Result:
        """`or_error` for whatever starts, stops or changes a run.

        Raises:
            gr.Error: the sentence of its `StudioError`, or why nobody may.
        """
        return or_error(partial(permitted, self.refusal, action))

    def outputs(self) -> list[gr.blocks.Block]:
        return [
            self.shown, self.moving, self.heard, self.listed, self.adapter, self.best, self.form.train, self.form.stop,
            self.progress, self.use, self.use_best, self.resume, self.samples, self.look, self.closer, self.log,
            self.command, self.table, self.timer, *self.panel.outputs(),
        ]  # fmt: skip


def _visit(page: _Page, name: str) -> Updates:
    """The tab is looked at, or another dataset was opened: show the runs, and the one that goes on if one does."""
    seen = _show(page, name)
    if name and seen[page.shown] == name:
        del seen[page.panel.name]  # a person may be typing another name into it
    return seen


def _card(page: _Page, dataset: str, events: bool) -> Updates:
    if not dataset:
        return {page.card: message_card(NO_DATASET)}
    try:
        return {page.card: dataset_card(_report(dataset, events))}
    except StudioError as problem:
        return {page.card: message_card(str(problem))}


def _report(dataset: str, events: bool, hear: Callable[..., Sound | None] = heard_before) -> DatasetReport:
    """What the folder holds, as far as its songs have been heard."""
    most = TrainingSettings.model_fields["max_duration_sec"].default
    return read_dataset(Path(dataset), events, sound=partial(hear, folder=default_cache()), max_seconds=most)


def _listen(page: _Page, looked_at: bool, dataset: str, events: bool) -> Iterator[Updates]:
    """Look through the songs, then read the samples of those that nobody has heard yet, so that the card can tell
    silence, clipping and copies. A large folder waits until the tab is looked at.
    """
    if not dataset:
        yield {page.card: message_card(NO_DATASET)}
        return
    if is_large(Path(dataset)):
        yield {page.card: message_card("Looking through the songs…")}
        if not looked_at:
            return
    cache = default_cache()
    try:
        report = _report(dataset, events)
        yield {page.card: dataset_card(report)}
        unheard = [song for song in report.everything if heard_before(song.audio, cache) is None]
        if len(unheard) > MOST_LISTENED:
            said = f"{len(unheard)} songs have not been listened to yet; training does it before it starts."
            yield {page.card: dataset_card(report, said)}
            return
        shown = time.monotonic()
        for number, song in enumerate(unheard, start=1):
            with contextlib.suppress(AudioError):  # the card will say it
                listen(song.audio, cache)
            if time.monotonic() - shown > POLL_SECONDS:
                shown = time.monotonic()
                said = f"Listening: {number} of {len(unheard)} songs."
                yield {page.card: dataset_card(report, said)}
        if unheard:
            yield {page.card: dataset_card(_report(dataset, events, listen))}
    except (StudioError, OSError) as problem:
        yield {page.card: message_card(str(problem))}


def _show(page: _Page, name: str) -> Updates:
    """Everything about runs: the one named, else one that goes on, else the newest."""
    runs = list_runs(page.runs_root)
    chosen = _choose(runs, name)
    rows = run_rows(runs)
    going_on = any(run.running for run in runs)
    own = chosen is not None and chosen.running
    can_go_on = chosen is not None and chosen.state.status in ("stopped", "failed", "died")
    return {
        page.shown: chosen.name if chosen else "",
        page.moving: own,
        page.adapter: str(chosen.folder) if chosen and chosen.has_adapter else "",
        page.best: str(chosen.best or "") if chosen else "",
        page.form.train: gr.update(value=TRAIN_LATER if going_on else TRAIN),
        page.form.stop: gr.update(visible=own, interactive=True, value="Stop"),
        page.progress: _progress(chosen, runs),
        page.use: gr.update(visible=chosen is not None and chosen.has_adapter and not own),
        page.use_best: gr.update(visible=chosen is not None and chosen.best is not None),
        page.resume: gr.update(visible=can_go_on),
        page.heard: sample_list_stamp(chosen),
        page.samples: sample_list_value(chosen),
        **_closer(page, chosen),
        page.log: read_log(chosen.folder) if chosen else "",
        page.command: gr.update(value=command_of(chosen) if chosen else "", visible=chosen is not None),
        page.listed: _table_stamp(rows),
        page.table: gr.update(value=rows, visible=bool(runs)),
        page.timer: gr.Timer(active=going_on),
        **run_panel.updates(page.panel, chosen, runs),
    }


def _poll(page: _Page, name: str, moving: bool, heard: str, listed: int) -> Updates:
    """While something runs: only what moves; the whole once the run on display has begun or ended."""
    runs = list_runs(page.runs_root)
    chosen = _choose(runs, name)
    if chosen is None or chosen.name != name or chosen.running != moving:
        return _show(page, name)
    moved: Updates = {}
    if moving:
        moved = {page.progress: _progress(chosen, runs), **_closer(page, chosen), page.log: read_log(chosen.folder)}
        if (stamp := sample_list_stamp(chosen)) != heard:
            moved |= {page.heard: stamp, page.samples: sample_list_value(chosen)}
    if not any(run.running for run in runs):
        moved |= {page.form.train: gr.update(value=TRAIN), page.timer: gr.Timer(active=False)}
    if (stamp := _table_stamp(rows := run_rows(runs))) != listed:
        moved |= {page.listed: stamp, page.table: rows}
    return moved or {page.shown: gr.skip()}


def _table_stamp(rows: Sequence[Sequence[str]]) -> int:
    """Another number where a run has become something else, and every few seconds: drawing a long table is work."""
    return hash((tuple((name, state) for name, state, *_ in rows), time.monotonic() // TABLE_SECONDS))


def _progress(chosen: Run | None, runs: Sequence[Run]) -> str:
    return progress_card(chosen, places(runs).get(chosen.name) if chosen else None)


def _closer(page: _Page, chosen: Run | None) -> Updates:
    drawn = closer_card(chosen)
    return {page.look: gr.update(visible=bool(drawn)), page.closer: drawn}


def _choose(runs: Sequence[Run], name: str) -> Run | None:
    named = [run for run in runs if run.name == name]
    return next(iter(named or runs), None)


def _start(page: _Page, model: str, dataset: str, *asked: Any) -> Updates:
    run = page.act(lambda: start_told(page.runs_root, model, dataset, told(*asked)))
    return _show(page, run.name)


def _stop(page: _Page, name: str) -> Updates:
    page.act(lambda: stop_run(page.runs_root / name))
    return {page.form.stop: gr.update(interactive=False, value="Stopping…")}


def _resume(page: _Page, name: str) -> Updates:
    run = page.act(lambda: resume_run(page.runs_root / name))
    return _show(page, run.name)


def start(runs_root: Path, model: str, dataset: str, preset: str | None = None, like: str = "", **given: Any) -> Run:
    """Check everything that can be checked in a second, then start a run, which waits for those before it.

    Args:
        runs_root: where run folders lie.
        model: what is trained on.
        dataset: folder of songs.
        preset: a key of `PRESETS`, or of `AIMS` for a real checkpoint; None takes the model's own.
        like: name of a run whose settings are taken instead of a preset's.
        given: fields of `TrainingSettings`, put on top.

    Raises:
        StudioError: what the person has to change first.
    """
    return start_told(runs_root, model, dataset, Told(like, preset, None, given))


def start_told(runs_root: Path, model: str, dataset: str, form: Told) -> Run:
    """The same for what the form says.

    Raises:
        StudioError: what the person has to change first.
    """
    if not dataset:
        raise StudioError(NO_DATASET)
    songs = Path(dataset)
    settings = settings_told(form, runs_root, model, songs, runs_root)
    report = read_dataset(settings.dataset_dir, settings.events)
    require_songs(report, settings.events)
    require_packages(settings)
    require_memory(expected(settings, report, list_runs(runs_root)), settings)
    folder = new_run_folder(runs_root, songs.name)  # only now: what is refused leaves none behind
    return start_run(settings.model_copy(update={"output_dir": folder}))


def _serve(page: _Page, model: str, root: Path | None) -> None:
    """The same for programs. Runs go by name, and the dataset is the page's own, so that no path comes from outside."""
    runs_root = page.runs_root

    def start_training(preset: str = "", max_steps: int = 0, seed: int = 42, events: bool = True) -> str:
        """Start a run on the page's dataset, in line if another goes on.

        Args:
            preset: a name of the form's; empty: the model's own.
            max_steps: how long it trains; 0: the preset's.
            seed: of all that is drawn by chance.
            events: whether it learns timed events, too.

        Returns:
            the run's name.
        """
        given = {"max_steps": max_steps or None, "seed": seed, "events": events}
        return permitted(page.refusal, lambda: start(runs_root, model, str(root or ""), preset or None, **given).name)

    def stop_training(run: str) -> str:
        """Ask a run to save its adapter and stop.

        Args:
            run: its name.

        Returns:
            its state, such as `running` until it has stopped.
        """
        return permitted(page.refusal, lambda: stop_run(find_run(runs_root, run).folder).state.status)

    def poll_training(run: str = "") -> dict[str, Any]:
        """See where a run stands.

        Args:
            run: its name; empty: the one that goes on, else the newest.

        Returns:
            run, adapter (whether it left one), status, step, max_steps, message and more; empty where there is no run.
        """
        found = find_run(runs_root, run) if run else _choose(list_runs(runs_root), "")
        return {} if found is None else {"run": found.name, "adapter": found.has_adapter, **found.state.model_dump()}

    for function in (start_training, stop_training, poll_training):
        serve(function)
