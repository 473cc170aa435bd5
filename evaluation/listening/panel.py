"""Blind listening in the Evaluate tab: make a test, hand out its links, see who has answered, and read the result.

A piece of the evaluation tab: layout and wiring. Tests lie on the disk and are served by a process of their own, so
that a closed page loses nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from annotate.page_errors import or_error
from evaluation.listening.serving import start_server
from evaluation.listening.shelf import Standing, end, folder_of, made_tests, make_named, standing
from structure.errors import StudioError
from structure.markdown import escaped

if TYPE_CHECKING:
    from evaluation.listening.analysis import Analysis
    from evaluation.listening.comparison import Comparison

ABOUT = (
    "**Listen blind.** People compare songs made in several ways without knowing which is which. Songs of one file "
    "name are played against each other, equally loud, in an order of each listener's own."
)
ELSEWHERE = "Listening tests are made where the studio runs: `python -m evaluation listen make --help`."
WATCH_SECONDS = 3.0
PEOPLE = ("Listener", "Answered", "Link")
COLUMNS = ("Question", "First", "Second", "{}", "{}", "Ties", "Share", "95 %", "Over listeners", "p")
COUNTED = {"preference": ("For first", "For second"), "abx": ("Right", "Wrong")}
_QUIET = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}


def build_panel(local: bool, known_arms: Callable[[], Mapping[str, Path]] = dict) -> None:
    """Lay the panel out inside the caller's blocks.

    Args:
        local: the page is used on this very machine, so folders of it may be named. Others are told how it is done.
        known_arms: folders that can be chosen by name, such as an experiment's arms; asked when the page is opened.
    """
    gr.Markdown(ABOUT)
    if not local:
        gr.Markdown(ELSEWHERE)
        return
    with gr.Accordion("Make a test", open=not made_tests()):
        arms = gr.Textbox(label="What to compare: a line each, NAME = FOLDER", lines=3, max_lines=8)
        known = gr.Dropdown([], multiselect=True, label="or take them from an experiment", visible=False)
        with gr.Row():
            name = gr.Textbox("listening", label="Name of the test", max_lines=1)
            listeners = gr.Textbox("1", label="Listeners: how many, or names with commas", max_lines=1)
            kind = gr.Radio(
                [("Which is better?", "preference"), ("Is there a difference? (ABX)", "abx")],
                value="preference",
                label="Question",
            )
            trials = gr.Number(0, precision=0, label="Trials each (0: up to 12)", min_width=120)
        make = gr.Button("Make the test", variant="primary")
    test, seen = gr.Dropdown([], label="Test", filterable=False), gr.State(None)
    said = gr.Markdown(min_height=24, elem_classes="sst-spoken")
    people = gr.Dataframe(
        headers=list(PEOPLE),
        datatype=["str", "str", "html"],
        interactive=False,
        show_label=False,
        wrap=True,
        visible=False,
        elem_id="listening-people",
    )
    with gr.Row():
        start = gr.Button("Open it to its listeners", size="sm")
        close = gr.Button("Close the test", size="sm")
        show = gr.Button("Show the result", size="sm")
    with gr.Column(visible=False) as result:
        words = gr.Markdown()
        table = gr.Dataframe(interactive=False, show_label=False, wrap=True)
        details = gr.Markdown()
        answers = gr.DownloadButton("Download all answers (CSV)", size="sm")
    watch = gr.Timer(WATCH_SECONDS)

    def opened(chosen: str | None) -> tuple[Any, ...]:
        names, folders = made_tests(), known_arms()
        value = chosen if chosen in names else next(iter(names), None)
        choices = [(label, f"{label} = {folder}") for label, folder in folders.items()]
        return gr.update(choices=choices, visible=bool(choices)), gr.update(choices=names, value=value), *stands(value)

    def made(
        name: str,
        arms: str,
        listeners: str,
        kind: str,
        trials: int,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands the bar over
    ) -> tuple[Any, ...]:
        def count(done: int, of: int) -> None:
            progress((done, of), desc="Making songs equally loud")

        chosen = or_error(lambda: make_named(name, arms, listeners, kind == "abx", trials or None, count))
        return gr.update(choices=made_tests(), value=chosen), *stands(chosen)

    def started(chosen: str | None) -> tuple[Any, ...]:
        or_error(lambda: start_server(folder_of(chosen)))
        return stands(chosen)

    def closed(chosen: str | None) -> tuple[Any, ...]:
        or_error(lambda: end(chosen))
        return stands(chosen)

    def watched(chosen: str | None, before: Standing | None) -> tuple[Any, ...]:
        now = stands(chosen)
        return now if now[-1] != before else (gr.skip(),) * len(now)  # who copies a link is left alone

    def shown(chosen: str | None) -> tuple[Any, ...]:
        from evaluation.listening.analysis import analyse

        found = or_error(lambda: analyse(folder_of(chosen)))
        return gr.update(visible=True), *result_values(found, str(chosen))

    place = [said, people, seen]
    gr.context.Context.root_block.load(opened, test, [known, test, *place], **_QUIET)
    known.input(lambda chosen: "\n".join(chosen), known, arms, **_QUIET)
    make.click(
        made,
        [name, arms, listeners, kind, trials],
        [test, *place],
        api_visibility="private",
        concurrency_limit=1,
        show_progress_on=said,
    )
    test.input(stands, test, place, **_QUIET)
    watch.tick(watched, [test, seen], place, **_QUIET)
    gr.on([test.input, make.click], lambda: gr.update(visible=False), None, result, **_QUIET)
    start.click(started, test, place, api_visibility="private", show_progress_on=said)
    close.click(closed, test, place, api_visibility="private", show_progress_on=said)
    show.click(shown, test, [result, words, table, details, answers], api_visibility="private", show_progress_on=said)


def stands(name: str | None) -> tuple[Any, Any, Standing | None]:
    """Where a test stands, for the page: a sentence, a row a listener, and both for comparison with the next look."""
    if not name:
        return "", gr.update(visible=False), None
    try:
        sentence, people = standing(name)
    except StudioError as problem:
        return escaped(str(problem)), gr.update(visible=False), None
    linked = [[who, how_far, _anchor(address)] for who, how_far, address in people]
    return escaped(sentence), gr.update(value=linked, visible=True), (sentence, people)


def result_values(found: Analysis, name: str) -> tuple[str, dict[str, Any], str, str]:
    """What a test shows: sentences, a table of comparisons, who listened how, and a file of all answers."""
    from evaluation.listening.analysis import listener_text
    from evaluation.listening.export import write_csv
    from evaluation.listening.screening import RULES

    file = Path(tempfile.mkdtemp(prefix="structure-studio-")) / f"{name}.csv"
    write_csv(found, file)
    counted = iter(COUNTED[found.kind])
    headers = [next(counted) if column == "{}" else column for column in COLUMNS]
    table = {"headers": headers, "data": [_cells(comparison) for comparison in found.comparisons]}
    about = [*(listener_text(listener) for listener in found.listeners), *found.notes, " ".join(RULES)]
    return _bullets(c.sentence for c in found.comparisons), table, _bullets(about), str(file)


def _cells(c: Comparison) -> list[str | int]:
    from evaluation.listening.comparison import p_text

    counts = [c.question, c.first, c.second, c.wins, c.losses, c.ties]
    if c.decided is None or c.listeners is None:
        return [*counts, "-", "-", "-", "-"]
    shares = [
        f"{c.decided.share:.0%}",
        _range(c.decided.low, c.decided.high),
        _range(c.listeners.low, c.listeners.high),
    ]
    return [*counts, *shares, p_text(c)]


def _anchor(address: str) -> str:
    return f'<a href="{escape(address)}" target="_blank">{escape(address)}</a>' if address else "not open"


def _range(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.0%} to {high:.0%}"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escaped(line)}" for line in lines)
