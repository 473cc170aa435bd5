"""What the tab's button and table do, without a browser."""

from pathlib import Path

import gradio as gr
import pytest

import evaluation.tab
from evaluation.tab import open_song, picture, score_songs, verdict
from structure.errors import StudioError


@pytest.fixture(scope="module")
def scored(generated: Path, reference: Path):
    return score_songs(str(generated), None, reference)


def test_a_folder_is_scored_and_drawn(scored, generated: Path):
    report, rows = scored
    assert [row["name"] for row in rows] == [path.name for path in sorted(generated.glob("*.wav"))]
    assert verdict(report).startswith("**Control ")
    drawn = picture(rows[0])
    assert drawn["duration"] == pytest.approx(report.songs[0].duration)
    assert drawn["events"] == rows[0]["requested"]
    assert drawn["compare"] == rows[0]["heard"]


def test_files_that_were_sent_are_scored_as_the_folder_is_and_can_be_played_later(
    scored, generated: Path, reference: Path, tmp_path: Path
):
    sent = []
    for path in sorted(generated.iterdir()):  # a server keeps each upload in a folder of its own
        (tmp_path / path.stem / path.suffix[1:]).mkdir(parents=True)
        copy = tmp_path / path.stem / path.suffix[1:] / path.name
        copy.write_bytes(path.read_bytes())
        sent.append(str(copy))
    report, rows = score_songs(None, sent, reference)
    assert report.to_dict() == scored[0].to_dict()
    assert not Path(rows[0]["audio"]).exists()
    assert picture(rows[0])["track"] == picture(scored[1][0])["track"]


def test_a_row_opens_its_song_and_one_that_is_gone_opens_nothing(scored):
    _, rows = scored

    def click(name: str) -> gr.SelectData:
        return gr.SelectData(None, {"index": [0, 0], "value": name, "row_value": [name, "1.00"]})

    assert open_song(rows, click(rows[1]["name"])) == picture(rows[1])
    assert open_song(rows, click("gone.wav")) == gr.skip()


def test_what_is_missing_is_said(generated: Path, reference: Path, tmp_path: Path):
    with pytest.raises(StudioError, match="nothing to score yet"):
        score_songs("  ", [], reference)
    with pytest.raises(StudioError, match="Open a dataset in Annotate"):
        score_songs(str(generated), None, None)
    with pytest.raises(StudioError, match="no folder"):
        score_songs(str(tmp_path / "nowhere"), None, reference)


def test_only_a_local_page_offers_a_folder(tmp_path: Path):
    def folder_boxes(local: bool) -> list[gr.Textbox]:
        with gr.Blocks() as page:
            evaluation.tab.build(gr.State(None), tmp_path, local=local)
        return [block for block in page.blocks.values() if isinstance(block, gr.Textbox) and block.visible]

    assert {box.label for box in folder_boxes(local=True)} >= {"or a folder on this machine"}
    assert folder_boxes(local=False) == []
