"""Can the evaluation be trusted, and what does it take? Scores, false alarms, speed, and the experiment itself.

    python -m benchmarks.evaluation
    python -m benchmarks.evaluation --experiment FOLDER   # reads an experiment that was run before

The experiment: twelve songs, eight structures that none of them has, five arms, one seed, the starter's recipe.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from acestep.starter.songs import SAMPLE_RATE, make_song, song_seed, write_songs
from benchmarks.record import WORK, Bar, exit_status, record, run
from evaluation.intervals import compare_pairs
from structure.events import Event

TRAINING_SEED, ASKED_SEED, REFERENCE_SEED, LONG_SEED = 16_180, 27_182, 31_415, 777
SONGS, STRUCTURES = 12, 8
REFERENCE_SONGS = 40
EXPERIMENTS = 400
MOST_MINUTES = 45.0


def apart_from_mir_eval(pairs: int = 200) -> float:
    """The largest difference of any boundary or label score to mir_eval's own, over random pairs."""
    import mir_eval

    from evaluation.segments import boundary_f, deviation, pairwise_f, v_measure

    rng, worst = np.random.default_rng(0), 0.0
    for _ in range(pairs):
        songs = [_random_song(rng), _random_song(rng)]
        arrays = [(np.array([(e.start, e.end) for e in song]), [e.type for e in song]) for song in songs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = mir_eval.segment.evaluate(*arrays[0], *arrays[1])
            hits = [mir_eval.segment.detection(arrays[0][0], arrays[1][0], window=w) for w in (0.5, 3.0)]
            apart = mir_eval.segment.deviation(arrays[0][0], arrays[1][0])
        pair, entropy = pairwise_f(*songs), v_measure(*songs)
        ours = [pair.precision, pair.recall, pair.f, entropy.precision, entropy.recall, entropy.f]
        names = ("Pairwise Precision", "Pairwise Recall", "Pairwise F-measure", "V Precision", "V Recall", "V-measure")
        found = [boundary_f(*songs, w) for w in (0.5, 3.0)]
        ours += [x for one in found for x in (one.precision, one.recall, one.f)] + list(deviation(*songs, trim=False))
        expected = [theirs[name] for name in names] + [x for one in hits for x in one] + list(apart)
        worst = max(worst, float(np.abs(np.subtract(ours, expected)).max()))
    return worst


def false_alarms(experiments: int = EXPERIMENTS, structures: int = STRUCTURES) -> float:
    """Share of simulated experiments that find two equal arms different at 5 %.

    Shares of time under the right part, which bunch up below 1 and differ more between structures than between songs.
    """
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(experiments):
        structure = rng.beta(5, 2, structures)
        first, second = (np.clip(structure + rng.normal(0, 0.1, structures), 0, 1) for _ in range(2))
        alarms += compare_pairs(first, second).p < 0.05
    return alarms / experiments


def scoring_seconds(folder: Path) -> float:
    """Seconds to read and score a song of four minutes, once the judge has been taught."""
    from annotate.audio import write_audio
    from evaluation.judging import Judge
    from evaluation.reference import read_folder

    reference = folder / "reference"
    if len(list(reference.glob("*.wav"))) < REFERENCE_SONGS:
        write_songs(reference, REFERENCE_SONGS, REFERENCE_SEED)
    long = folder / "long"
    long.mkdir(exist_ok=True)
    halves = [make_song(song_seed(LONG_SEED, number), 120.0) for number in range(2)]
    shift = len(halves[0].samples) / SAMPLE_RATE
    later = [e.model_copy(update={"start": e.start + shift, "end": e.end + shift}) for e in _events(halves[1])]
    write_audio(long / "long.wav", np.concatenate([half.samples for half in halves]), SAMPLE_RATE)
    told = {"events": [event.to_dict() for event in [*_events(halves[0]), *later]]}
    (long / "long.json").write_text(json.dumps(told), "utf-8")
    judge = Judge(read_folder(reference))
    judge.score(read_folder(reference, 2))  # teaches the judge of moments as well
    began = time.perf_counter()
    judge.score(read_folder(long))
    return time.perf_counter() - began


def experiment(folder: Path) -> dict[str, Any]:
    """Results and minutes of the experiment, run now unless the folder holds it."""
    if not (folder / "results.json").exists():
        songs = {"songs": (SONGS, TRAINING_SEED), "asked": (STRUCTURES, ASKED_SEED)}
        for name, (count, seed) in songs.items():
            if not (folder.parent / name).exists():
                write_songs(folder.parent / name, count, seed)
        given = ["--dataset", folder.parent / "songs", "--structures", folder.parent / "asked", "--output", folder]
        run("-m", "evaluation", "experiment", *given)
    results = json.loads((folder / "results.json").read_text("utf-8"))
    state = json.loads((folder / "state.json").read_text("utf-8"))
    return {"results": results, "minutes": (state["updated"] - state["started"]) / 60}


def measure(options: argparse.Namespace) -> None:
    """Measure, print and record."""
    folder = WORK / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    bars = [
        Bar("largest difference to mir_eval, 200 pairs", apart_from_mir_eval(), "", most=1e-9),
        Bar(f"false alarms of {EXPERIMENTS} experiments without a difference", 100 * false_alarms(), "%", most=8.0),
        Bar("scoring a song of four minutes", scoring_seconds(folder), "s", most=3.0),
    ]
    found = experiment(options.experiment or folder / "experiment")
    results = found["results"]
    arms = {arm["key"]: arm for arm in results["arms"]}
    bars.append(Bar("experiment: five arms, 12 songs, 8 structures", found["minutes"], "minutes", most=MOST_MINUTES))
    main = {key: arm["scores"]["frame_accuracy"] for key, arm in arms.items()}
    for key in ("baseline", "shuffled", "tags"):
        if key in main:
            gap = main["events"]["low"] - main[key]["high"]
            bars.append(Bar(f"event LoRA's interval above that of {arms[key]['name']}", gap, "", least=0.0))
    record(
        "evaluation",
        bars,
        {
            "answer": results["answer"],
            "frames": main,
            "control": {key: arm["control"]["frame_accuracy"] for key, arm in arms.items()},
            "boundary_f_500ms": {key: arm["scores"]["boundary_f_500ms"] for key, arm in arms.items()},
            "order": {key: arm["scores"]["section_order"] for key, arm in arms.items()},
            "creativity": {key: arm["creativity"] for key, arm in arms.items()},
            "tests": results["tests"],
            "chance": results["chance"]["frame_accuracy"],
            "ceiling": results["ceiling"]["frame_accuracy"],
        },
        {name: value for name, value in results["settings"].items() if name not in ("dataset", "structures")},
    )


def _events(song: Any) -> list[Event]:
    return [Event.model_validate(event) for event in song.sidecar["events"]]


def _random_song(rng: np.random.Generator) -> list[Event]:
    edges = np.concatenate([[0.0], np.cumsum(rng.uniform(0.3, 6.0, rng.integers(2, 12)))])
    types = rng.choice(["intro", "verse", "chorus", "bridge"], len(edges) - 1)
    pairs = zip(types, edges[:-1], edges[1:], strict=True)
    return [Event(type=str(t), start=float(a), end=float(b)) for t, a, b in pairs]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--experiment", type=Path, help="folder of an experiment that was run before")
    return exit_status(lambda: measure(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
