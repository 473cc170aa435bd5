"""The model card: what the hub reads of it, what text in it can do, and what it must never tell or break."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html import unescape
from pathlib import Path

import pytest
import yaml  # comes with the hub's client
from huggingface_hub import ModelCard

from acestep.adapter import AdapterCard
from structure.events import Event
from structure.markdown import escaped, yaml_text
from training.card_picture import loss_picture
from training.dataset import DatasetReport, TrainingSong
from training.licences import licence_lines
from training.model_card import MARK, CardError, leave_card, write_card
from training.origin import read_origin, write_origin
from training.points import Curves
from training.run_folder import RunState, append_metrics, read_state, write_config, write_state
from training.settings import make_settings

ROOT = Path(__file__).parents[2]
SECRET = "my secret demo.wav"
HOSTILE = (
    'x"}\n---\nlicense: mit\n# Big\n<script>alert(1)</script> [a](http://evil.example) | `code` $$ @someone ![i](j)'
)


def make_report(folder: Path, kind: str = "chorus") -> DatasetReport:
    events = (
        Event(type="intro", start=0, end=8),
        Event(type=kind, start=8, end=20),
        Event(type="crash", start=8, end=8),
    )
    songs = tuple(TrainingSong(folder / name, 60.0, events=events) for name in (SECRET, "b.wav"))
    return DatasetReport(
        folder,
        songs,
        seconds_by_type={"intro": 16.0, kind: 24.0},
        count_by_type={"intro": 2, kind: 2},
        moments_by_type={"crash": 2},
    )


def make_run(folder: Path, kind: str = "chorus", steps: int = 40, **settings: object) -> Path:
    """A run's folder as training leaves it, but for the weights, which no card looks into."""
    folder.mkdir(parents=True)
    values = {"dataset_dir": folder / "private songs", "output_dir": folder, **settings}
    write_config(folder, make_settings(**values))
    write_state(folder, RunState(status="saving", step=steps, max_steps=40))
    append_metrics(folder, [{"step": n, "loss": 2.0 / n} for n in range(1, steps + 1)])
    append_metrics(folder, [{"step": steps, "held_out_loss": 0.5}])
    card = AdapterCard(
        base_model="starter", base_hash="0123456789abcdef", rank=16, alpha=16, trained_types=("chorus", "intro"),
        scores={"step": steps, "loss": 0.0625, "held_out_loss": 0.5},
    )  # fmt: skip
    (folder / "adapter.json").write_text(card.model_dump_json())
    write_origin(folder, make_report(folder, kind), "cpu")
    return folder


def test_the_hub_reads_the_front_matter(tmp_path: Path):
    run = make_run(tmp_path / "run", base_model="ACE-Step/acestep-v15-xl-base-diffusers", license="CC-BY-4.0")
    data = ModelCard.load(write_card(run)).data
    expected = {"license": "cc-by-4.0", "library_name": "diffusers", "pipeline_tag": "text-to-audio"}
    assert expected.items() <= data.to_dict().items()
    assert data.base_model == "ACE-Step/acestep-v15-xl-base-diffusers"
    assert {"lora", "timed-events"} <= set(data.tags)


def test_the_card_says_which_checkpoint_is_the_best_where_that_was_measured(tmp_path: Path):
    run = make_run(tmp_path / "run")
    assert "best checkpoint" not in write_card(run).read_text()
    state = read_state(run)
    for step, said in ((20, "That of step 20 is the best checkpoint"), (40, "This is the best checkpoint")):
        write_state(run, state.model_copy(update={"best_step": step, "best_said": "its loss is the lowest, 0.4"}))
        assert f"{said} of the run: its loss is the lowest, 0.4." in write_card(run).read_text()


def test_what_nobody_stated_is_said_to_be_unstated(tmp_path: Path):
    path = write_card(make_run(tmp_path / "run"))
    data = ModelCard.load(path).data
    assert (data.license, data.license_name) == ("other", "not-stated")
    assert "nobody has stated one" in path.read_text() and "nobody has stated whose they are" in path.read_text()
    assert data.base_model is None  # the starter is no repository, and the hub would refuse the card


def test_the_card_counts_songs_and_names_neither_them_nor_folders(tmp_path: Path):
    base = tmp_path / "models" / "my base"
    base.mkdir(parents=True)
    run = make_run(tmp_path / "run", base_model=str(base), rights="All mine.")
    text = write_card(run).read_text()
    assert "2 songs, 2.0 minutes, 0 of them held out" in text
    assert "| chorus | 2 | 24 |" in text and "2 crash" in text and "All mine." in text
    assert str(tmp_path) not in text and "demo" not in text and "my base" in text
    named = write_card(run, song_names=True).read_text()
    assert escaped(SECRET) in named


def test_settings_are_listed_where_they_are_not_the_presets(tmp_path: Path):
    assert "`starter` as it is" in write_card(make_run(tmp_path / "usual")).read_text()
    text = write_card(make_run(tmp_path / "other", lora_rank=7)).read_text()
    assert "| `lora_rank` | 7 | 16 |" in text and "| `lora_alpha`" not in text


def test_scores_a_stopped_run_and_what_was_never_heard_are_told(tmp_path: Path):
    text = write_card(make_run(tmp_path / "run", steps=20)).read_text()
    assert "stopped early, after step 20 of 40" in text and "| held out loss | 0.5 |" in text
    never = next(line for line in text.splitlines() if "never heard" in line)
    assert "bridge" in never and "chorus" not in never.replace("pre-chorus", "").replace("post-chorus", "")
    assert "crash" not in never


@pytest.mark.parametrize("where", ["rights", "license", "kind"])
def test_text_of_a_person_stays_text(tmp_path: Path, where: str):
    settings = {} if where == "kind" else {where: HOSTILE}
    run = make_run(tmp_path / "run", kind=HOSTILE.replace("\n", " ") if where == "kind" else "chorus", **settings)
    path = write_card(run)
    text = path.read_text()
    data = ModelCard.load(path).data
    assert data.license == "other" and data.tags[0] == "music"
    assert "<script" not in text and "http://evil" not in text and "[a](" not in text and "\n# Big" not in text
    assert len(re.findall(r"^---$", text, re.MULTILINE)) == 2
    rows = [line for line in text.splitlines() if line.startswith("|") and "alert" in line]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows) and bool(rows) == (where == "kind")


@pytest.mark.parametrize("text", [HOSTILE, "a: b # c", "'", '"', "\\", "\u2028x\x7f\x00", "né 🎸", "- x", "{", "%"])
def test_yaml_gives_back_the_line_that_was_meant(text: str):
    assert yaml.safe_load(f"key: {yaml_text(text)}")["key"] == " ".join(text.split()).replace("\x7f", "").replace(
        "\0", ""
    )


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "# a",
        "1. a",
        "12) a",
        "- a",
        "+ a",
        "a_b_ *c* ~~d~~ `e` \\ $f$",
        "www.evil.example",
        "<b>&amp;",
        "a | b",
    ],
)
def test_markdown_shows_the_line_letter_by_letter(text: str):
    markdown_it = pytest.importorskip("markdown_it")
    html = markdown_it.MarkdownIt("gfm-like", {"linkify": False}).render(escaped(text))
    shown = unescape(re.fullmatch(r"<p>(.*)</p>\n", html, re.DOTALL).group(1))
    assert shown == " ".join(text.split())


def test_a_licence_of_the_hub_is_known_in_any_case_and_words_become_a_name():
    assert licence_lines(" MIT ") == ["license: mit"]
    assert licence_lines("Ask (my) band!") == ["license: other", 'license_name: "ask-my-band"']
    assert licence_lines("私の曲") == ["license: other", 'license_name: "see-below"']


def test_the_picture_is_a_drawing_that_stands_alone():
    points = [{"step": n, "loss": 1.0 / n} for n in range(1, 2000)] + [{"step": 1999, "held_out_loss": 0.1}]
    picture = ElementTree.fromstring(loss_picture(Curves(points), 2000))
    name = "{http://www.w3.org/2000/svg}"
    assert picture.tag == name + "svg"
    assert len(picture.findall(name + "polyline")) == 2 and len(picture.findall(name + "circle")) == 1
    assert picture.find(name + "style") is not None and not list(picture.iter(name + "script"))
    assert loss_picture(Curves()) == ""


def test_without_a_curve_there_is_no_picture_and_no_link_to_one(tmp_path: Path):
    run = make_run(tmp_path / "run")
    assert "](loss.svg)" in write_card(run).read_text() and (run / "loss.svg").is_file()
    bare = make_run(tmp_path / "bare")
    (bare / "metrics.jsonl").unlink()
    assert "loss.svg" not in write_card(bare).read_text() and not (bare / "loss.svg").exists()


def test_a_card_of_ones_own_is_left_alone(tmp_path: Path):
    run = make_run(tmp_path / "run")
    path = write_card(run)
    path.write_text(path.read_text().replace(MARK, "") + "\nMy words.")
    with pytest.raises(CardError, match="by hand"):
        write_card(run)
    assert path.read_text().endswith("My words.")


def test_a_run_whose_origin_was_not_kept_gets_a_card_that_says_so(tmp_path: Path):
    run = make_run(tmp_path / "run")
    (run / "origin.json").write_text("{oops")
    assert "Nothing was kept about the songs" in write_card(run).read_text()


def test_a_card_that_fails_is_a_line_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = make_run(tmp_path / "run")
    said: list[str] = []
    (run / "README.md").mkdir()
    leave_card(run, make_report(run), "cpu", said.append)
    (run / "README.md").rmdir()
    monkeypatch.setattr("training.model_card.card_text", lambda *_: 1 / 0)
    leave_card(run, make_report(run), "cpu", said.append)
    assert len(said) == 2 and all("No model card was written" in line and "training card" in line for line in said)
    assert sorted(path.name for path in run.glob(".*")) == []


def test_at_a_runs_end_the_card_knows_what_was_learnt_from(tmp_path: Path):
    run = make_run(tmp_path / "run")
    (run / "origin.json").unlink()
    said: list[str] = []
    leave_card(run, make_report(run), "cuda:0", said.append)
    assert said == [] and read_origin(run).songs == [SECRET, "b.wav"]
    assert "| device | cuda:0 |" in (run / "README.md").read_text()
    assert re.search(r"\| torch \| \d", (run / "README.md").read_text())


def test_by_hand_the_card_takes_what_is_stated_there(tmp_path: Path):
    run = make_run(tmp_path / "run")
    command = [sys.executable, "-m", "training", "card", str(run), "--license", "mit", "--rights", "Mine."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, str(run / "README.md")), done.stderr
    assert ModelCard.load(run / "README.md").data.license == "mit"
    (run / "adapter.json").unlink()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1) and "holds no adapter" in done.stderr


@pytest.mark.training
def test_a_real_run_leaves_a_card_whose_python_makes_a_song(
    songs: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora_train
):
    run = tmp_path / "FOLDER"
    done = lora_train(
        "--dataset-dir", songs, "--model-config", tiny_model, "--output-dir", run, "--preset", "starter", "--device",
        "cpu", "--rank", 2, "--batch-size", 2, "--max-steps", 1, "--license", "cc0-1.0", "--rights", "A program's.",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "model card" not in done.stdout
    text = (run / "README.md").read_text()
    assert ModelCard.load(run / "README.md").data.license == "cc0-1.0"
    assert "3 songs" in text and str(tmp_path) not in text and str(songs) not in text and str(tiny_model) not in text
    monkeypatch.chdir(tmp_path)
    (tmp_path / tiny_model.name).symlink_to(tiny_model)
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1).replace("duration=20", "duration=20, steps=1")
    exec(code, {})
    import soundfile

    assert soundfile.info(tmp_path / "song.wav").duration == pytest.approx(20, abs=0.2)
