"""Songs' parts in bars: `python scripts/count_arrangements.py FOLDER` writes `generation/arrangements.tsv`.

FOLDER is `dataset` of the Harmonix set (https://github.com/urinieto/harmonixset, MIT). Prints how well the planner
knows songs that it was not fitted on, in ten folds.

Source: Nieto et al., The Harmonix Set: beats, downbeats, and functional segment annotations of western popular music,
ISMIR 2019.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from generation.planner import ARRANGEMENTS, Arrangement, Planner, genre_of
from structure.events import SECTION_TYPES, normalise_type

FOLDS = 10


def read_song(segments: Path, beats: Path, row: dict[str, str]) -> Arrangement | None:
    """One song's parts in whole bars; None where it has no usable bars."""
    lines = [line.split(None, 1) for line in segments.read_text(encoding="utf-8").splitlines() if line.strip()]
    downbeats = [float(t) for t, place, *_ in (line.split() for line in beats.read_text().splitlines()) if place == "1"]
    if len(downbeats) < 8:
        return None
    at = [int(np.abs(np.array(downbeats) - float(line[0])).argmin()) for line in lines]
    parts = []
    for (_, name), begin, end in zip(((line[0], line[-1]) for line in lines), at, at[1:], strict=False):
        kind = normalise_type(name)
        if kind in SECTION_TYPES and kind != "silence" and end > begin:
            parts.append((kind, end - begin))
    return Arrangement(tuple(parts), genre_of(row["Genre"]), float(row["BPM"])) if len(parts) > 2 else None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="dataset of the Harmonix set")
    folder = parser.parse_args().folder
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        segments, beats = (folder / kind / f"{row['File']}.txt" for kind in ("segments", "beats_and_downbeats"))
        if segments.exists() and beats.exists() and (song := read_song(segments, beats, row)):
            found.append(song)
    if not found:
        parser.error("the folder holds no songs")
    ARRANGEMENTS.write_text("".join(f"{song.line()}\n" for song in found), encoding="utf-8")
    print(f"{len(found)} songs. Written: {ARRANGEMENTS}")
    right, errors, usual = [], [], []
    for fold in range(FOLDS):
        planner = Planner(song for number, song in enumerate(found) if number % FOLDS != fold)
        for song in found[fold::FOLDS]:
            bar = 240 / song.bpm
            for place, (kind, bars) in enumerate(song.parts):
                before = song.parts[:place]
                right.append(planner.next_types(before, song.genre)[0][0] == kind)
                errors.append(abs(planner.likely_bars(kind, before, song.genre) - bars) * bar)
                usual.append(abs(8 - bars) * bar)
    print(f"Songs not counted: the next part is right at once {np.mean(right):.0%} of the time.")
    print(f"Length of a part off by {np.mean(errors):.2f} s, median {np.median(errors):.2f} s.")
    print(f"Always eight bars would be off by {np.mean(usual):.2f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
