"""Judge every song of an experiment by one judge, and answer: does telling the times of sections help?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from annotate.audio import content_hash, read_audio
from evaluation.experiment.creativity import FIGURES, CreativityJudge, Take, genre_of, takes_of
from evaluation.experiment.data import Split
from evaluation.experiment.genre_timing import (
    arrangement_distance,
    arrangement_reference,
    as_heard,
    hear_arrangements,
)
from evaluation.experiment.requests import Wanted
from evaluation.experiment.settings import Arm, ExperimentSettings
from evaluation.experiment.verdict import MAIN, answer, cost, paired_tests, structure_of
from evaluation.features import SAMPLE_RATE
from evaluation.intervals import Interval
from evaluation.judging import Judge, JudgedSet
from evaluation.measures import MEASURES
from evaluation.probe import JudgedSong
from evaluation.reference import JudgedFolder, read_folder
from evaluation.scores import confusion
from structure.events import clip
from structure.json_reading import read_json
from structure.sidecar import read_sidecar

Home = tuple[Arm, Path, Sequence[Wanted]]  # an adapter's arm, its folder and its songs


def read_reference(settings: ExperimentSettings, split: Split) -> JudgedFolder:
    """All annotated real songs at hand: those learned from, those held out, and `settings.reference`."""
    folders = [settings.dataset, settings.structures, settings.reference]
    read = [read_folder(folder) for folder in folders if folder is not None]
    seen: set[str] = set()
    songs = [s for one in read for s in one.songs if not (s.content in seen or seen.add(s.content))]
    return JudgedFolder(songs, [sentence for one in read for sentence in one.left_out])


def judge_experiment(
    settings: ExperimentSettings, split: Split, homes: Mapping[str, Home], folder: Path
) -> dict[str, Any]:
    """Everything the report shows, ready for JSON.

    Args:
        settings: of the experiment.
        split: songs learned from and held out.
        homes: folder and songs of each adapter, by `Sitting.name`.
        folder: the experiment's.

    Raises:
        StudioError: nobody can judge.
    """
    judge = Judge(read_reference(settings, split))
    ear = CreativityJudge(takes_of(split.training), settings.embeddings, folder)
    arms, sets = [], {}
    for arm in settings.chosen:
        own = [home for name, home in homes.items() if name.startswith(f"{arm.key}/")]
        sets[arm.key] = judge.score(_read(own, "asked", split, folder), group=structure_of)
        arms.append(_arm(arm, sets[arm.key], own, split, ear, judge, folder))
    tests = paired_tests(sets)
    held_out = takes_of(split.held_out)
    genre_timing, unsaid = arrangement_reference(split)
    some = next(iter(sets.values()))
    return {
        "title": f"Does an event LoRA keep time? {settings.dataset.name}, {settings.model}",
        "answer": answer(sets, tests),
        "settings": settings.model_dump(mode="json") | {"training songs": len(split.training)},
        "judge": _about(judge),
        "measures": [{"key": m.key, "name": m.name, "better": "higher", "unit": ""} for m in MEASURES]
        + [{"key": "median_error", "name": "median error of a change of part", "better": "lower", "unit": "s"}],
        "chance": _mean_chance(sets),
        "ceiling": {key: _dict(figures.ceiling) for key, figures in _with_error(some).items()},
        "arms": arms,
        "tests": tests,
        "curves": _curves(judge, homes, split, folder, sets),
        "creativity_reference": {k: _dict(v) for k, v in ear.measure(held_out, []).items()}
        | {"distance": {"mean": some.distance_among, "low": None, "high": None, "n": len(some.songs)}},
        "arrangement_reference": genre_timing,
        "notes": [*cost(arms), *_notes(settings, split, judge, ear, sets), *unsaid],
    }


def _arm(
    arm: Arm,
    judged: JudgedSet,
    homes: Sequence[Home],
    split: Split,
    ear: CreativityJudge,
    judge: Judge,
    folder: Path,
) -> dict[str, Any]:
    creativity = ear.measure(_takes(homes, "asked", split), _takes(homes, "again", split))
    figures = _with_error(judged)
    heard = {song.name: song.heard for song in judged.songs}
    asked = {str(take.audio.relative_to(folder)): take for take in _takes(homes, "asked", split)}
    return {
        "key": arm.key,
        "name": arm.name,
        "about": arm.about,
        "training_seconds": _seconds(homes),
        "scores": {key: _dict(one.score) for key, one in figures.items()},
        "control": {key: _dict(one.control) for key, one in figures.items()},
        "creativity": {key: _dict(creativity[key]) for key in FIGURES}
        | {"distance": {"mean": judged.distance, "low": None, "high": None, "n": len(judged.songs)}},
        "arrangement": {
            "asked": arrangement_distance([as_heard(t, heard[n]) for n, t in asked.items() if n in heard], split),
            "free": arrangement_distance(hear_arrangements(_takes(homes, "free", split), judge.listener), split),
        },
        "confusion": _confusion(judged),
        "errors": [float(e) if np.isfinite(e) else None for song in judged.songs for e in song.score.transition_errors],
        "songs": [
            {
                "name": structure_of(song.name),
                "seed": int(Path(song.name).stem.split(".seed-")[1]),
                "audio": song.name,
                "duration": song.duration,
                "requested": [event.to_dict() for event in song.requested],
                "heard": [event.to_dict() for event in song.heard],
                "frame_accuracy": song.score.frame_accuracy,
                "boundary_f_500ms": song.score.boundary_f_500ms,
                "median_error": song.score.to_dict()["median_error"],
            }
            for song in judged.songs
        ],
    }


def _read(homes: Sequence[Home], which: str, split: Split, folder: Path) -> JudgedFolder:
    """The songs of one set, listened to; their names are paths from the experiment's folder."""
    songs = []
    for _, home, wanted in homes:
        for one in (w for w in wanted if w.set == which):
            audio = home / one.name
            samples, _ = read_audio(audio, sample_rate=SAMPLE_RATE, mono=True)
            asked = clip(split.held_out[one.structure].events, len(samples) / SAMPLE_RATE)
            heard = JudgedSong.from_samples(str(audio.relative_to(folder)), samples, SAMPLE_RATE, asked)
            songs.append(replace(heard, content=content_hash(audio)))
    return JudgedFolder(songs)


def _takes(homes: Sequence[Home], which: str, split: Split) -> list[Take]:
    return [
        Take(home / one.name, read_sidecar(home / one.name), one.structure, _genre(split, one))
        for _, home, wanted in homes
        for one in wanted
        if one.set == which
    ]


def _curves(
    judge: Judge, homes: Mapping[str, Home], split: Split, folder: Path, sets: Mapping[str, JudgedSet]
) -> dict[str, list[dict[str, Any]]]:
    """The event LoRA by number of songs and of steps, its own full run as the last point of each curve."""
    curves: dict[str, list[dict[str, Any]]] = {"songs": [], "steps": []}
    for name, home in homes.items():
        point = name.split("/")[0].split("-")
        if len(point) == 3:
            judged = judge.score(_read([home], "asked", split, folder), group=structure_of)
            curves[point[1]].append(
                {"x": int(point[2]), "measure": MAIN, "interval": _dict(judged.figures[MAIN].score)}
            )
    whole = sets["events"].figures[MAIN].score if "events" in sets else None
    if curves["songs"] and whole:
        curves["songs"].append({"x": len(split.training), "measure": MAIN, "interval": whole.to_dict()})
    if curves["steps"] and whole and (steps := _steps(homes)):
        curves["steps"].append({"x": steps, "measure": MAIN, "interval": whole.to_dict()})
    return {axis: sorted(points, key=lambda point: point["x"]) for axis, points in curves.items()}


def _steps(homes: Mapping[str, Home]) -> int | None:
    """Training steps of the event LoRA, as its run says."""
    home = homes["events/seed-1"][1]
    try:
        return int(read_json(home / "adapter" / "state.json")["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _about(judge: Judge) -> dict[str, Any]:
    ceiling = {key: _mean_of(judge, key) for key in (MAIN, "boundary_f_500ms")}
    count, types = len(judge.reference.songs), list(judge.listener.types or ())
    note = "Quality on real songs that it was not taught on, by cross-validation over songs."
    return {"kind": judge.listener.name, "songs": count, "types": types, "note": note} | ceiling


def _mean_of(judge: Judge, key: str) -> float | None:
    measure = next(m for m in MEASURES if m.key == key)
    found = measure.interval(judge.known)
    return found.mean if found else None


def _mean_chance(sets: Mapping[str, JudgedSet]) -> dict[str, Any]:
    """Chance over all arms: one figure that every arm can be held against."""
    found = {}
    for key in [*(m.key for m in MEASURES), "median_error"]:
        chances = [one.chance for judged in sets.values() if (one := _with_error(judged)[key]).chance]
        found[key] = None
        if chances:
            lows, highs = [c.low for c in chances], [c.high for c in chances]
            known = None not in lows and None not in highs
            found[key] = {
                "mean": float(np.mean([c.mean for c in chances])),
                "low": float(np.mean(lows)) if known else None,
                "high": float(np.mean(highs)) if known else None,
                "n": chances[0].n,
            }
    return found


def _confusion(judged: JudgedSet) -> dict[str, Any]:
    """Seconds of each type asked for by the type heard, all songs together."""
    total: dict[str, dict[str, float]] = {}
    for song in judged.songs:
        for asked, heard in confusion(song.requested, song.heard).items():
            row = total.setdefault(asked, {})
            for kind, seconds in heard.items():
                row[kind or "nothing"] = row.get(kind or "nothing", 0.0) + seconds
    types = sorted({*total, *(kind for row in total.values() for kind in row)})
    return {"types": types, "seconds": [[round(total.get(a, {}).get(h, 0.0), 2) for h in types] for a in types]}


def _seconds(homes: Sequence[Home]) -> float | None:
    """Mean time that training took, in seconds; None where nothing is trained."""
    took = []
    for _, home, _ in homes:
        try:
            took.append(float(read_json(home / "training.json")["seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return float(np.mean(took)) if took else None


def _notes(
    settings: ExperimentSettings, split: Split, judge: Judge, ear: CreativityJudge, sets: Mapping[str, JudgedSet]
) -> list[str]:
    notes = [
        "Chance: the same songs against other structures. Ceiling: real songs that the judge was not taught on. "
        "Intervals are 95 %, by bootstrap over structures; p is of a paired sign-flip test, adjusted by Holm.",
    ]
    if settings.seeds == 1:
        notes.append("One seed: intervals tell how structures differ, not how another training would.")
    if "shuffled" in sets and len(split.training) < 8:
        notes.append("With so few songs a shuffled structure may be nearly right by luck.")
    return [*notes, *ear.notes, *judge.reference.left_out, *next(iter(sets.values())).left_out]


def _genre(split: Split, one: Wanted) -> str:
    return genre_of(read_sidecar(split.held_out[one.structure].audio))


def _with_error(judged: JudgedSet) -> dict[str, Any]:
    return {**judged.figures, "median_error": judged.error}


def _dict(interval: Interval | None) -> dict[str, Any] | None:
    return interval.to_dict() if interval else None
