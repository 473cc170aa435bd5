"""Structure control, measured: `python -m benchmarks.structure STUDY`, and `log` to write the tables into the log."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence

import acestep  # noqa: F401  before torch
from benchmarks.record import RESULTS, ROOT, exit_status
from benchmarks.structure.examples import write_examples
from benchmarks.structure.store import Store
from benchmarks.structure.studies import STUDIES, Options

LOG = ROOT / "docs" / "structure-control.md"


def write_log() -> None:
    """Every table that was measured, between its markers."""
    text = LOG.read_text(encoding="utf-8")
    for path in sorted(RESULTS.glob("structure-*.json")):
        settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
        inside = f"<!-- {path.stem} -->\n{Store(path.stem, settings).markdown()}\n<!-- end -->"
        text = re.sub(f"<!-- {path.stem} -->.*?<!-- end -->", lambda _, inside=inside: inside, text, flags=re.DOTALL)
    LOG.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where a study cannot be done."""
    studies = "\n".join(f"    {name:<10} {study.__doc__}" for name, study in STUDIES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.structure",
        description=f"Structure control, measured.\n\n{studies}\n\nA row is kept in the result file as soon as it is "
        "measured, so most studies may be stopped and gone on with.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "study",
        nargs="+",
        choices=[*STUDIES, "log", "examples"],
        help="one or more; log writes the log's tables, examples a folder of songs to listen to",
    )
    parser.add_argument("--rows", nargs="+", default=(), help="only rows whose name holds one of these")
    parser.add_argument("--seeds", type=int, help="training seeds, from 0 on")
    parser.add_argument("--structures", type=int, help="held-out structures")
    parser.add_argument("--steps", type=int, help="optimizer steps of a screen")
    options = parser.parse_args(arguments)
    chosen = Options(tuple(options.rows), options.seeds, options.structures, options.steps)

    def measure() -> None:
        for study in options.study:
            if study == "log":
                write_log()
            elif study == "examples":
                print(*write_examples(), sep="\n")
            else:
                print(STUDIES[study](chosen).table())

    return exit_status(measure)


if __name__ == "__main__":
    sys.exit(main())
