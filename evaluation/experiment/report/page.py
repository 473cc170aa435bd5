"""The experiment's report: one HTML file that holds its figures, its sound and its code, and asks nobody for anything.

    write_report(json.loads(results.read_text()), folder, folder / "report.html")

Whatever the results lack is left out of the page. Names, captions and labels
are text and never markup: the template escapes them, figures are JSON, and the
page's policy runs no script but the two whose hashes it names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from evaluation.experiment.report import figures, tables
from evaluation.experiment.report.listening import build_decks, every_song
from evaluation.experiment.report.offline import HERE, as_data, as_script, policy_of, templates
from evaluation.experiment.values import listed, part, show
from structure.files import write_whole
from structure.json_reading import number

_VERDICTS = {"better": "▲ better", "worse": "▼ worse", "undecided": "◆ undecided"}


def write_report(results: Mapping[str, Any], folder: Path, target: Path) -> Path:
    """Write the report, whole or not at all.

    Args:
        results: the experiment's, ready for JSON.
        folder: where its songs lie; their `audio` is relative to it.
        target: the HTML file.

    Returns:
        `target`.

    Raises:
        OSError: the disk refuses.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, render_report(results, folder).encode("utf-8"))
    return target


def render_report(results: Mapping[str, Any], folder: Path) -> str:
    """The page's HTML."""
    decks, left_out = build_decks(results, folder)
    scripts = [as_script(get_plotlyjs()), as_script((HERE / "page.js").read_text(encoding="utf-8"))]
    drawn = {
        "main": figures.main_figure(results),
        "errors": figures.error_figure(results),
        "songs": figures.curve_figure(results, "songs"),
        "steps": figures.curve_figure(results, "steps"),
        "trade": figures.trade_figure(results),
        "arrangement": figures.arrangement_figure(results),
    }
    return (
        templates()
        .get_template("page.html")
        .render(
            policy=policy_of(scripts),
            style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
            scripts=scripts,
            title=str(results.get("title") or "Experiment"),
            made=_day(results.get("made")),
            answer=part(results, "answer"),
            verdict=_VERDICTS.get(str(part(results, "answer").get("verdict")), ""),
            figures={
                name: {"height": figure.layout.height, "json": _json(figure)}
                for name, figure in drawn.items()
                if figure is not None
            },
            arms=tables.arms_table(results),
            abouts=tables.abouts(results),
            comparisons=tables.comparisons_table(results),
            decks=decks,
            left_out=left_out,
            songs=every_song(results),
            confusions=tables.confusion_tables(results),
            creativity=tables.creativity_table(results),
            arrangement=tables.arrangement_table(results),
            judge=_judge(results),
            settings={str(name): _said(value) for name, value in part(results, "settings").items()},
            command=str(results.get("command") or ""),
            notes=[str(note) for note in listed(results, "notes")],
        )
    )


def _json(figure: go.Figure) -> Markup:
    return as_data(figure.to_json())


def _day(made: Any) -> str:
    try:
        return datetime.fromisoformat(str(made)).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return ""


def _judge(results: Mapping[str, Any]) -> dict[str, str]:
    judge = part(results, "judge")
    facts = {
        "kind": judge.get("kind"),
        "songs it learned from": judge.get("songs"),
        "types it knows": ", ".join(map(str, listed(judge, "types"))),
        "frames right on songs it has not heard": show(number(judge.get("frame_accuracy"))),
        "boundary F within 0.5 s on them": show(number(judge.get("boundary_f_500ms"))),
        "note": judge.get("note"),
    }
    return {name: str(said) for name, said in facts.items() if said} if judge else {}


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
