"""All trials: `python -m trials` (`make trials`)."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.record import ROOT

NAMES = ("kills", "endpoint", "hostile")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run each trial as a process of its own; exit status 1 where one lost something."""
    parser = argparse.ArgumentParser(prog="python -m trials", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(NAMES)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no trial {sorted(unknown)[0]!r}: choose from {', '.join(NAMES)}")
    failed = [
        name
        for name in options.names or NAMES
        if subprocess.run([sys.executable, "-m", f"trials.{name}"], cwd=ROOT).returncode
    ]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
