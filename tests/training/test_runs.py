"""Runs as a queue and on a shelf: who waits for whom, another name, away, once more, side by side, and how one died."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from structure.processes import process_start
from training.again import nearest_preset, settings_like
from training.checkpoint import checkpoint_folder
from training.comparing import comparison_card, differences, two_curves
from training.device_lock import try_lock
from training.last_words import last_lines, reason
from training.line import ahead_of, place_in_words, places
from training.pictures import progress_card, run_rows
from training.points import Curves
from training.presets import PRESETS
from training.run_folder import (
    ADAPTER_FILE,
    LOG_FILE,
    RunState,
    append_metrics,
    read_log,
    read_state,
    write_config,
    write_json,
    write_state,
)
from training.runs import TICKET_FILE, Run, RunError, find_run, list_runs, read_run, resume_run, start_run, stop_run
from training.settings import SettingsError, make_settings, read_settings
from training.shelf import BIN, ShelfError, delete_run, rename_run, size_of

ROOT = Path(__file__).parents[2]
HOSTILE = "<img src=x onerror=alert(1)>"
GONE = {"pid": os.getpid(), "pid_started": 1.0}


def alive() -> dict[str, float]:
    return {"pid": os.getpid(), "pid_started": process_start(os.getpid())}


def make_run(folder: Path, status: str, ticket: float | None = None, settings: dict | None = None, **state) -> Run:
    folder.mkdir(parents=True)
    write_config(folder, make_settings(**{"dataset_dir": folder, "output_dir": folder, **(settings or {})}))
    if ticket is not None:
        write_json(folder / TICKET_FILE, {"since": ticket})
    write_state(folder, RunState(status=status, **{**alive(), "started": ticket, **state}))
    return read_run(folder)


def wait_until(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def test_the_line_is_first_come_first_served_behind_what_goes_on(tmp_path: Path):
    make_run(tmp_path / "by-hand", "training", started=50.0)  # no ticket, begun last
    make_run(tmp_path / "c", "waiting", ticket=3.0)
    make_run(tmp_path / "a", "starting", ticket=1.0)
    make_run(tmp_path / "b", "waiting", ticket=2.0)
    make_run(tmp_path / "ended", "done", ticket=0.5)
    make_run(tmp_path / "gone", "waiting", ticket=0.1, **GONE)
    runs = list_runs(tmp_path)
    assert [run.name for run in ahead_of(find_run(tmp_path, "c"), runs)] == ["by-hand", "a", "b"]
    assert places(runs) == {"a": 1, "b": 2, "c": 3}
    assert [run.name for run in runs] == ["by-hand", "a", "b", "c", "ended", "gone"]  # ended: newest first
    assert [row[:2] for row in run_rows(runs)][1:3] == [["a", "Next in line"], ["b", "2nd in line"]]
    assert "3rd in line" in progress_card(find_run(tmp_path, "c"), places(runs)["c"])


def test_who_has_begun_is_waited_for_by_all_and_waits_for_a_song_only(tmp_path: Path):
    through = make_run(tmp_path / "through", "waiting", started=9.0)  # its ticket is gone: it waits for the page
    behind = make_run(tmp_path / "behind", "waiting", ticket=1.0)
    assert [run.name for run in ahead_of(behind, [through, behind])] == ["through"]
    assert places([through, behind]) == {"behind": 1}


def test_another_device_is_in_nobodys_way_and_auto_may_be_any(tmp_path: Path):
    first = make_run(tmp_path / "first", "training", settings={"device": "cuda"})
    second = make_run(tmp_path / "second", "waiting", ticket=1.0, settings={"device": "cuda:1"})
    third = make_run(tmp_path / "third", "waiting", ticket=2.0, settings={"device": "cuda:0"})
    anywhere = make_run(tmp_path / "anywhere", "waiting", ticket=3.0)
    runs = [first, second, third, anywhere]
    assert ahead_of(second, runs) == []
    assert ahead_of(third, runs) == [first]
    assert ahead_of(anywhere, runs) == [first, third]


@pytest.mark.parametrize(
    ("place", "words"), [(1, "Next"), (2, "2nd"), (3, "3rd"), (4, "4th"), (12, "12th"), (22, "22nd")]
)
def test_places_read_like_speech(place: int, words: str):
    assert place_in_words(place) == f"{words} in line"


def test_a_line_outlives_who_made_it_lets_one_out_and_keeps_its_order(
    tmp_path: Path, own_machine: None, machine: dict[str, str]
):
    root, locks = tmp_path / "runs", Path(machine["STRUCTURE_STUDIO_LOCK_DIR"])
    code = (
        "import sys; from pathlib import Path; from training.runs import start_run\n"
        "from training.settings import make_settings\n"
        "for name in 'ABC': start_run(make_settings(dataset_dir=Path('nowhere'), output_dir=Path(sys.argv[1]) / name))"
    )
    with try_lock("cpu", "training another", folder=locks, lasting=True):
        subprocess.run(
            [sys.executable, "-c", code, str(root)],
            check=True,
            cwd=ROOT,
            env=machine,  # the app; here it has ended
        )
        wait_until(lambda: [run.state.status for run in list_runs(root)] == ["waiting"] * 3)
        runs = list_runs(root)
        assert places(runs) == {"B": 2, "C": 3}  # nobody is ahead of A, which waits for the device
        assert "training another" in find_run(root, "A").state.message
        assert find_run(root, "C").state.message == "Waits for B to end."
        stop_run(root / "B")
        wait_until(lambda: find_run(root, "B").state.status == "stopped")
        wait_until(lambda: find_run(root, "C").state.message == "Waits for A to end.")
        time.sleep(1.2)
        assert [find_run(root, name).state.status for name in "AC"] == ["waiting", "waiting"]
    wait_until(lambda: all(run.state.ended for run in list_runs(root)))
    a, c = (find_run(root, name) for name in "AC")
    assert (
        "nowhere" in a.state.message and "nowhere" in c.state.message
    )  # their turn came: they began, and found no songs
    assert c.state.updated > a.state.updated
    assert not any((run.folder / TICKET_FILE).exists() for run in (a, c))
    assert "Traceback" not in read_log(a.folder)


def test_a_run_that_was_taken_out_of_line_can_stand_in_it_again(
    tmp_path: Path, own_machine: None, machine: dict[str, str]
):
    with try_lock("cpu", "training another", folder=Path(machine["STRUCTURE_STUDIO_LOCK_DIR"]), lasting=True):
        run = start_run(make_settings(dataset_dir=tmp_path, output_dir=tmp_path / "run"))
        stop_run(run.folder)
        wait_until(lambda: read_state(run.folder).ended)
        assert read_state(run.folder).message == "Taken out of the line before its turn came."
        assert resume_run(run.folder).in_line
        wait_until(lambda: read_state(run.folder).status == "waiting")
        os.kill(read_state(run.folder).pid, signal.SIGTERM)
        wait_until(lambda: read_state(run.folder).ended)
    assert "ended while it waited in line" in reason(read_run(run.folder))


def test_a_renamed_run_is_the_same_run_and_knows_where_it_is(tmp_path: Path):
    make_run(tmp_path / "old", "stopped", step=3, settings={"seed": 7})
    renamed = rename_run(tmp_path / "old", "  Drums & bass, 2nd try ")
    assert [run.name for run in list_runs(tmp_path)] == ["Drums & bass, 2nd try"]
    assert (renamed.state.step, renamed.settings.seed) == (3, 7)
    assert read_settings(renamed.folder / "config.json").output_dir == tmp_path / "Drums & bass, 2nd try"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "needs a name"),
        ("../up", "cannot hold '/'"),
        ("a\\b", "cannot hold"),
        ("a\nb", "cannot hold"),
        (".hidden", "dot at its ends"),
        ("..", "dot at its ends"),
        ("con", "cannot be a folder's name"),
        ("x" * 81, "81 characters"),
        ("taken", "already"),
        ("a file", "already"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_moves(tmp_path: Path, name: str, said: str):
    make_run(tmp_path / "run", "done")
    (tmp_path / "taken").mkdir()  # empty: rename alone would replace it
    (tmp_path / "a file").touch()
    with pytest.raises(ShelfError, match=re.escape(said)):
        rename_run(tmp_path / "run", name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a file", "run", "taken"]


@pytest.mark.parametrize("change", [lambda folder: rename_run(folder, "other"), delete_run])
@pytest.mark.parametrize("state", [("training", None), ("waiting", 1.0)])
def test_what_goes_on_or_waits_is_neither_renamed_nor_deleted(tmp_path: Path, change, state):
    make_run(tmp_path / "run", *state)
    with pytest.raises(ShelfError, match="stop it before it is"):
        change(tmp_path / "run")
    assert [run.name for run in list_runs(tmp_path)] == ["run"]


def test_a_deleted_run_is_gone_and_one_deleted_by_half_is_never_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make_run(tmp_path / "a", "died", **GONE)
    make_run(tmp_path / "b", "done")
    (tmp_path / "a" / "checkpoints").mkdir()
    (tmp_path / "a" / "checkpoints" / "weights").write_bytes(b"0" * 1000)
    assert size_of(tmp_path / "a") > 1000
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_, **__: None)  # the power fails in the middle
        delete_run(tmp_path / "a")
    assert [run.name for run in list_runs(tmp_path)] == ["b"]
    assert any((tmp_path / BIN).iterdir())
    delete_run(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunError, match="renamed or deleted"):
        find_run(tmp_path, "b")


def test_once_more_keeps_what_the_form_does_not_show_and_begins_anew(tmp_path: Path):
    told = {**PRESETS["quick"].values, "learning_rate": 3e-4, "lora_targets": "self", "resume_from": tmp_path / "run"}
    run = make_run(tmp_path / "run", "stopped", settings=told)
    again = settings_like(run, tmp_path / "songs", tmp_path / "new", "starter", max_steps=None, seed=9, events=False)
    assert (again.learning_rate, again.lora_targets, again.batch_size) == (3e-4, "self", 8)
    assert (again.max_steps, again.seed, again.events) == (None, 9, False)
    assert (again.resume_from, again.output_dir, again.dataset_dir.name) == (None, tmp_path / "new", "songs")
    assert settings_like(run, tmp_path, tmp_path / "new", "starter", lora_rank=None).lora_rank == 16  # an emptied field
    with pytest.raises(SettingsError, match="lora_rank"):
        settings_like(run, tmp_path, tmp_path / "new", "starter", lora_rank=0)
    write_json(run.folder / "config.json", {"something": "else"})
    with pytest.raises(RunError, match="another version"):
        settings_like(read_run(run.folder), tmp_path, tmp_path / "new", "starter")


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_run_is_known_by_its_preset_whatever_one_value_says(name: str, tmp_path: Path):
    settings = make_settings(name, dataset_dir=tmp_path, event_dropout=0.2)
    assert nearest_preset(settings, PRESETS.values()).name == name


def test_side_by_side_only_what_differs_is_told_and_words_from_files_are_text(tmp_path: Path):
    this = make_run(tmp_path / "this", "done", step=2, max_steps=2, settings={"dataset_dir": tmp_path, "seed": 1})
    that = make_run(
        tmp_path / "that",
        "died",
        settings={"dataset_dir": tmp_path, "seed": 2, "rights": HOSTILE, "events": False},
        **GONE,
    )
    assert differences(this, that) == [("seed", "1", "2"), ("events", "yes", "no"), ("rights", "unset", HOSTILE)]
    append_metrics(this.folder, [{"step": s, "loss": 2.0} for s in (1, 2)])
    append_metrics(this.folder, [{"step": 1, "held_out_loss": 1.25}, {"step": 2, "held_out_loss": 1.5}])
    card = comparison_card(this, that)
    assert "<td>1.5000</td>" in card and "1.2500 at step 1" in card and "<td>2 of 2</td>" in card
    assert "<img" not in card and card.count("<polyline") == 1 and card.count("<circle") == 2
    write_json(that.folder / "config.json", {"something": "else"})
    assert "another version" in comparison_card(this, read_run(that.folder))


def test_both_curves_lie_on_the_same_axes():
    short, long = (
        Curves([{"step": s, "loss": value} for s in range(1, last + 1)]) for value, last in ((1.0, 50), (3.0, 100))
    )
    ends = [
        tuple(map(float, line.split()[-1].split(",")))
        for line in re.findall(r'<polyline class="tr-\w+" points="([^"]+)"', two_curves(short, long))
    ]
    (x_short, y_short), (x_long, y_long) = ends
    assert x_short == pytest.approx((46 + x_long) / 2, abs=1)  # step 50 of 100, from the axis at 46
    assert y_short > y_long  # a lower loss lies lower
    assert two_curves(Curves(), Curves()) == ""


def test_a_run_that_ended_with_another_checkpoint_than_its_best_offers_that(tmp_path: Path):
    write_config(tmp_path, make_settings("starter", dataset_dir=tmp_path, output_dir=tmp_path))
    best = checkpoint_folder(tmp_path, 20)
    for status, step, best_step, offered in (
        ("done", 40, None, None), ("done", 40, 40, None), ("stopped", 40, 20, best), ("training", 40, 20, None),
    ):  # fmt: skip
        write_state(tmp_path, RunState(status=status, step=step, best_step=best_step, **alive()))
        assert read_run(tmp_path).best is None  # no adapter lies there
        best.mkdir(parents=True, exist_ok=True)
        (best / ADAPTER_FILE).write_text("{}")
        assert read_run(tmp_path).best == offered
        (best / ADAPTER_FILE).unlink()


def test_a_run_that_died_shows_the_end_of_its_log_and_why(tmp_path: Path):
    run = make_run(tmp_path / "run", "training", step=3, max_steps=9, **GONE)
    lines = [f"12:00:{n:02d}  Step {n}" for n in range(20)]
    (run.folder / LOG_FILE).write_text("\n".join([*lines, HOSTILE]))
    card = progress_card(run)
    assert "killed it" in card and "Step 19" in card and "Step 3\n" not in card and "<img" not in card
    (run.folder / LOG_FILE).write_text("Traceback (most recent call last):\nMemoryError: no room for 3 GB\n")
    assert reason(run) == "The training process ended with an error: MemoryError: no room for 3 GB"
    assert "switched off or restarted while it ran" in reason(run, booted=time.time() + 60)
    write_json(run.folder / TICKET_FILE, {"since": 1.0})
    write_state(run.folder, RunState(status="waiting", **GONE))
    assert "while it waited in line" in reason(read_run(run.folder), booted=time.time() + 60)


def test_a_run_that_ended_well_shows_no_log(tmp_path: Path):
    run = make_run(tmp_path / "run", "done", message="Done.")
    (run.folder / LOG_FILE).write_text("line")
    assert last_lines(run) == "" and reason(run) == "Done." and "<pre" not in progress_card(run)
