"""All benchmarks, one table: `python -m benchmarks` (`make bench`); `--show` prints the last results instead."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.record import RESULTS, ROOT, Bar, table

NAMES = (
    "page",
    "timeline",
    "long_recording",
    "proposals",
    "snapping",
    "actions",
    "switching",
    "composing",
    "candidates",
    "codec",
    "generation",
    "engine",
    "estimates",
    "layouts",
    "sizes",
    "first_step",
    "training",
    "watching",
    "control",
    "evaluation",
    "serving",
)
"""In this order: control judges what training made."""


def summary() -> str:
    """The newest result of every benchmark as one table."""
    rows = [["what", "measured", "bar", "", "when", "cores"]]
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        for bar in result["bars"]:
            kept = {key: bar[key] for key in ("what", "value", "unit", "least", "most")}
            rows.append([*Bar(**kept).row(), result["date"][:10], str(result["machine"]["cores"])])
    return table(rows) if len(rows) > 1 else "Nothing has been measured yet: run `python -m benchmarks`."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run each benchmark as a process of its own; exit status 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(NAMES)}")
    parser.add_argument("--show", action="store_true", help="print the last results, measure nothing")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no benchmark {sorted(unknown)[0]!r}: choose from {', '.join(NAMES)}")
    failed = []
    if not options.show:
        for name in options.names or NAMES:
            print(f"\n== {name}", flush=True)
            if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT).returncode:
                failed.append(name)
    print("\n" + summary())
    if failed:
        print(f"Failed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
