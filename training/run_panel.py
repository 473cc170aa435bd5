"""What can be done with the run on display: another name, once more with changes, away, beside another one.

A piece of the training tab, in a fold that stays shut until somebody wants it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.page_errors import or_error
from training.comparing import comparison_card
from training.runs import Run, find_run
from training.sample_files import list_samples
from training.shelf import delete_run, rename_run, size_of

Updates = dict[Any, Any]


@dataclass(frozen=True)
class RunPanel:
    """The components of the fold; `again` is wired by the tab, whose form it fills."""

    fold: gr.Accordion
    name: gr.Textbox
    rename: gr.Button
    again: gr.Button
    delete: gr.Button
    sure: gr.Row
    question: gr.HTML
    really: gr.Button
    keep: gr.Button
    other: gr.Dropdown
    comparison: gr.HTML

    def outputs(self) -> list[gr.blocks.Block]:
        """Those that change with the run on display."""
        return [self.fold, self.name, self.rename, self.again, self.delete, self.sure, self.other, self.comparison]


def lay_out() -> RunPanel:
    """The fold, invisible until there is a run."""
    with gr.Accordion("This run", open=False, visible=False) as fold:
        with gr.Row(equal_height=False, elem_classes="tr-beside"):
            name = gr.Textbox(label="Name", max_lines=1, min_width=200, scale=3)
            rename = gr.Button("Rename", size="sm", scale=0, min_width=110)
        with gr.Row():
            again = gr.Button("Once more, with changes", size="sm", scale=0, min_width=200)
            delete = gr.Button("Delete", size="sm", scale=0, min_width=110)
        with gr.Row(visible=False, elem_classes=["tr-beside", "tr-line"]) as sure:
            question = gr.HTML(min_width=220, padding=False)
            really = gr.Button("Delete it", variant="stop", size="sm", scale=0, min_width=110)
            keep = gr.Button("Keep it", size="sm", scale=0, min_width=110)
        other = gr.Dropdown([], label="Compare with", visible=False)
        comparison = gr.HTML(padding=False)
    return RunPanel(fold, name, rename, again, delete, sure, question, really, keep, other, comparison)


def wire(
    panel: RunPanel,
    shown: gr.State,
    runs_root: Path,
    show: Callable[[str], Updates],
    outputs: Sequence[gr.blocks.Block],
    act: Callable[[Callable[[], Any]], Any] = or_error,
) -> None:
    """Let the buttons work.

    Args:
        panel: laid out.
        shown: its value is the name of the run on display.
        runs_root: where run folders lie.
        show: updates that display the run of a name, or another one where there is none.
        outputs: what `show` may write to.
        act: does what changes a run, and raises `gr.Error` where that cannot or must not be.
    """
    private = {"show_progress": "hidden", "api_visibility": "private"}

    def rename(name: str, wished: str) -> Updates:
        return show(act(lambda: rename_run(find_run(runs_root, name).folder, wished).name))

    def delete(name: str) -> Updates:
        act(lambda: delete_run(find_run(runs_root, name).folder))
        return show("")

    gr.on([panel.rename.click, panel.name.submit], rename, [shown, panel.name], list(outputs), **private)
    panel.delete.click(partial(_ask, panel, runs_root), shown, [panel.sure, panel.question], **private)
    panel.really.click(delete, shown, list(outputs), **private)
    panel.keep.click(lambda: gr.Row(visible=False), None, panel.sure, queue=False, **private)
    panel.other.input(partial(_compare, runs_root), [shown, panel.other], panel.comparison, **private)


def updates(panel: RunPanel, chosen: Run | None, runs: Sequence[Run]) -> Updates:
    """The fold for the run on display, with no comparison yet."""
    others = [run.name for run in runs if chosen is not None and run.name != chosen.name]
    ended = chosen is not None and not chosen.running
    return {
        panel.fold: gr.update(visible=chosen is not None),
        panel.name: gr.update(value=chosen.name if chosen else "", interactive=ended),
        panel.rename: gr.update(interactive=ended),
        panel.again: gr.update(interactive=chosen is not None and chosen.settings is not None),
        panel.delete: gr.update(interactive=ended),
        panel.sure: gr.update(visible=False),
        panel.other: gr.update(choices=others, value=None, visible=bool(others)),
        panel.comparison: "",
    }


def _ask(panel: RunPanel, runs_root: Path, name: str) -> Updates:
    run = or_error(lambda: find_run(runs_root, name))
    megabytes = size_of(run.folder) / 1e6
    what = "adapter, checkpoints, curve and log" if run.has_adapter else "checkpoints, curve and log"
    what += ", songs made on the way" if list_samples(run.folder) else ""
    question = f"Delete <b>{escape(run.name)}</b> for good: {what}, {megabytes:.0f} MB?"
    return {panel.sure: gr.Row(visible=True), panel.question: f'<p class="tr-question">{question}</p>'}


def _compare(runs_root: Path, name: str, other: str | None) -> str:
    if not other:
        return ""
    return or_error(lambda: comparison_card(find_run(runs_root, name), find_run(runs_root, other)))
