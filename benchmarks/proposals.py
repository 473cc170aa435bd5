"""Proposed parts against the truth of songs that nothing was chosen on: `python -m benchmarks.proposals`.

Twenty-four songs of two minutes from the starter's generator, whose boundaries are exact; chance is the proposal for
another of them. Boundary F is mir_eval's, without the song's two ends. Time is of a second proposal for the longest of
the real songs that Debian packages, where they are installed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import mir_eval
import numpy as np

from annotate.audio import audio_info, write_audio
from annotate.proposals import Proposal, propose
from benchmarks.record import WORK, Bar, exit_status, record
from structure.events import Event, sections

SET, COUNT, SECONDS = 66_260, 24, 120.0
REAL_SONGS = Path("/usr/share/games/fretsonfire/data/songs")


def boundary_f(truth: list[Event], proposed: list[Event], window: float) -> float:
    """F of boundaries within `window` seconds, the song's two ends left out."""
    spans = [np.array([[event.start, event.end] for event in events]) for events in (truth, proposed)]
    return mir_eval.segment.detection(*spans, window=window, trim=True)[2]


def frames_alike(truth: list[Event], proposed: list[Event]) -> float:
    """Share of the song's tenths of a second that have the same name in both."""
    moments = np.arange(0.05, SECONDS, 0.1)
    names = [
        [next((e.type for e in events if e.start <= moment < e.end), "") for moment in moments]
        for events in (truth, proposed)
    ]
    return float(np.mean([a == b for a, b in zip(*names, strict=True)]))


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
                boundary_f(truth, proposal.events, window) for truth, proposal in zip(truths, made, strict=True)
            ]
            for window in (0.5, 3.0)
        }
        | {"named": [frames_alike(truth, proposal.events) for truth, proposal in zip(truths, made, strict=True)]}
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
    real = sorted(REAL_SONGS.glob("*/*/song.ogg"), key=lambda path: audio_info(path).duration)
    if real:
        propose(real[-1])
        begun = time.perf_counter()
        propose(real[-1])
        each = (time.perf_counter() - begun) * 240 / audio_info(real[-1]).duration
        bars.append(Bar("proposal for four minutes of real music, warm", each, "s", most=3))
    figures = {"songs": found, "reliability": reliability(truths, proposals)}
    record("proposals", bars, figures, {"set": SET, "songs": COUNT, "seconds": SECONDS})


if __name__ == "__main__":
    sys.exit(exit_status(measure))
