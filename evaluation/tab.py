"""Evaluation tab: layout and wiring. `report.py` scores; experiments, curation and listening are their own pieces."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from annotate.audio import AUDIO_SUFFIXES
from annotate.page_errors import errors_shown
from annotate.timeline import Timeline, register_track, timeline_value
from annotate.visitors import check_upload
from evaluation import curation_panel
from evaluation.experiment import panel as experiment
from evaluation.experiment.shelf import arms_to_hear
from evaluation.listening import panel as listening
from evaluation.report import COLUMNS, MEASURE_COLUMNS, ScoreReport, score_folder
from structure.errors import StudioError
from structure.events import Event
from structure.markdown import escaped

ABOUT = (
    "**Score songs.** A judge learns from the annotated songs open in Annotate what each part sounds like, then "
    "listens to songs made to a structure: is each part where it was asked?"
)
FOOTNOTE = (
    "*Chance*: the same songs against other songs' structures. *Ceiling*: annotated songs that the judge has not "
    "heard. *Control* is where the songs lie between the two: 0 by luck, 1 as well as real songs keep their own "
    "structure."
)

Row = dict[str, Any]  # what a visitor's session keeps of a scored song: name, track, duration, requested, heard


def score_songs(
    folder: str | None,
    files: list[str] | None,
    dataset: str | Path | None,
    progress: gr.Progress | None = None,
    heard: str | None = None,
) -> tuple[ScoreReport, list[Row]]:
    """Score a folder, or files that a visitor sent (sidecars and songs, paired by name).

    Args:
        folder: songs with sidecars on this machine.
        files: the same, sent; they go before the folder.
        dataset: annotated songs that teach the judge.
        progress: told how many songs are read.
        heard: folder of files that say what somebody else heard; empty asks the judge.

    Raises:
        StudioError: nothing to score, no judge, or more files than are taken.
    """
    if not dataset:
        raise StudioError("The judge needs annotated songs to learn from. Open a dataset in Annotate first.")
    if not files and not (folder or "").strip():
        raise StudioError("There is nothing to score yet. Choose songs with their sidecars first.")

    def count(done: int, total: int) -> None:
        if progress is not None:
            progress((done, total), desc="Listening")

    check_upload([Path(file) for file in files or []], (*AUDIO_SUFFIXES, ".json"))
    with tempfile.TemporaryDirectory(prefix="structure-studio-") as sent:
        for file in files or []:
            shutil.copy(file, Path(sent) / Path(file).name)
        chosen = Path(sent) if files else Path((folder or "").strip()).expanduser()
        others = Path(heard.strip()).expanduser() if (heard or "").strip() else None
        report = score_folder(chosen, Path(dataset), on_song=count, heard=others)
        rows = [
            {
                "name": song.name,
                # what was sent goes when this returns, so the page keeps its own copy
                "track": register_track(chosen / song.name) if files else None,
                "audio": str(chosen / song.name),
                "duration": song.duration,
                "requested": [event.to_dict() for event in song.requested],
                "heard": [event.to_dict() for event in song.heard],
            }
            for song in report.songs
        ]
    return report, rows


def verdict(report: ScoreReport) -> str:
    """The result in a sentence or two, as Markdown."""
    frames, control = report.mean("frame_accuracy"), report.judged.figures["frame_accuracy"].control
    if frames is None:
        return "The structures asked for cover no part of these songs, so nothing was compared."
    words = f"{frames:.0%} of the time the part asked for is heard"
    if control is not None:
        span = f" ({control.low:.2f} to {control.high:.2f})" if control.low is not None else ""
        words = f"**Control {control.mean:.2f}**{span}. {words}"
        words += f"; by chance it would be {report.mean('frame_accuracy', 'chance'):.0%}"
    ceiling, error = report.mean("frame_accuracy", "ceiling"), report.mean("median_error")
    real = f", with real songs {ceiling:.0%}" if ceiling is not None else ""
    timing = f" Half of the changes come within {error:.2f} s of their time." if error is not None else ""
    notes = "".join(f"\n- {escaped(note)}" for note in report.notes)
    return f"{words}{real}.{timing}\n{notes}"


def picture(row: Row) -> dict[str, Any]:
    """A scored song on the timeline: what was asked above, what was heard below."""
    return timeline_value(
        row["duration"],
        [Event.model_validate(event) for event in row["requested"]],
        track=row["track"] or register_track(Path(row["audio"])),
        song=row["name"],
        compare=[Event.model_validate(event) for event in row["heard"]],
        names=("asked", "heard"),
    )


def open_song(rows: list[Row], chosen: gr.SelectData) -> Any:
    """The song whose row was clicked; the rows for all songs, chance and so on open nothing."""
    found = [row for row in rows if row["name"] == chosen.row_value[0]]  # a person may have sorted the table
    if not found:
        return gr.skip()
    with errors_shown():
        return picture(found[0])


def build(dataset: Component, songs: Path | None = None, local: bool = False, model: str = "starter") -> None:
    """Lay the tab out inside the caller's `gr.Tab`: four tabs, one a question.

    Args:
        dataset: its value is the folder open in Annotate, which teaches the judge.
        songs: where generated songs lie, offered as the folder to score; only where the page is local.
        local: the page is used on this very machine, so a visitor may name a folder. Others send files.
        model: what experiments teach.
    """
    with gr.Tabs():
        with gr.Tab("Score songs"):
            build_score(dataset, songs, local)
        with gr.Tab("Experiment"):
            experiment.build_panel(dataset, model, local)
        with gr.Tab("Best songs"):
            curation_panel.build_panel(dataset)
        with gr.Tab("Listen blind"):
            listening.build_panel(local, arms_to_hear)


def build_score(dataset: Component, songs: Path | None, local: bool) -> None:
    """Score a folder of songs against the structures asked for; arguments as in `build`."""
    gr.Markdown(ABOUT)
    with gr.Row(equal_height=True):
        files = gr.File(
            label="Songs and their sidecars (song.wav with song.json …)", file_count="multiple", scale=2, height=140
        )
        with gr.Column(scale=1, min_width=260):
            folder = gr.Textbox(
                str(songs) if local and songs else "",
                label="or a folder on this machine",
                placeholder="/path/to/songs",
                visible=local,
                max_lines=1,
            )
            heard = gr.Textbox(
                label="heard by allin1, SongFormer or a person: a folder of files",
                placeholder="empty: by the judge",
                visible=local,
                max_lines=1,
            )
            button = gr.Button("Score", variant="primary")
    words = gr.Markdown(min_height=28, elem_id="score-verdict", elem_classes="sst-spoken")
    with gr.Column(visible=False) as result:
        measures = gr.Dataframe(
            headers=list(MEASURE_COLUMNS), interactive=False, show_label=False, max_height=640, elem_id="score-measures"
        )
        gr.Markdown(FOOTNOTE + " Click a song to see what was asked above what was heard.")
        table = gr.Dataframe(
            headers=list(COLUMNS), interactive=False, show_label=False, max_height=420, elem_id="score-table"
        )
        timeline = Timeline(timeline_value(1.0, []), elem_id="score-timeline")
    rows = gr.State([])

    def score(
        files: list[str] | None,
        folder: str,
        heard: str | None,
        dataset: str | Path | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands the bar over
    ) -> tuple[Any, ...]:
        with errors_shown():
            # a folder named by a visitor from elsewhere is not looked at, however the request was made
            report, found = score_songs(folder if local else None, files, dataset, progress, heard if local else None)
            first = picture(found[0])
        return verdict(report), report.measure_rows(), report.song_rows(), first, found, gr.update(visible=True)

    button.click(
        score,
        [files, folder, heard, dataset],
        [words, measures, table, timeline, rows, result],
        api_visibility="private",
        concurrency_limit=1,
        show_progress_on=words,
    )
    table.select(open_song, rows, timeline, show_progress="hidden", api_visibility="private")
