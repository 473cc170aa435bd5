"""The answers as a table for other programs: one row a trial and question, identities and all."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from evaluation.listening.analysis import Analysis
from structure.files import write_whole

COLUMNS = (
    *("listener", "excluded", "number", "trial", "repeats", "song", "arm_a", "arm_b", "arm_x"),
    *("question", "choice", "arm", "seconds"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would compute


def write_csv(analysis: Analysis, path: Path) -> None:
    """All answers, excluded listeners' with them.

    Raises:
        OSError: it cannot be written.
    """
    excluded = {listener.name: listener.excluded for listener in analysis.listeners}
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for row in analysis.rows:
        names = [row.listener, excluded[row.listener], row.number, row.trial, row.repeats, row.song, *row.sides, row.x]
        cells = [*names, row.question, row.choice, row.arm, f"{row.seconds:.1f}"]
        table.writerow([_harmless(cell) for cell in cells])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue().encode(), durable=False)


def _harmless(cell: str | int | None) -> str | int:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what would begin one."""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return "" if cell is None else cell
