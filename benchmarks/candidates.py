"""Best of four against one: 12 structures that nothing was trained on, as the page makes and chooses songs.

python -m benchmarks.candidates

The demo songs' judge chooses, as in the page. Since who chooses by a score also raises it, a second judge, fitted on
sixty other songs, says whether what was chosen is better.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.record import WORK, Bar, exit_status, record
from evaluation.scores import score_structure
from structure.events import Event, sections


def rank(asked: Sequence[Event], heard: Sequence[Event]) -> float:
    """The score that the page chooses by."""
    from evaluation.hearing import Heard

    return Heard(list(heard), score_structure(sections(asked), heard)).rank


def measure(options: argparse.Namespace) -> None:
    """Make, choose, judge again, print and record."""
    from acestep.starter.demo import make_demo
    from annotate.audio import write_audio
    from benchmarks.structure.trial import held_out, judge
    from evaluation.hearing import listen
    from generation.jobs import make_job
    from generation.warm import warm_pipeline

    folder = WORK / "candidates"
    make_demo(folder / "demo")
    pipeline = warm_pipeline("starter")
    chosen_by, judged_by = [], []
    for number, sidecar in enumerate(held_out(options.structures)):
        events = [Event.model_validate(event) for event in sidecar["events"]]
        wishes = {name: sidecar[name] for name in ("caption", "lyrics", "bpm", "keyscale", "duration")}
        own, other = [], []
        for seed in range(options.songs):
            job = make_job(wishes | {"events": sidecar["events"], "seed": 1000 * number + seed})
            made = pipeline.generate(job.song_request())
            audio = folder / "song.wav"
            write_audio(audio, made.samples, made.sample_rate)
            own.append(listen(audio, events, folder / "demo").rank)
            other.append(rank(events, judge().listener.probe.label(made.samples, made.sample_rate)))
        chosen_by.append(own)
        judged_by.append(other)
        print(f"{number + 1} of {options.structures}: {np.round(own, 2)} / {np.round(other, 2)}", flush=True)
    own, other = np.array(chosen_by), np.array(judged_by)
    pick = own.argmax(axis=1)
    picked = other[np.arange(len(other)), pick]
    gain = picked - other[:, 0]
    rng = np.random.default_rng(0)
    spread = np.quantile([rng.choice(gain, len(gain)).mean() for _ in range(5000)], [0.025, 0.975])
    record(
        "candidates",
        [
            Bar("structure score of one song, second judge", float(other[:, 0].mean()), ""),
            Bar(f"best of {options.songs}, second judge", float(picked.mean()), "", least=float(other[:, 0].mean())),
            Bar("one song, the judge that chooses", float(own[:, 0].mean()), ""),
            Bar(f"best of {options.songs}, the judge that chooses", float(own.max(axis=1).mean()), ""),
        ],
        {"chosen_by": own.tolist(), "judged_by": other.tolist(), "gain_95": spread.tolist()},
        {"structures": options.structures, "songs": options.songs},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.candidates", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--structures", type=int, default=12, help="how many (default 12)")
    parser.add_argument("--songs", type=int, default=4, help="of each structure (default 4)")
    options = parser.parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
