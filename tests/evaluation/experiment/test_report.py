"""The experiment's report: what it says, what it leaves out, and that nothing in it is markup but its own."""

import base64
import copy
import html
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from annotate.audio import write_audio
from evaluation.experiment.report import figures, listening
from evaluation.experiment.report.listening import MOST_DECKS, build_decks
from evaluation.experiment.report.page import render_report, write_report
from evaluation.experiment.report.tables import arms_table, comparisons_table, confusion_tables
from evaluation.experiment.values import show_clock, show_span

Results = dict[str, Any]
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def silent(experiment: tuple[Results, Path]) -> Results:
    """The results without sound, to be changed at will."""
    results = copy.deepcopy(experiment[0])
    for arm in results["arms"]:
        for song in arm["songs"]:
            del song["audio"]
    return results


def song(name: str, **more: Any) -> Results:
    asked = [{"type": "verse", "start": 0.0, "end": 4.0}, {"type": "chorus", "start": 4.0, "end": 8.0}]
    return {"name": name, "seed": 1, "duration": 8.0, "requested": asked, "heard": asked} | more


def test_the_page_is_one_file_that_names_no_other(experiment: tuple[Results, Path], tmp_path: Path):
    results, folder = experiment
    target = tmp_path / "new" / "report.html"
    assert write_report(results, folder, target) == target
    assert write_report(results, folder, target) == target
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]
    assert target.stat().st_size < 12_000_000
    page = target.read_text("utf-8")
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)  # without Plotly's and our code
    assert not re.search(r"\b(src|href)\s*=|url\(|@import|https?://", own)
    assert "default-src 'none'; script-src 'sha256-" in html.unescape(own)
    for words in ("An event LoRA puts 93", "shuffled events", "boundary F within 0.5 s", results["command"], "Notes"):
        assert words in own


def test_what_the_results_lack_is_left_out(silent: Results):
    assert "<h1>Experiment</h1>" in render_report({}, Path())
    for key in silent:
        render_report(silent | {key: None}, Path())
    whole = silent["arms"][2]
    poor = [whole | {key: None} for key in whole] + [{k: v for k, v in whole.items() if k != key} for key in whole]
    render_report(silent | {"arms": poor}, Path())
    page = render_report(silent | {"curves": None, "tests": None, "command": None}, Path())
    assert not any(f'id="{place}"' in page for place in ("curves", "comparisons", "repeat"))
    assert "no sound in this file" in page


def test_figures_that_are_no_numbers_read_as_nothing(silent: Results):
    silent["arms"][0]["scores"]["frame_accuracy"] = {"mean": float("nan"), "low": None, "high": None, "n": 0}
    silent["arms"][1]["scores"]["frame_accuracy"] = {"mean": 0.4, "low": None, "high": None, "n": 1}
    first, second = arms_table(silent).rows[0][1:3]
    assert first.text == "-"
    assert (second.text, second.details) == ("0.40", ["control 0.19"])
    assert "NaN" not in render_report(silent, Path()).split('id="figure-main">')[1].split("</script>")[0]


@pytest.mark.parametrize("value", [["x"], 10**400], ids=["list", "huge"])
def test_values_of_another_kind_than_they_should_be_cost_no_more_than_themselves(value: Any, silent: Results):
    def spoilt(owner: Any, depth: int) -> Any:
        """Copies in which one value each, down to a depth, is another."""
        for at in owner if isinstance(owner, dict) else range(min(len(owner), 2)):
            yield {**owner, at: value} if isinstance(owner, dict) else [*owner[:at], value, *owner[at + 1 :]]
            if depth and isinstance(owner[at], dict | list):
                for inner in spoilt(owner[at], depth - 1):
                    yield {**owner, at: inner} if isinstance(owner, dict) else [*owner[:at], inner, *owner[at + 1 :]]

    for less in spoilt({key: silent[key] for key in ("measures", "tests", "curves", "judge", "notes")}, 2):
        results = silent | less
        figures.main_figure(results), comparisons_table(results), arms_table(results)
        figures.curve_figure(results, "songs"), figures.curve_figure(results, "steps")
    for arms in spoilt(silent["arms"][:1], 2):
        results = silent | {"arms": arms}
        build_decks(results, Path()), listening.every_song(results), confusion_tables(results), arms_table(results)
        figures.error_figure(results), figures.trade_figure(results), figures.arrangement_figure(results)
    render_report(silent | {"notes": value, "measures": value, "answer": value, "settings": value}, Path())


def test_a_name_is_never_markup(silent: Results):
    arm = silent["arms"][0]
    arm |= {"name": EVIL, "about": EVIL}
    arm["confusion"]["types"][0] = EVIL
    arm["arrangement"]["free"][EVIL] = 0.5
    arm["songs"][0] |= {"name": EVIL, "requested": [{"type": EVIL, "start": 0, "end": 5}]}
    silent["measures"][0]["name"] = EVIL
    silent |= {"title": EVIL, "command": EVIL, "notes": [EVIL], "settings": {EVIL: EVIL}}
    silent["answer"]["sentence"] = EVIL
    page = render_report(silent, Path())
    assert "<script>alert" not in page and "<img" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    texts = [trace.y[0] for trace in figures.main_figure(silent).data]
    assert all("<" not in text for text in texts)  # Plotly reads tags too


def test_the_best_arm_is_marked_in_words_whichever_way_is_better(silent: Results):
    table = arms_table(silent)
    events = table.head.index("event LoRA")
    for row in table.rows:  # most frames, and the smallest error
        assert [number for number, cell in enumerate(row) if cell.mark == "best"] == [events]
    assert table.head[-2:] == ["chance", "ceiling"]


def test_a_test_is_read_in_the_direction_of_its_measure(silent: Results):
    rows = [[cell.text for cell in row] for row in comparisons_table(silent).rows]
    assert rows[0][3:] == ["+0.62", "0.008", "0.031", "event LoRA is better"]
    assert rows[2][3:] == ["-0.65 s", "0.008", "0.031", "event LoRA is better"]
    assert rows[3][-1] == "no difference shown"


def test_confusion_is_a_share_of_each_part_asked_for():
    arm = {"name": "a", "confusion": {"types": ["verse", "chorus"], "seconds": [[30.0, 10.0], [0.0, 0.0]]}}
    ((name, table),) = confusion_tables({"arms": [arm]})
    assert name == "a"
    assert [[cell.text for cell in row] for row in table.rows] == [["verse", "75", "25"], ["chorus", "-", "-"]]


def test_changes_fall_into_the_bin_they_reach():
    assert figures.error_shares([0.05, 0.3, 3.5, None]) == [0.25, 0, 0, 0.25, 0, 0, 0.5]


def test_variety_is_drawn_as_a_share_of_real_songs(silent: Results):
    silent["creativity_reference"]["variety"] = {"mean": 2.0, "low": 1.9, "high": 2.1, "n": 12}
    drawn = {trace.name: trace for trace in figures.trade_figure(silent).data}
    assert drawn["event LoRA"].x[0] == 1.02
    assert drawn["event LoRA"].y[0] == pytest.approx(0.71 / 2)
    assert drawn["real songs"].y[0] == 1


def test_a_part_is_told_by_its_share_and_by_what_took_its_place():
    heard = [{"type": "verse", "start": 0.0, "end": 7.0}, {"type": "chorus", "start": 7.0, "end": 8.0}]
    (deck,), _ = build_decks({"arms": [{"name": "a", "songs": [song("one", heard=heard)]}]}, Path())
    verse, chorus = deck.detail.rows
    assert (verse[2].text, verse[2].details) == ("100%", [])
    assert (chorus[2].text, chorus[2].details) == ("25%", ["mostly verse"])
    assert [(block.start, block.width) for block in deck.asked] == [(0, 50), (50, 50)]


def test_the_sound_of_the_first_seed_is_in_the_page_and_as_long_as_the_song(experiment: tuple[Results, Path]):
    results, folder = experiment
    decks, notes = build_decks(results, folder)
    assert [deck.name for deck in decks] == [f"structure-{n:02d}" for n in (1, 2, 3, 4)]
    assert notes == ["Of each structure the first seed is here; the figures above count all of them."]
    given = results["arms"][2]["songs"][0]
    original = soundfile.info(folder / given["audio"])
    coded = soundfile.info(io.BytesIO(base64.b64decode(decks[0].rows[2].sound)))
    assert (coded.format, coded.samplerate, coded.frames) == ("OGG", original.samplerate, original.frames)


def test_what_is_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    for name in "ab":
        write_audio(tmp_path / f"{name}.wav", rng.normal(0, 0.1, 8 * 8_000), 8_000)
    songs = [song("a", audio="a.wav"), song("b", audio="b.wav"), song("c", audio="gone.wav"), *map(song, "defghij")]
    size = len(build_decks({"arms": [{"name": "x", "songs": songs}]}, tmp_path)[0][0].rows[0].sound) * 3 // 4
    monkeypatch.setattr(listening, "MOST_SOUND_BYTES", size * 3 // 2)
    decks, notes = build_decks({"arms": [{"name": "x", "songs": songs}]}, tmp_path)
    assert len(decks) == MOST_DECKS
    assert [bool(deck.rows[0].sound) for deck in decks[:3]] == [True, False, False]
    told = " ".join(notes)
    assert "sound of b is left out" in told and "gone.wav" in told and "8 of 10 structures" in told


@pytest.mark.parametrize("audio", ["../a.wav", "/etc/a.wav", "a\0.wav"])
def test_sound_from_elsewhere_stays_there(audio: str, tmp_path: Path):
    write_audio(tmp_path / "a.wav", np.zeros(8_000, np.float32), 8_000)
    home = tmp_path / "home"
    home.mkdir()
    decks, notes = build_decks({"arms": [{"name": "x", "songs": [song("a", audio=audio)]}]}, home)
    assert decks[0].rows[0].sound == ""
    assert "outside the experiment's folder" in notes[0]


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "-"), (9.96, "10.0 s"), (281.0, "4 min 41 s"), (7_500, "2 h 05 min")]
)
def test_spans_are_read_as_people_say_them(seconds: float | None, words: str):
    assert show_span(seconds) == words


def test_a_place_in_a_song_never_has_sixty_seconds():
    assert [show_clock(seconds) for seconds in (8.25, 59.999, 61.5)] == ["0:08.25", "1:00.00", "1:01.50"]
