"""An experiment in the Evaluate tab: start it on the open dataset, watch it, read what came of it.

A piece of the evaluation tab: layout and wiring. An experiment lies on the disk and runs in a process of its own, so
that a closed page loses nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from annotate.page_errors import or_error
from annotate.timeline import CACHE_DIR
from evaluation.experiment.settings import ARMS, KEYS, make_settings
from evaluation.experiment.values import NOTHING, interval, items, listed, name_of, part, show_bounds
from structure.errors import StudioError
from structure.json_reading import number
from structure.markdown import escaped

ABOUT = (
    "**Experiment.** Does teaching the *times* of parts help, on your songs? Each way of teaching gets the same songs, "
    "seeds and steps, makes songs to structures it never learned, and a judge who was taught on your annotated songs "
    "hears how well. It takes about half an hour with the starter, and goes on where it was when it is interrupted."
)
ELSEWHERE = "Experiments are started where the studio runs: `python -m evaluation experiment --help`."
WATCH_SECONDS = 2.0
ARM_COLUMNS = ("way of teaching", "right part", "95 % interval", "control", "boundary F 0.5 s", "order", "median error")
_QUIET = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
_MAIN = "frame_accuracy"


def build_panel(dataset: Component, model: str, local: bool) -> None:
    """Lay the panel out inside the caller's blocks.

    Args:
        dataset: its value is the folder open in Annotate.
        model: what is taught.
        local: the page is used on this very machine. Others are told how it is done.
    """
    gr.Markdown(ABOUT)
    if not local:
        gr.Markdown(ELSEWHERE)
        return
    with gr.Row(equal_height=True):
        arms = gr.CheckboxGroup(
            [(arm.name, arm.key) for arm in ARMS], value=list(KEYS), label="Ways of teaching", scale=3
        )
        seeds = gr.Number(
            1, label="Seeds", info="more: surer, slower", precision=0, minimum=1, maximum=20, min_width=90
        )
        steps = gr.Number(0, label="Steps", info="0: the recipe's", precision=0, minimum=0, min_width=90)
    with gr.Accordion("More", open=False), gr.Row():
        structures = gr.Textbox(
            label="Songs whose structures are asked for (a folder)",
            placeholder="empty: some of the dataset are held out",
            max_lines=1,
        )
        counts = gr.Textbox(label="Learning curve: numbers of songs", placeholder="4 8", max_lines=1)
    begin = gr.Button("Start the experiment", variant="primary")
    chosen = gr.Dropdown([], label="Experiment", filterable=False)
    state = gr.HTML(elem_id="experiment-state")
    with gr.Row():
        stop = gr.Button("Stop", size="sm", visible=False)
        resume = gr.Button("Go on", size="sm", visible=False)
    with gr.Column(visible=False) as result:
        answer = gr.Markdown(elem_id="experiment-answer")
        table = gr.Dataframe(
            headers=list(ARM_COLUMNS), interactive=False, show_label=False, wrap=True, elem_id="experiment-arms"
        )
        notes = gr.Markdown()
        report = gr.DownloadButton("Download the report: figures and songs in one file, to be read offline")
    watch, before = gr.Timer(WATCH_SECONDS), gr.State("")
    place = [state, stop, resume, result, answer, table, notes, report, before]

    def opened(name: str | None) -> tuple[Any, ...]:
        from evaluation.experiment.shelf import made_experiments

        names = made_experiments()
        value = name if name in names else next(iter(names), None)
        return gr.update(choices=names, value=value, visible=bool(names)), *standing(value)

    def started(
        dataset: str | Path | None,
        arms: list[str],
        seeds: float,
        steps: float | None,
        structures: str | None,
        counts: str | None,
    ) -> tuple[Any, ...]:
        from evaluation.experiment.shelf import start

        def begun() -> str:
            if not dataset:
                raise StudioError("There are no songs to learn from yet. Open a dataset in Annotate first.")
            settings = make_settings(
                dataset=Path(dataset),
                structures=Path(structures.strip()).expanduser() if (structures or "").strip() else None,
                model=model,
                arms=tuple(arms),
                seeds=int(seeds or 1),
                steps=int(steps) if steps else None,
                curve_songs=tuple((counts or "").replace(",", " ").split()),
            )
            return start(settings)

        return opened(or_error(begun))

    def stopped(name: str | None) -> tuple[Any, ...]:
        from evaluation.experiment.shelf import ask_to_stop

        or_error(lambda: ask_to_stop(name))
        return standing(name)

    def resumed(name: str | None) -> tuple[Any, ...]:
        from evaluation.experiment.shelf import go_on

        or_error(lambda: go_on(name))
        return standing(name)

    def watched(name: str | None, last: str) -> tuple[Any, ...]:
        now = standing(name)
        return now if now[-1] != last else (gr.skip(),) * len(now)  # a table that is read is left alone

    gr.context.Context.root_block.load(opened, chosen, [chosen, *place], **_QUIET)
    begin.click(
        started,
        [dataset, arms, seeds, steps, structures, counts],
        [chosen, *place],
        api_visibility="private",
        concurrency_limit=1,
        show_progress_on=state,
    )
    chosen.input(standing, chosen, place, **_QUIET)
    stop.click(stopped, chosen, place, api_visibility="private", show_progress="hidden")
    resume.click(resumed, chosen, place, api_visibility="private", show_progress_on=state)
    watch.tick(watched, [chosen, before], place, **_QUIET)


def standing(name: str | None) -> tuple[Any, ...]:
    """Where an experiment stands, for the page; the last value tells one look from the next."""
    from evaluation.experiment.shelf import report_of, results_of, state_of

    if not name:
        return "", *(gr.update(visible=False),) * 3, "", [], "", None, ""
    try:
        found, results, report = state_of(name), results_of(name), report_of(name)
    except StudioError as problem:
        return f"<p>{escape(str(problem))}</p>", *(gr.update(visible=False),) * 3, "", [], "", None, str(problem)
    running = found.get("status") == "running"
    done = found.get("status") == "done" and results is not None
    return (
        "" if done else state_html(found),
        gr.update(visible=running),
        gr.update(visible=not running and not done),
        gr.update(visible=done),
        f"### {escaped(str(part(results, 'answer').get('sentence', '')))}" if done else "",
        arm_rows(results) if done else [],
        "".join(f"\n- {escaped(note)}" for note in map(str, listed(results, "notes"))) if done else "",
        _to_send(name, report) if done and report else None,
        f"{name} {found.get('updated')}",
    )


def state_html(state: Mapping[str, Any]) -> str:
    """How far it is, in a sentence and a bar."""
    if not state:
        return "<p>This experiment has not begun.</p>"
    words, share = escape(str(state.get("message", ""))), _share_done(state)
    if state.get("status") == "running":
        left, told = number(state.get("eta")), part(state, "training")
        words += f" About {_minutes(left)} left." if left else ""
        if (last := number(told.get("max_steps"))) and (step := number(told.get("step"))) is not None:
            words += f" Step {step:.0f} of {last:.0f}."
    bar = f'<progress max="1" value="{share:.3f}" aria-label="Progress"></progress>'
    return f'<div class="experiment-state" role="status"><p>{words}</p>{bar if share < 1 else ""}</div>'


def arm_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """One row an arm, chance and ceiling below."""
    rows = [_row(name_of(arm), part(arm, "scores"), part(arm, "control").get(_MAIN)) for arm in items(results, "arms")]
    chance = _row("by chance", part(results, "chance"))
    return [*rows, chance, _row("real songs (ceiling)", part(results, "ceiling"))]


def _row(name: str, of: Mapping[str, Any], control: Any = None) -> list[str]:
    main, hits, order, error = (of.get(key) for key in (_MAIN, "boundary_f_500ms", "section_order", "median_error"))
    span = show_bounds(interval(main)) or NOTHING
    return [name, _mean(main), span, _mean(control), _mean(hits), _mean(order), _mean(error, " s")]


def _to_send(name: str, report: Path) -> str:
    """The report's copy in the one folder that the page serves."""
    copy = CACHE_DIR / f"{name}.html"
    if not copy.exists() or copy.stat().st_mtime < report.stat().st_mtime:
        CACHE_DIR.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(report, copy)
    return str(copy)


def _share_done(state: Mapping[str, Any]) -> float:
    """0 to 1; training an adapter weighs as much as thirty songs."""
    weights = {"train": 30.0, "make": 1.0, "judge": 0.2}
    total, left = (part(state, key) for key in ("total", "left"))
    whole, rest = (sum(weights[kind] * (number(of.get(kind)) or 0) for kind in weights) for of in (total, left))
    return min(max(1 - rest / whole, 0.0), 1.0) if whole > 0 else 1.0


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "a minute" if minutes <= 1 else f"{minutes} minutes"


def _mean(value: Any, unit: str = "") -> str:
    known = interval(value)
    return f"{round(known.mean, 2) + 0.0:.2f}{unit}" if known else NOTHING  # no -0.00
