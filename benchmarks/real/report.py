"""The proof as one HTML file that works offline and holds everything: figures, a few songs, and all of it as JSON."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import acestep  # noqa: F401  before torch
from benchmarks.real.running import STAGES
from benchmarks.real.settings import Proof
from benchmarks.record import ROOT, BenchmarkError, commit, machine
from evaluation.experiment.report import tables
from evaluation.experiment.report.listening import build_decks
from evaluation.experiment.report.offline import HERE, as_data, as_script, policy_of, templates
from evaluation.experiment.report.tables import Cell, Table
from evaluation.experiment.values import items, part, show_span
from structure.files import write_whole

MOST_SONGS = 3  # structures that can be heard
NOT_JUDGED = (
    "How the songs sound: no ear for real music ships here. Listen to them, or run `python -m evaluation listen`.",
    "Whether lyrics are sung, and sung rightly.",
    "Style, tempo and key against what was asked: `python -m evaluation experiment` measures them.",
    "Whether events beat as long a training without them: `python -m evaluation experiment` trains both.",
)
REHEARSAL = "A rehearsal (--quick): few steps of everything, so no figure says how good anything is."
PROCEDURAL = (
    "No --dataset was given: songs that a program composed were learned from, which are not what it is made for."
)
_LONG = ("losses", "arms", "songs", "files", "parts", "table", "training steps", "must be equal")
_PACKAGES = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors", "bitsandbytes", "gradio")


def write_report(proof: Proof, results: Mapping[str, Mapping[str, Any]], target: Path) -> Path:
    """Write the report whole.

    Args:
        proof: what was asked.
        results: of the stages, by name.
        target: the HTML file.
    """
    everything = collect(proof, results)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, render(everything, proof.work).encode("utf-8"))
    return target


def collect(proof: Proof, results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All that the report holds, JSON types; folders of the machine go by their last names only."""
    card = None
    import torch

    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(proof.device if proof.device.startswith("cuda") else "cuda")
        card = f"{found.name}, {found.total_memory / 1e9:.0f} GB, CUDA {torch.version.cuda}"
    versions = {name: found[0].version for name in _PACKAGES if (found := list(distributions(name=name)))}
    folders = (proof.model, proof.work, proof.songs, Path(sys.prefix), Path(sys.base_prefix), ROOT)
    private = {Path.home(): "~", Path(tempfile.gettempdir()): "tmp"} | {path: path.name for path in folders}
    told = json.dumps({name: dict(result) for name, result in results.items()}, ensure_ascii=False)
    told = without_folders(told, private | {path.resolve(): name for path, name in private.items()})
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine() | {"card": card or "none", "versions": versions},
        "model": proof.model.name,
        "dataset": proof.dataset.name if proof.dataset else None,
        "quick": proof.quick,
        "not judged": list(NOT_JUDGED),
        "stages": json.loads(told),
    }


def without_folders(told: str, private: Mapping[Path, str]) -> str:
    """JSON text with the machine's folders called by other names, longest first, and only where a path begins."""
    for folder, name in sorted(private.items(), key=lambda pair: -len(str(pair[0]))):
        if str(folder) != folder.anchor:
            written = json.dumps(str(folder), ensure_ascii=False)[1:-1]
            told = re.sub(rf"(?<![\w.]){re.escape(written)}(?![\w-])", lambda _, name=name: name, told)
    return re.sub(r"torchinductor_\w+", "torchinductor", told)  # torch names this folder after who runs it


def render(everything: Mapping[str, Any], work: Path) -> str:
    """The page's HTML."""
    stages = part(everything, "stages")
    heard = part(part(stages, "scores"), "figures") or part(part(stages, "songs"), "figures")
    decks, left_out = build_decks(_first_songs(heard), work)
    player = as_script((HERE / "page.js").read_text(encoding="utf-8"))
    notes = [REHEARSAL] if everything["quick"] else []
    notes += [] if everything["dataset"] else [PROCEDURAL]
    return (
        templates(Path(__file__).resolve().parent)
        .get_template("page.html")
        .render(
            policy=policy_of([player]),
            style=as_script((HERE / "page.css").read_text(encoding="utf-8")),
            player=player,
            everything=everything,
            title=f"{everything['model']} with timed events",
            notes=notes,
            machine=_facts(everything["machine"]),
            summary=_summary(stages),
            stages=[
                _section(stage.title, stage.about, part(stages, stage.name), everything["commit"]) for stage in STAGES
            ],
            decks=decks,
            left_out=[note.replace(f"{work}/", "") for note in left_out],
            json=as_data(json.dumps(everything, indent=1, ensure_ascii=False)),
        )
    )


def read_everything(report: Path) -> dict[str, Any]:
    """The JSON that a report holds, for whoever was sent one.

    Raises:
        BenchmarkError: the file is no report.
    """
    try:
        text = report.read_text(encoding="utf-8")
        begin = text.index(">", text.index('id="everything"')) + 1
        return json.loads(text[begin : text.index("</script>", begin)])
    except ValueError as problem:
        raise BenchmarkError(f"{report}: this is no report that `python -m benchmarks.real` wrote.") from problem


def _summary(stages: Mapping[str, Any]) -> Table:
    table = Table(["stage", "outcome", "took"])
    for stage in STAGES:
        result = part(stages, stage.name)
        table.rows.append([Cell(stage.title), Cell(_outcome(result)), Cell(show_span(result.get("seconds")))])
    return table


def _outcome(result: Mapping[str, Any]) -> str:
    if result.get("status") != "done":
        return "failed"
    return "as it should be" if part(result, "figures").get("passed") else "NOT as it should be"


def _section(title: str, about: str, result: Mapping[str, Any], commit: str | None) -> dict[str, Any]:
    figures = part(result, "figures")
    notes = [str(note) for note in figures.get("notes") or []]
    if (by := result.get("commit", commit)) != commit:
        notes.append(f"Measured by another version of the program: commit {by or 'unknown'}.")
    return {
        "title": title,
        "about": about,
        "outcome": _outcome(result),
        "sentence": str(result.get("sentence") or ""),
        "facts": {}
        if "judge" in figures
        else _facts({key: value for key, value in figures.items() if key != "passed"}),
        "tables": _tables(figures),
        "notes": notes,
    }


def _tables(figures: Mapping[str, Any]) -> list[tuple[str, Table]]:
    """What of a stage's figures is a table."""
    found = []
    if "compared" in figures:
        rows = [
            [Cell(name), Cell(str(one["samples that differ"])), Cell(_said(one["largest difference"]))]
            for name, one in part(figures, "compared").items()
        ]
        found.append(
            ("Against bare diffusers with the same seed", Table(["", "samples that differ", "by at most"], rows))
        )
    if timed := items(figures, "songs") if "table" in figures else []:
        head = list(dict.fromkeys(name for row in timed for name in row))
        rows = [[Cell(_said(row.get(name))) for name in head] for row in timed]
        found.append(("Songs", Table(head, rows)))
    if cells := figures.get("table"):
        rows = [[Cell(cell) for cell in row] for row in cells[1:]]
        found.append(("Training steps, rank 64, batch size 1", Table(cells[0], rows)))
    if "judge" in figures:
        found.append(("Mean, 95 % interval, and control: 0 by luck, 1 as real songs", tables.arms_table(figures)))
    if "parts" in figures:
        rows = [
            [Cell(name), Cell(", ".join(f"{n / 1e6:.1f} M {kind}" for kind, n in part(one, "parameters").items()))]
            for name, one in part(figures, "parts").items()
        ]
        found.append(("Parts", Table(["", "parameters"], rows)))
    if "files" in figures:
        rows = [[Cell(f["file"]), Cell(f"{f['bytes']:,}"), Cell(f["sha256"])] for f in items(figures, "files")]
        found.append(("Files", Table(["", "bytes", "SHA-256"], rows)))
    return found


def _first_songs(heard: Mapping[str, Any]) -> dict[str, Any]:
    """The same results with the first few structures' songs only."""
    arms = [
        {**arm, "songs": [song for song in items(arm, "songs") if str(song.get("name")) in _names(items(arm, "songs"))]}
        for arm in items(heard, "arms")
    ]
    return {**heard, "arms": arms}


def _names(songs: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(song.get("name")) for song in songs))[:MOST_SONGS]


def _facts(figures: Mapping[str, Any]) -> dict[str, str]:
    """Figures that are one value, and those inside one more dictionary."""
    facts: dict[str, str] = {}
    for name, value in figures.items():
        if name in (*_LONG, "compared"):
            continue
        if isinstance(value, Mapping):
            facts |= {f"{name}: {inner}": _said(one) for inner, one in value.items()}
        else:
            facts[name] = _said(value)
    return facts


def _said(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
