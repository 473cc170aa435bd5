"""Kinds of hostile input but adapters: a sound sample of each, how it is spoilt, and how the product reads it.

Reading goes as far as the page and the commands go: what a run's folder says is also drawn, what a sidecar says is
also saved again.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotate.audio import write_audio
from annotate.formats.annotation import Annotation, Asked
from annotate.formats.registry import FORMATS, read_annotation
from structure.errors import StudioError
from structure.events import Event

RATE = 8_000
SECONDS = 4.0
EVENTS = (
    {"type": "intro", "start": 0.0, "end": 1.0},
    {"type": "Chorus 2", "start": 1.0, "end": 3.0, "label": "full drums", "intensity": 0.9, "lyrics": "la la"},
    {"type": "crash", "start": 1.0, "end": 1.0},
    {"type": "outro", "start": 3.0, "end": 4.0},
)
SIDECAR = {
    "caption": "warm house", "lyrics": "[Verse]\nla la", "bpm": 120, "keyscale": "A minor", "timesignature": "4",
    "vocal_language": "en", "duration": SECONDS, "events": list(EVENTS),
    "beats": {"times": [0.0, 0.5, 1.0, 1.5, 2.0, 2.5], "ones": [0, 4]},
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        name: in the counts.
        make: writes a sound sample into a folder.
        files: the files of it to spoil, each with the spoiler's method for it.
        read: reads the spoilt sample as the product does; None or StudioErrors are what it may end with.
        writes: beginnings of paths below the folder that reading may change.
        cuts: whether each file is also cut off at every byte, where it is small.
    """

    name: str
    make: Callable[[Path], None]
    files: dict[str, str]
    read: Callable[[Path], None]
    writes: tuple[str, ...] = ()
    cuts: bool = True


def tried(*acts: Callable[[], object]) -> None:
    """Every act, even where one before it refuses; then the first refusal."""
    refusals = []
    for act in acts:
        try:
            act()
        except StudioError as problem:
            refusals.append(problem)
    if refusals:
        raise refusals[0]


def write_song(path: Path) -> None:
    """A short tone."""
    t = np.arange(round(SECONDS * RATE)) / RATE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, 0.3 * np.sin(2 * np.pi * 220 * t)[:, None].astype(np.float32), RATE)


def _json(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")


# Sidecars and what else lies beside a song.


def make_song(folder: Path) -> None:
    write_song(folder / "song.wav")
    _json(folder / "song.json", SIDECAR)


def read_song_folder(folder: Path) -> None:
    """Listed, checked, counted, opened at the desk, edited and saved, read for training."""
    from annotate.dataset import scan
    from annotate.desk import Desk
    from annotate.lint import lint_song
    from annotate.stats import dataset_stats, stats_text
    from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields
    from training.dataset import read_dataset

    desk = Desk()
    stats_text(dataset_stats(scan(folder)))
    read_dataset(folder)
    desk.open_dataset(folder)
    for name in desk.songs:
        opened = desk.open_song(name)
        for field in ("caption", "bpm", "timesignature"):
            desk.field_value(name, field)
        if opened.trouble is None:
            tried(
                lambda n=name: desk.save_field(n, "caption", "another"), lambda n=name: desk.save_events(n, EVENTS[:1])
            )
    read = read_sidecar(folder / "song.wav")
    tried(
        lambda: lint_song(folder / "song.wav", read, SECONDS),
        lambda: save_sidecar(
            with_fields(with_events(read_sidecar(read.path), read.events), caption="third"), overwrite=True
        ),
    )


def read_conflict(folder: Path) -> None:
    """A song that somebody else changed in the meantime: compared, merged, exported."""
    from annotate.desk import Desk
    from annotate.export import export_dataset
    from annotate.two_people import compared, compared_lines, merge_files

    spoilt = (folder / "song.json").read_bytes()
    other, mine = folder / "other", folder / "mine"
    make_song(other)
    make_song(mine)
    (mine / "song.json").write_bytes(spoilt)
    desk = Desk()
    desk.open_dataset(other)
    desk.open_song("song.wav")
    (other / "song.json").write_bytes(spoilt)
    tried(
        lambda: desk.save_events("song.wav", EVENTS[:2]),
        lambda: "song.wav" in desk.conflicts and desk.merge_both("song.wav"),
        lambda: list(compared_lines(compared(mine, other))),
        lambda: merge_files(mine / "song.json", other / "song.json", folder / "merged.json", False, True),
        lambda: export_dataset(mine, folder / "exported", annotations_only=True),
    )


def make_words(folder: Path) -> None:
    write_song(folder / "song.wav")
    _json(folder / "song.json", {"language": "en", "key": "A minor", "signature": 4, "tags": ["house", "warm"]})
    (folder / "song.caption.txt").write_text("warm house\n")
    (folder / "song.lyrics.txt").write_text("[Verse]\nla la\n")
    (folder / "song.txt").write_text("caption: warm house\nbpm: 120\nkey: A minor\nlyrics:\n[Verse]\nla la\n")
    (folder / "table.csv").write_text("File,BPM,Key,Caption\nsong.wav,120,A minor,warm house\n")
    _json(folder / ".structure-studio.json", {"types": ["intro", "verse"]})


def read_words(folder: Path) -> None:
    from annotate.dataset import scan
    from annotate.vocabulary import read_vocabulary
    from structure.peers import read_peer_words
    from training.dataset import read_dataset

    tried(
        lambda: scan(folder),
        lambda: read_peer_words(folder / "song.wav"),
        lambda: read_vocabulary(folder),
        lambda: read_dataset(folder),
    )


# Archives.


def make_archive(folder: Path) -> None:
    make_song(folder / "packed")
    (folder / "packed" / "song.txt").write_text("la la")
    write_song(folder / "packed" / "deep" / "other.wav")
    with zipfile.ZipFile(folder / "songs.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted((folder / "packed").rglob("*")):
            zipped.write(path, f"album/{path.relative_to(folder / 'packed').as_posix()}")
    shutil.rmtree(folder / "packed")
    make_song(folder / "songs" / "kept")


def read_archive(folder: Path) -> None:
    """Added to a dataset that holds a song already, which is then read."""
    from annotate.dataset import add_songs, scan

    before = {path: path.read_bytes() for path in (folder / "songs").rglob("*") if path.is_file()}
    _, refused = add_songs(folder / "songs", [folder / "songs.zip"])
    for path, content in before.items():
        if path.read_bytes() != content:
            raise AssertionError(f"{path.name} was replaced")
    for song in scan(folder / "songs"):
        if any(part.startswith(".") for part in song.audio.relative_to(folder).parts):
            raise AssertionError(f"{song.name} is hidden")
    if refused:
        raise StudioError(refused[0])


# Other programs' annotations.


def format_kinds() -> list[Kind]:
    """A kind for each format of `annotate.formats`."""
    return [_format_kind(form.name) for form in FORMATS]


_FOREIGN = {
    "salami": "0.0\tSilence\n1.0\tA, Intro, (guitar\n3.0\tB, Verse, guitar)\n4.0\tEnd\n",
    "allin1": json.dumps(
        {"path": "song.wav", "bpm": 120, "beats": [0.0, 0.5, 1.0], "downbeats": [0.0], "beat_positions": [1, 2, 3],
         "segments": [{"start": 0.0, "end": 1.0, "label": "intro"}, {"start": 1.0, "end": 4.0, "label": "verse"}]}
    ),
    "music_analysis": json.dumps(
        {"music_analysis": {"timeline": [{"start_sec": 0, "end_sec": 2, "section_label": "intro", "summary": "soft"}]}}
    ),
    "af3": json.dumps({"sections": [{"start_sec": 0, "end_sec": 2, "segment_summary": "Verse 1: sparse drums"}]}),
    "sidecar": json.dumps(SIDECAR),
}  # fmt: skip


def _format_kind(name: str) -> Kind:
    form = next(f for f in FORMATS if f.name == name)
    source = f"annotated{form.extensions[0]}"

    def make(folder: Path) -> None:
        text = _FOREIGN.get(name)
        if text is None:
            from annotate.formats.annotation import carried

            events = carried(form, [Event.model_validate(raw) for raw in EVENTS])
            text = form.write(Annotation(events, SECONDS, "Song"))
        read_annotation(text, form.extensions[0], Asked(SECONDS), name)  # a sound sample, or there is nothing to spoil
        (folder / source).write_text(text, encoding="utf-8")
        _json(folder / "there.json", SIDECAR)

    def read(folder: Path) -> None:
        from annotate.formats.convert import convert
        from annotate.two_people import read_any

        tried(
            lambda: convert(folder / source, folder / "new.json", source_format=name),
            lambda: convert(folder / source, folder / "there.json"),
            lambda: convert(folder / source, folder / "new.TextGrid"),
            lambda: convert(folder / source, folder / "new.csv", target_format="csv"),
            lambda: read_any(folder / source),
        )

    how = "any_json" if form.extensions[0] in (".json", ".jams") else "any_text"
    return Kind(f"format {name}", make, {source: how}, read, writes=("new.", "there."))


def make_structure(folder: Path) -> None:
    (folder / "structure.txt").write_text(
        'intro 0-4, verse 8s "quiet" intensity=0.4, (verse 4s, chorus 8 bars) x2; crash @12, riser 10-12, Verse 2 16s,'
        " outro 8s"
    )


def read_structure(folder: Path) -> None:
    from structure.language import format_lyrics, format_structure, parse_structure
    from structure.lyrics import lyrics_with_tags, song_lyrics
    from structure.tempo import Tempo

    text = (folder / "structure.txt").read_bytes().decode("utf-8", "replace")

    def once_more() -> None:
        events = parse_structure(text, 200.0, Tempo(120, 4))
        format_structure(events), format_lyrics(events), lyrics_with_tags(song_lyrics("", events), events)

    tried(once_more, lambda: parse_structure(text, tempo=Tempo(90, 3)))


# Songs that were made here.


def make_takes(folder: Path) -> None:
    made = {
        "made": "2026-01-02T03:04:05", "seed": 7, "steps": 8, "adapter": "/runs/one", "structure": "intro 0-4",
        "heard": [{"type": "intro", "start": 0, "end": 4}], "score": 0.8, "favourite": False, "prompt": "warm house",
        "strength": 1.0, "beside": [], "gain_db": -1.0, "event_guidance": 3.0, "event_interval": [0.5, 0.9],
    }  # fmt: skip
    write_song(folder / "outputs" / "take.wav")
    _json(folder / "outputs" / "take.json", {**SIDECAR, "generation": made})
    write_song(folder / "outputs" / "other.wav")
    _json(folder / "outputs" / "other.json", {**SIDECAR, "generation": made})
    _json(folder / "outputs" / "history.json", {"limit_mb": 400})


def read_takes(folder: Path) -> None:
    from generation.history import find_take, keep_heard, limit_mb, list_takes, set_favourite, tidy
    from generation.remaking import remade_job
    from generation.take_cards import cards_html
    from structure.sidecar import read_sidecar

    outputs = folder / "outputs"
    cards_html(list_takes(outputs), "take", "other")
    list_takes(outputs, "house seed")
    limit_mb(outputs)

    def opened() -> None:
        take = find_take(outputs, "take")
        tried(
            lambda: remade_job(read_sidecar(take.audio), exactly=False),
            lambda: set_favourite(take, True),
            lambda: keep_heard(take, take.events, 0.5),
        )

    tried(opened, lambda: tidy(outputs))


# Runs.


def make_run(folder: Path) -> None:
    from safetensors.numpy import save_file

    from acestep.adapter import AdapterCard
    from training.checkpoint import TRAINER_CARD, TRAINER_WEIGHTS, _hash
    from training.run_folder import RunState, append_metrics, write_config, write_launch, write_state
    from training.settings import make_settings

    for name in ("one", "two"):
        run = folder / "runs" / name
        checkpoint = run / "checkpoints" / "step-000004"
        checkpoint.mkdir(parents=True)
        write_config(run, make_settings(dataset_dir=folder, output_dir=run))
        state = RunState(
            status="stopped", step=4, max_steps=9, loss=0.5, started=1.7e9, best_step=4, best_said="its loss is lowest",
            pid=2**22 + 1, pid_started=1.0, took=3.0, eta=2.0, songs=(3, 1, 9.0, 4.0), updated=1.7e9,
            message="Stopped.",
        )  # fmt: skip
        write_state(run, state)
        write_launch(run, 2**22 + 1, 1.0)
        _json(run / "ticket.json", {"since": 1.7e9})
        points = [{"step": n, "loss": 1 / n, "lr": 1e-4, "grad_norm": 1.0, "loss_low": 0.5} for n in range(1, 9)]
        append_metrics(run, [*points, {"step": 4, "held_out_loss": 0.6, "structure_score": 0.4}])
        (run / "log.txt").write_text("12:00:00  Step 1\n" * 9)
        card = AdapterCard(base_model="starter", base_hash="0" * 16, rank=4, alpha=4.0, trained_types=("intro",))
        for place in (run, checkpoint):
            (place / "adapter.json").write_text(card.model_dump_json())
            save_file(
                {"transformer.a.lora_A.weight": np.zeros((4, 4), np.float32)},
                place / "pytorch_lora_weights.safetensors",
            )
        save_file({"weight.a": np.zeros(4, np.float32)}, checkpoint / TRAINER_WEIGHTS)
        files = {path.name: (path.stat().st_size, _hash(path)) for path in sorted(checkpoint.iterdir())}
        measured = {"held_out_loss": 0.6, "structure_score": 0.4}
        told = {"step": 4, **measured, "data": "", "optimizer": "AdamW", "numbers": {}, "files": files}
        _json(checkpoint / TRAINER_CARD, told)
        song = run / "samples" / "step-000004.flac"
        write_song(song)
        judged = {"step": 4, "structure_score": 0.5, "said": "It keeps half.", "heard": [dict(EVENTS[0])]}
        _json(song.with_suffix(".json"), {**SIDECAR, "training": judged})


def read_runs(folder: Path) -> None:
    from training.again import nearest_preset, settings_like
    from training.checkpoint import best_checkpoint, find_checkpoint, is_whole, prune_checkpoints
    from training.comparing import comparison_card
    from training.curve import band_curve, loss_curve, small_curves
    from training.line import places
    from training.pictures import command_of, progress_card, run_rows
    from training.points import read_curves
    from training.presets import PRESETS
    from training.run_folder import has_adapter, read_log, read_metrics, take_over_metrics, working_process
    from training.runs import find_run, list_runs
    from training.sample_files import list_samples, samples_stamp
    from training.sample_list import sample_list_value
    from training.shelf import rename_run, size_of

    root, one = folder / "runs", folder / "runs" / "one"
    runs = list_runs(root)
    in_line = places(runs)
    run_rows(runs)
    for run in runs:
        progress_card(run, in_line.get(run.name)), command_of(run), sample_list_value(run), run.best
        if run.settings is not None:
            tried(
                lambda r=run: nearest_preset(r.settings, PRESETS.values()),
                lambda r=run: settings_like(r, folder, folder / "new", "starter", max_steps=5),
            )
    curves = read_curves(one)
    loss_curve(curves), band_curve(curves), small_curves(curves)
    read_log(one), read_metrics(one), samples_stamp(one), list_samples(one), has_adapter(one), working_process(one)
    (folder / "new").mkdir()
    take_over_metrics(folder / "new", one, 4)
    checkpoint = one / "checkpoints" / "step-000004"
    tried(
        lambda: comparison_card(find_run(root, "one"), find_run(root, "two")),
        lambda: is_whole(checkpoint),
        lambda: best_checkpoint(one, "loss"),
        lambda: best_checkpoint(one, "structure"),
        lambda: find_checkpoint(one),
        lambda: prune_checkpoints(one, 3, "structure"),
        lambda: size_of(one),
        lambda: rename_run(one, "renamed"),
    )


# Listening tests and experiments.


def make_listening(folder: Path) -> None:
    from evaluation.listening.answers import add_answer
    from evaluation.listening.make import make_test

    for arm in ("ours", "theirs"):
        for number in range(3):
            write_song(folder / arm / f"song{number}.wav")
    test = make_test(
        {"ours": folder / "ours", "theirs": folder / "theirs"}, folder / "test", repeats=1, listeners=["Ann"], seed=1
    )
    for arm in ("ours", "theirs"):
        shutil.rmtree(folder / arm)
    for sheet in test.sheets:
        for trial in sheet.trials:
            add_answer(test, sheet, trial.id, {question.id: "A" for question in test.description.questions}, 20.0)
        for path in (test.folder / "answers").glob(f"{sheet.id}.*"):
            path.rename(path.with_name(f"one{path.suffix}"))  # ids are drawn: give it a name that can be spoilt
        sheets = (test.folder / "listeners.json").read_text().replace(sheet.id, "one").replace(sheet.token, "token")
        (test.folder / "listeners.json").write_text(sheets)
    _json(test.folder / "server.json", {"pid": 2**22 + 1, "url": "http://127.0.0.1:1", "started": 1.0})


def read_listening(folder: Path) -> None:
    from evaluation.listening.analysis import analyse
    from evaluation.listening.answers import progress
    from evaluation.listening.export import write_csv
    from evaluation.listening.serving import server_url
    from evaluation.listening.session import answer_trial, clip_for, open_session
    from evaluation.listening.store import close_test, open_test, read_key

    test = folder / "test"

    def result() -> None:
        found = analyse(test)
        found.to_table(), json.dumps(found.to_dict())
        write_csv(found, folder / "out" / "answers.csv")

    seen = open_session(test, {"listener": "token"})
    tried(
        lambda: progress(open_test(test)),
        lambda: read_key(open_test(test)),
        lambda: server_url(test),
        lambda: clip_for(test, "token", str(seen["clips"][0]["id"])) if seen.get("clips") else None,
        lambda: answer_trial(test, {"listener": "token", "trial": seen.get("trial"), "choices": {}, "seconds": 1}),
        result,
        lambda: close_test(test),
        result,
    )


def make_experiment(folder: Path) -> None:
    from evaluation.experiment.settings import make_settings

    home = folder / "home" / "experiments" / "tried"
    settings = make_settings(dataset=folder / "songs", steps=5, curve_songs=(2, 4))
    _json(home / "experiment.json", {"settings": settings.model_dump(mode="json")})
    state = {"status": "done", "message": "Done.", "left": {"train": 0, "make": 1}, "total": {"train": 2, "make": 4}}
    state |= {"eta": None, "seconds": {"train": [3.0]}, "pid": 2**22 + 1, "pid_started": 1.0, "started": 1.0}
    _json(home / "state.json", {**state, "updated": 2.0, "training": {"step": 3, "max_steps": 5}})
    mean = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 4}
    scores = {"frame_accuracy": mean, "boundary_f_500ms": mean, "section_order": mean, "median_error": mean}
    song = {"name": "structure-01", "seed": 1, "audio": "events/seed-1/asked/a.wav", "duration": SECONDS}
    song |= {"requested": list(EVENTS), "heard": list(EVENTS), "frame_accuracy": 0.5, "boundary_f_500ms": 0.5}
    write_song(home / song["audio"])
    arms = [
        {"key": key, "name": f"{key} arm", "about": "as it is", "training_seconds": 3.0, "scores": scores,
         "control": {"frame_accuracy": mean}, "creativity": {"variety": mean, "vendi": mean, "distance": mean},
         "arrangement": {"asked": {"house": 0.5}, "free": {"house": 0.4}}, "errors": [0.1, None, 2.0],
         "confusion": {"types": ["intro", "outro"], "seconds": [[1.0, 0.0], [0.5, 2.0]]}, "songs": [song]}
        for key in ("none", "events")
    ]  # fmt: skip
    test = {
        "measure": "frame_accuracy",
        "first": "events",
        "second": "none",
        "difference": mean,
        "p": 0.01,
        "adjusted_p": 0.02,
    }
    results = {
        "title": "Does it keep time?", "answer": {"sentence": "It does.", "verdict": "yes"}, "settings": {"seeds": 1},
        "judge": {"kind": "a probe", "songs": 9, "types": ["intro"], "note": "well", "frame_accuracy": 0.9},
        "measures": [{"key": "frame_accuracy", "name": "right part", "better": "higher", "unit": ""}],
        "chance": scores, "ceiling": scores, "arms": arms, "tests": [test], "arrangement_reference": {"house": 0.3},
        "curves": {"songs": [{"x": 4, "measure": "frame_accuracy", "interval": mean}], "steps": []},
        "creativity_reference": {"variety": mean, "distance": mean}, "notes": ["One seed."],
        "made": "2026-01-02T03:04:05",
    }  # fmt: skip
    _json(home / "results.json", results)
    (home / "report.html").write_text("<p>done</p>")


def read_experiment(folder: Path) -> None:
    os.environ["STRUCTURE_STUDIO_HOME"] = str(folder / "home")
    from evaluation.experiment.panel import standing
    from evaluation.experiment.progress import Progress
    from evaluation.experiment.report.page import render_report
    from evaluation.experiment.settings import read_settings
    from evaluation.experiment.shelf import arms_to_hear, made_experiments, results_of, state_of

    home = folder / "home" / "experiments" / "tried"

    def report() -> None:
        found = results_of("tried")
        if found is not None:
            render_report(found, home)

    tried(
        made_experiments,
        arms_to_hear,
        lambda: state_of("tried"),
        lambda: standing("tried"),
        lambda: standing_words(read_settings(home), home),
        lambda: Progress(home, {"train": 1, "make": 2, "judge": 3}).eta,
        report,
    )


def standing_words(settings: object, home: Path) -> None:
    if settings is not None:
        settings.command(home)


_RUN_FILES = {
    **dict.fromkeys(("config.json", "state.json", "launch.json", "ticket.json", "adapter.json"), "any_json"),
    **{"metrics.jsonl": "any_lines", "log.txt": "any_text", "samples/step-000004.json": "any_json"},
    **{
        "checkpoints/step-000004/trainer.json": "any_json",
        "checkpoints/step-000004/trainer.safetensors": "any_safetensors",
    },
    **{"checkpoints/step-000004/adapter.json": "any_json"},
}
_TEST_FILES = ("test.json", "listeners.json", "key.json", "server.json")


def kinds() -> list[Kind]:
    """All but adapters."""
    words = dict.fromkeys(("song.caption.txt", "song.lyrics.txt", "song.txt", "table.csv"), "any_text")
    words |= dict.fromkeys(("song.json", ".structure-studio.json"), "any_json")
    takes = dict.fromkeys(("outputs/take.json", "outputs/history.json"), "any_json")
    runs = {f"runs/one/{name}": how for name, how in _RUN_FILES.items()}
    tests = {
        **dict.fromkeys((f"test/{name}" for name in _TEST_FILES), "any_json"),
        "test/answers/one.jsonl": "any_lines",
    }
    of_test = ("test/answers/", "test/closed.json", "test/server.json", "out/")
    of_experiment = ("experiment.json", "state.json", "results.json")
    experiments = dict.fromkeys((f"home/experiments/tried/{name}" for name in of_experiment), "any_json")
    sidecar = {"song.json": "any_json"}
    return [
        Kind("sidecar", make_song, sidecar, read_song_folder, ("song.json",)),
        Kind("two versions of a sidecar", make_song, sidecar, read_conflict, ("other", "mine", "merged", "exported")),
        Kind("words beside a song", make_words, words, read_words),
        Kind("archive", make_archive, {"songs.zip": "any_zip"}, read_archive, ("songs/",)),
        *format_kinds(),
        Kind("structure language", make_structure, {"structure.txt": "any_text"}, read_structure),
        Kind("take", make_takes, takes, read_takes, ("outputs/take.json",)),
        Kind("run", make_run, runs, read_runs, ("runs/one/", "runs/renamed/", "new/")),
        Kind("listening test", make_listening, tests, read_listening, of_test),
        Kind("experiment", make_experiment, experiments, read_experiment),
    ]
