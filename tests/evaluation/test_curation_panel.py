"""What the panel's button and number do, without a browser."""

from pathlib import Path

import gradio as gr
import pytest

from evaluation.curation import CuratedSong, Ranking
from evaluation.curation_panel import CHOSEN, build_panel, ranked, shown
from structure.errors import StudioError


def test_the_best_are_marked_and_another_number_needs_no_listening():
    songs = [CuratedSong("a", 0.9, types=("verse",)), CuratedSong("b", 0.8, types=("solo",)), CuratedSong("c", 0.0)]
    ranking = Ranking(songs, ["heard"])
    words, rows = shown(ranking, 1)
    assert words == "The best 1 of 3 songs, without solo: mean quality 0.90.\n\n- heard"
    assert [row[:2] for row in rows] == [[CHOSEN, "a"], ["", "b"], ["", "c"]]
    assert [row[0] for row in shown(ranking, 5)[1]] == [CHOSEN, CHOSEN, ""]
    with pytest.raises(StudioError, match="at least one song"):
        shown(ranking, None)


def test_what_is_missing_is_said(tmp_path: Path):
    with pytest.raises(StudioError, match="Open a dataset in Annotate first"):
        ranked("")
    with pytest.raises(StudioError, match="no folder"):
        ranked(tmp_path / "nowhere")


def test_the_panel_is_laid_out_and_nothing_of_it_is_public():
    with gr.Blocks() as page:
        build_panel(gr.State(""))
    assert [fn.api_visibility for fn in page.fns.values()] == ["private", "private"]
