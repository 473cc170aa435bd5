"""What every benchmark shares: bars to reach, the machine, the result file, and running our own commands."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from structure.errors import StudioError

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"
WORK = ROOT / "cache" / "bench"
"""Songs and adapters made on the way; may be deleted at any time."""

_PACKAGES = ("torch", "diffusers", "gradio", "numpy", "scikit-learn")


class BenchmarkError(StudioError):
    """A benchmark cannot run here, or a command it measures failed."""


@dataclass(frozen=True)
class Bar:
    """One measured figure and what it should be; `most` and `least` are limits, None where there is none."""

    what: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the limits are kept; None where there is no limit."""
        if self.least is None and self.most is None:
            return None
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    def row(self) -> list[str]:
        """Cells for the table: what, value, limit, verdict."""
        limits = [
            f"{word} {limit:g}"
            for word, limit in (("at least", self.least), ("at most", self.most))
            if limit is not None
        ]
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        return [self.what, f"{self.value:.3g} {self.unit}".strip(), " and ".join(limits), verdict]


def record(
    name: str,
    bars: Sequence[Bar],
    figures: Mapping[str, Any],
    settings: Mapping[str, Any],
    folder: Path = RESULTS,
) -> Path:
    """Print the bars and write the result file.

    Args:
        name: of the benchmark, and of its file.
        bars: figures with limits.
        figures: all else that was measured, JSON types.
        settings: what it was measured with.
        folder: where results lie.

    Returns:
        The result file.
    """
    print(table([["what", "measured", "bar", ""], *(bar.row() for bar in bars)]))
    result = {
        "benchmark": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "settings": dict(settings),
        "bars": [asdict(bar) | {"met": bar.met} for bar in bars],
        "figures": dict(figures),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Written: {path}")
    return path


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cores this process may use, versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in _PACKAGES if any(distributions(name=package))},
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def commit() -> str | None:
    """The commit measured, with `+` when files differ from it; None outside a checkout."""
    if shutil.which("git") is None:
        return None
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if head.returncode:
        return None
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT, capture_output=True, text=True
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def run(*arguments: str | Path) -> str:
    """Run `python ARGUMENTS` in the repository, as a person would, and return what it printed.

    Raises:
        BenchmarkError: it failed; the message ends with the last line it said.
    """
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        command = " ".join(map(str, arguments[:3]))
        raise BenchmarkError(f"`python {command} …` ended with {done.returncode}: {said[-1] if said else 'no word'}")
    return done.stdout


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns, the first one a heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def exit_status(measure: Callable[[], int | None]) -> int:
    """Measure: 0 when it is done, 1 where it counts something lost, 2 after the sentence about what could not be."""
    try:
        return 1 if measure() else 0
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return 2
