"""What does it cost to watch a long run? The page looks once a second. `python -m benchmarks.watching`.

A run folder with a hundred thousand points, as training writes them, that grows between looks. A look is what the
tab does at each tick of its timer: list of runs, progress card, closer look, list of songs, log. The
first look is that of a server that has never seen the run.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.record import Bar, exit_status, record
from structure.processes import process_start
from training.bands import BANDS, band_key
from training.line import places
from training.pictures import closer_card, progress_card, run_rows
from training.run_folder import LOG_FILE, METRICS_FILE, RunState, append_metrics, read_log, write_config, write_state
from training.runs import list_runs
from training.sample_list import sample_list_stamp
from training.settings import make_settings

POINTS, LOOKS, A_LOOK = 100_000, 200, 50
SETTLING = 20  # looks until caches and allocator are as they will be
HELD_OUT_EVERY = 500


def points(first: int, last: int) -> list[dict[str, float]]:
    """Lines as `meter.py` and `validation.py` write them."""
    found: list[dict[str, float]] = []
    for step in range(first, last + 1):
        loss = 1.5 + 1 / step + 0.1 * (step * 7919 % 1000) / 1000
        bands = {band_key("loss", band): loss * share for band, share in zip(BANDS, (0.6, 1.0, 1.4), strict=True)}
        pace = {"seconds": 0.31, "eta": 0.31 * (POINTS - step), "crops_a_second": 25.4, "memory_mb": 812.3}
        found.append({"step": step, "loss": loss, **bands, "grad_norm": 0.7 + loss / 10, "lr": 1e-3, **pace})
        if step % HELD_OUT_EVERY == 0:
            held = {
                band_key("held_out_loss", band): 1.2 * share for band, share in zip(BANDS, (0.6, 1, 1.4), strict=True)
            }
            found.append({"step": step, "held_out_loss": 1.2, **held})
    return found


def look(root: Path) -> int:
    """One tick of the page's timer; the length of what goes to the browser."""
    runs = list_runs(root)
    (run,) = runs
    parts = [
        progress_card(run, places(runs).get(run.name)),
        closer_card(run),
        read_log(run.folder),
        str(run_rows(runs)),
    ]
    return sum(map(len, parts)) + len(sample_list_stamp(run))


def measure() -> None:
    """Measure, print, write the result file."""
    process = psutil.Process()
    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        folder = Path(temporary, "runs", "long")
        folder.mkdir(parents=True)
        total = POINTS + LOOKS * A_LOOK
        write_config(folder, make_settings("starter", dataset_dir=temporary, output_dir=folder, max_steps=total))
        me = {"pid": os.getpid(), "pid_started": process_start(os.getpid())}
        write_state(folder, RunState(status="training", step=POINTS, max_steps=total, loss=1.5, **me))
        (folder / LOG_FILE).write_text("12:00:00  Step 5: loss 1.5000\n" * 20_000)
        append_metrics(folder, points(1, POINTS))
        megabytes = (folder / METRICS_FILE).stat().st_size / 1e6

        begin = time.perf_counter()
        sent = look(folder.parent)
        first = time.perf_counter() - begin
        took, memory = [], []
        for number in range(LOOKS):
            append_metrics(folder, points(POINTS + number * A_LOOK + 1, POINTS + (number + 1) * A_LOOK))
            begin = time.perf_counter()
            look(folder.parent)
            took.append(time.perf_counter() - begin)
            gc.collect()
            memory.append(process.memory_info().rss / 2**20)
    grown = statistics.median(memory[-10:]) - statistics.median(memory[SETTLING - 10 : SETTLING])
    bars = [
        Bar("first look at a run of 100,000 points", first, "s", most=0.3),
        Bar("each look after it, median", statistics.median(took), "s", most=0.3),
        Bar("the slowest of 200", max(took), "s", most=0.3),
        Bar("memory grown over 180 looks at a growing run", grown, "MB", most=1.0),
    ]
    figures = {"metrics_mb": round(megabytes, 1), "sent_kb": round(sent / 1e3, 1), "memory_mb": memory[:: LOOKS // 20]}
    record("watching", bars, figures, {"points": POINTS, "looks": LOOKS, "points_a_look": A_LOOK})


if __name__ == "__main__":
    sys.exit(exit_status(measure))
