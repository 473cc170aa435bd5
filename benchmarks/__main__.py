"""What moved? `python -m benchmarks` (`make bench`) measures what watches for change, prints one table and keeps it.

`--all` measures everything, a name only that; `--show` prints the last results and measures nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.history import HISTORY, keep_day, last_day, summary
from benchmarks.record import RESULTS, ROOT

WATCHED: dict[str, tuple[str, ...]] = {
    "page": (),
    "timeline": (),
    "scale": (),
    "reading": (),
    "generation": (),
    "engine": ("--rounds", "3"),
    "serving": ("--rounds", "5", "--seconds", "30", "--requests", "2000"),
}
"""About twenty minutes on two cores: the page, what it holds, and ratios against others in one run; where its own
settings take longer, with fewer rounds."""

NAMES = (
    "page",
    "timeline",
    "scale",
    "reading",
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run each benchmark as a process of its own; exit status 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"only these of {', '.join(NAMES)} (default {', '.join(WATCHED)})"
    )
    parser.add_argument("--all", action="store_true", help="measure everything, for hours")
    parser.add_argument("--show", action="store_true", help="print the last results, measure nothing")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no benchmark {sorted(unknown)[0]!r}: choose from {', '.join(NAMES)}")
    before = last_day(HISTORY)
    measured_in_full = options.names or (NAMES if options.all else ())
    chosen = {} if options.show else dict.fromkeys(measured_in_full, ()) or WATCHED
    failed = []
    for name, settings in chosen.items():
        print(f"\n== {' '.join((name, *settings))}", flush=True)
        begin = time.monotonic()
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *settings], cwd=ROOT).returncode:
            failed.append(name)
        print(f"{name} took {(time.monotonic() - begin) / 60:.1f} min", flush=True)
    measured = [name for name in chosen if name not in failed]
    if measured:
        print(f"Kept: {keep_day(RESULTS, HISTORY, measured)}")
    print("\n" + summary(RESULTS, before, measured or None))
    if failed:
        print(f"Failed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
