"""Proposed parts against the truth of songs that nothing was chosen on: `python -m benchmarks.proposals`.

Twenty-four songs of two minutes from the starter's generator, whose boundaries are exact; chance is the proposal for
another of them. Boundary F is mir_eval's, without the song's two ends.

Beside them, with no bar, eight real songs against `benchmarks/annotations`, where they are installed: chance is as
many parts begun anywhere, the ceiling what two annotations of one song by the same eye agree on. Time is of a second
proposal for the longest of them.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from annotate.audio import audio_info, write_audio
from annotate.proposals import Proposal, propose
from benchmarks.real_songs import RealSongError, by_chance, mean_scores, real_songs, same_name, scores
from benchmarks.record import WORK, Bar, exit_status, record
from evaluation.segments import boundary_f
from structure.events import Event, sections

SET, COUNT, SECONDS = 66_260, 24, 120.0


def reliability(truths: list[list[Event]], proposals: list[Proposal]) -> list[dict[str, float]]:
    """Probability said against share right, in four bins: is 80 % right four times in five?"""
    pairs = np.array(
        [
            (event.probability, min(abs(event.start - true.start) for true in truth) <= 0.5)
            for truth, proposal in zip(truths, proposals, strict=True)
            for event in proposal.events[1:]
        ]
    )
    rows = []
    for low, high in ((0.4, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.01)):
        inside = pairs[(pairs[:, 0] >= low) & (pairs[:, 0] < high)]
        if len(inside):
            said, right = inside.mean(axis=0)
            rows.append({"boundaries": len(inside), "said": round(said, 2), "right": round(right, 2)})
    return rows


def measure_real_songs() -> tuple[list[Bar], dict[str, Any]]:
    """Rows without a bar, and every installed song's scores; says which songs are left out, and why."""
    rows: dict[str, dict[str, dict[str, float]]] = {}
    heard = []
    for number, song in enumerate(real_songs()):
        try:
            audio = song.mixed(WORK / "proposals" / f"{song.name}.wav")
        except RealSongError as problem:
            print(problem, file=sys.stderr)
            continue
        heard.append(audio)
        made = propose(audio).events
        rows[song.name] = {"own": scores(song.parts, made), "chance": by_chance(song.parts, made, number)}
        rows[song.name]["parts"] = {"annotated": len(song.parts), "proposed": len(made)}
        if song.again:
            rows[song.name]["ceiling"] = scores(song.parts, song.again)
    if not rows:
        return [], {}
    means = {
        kind: mean_scores([found[kind] for found in rows.values() if kind in found])
        for kind in ("own", "chance", "ceiling")
        if any(kind in found for found in rows.values())
    }
    said = {"own": "proposals", "chance": "parts begun anywhere", "ceiling": "annotated twice"}
    bars = [
        Bar(f"real songs, {said[kind]}: {name}", value)
        for kind, found in means.items()
        for name, value in found.items()
    ]
    longest = max(heard, key=lambda path: audio_info(path).duration)
    begun = time.perf_counter()
    propose(longest)
    each = (time.perf_counter() - begun) * 240 / audio_info(longest).duration
    bars.append(Bar("proposal for four minutes of real music, warm", each, "s", most=3))
    return bars, {"means": means, "songs": rows}


def measure() -> None:
    """Measure, print, write the result file."""
    from acestep.starter.songs import make_song, song_seed

    truths, proposals = [], []
    for number in range(COUNT):
        song = make_song(song_seed(SET, number), SECONDS)
        audio = WORK / "proposals" / f"{number}.wav"
        write_audio(audio, song.samples, song.sample_rate)
        truths.append(sections([Event.model_validate(event) for event in song.sidecar["events"]]))
        proposals.append(propose(audio))
    others = proposals[1:] + proposals[:1]
    found = {
        name: {
            f"F {window:g} s": [
                boundary_f(truth, proposal.events, window, trim=True).f
                for truth, proposal in zip(truths, made, strict=True)
            ]
            for window in (0.5, 3.0)
        }
        | {"named": [same_name(truth, proposal.events) for truth, proposal in zip(truths, made, strict=True)]}
        for name, made in (("own", proposals), ("another's", others))
    }
    bars = [
        Bar("proposed boundaries, F at 0.5 s", float(np.mean(found["own"]["F 0.5 s"])), least=0.6),
        Bar("proposed boundaries, F at 3 s", float(np.mean(found["own"]["F 3 s"])), least=0.8),
        Bar("another song's proposal, F at 0.5 s", float(np.mean(found["another's"]["F 0.5 s"]))),
        Bar("another song's proposal, F at 3 s", float(np.mean(found["another's"]["F 3 s"]))),
        Bar("time under the right name", float(np.mean(found["own"]["named"]))),
        Bar("time under the right name, another song's", float(np.mean(found["another's"]["named"]))),
    ]
    more, real = measure_real_songs()
    figures = {"songs": found, "reliability": reliability(truths, proposals), "real songs": real}
    record("proposals", [*bars, *more], figures, {"set": SET, "songs": COUNT, "seconds": SECONDS})


if __name__ == "__main__":
    sys.exit(exit_status(measure))
