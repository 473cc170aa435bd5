"""A ranking of the open dataset's songs by how well they are annotated, and the best N of them.

A piece of the evaluation tab.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from annotate.page_errors import errors_shown
from evaluation.curation import COLUMNS, Ranking, propose_subset, rank_dataset, subset_sentence
from structure.errors import StudioError
from structure.markdown import escaped

ABOUT = (
    "Quality: how much of a song is marked, times how right that seems, by its beats and by a judge who learned from "
    "the other songs. Of copies the best annotated counts."
)
CHOSEN = "✓"


def ranked(dataset: str | Path | None, progress: gr.Progress | None = None) -> Ranking:
    """The ranking of the folder that is open.

    Raises:
        StudioError: none is open, or it has no songs.
    """
    if not dataset:
        raise StudioError("There are no songs to rank yet. Open a dataset in Annotate first.")

    def count(done: int, total: int) -> None:
        if progress is not None:
            progress((done, total), desc="Listening")

    return rank_dataset(Path(dataset), count)


def shown(ranking: Ranking, n: float | None) -> tuple[str, list[list[str]]]:
    """A sentence on the best n with notes, as Markdown, and the table with these marked.

    Raises:
        StudioError: n is not positive.
    """
    chosen = propose_subset(ranking, int(n or 0))
    names = {song.name for song in chosen}
    notes = "".join(f"\n- {escaped(note)}" for note in ranking.notes)
    rows = [[CHOSEN if song.name in names else "", *song.row()] for song in ranking.songs]
    return f"{escaped(subset_sentence(ranking, chosen))}\n{notes}", rows


def build_panel(dataset: Component) -> None:
    """Lay the piece out inside the caller's block, and wire it.

    Args:
        dataset: its value is the folder open in Annotate.
    """
    gr.Markdown(ABOUT)
    with gr.Row(equal_height=True):
        n = gr.Number(12, label="Songs to choose", precision=0, minimum=1, scale=1, min_width=140, elem_id="curate-n")
        button = gr.Button("Rank songs", scale=1, elem_id="curate-rank")
    words = gr.Markdown(min_height=28, elem_id="curate-words", elem_classes="sst-spoken")
    table = gr.Dataframe(
        headers=["best", *COLUMNS],
        interactive=False,
        show_label=False,
        max_height=420,
        wrap=True,
        visible=False,
        elem_id="curate-table",
    )
    ranking = gr.State(None)

    def rank(
        dataset: str | Path | None,
        n: float | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands the bar over
    ) -> tuple[Any, ...]:
        with errors_shown():
            found = ranked(dataset, progress)
            sentence, rows = shown(found, n)
        return found, sentence, gr.update(value=rows, visible=True)

    def choose(found: Ranking | None, n: float | None) -> tuple[Any, Any]:
        if found is None:
            return gr.skip(), gr.skip()
        with errors_shown():
            return shown(found, n)

    button.click(
        rank,
        [dataset, n],
        [ranking, words, table],
        api_visibility="private",
        concurrency_limit=1,
        show_progress_on=words,
    )
    n.submit(choose, [ranking, n], [words, table], api_visibility="private", show_progress="hidden")
