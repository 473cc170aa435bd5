"""Rows of a study on disk, kept as they come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import RESULTS, commit, machine, table
from benchmarks.structure.trial import Ask

_SHOWN = (
    "control",
    "F of ceiling",
    "median error",
    "order",
    "order right",
    "distance",
    "heard as meant",
    "r of levels",
    "moments found",
    "of those heard",
    "another song's",
    "intensity r",
    "error taken away, %",
    "style",
    "tempo",
    "key",
    "variety",
    "near copies",
    "seconds",
)
"""Columns of the table, where any row has them."""


class Store:
    """The result file of one study.

    Args:
        name: of the file.
        settings: what all rows share; rows measured with others are dropped.
        folder: where results lie.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path = RESULTS) -> None:
        self.path = folder / f"{name}.json"
        self.name, self.settings = name, dict(settings)
        self.rows = self._read()

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        before = json.loads(self.path.read_text(encoding="utf-8"))
        return before["figures"]["rows"] if before["settings"] == self.settings else []

    def has(self, row: str, seed: int, ask: Ask | None) -> bool:
        """Whether this was measured."""
        return any(self._key(kept) == (row, seed, _told(ask)) for kept in self.rows)

    def keep(self, row: str, seed: int, ask: Ask | None, figures: Mapping[str, Any]) -> None:
        """Add a row, or replace it, and write the file; other processes may be adding theirs."""
        new = {"row": row, "seed": seed, "ask": asdict(ask) if ask else None, "commit": commit(), **figures}
        self.rows = [kept for kept in self._read() if self._key(kept) != (row, seed, _told(ask))] + [new]
        result = {
            "benchmark": self.name,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "settings": self.settings,
            "bars": [],
            "figures": {"rows": self.rows},
        }
        self.path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{row}, seed {seed}, {_told(ask)}: " + _shown(new), flush=True)

    def table(self) -> str:
        """Means over seeds, a line for each row and way of asking."""
        return table(self._cells())

    def markdown(self) -> str:
        """The same for a document."""
        head, *body = self._cells()
        lines = [head, ["---"] * len(head), *body]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _cells(self) -> list[list[str]]:
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in self.rows:
            groups.setdefault((row["row"], self._key(row)[2]), []).append(row)
        shown = [key for key in _SHOWN if any(key in row for row in self.rows)]
        body = [[row, told, str(len(found)), *_means(found, shown)] for (row, told), found in groups.items()]
        return [["row", "asked with", "seeds", *shown], *body]

    @staticmethod
    def _key(row: Mapping[str, Any]) -> tuple[str, int, str]:
        ask = row["ask"] and Ask(**{"strength": 1.0, **row["ask"], "interval": tuple(row["ask"]["interval"])})
        return row["row"], row["seed"], _told(ask)


def _told(ask: Ask | None) -> str:
    if ask is None:
        return ""
    text = f", text guidance {ask.text:g}" if ask.text != Ask().text else ""
    if not ask.use_events:
        return f"no events{text}"
    strength = f", strength {ask.strength:g}" if ask.strength != 1 else ""
    if ask.guidance == 1:
        return f"one pass{strength}{text}"
    return f"guidance {ask.guidance:g} at {ask.interval[0]:g}-{ask.interval[1]:g}{strength}{text}"


def _means(found: list[dict[str, Any]], shown: list[str]) -> list[str]:
    columns = [[row[key] for row in found if row.get(key) is not None] for key in shown]
    cells = [f"{np.mean(values):.2f}" if values else "-" for values in columns]
    if "control" in shown and all("control of songs" in row for row in found):
        low, high = _interval([row["control of songs"] for row in found])
        cells[shown.index("control")] += f" ({low:.2f} to {high:.2f})"
    return cells


def _interval(songs: list[list[float]], draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over songs, each song first averaged over the seeds that made it."""
    means = np.mean(songs, axis=0)
    rng = np.random.default_rng(0)
    drawn = means[rng.integers(len(means), size=(draws, len(means)))].mean(1)
    return tuple(np.quantile(drawn, [0.025, 0.975]))


def _shown(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {row[key]:.2f}" for key in _SHOWN if row.get(key) is not None)
