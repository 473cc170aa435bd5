"""Count which section follows which: `python scripts/count_labels.py FOLDER` writes `annotate/next_types.json`.

FOLDER holds the segments of the Harmonix set (https://github.com/urinieto/harmonixset, MIT: `dataset/segments/*.txt`,
lines of a time and a label). Prints how often the guess is right in songs that were not counted, in ten folds.

Source: Nieto et al., The Harmonix Set: beats, downbeats, and functional segment annotations of western popular music,
ISMIR 2019.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from annotate.next_type import SHARES, START, likely_next
from structure.events import SECTION_TYPES, normalise_type

FEWEST = 8  # times that a context must have been seen
KEPT = 4  # types of a context
FOLDS = 10


def read_labels(path: Path) -> list[str]:
    """A song's section types in their order; what is no section of the vocabulary is left out."""
    words = [line.split(None, 1)[1] for line in path.read_text(encoding="utf-8").splitlines() if len(line.split()) > 1]
    return [kind for kind in map(normalise_type, words) if kind in SECTION_TYPES and kind != "silence"]


def count(songs: Iterable[list[str]]) -> dict[str, dict[str, float]]:
    """For each context, the last two types or the last one, the share of each type among those that come next."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for song in songs:
        begun = [START, START, *song]
        for place, kind in enumerate(song, 2):
            for reach in (1, 2):
                found[" ".join(begun[place - reach : place])][kind] += 1
    return {
        context: {kind: round(n / counts.total(), 3) for kind, n in counts.most_common(KEPT)}
        for context, counts in sorted(found.items())
        if counts.total() >= FEWEST
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="dataset/segments of the Harmonix set")
    songs = [read_labels(path) for path in sorted(parser.parse_args().folder.glob("*.txt"))]
    if not songs:
        parser.error("the folder holds no .txt files")
    right = Counter()
    for fold in range(FOLDS):
        shares = count(song for number, song in enumerate(songs) if number % FOLDS != fold)
        for song in songs[fold::FOLDS]:
            for place, kind in enumerate(song):
                guessed = [name for name, _ in likely_next(song[:place], shares)]
                right.update(first=guessed[:1] == [kind], among=kind in guessed[:3], all=1)
    SHARES.write_text(json.dumps(count(songs), indent=1) + "\n", encoding="utf-8")
    first, among = right["first"] / right["all"], right["among"] / right["all"]
    print(f"{len(songs)} songs, {right['all']} sections. Written: {SHARES}")
    print(f"Right in songs that were not counted: first guess {first:.0%}, among three {among:.0%}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
