"""Do unsteady taps end on the boundary that was meant? `python -m benchmarks.snapping`.

Taps around the exact boundaries of twenty-four made songs (those of `benchmarks.proposals`), normally distributed, on
the beats that the product hears in them, snapped by the code that the page runs (in Node). Where the beats are wrong,
snapping cannot be right: the share of boundaries that have a heard beat within 70 ms is its ceiling.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np

from annotate.audio import write_audio
from annotate.beats import find_beats
from annotate.boundaries import boundary_probabilities
from benchmarks.proposals import COUNT, SECONDS, SET
from benchmarks.record import ROOT, WORK, Bar, exit_status, record
from structure.events import Event, sections

HIT = 0.07  # seconds
TAPS = 40  # around each boundary
_SNAP = """
const TimelineGrid = require(process.argv[1]);
const songs = JSON.parse(require("fs").readFileSync(0, "utf8"));
const ends = songs.map(({ times, phases, taps, sigma }) => {
  const grid = new TimelineGrid(times, null, phases);
  return taps.map((t) => [grid.snap(t, sigma).time, times[grid.nearest(t)]]);
});
process.stdout.write(JSON.stringify(ends));
"""


def snapped(songs: list[dict[str, Any]]) -> list[np.ndarray]:
    """For each song float (taps, 2): where a tap comes to lie, and the nearest beat."""
    script = ROOT / "annotate" / "timeline_grid.js"
    done = subprocess.run(
        ["node", "-e", _SNAP, str(script)], input=json.dumps(songs), capture_output=True, text=True, check=True
    )
    return [np.array(ends) for ends in json.loads(done.stdout)]


def measure() -> None:
    """Measure, print, write the result file."""
    from acestep.starter.songs import make_song, song_seed

    rng = np.random.default_rng(0)
    heard, meant = [], []
    for number in range(COUNT):
        song = make_song(song_seed(SET, number), SECONDS)
        audio = WORK / "proposals" / f"{number}.wav"
        write_audio(audio, song.samples, song.sample_rate)
        beats = find_beats(audio)
        _, phases = boundary_probabilities(beats)
        heard.append({"times": beats.edges[:-1].tolist(), "phases": phases.tolist()})
        parts = sections([Event.model_validate(event) for event in song.sidecar["events"]])
        meant.append(np.array([part.start for part in parts[1:]]))
    offsets = [
        beats["times"][np.abs(np.array(beats["times"]) - one).argmin()] - one
        for beats, ones in zip(heard, meant, strict=True)
        for one in ones
    ]
    bars = [Bar("boundaries with a heard beat within 70 ms", float(np.mean(np.abs(offsets) <= HIT)))]
    figures: dict[str, Any] = {"median offset of the nearest heard beat, s": float(np.median(offsets))}
    for sigma in (0.05, 0.15, 0.3):
        taps = [np.repeat(ones, TAPS) + sigma * rng.standard_normal(len(ones) * TAPS) for ones in meant]
        asked = [{**beats, "taps": tap.tolist(), "sigma": sigma} for beats, tap in zip(heard, taps, strict=True)]
        true = np.concatenate([np.repeat(ones, TAPS) for ones in meant])
        share = np.mean(np.abs(np.concatenate(snapped(asked)) - true[:, None]) <= HIT, axis=0)
        raw = float(np.mean(np.abs(np.concatenate(taps) - true) <= HIT))
        figures[f"sigma {sigma:g} s"] = {"raw": raw, "snapped": share[0], "nearest beat": share[1]}
        if sigma == 0.15:
            bars.append(Bar("taps within 70 ms once snapped", float(share[0]), least=0.8))
            bars.append(Bar("the same taps on the nearest beat", float(share[1])))
            bars.append(Bar("the same taps as they were", raw))
    record("snapping", bars, figures, {"set": SET, "songs": COUNT, "seconds": SECONDS, "taps a boundary": TAPS})


if __name__ == "__main__":
    sys.exit(exit_status(measure))
