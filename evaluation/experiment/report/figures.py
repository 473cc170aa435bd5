"""Figures of the experiment's report: each a function of the results, None where they hold nothing to draw.

Colours of text, grid and paper are left to the page, which knows whether it is
light or dark. Arms differ in their marker as well as in their colour.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evaluation.experiment.report.tables import genre_names
from evaluation.experiment.values import interval, items, listed, name_of, part, show, word
from evaluation.intervals import Interval
from structure.json_reading import number

ARM_COLOURS = ("#8a94a0", "#d9822b", "#3d85c6", "#a565b5", "#3f9e78", "#c2554d", "#7a6ff0", "#9a8540")
ARM_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "triangle-down", "star", "hexagon")
CHANCE, CEILING = "#b0552f", "#2f8f5b"
ERROR_LIMITS = (0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
"""Seconds: upper ends of the histogram's bins; whatever is later, or never heard, is the last one."""

_ROW = 44  # pixels an arm takes
_THIN = 1.5
_FIRST_MEASURE = 5  # of the colours: the ones before it mean arms
_TITLE = 13  # pixels, over a panel
_TITLED = {"l": 52, "r": 14, "t": 30, "b": 48}  # margins of a figure with words over its panels


def main_figure(results: Mapping[str, Any]) -> go.Figure | None:
    """Each arm's first measure with its interval, over chance and ceiling as bands."""
    measure = next(iter(items(results, "measures")), {})
    key = word(measure, "key")
    scored = [(a, s) for a in items(results, "arms") if (s := interval(part(a, "scores").get(key)))]
    if not scored:
        return None
    figure = _figure(height=80 + _ROW * len(scored), showlegend=False, margin=_TITLED)
    for name, colour in (("chance", CHANCE), ("ceiling", CEILING)):
        if known := interval(part(results, name).get(key)):
            _band(figure, known, colour)
            words = f"{name} {show(known.mean)}"
            figure.add_annotation(x=known.mean, y=1, yref="paper", yanchor="bottom", text=words, showarrow=False)
    for arm, score in reversed(scored):
        i = _place(results, arm)
        words = f"{_label(arm)}<br>{show(score.mean)}"
        figure.add_scatter(
            x=[score.mean], y=[_label(arm)], error_x=_whiskers([score]), **_marker(i, 12), hovertext=words
        )
        figure.add_annotation(
            x=score.mean, y=_label(arm), text=f"<b>{show(score.mean)}</b>", yshift=15, showarrow=False
        )
    unit = word(measure, "unit")
    figure.update_xaxes(title=html.escape(name_of(measure)) + (f" ({unit})" if unit else ""))
    if not unit:
        highest = max(score.high or score.mean for _, score in scored)
        figure.update_xaxes(range=[0, max(1.0, highest) + 0.03], tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_yaxes(showgrid=False, automargin=True)
    return figure


def error_figure(results: Mapping[str, Any]) -> go.Figure | None:
    """How far changes of part fall from their time: one histogram under the other, as shares of all changes."""
    arms = [arm for arm in items(results, "arms") if listed(arm, "errors")]
    if not arms:
        return None
    figure = make_subplots(
        len(arms), 1, shared_xaxes=True, vertical_spacing=0.28 / len(arms), subplot_titles=[_label(arm) for arm in arms]
    )
    names = [*(f"≤ {limit:g} s" for limit in ERROR_LIMITS), "later,<br>never"]
    for row, arm in enumerate(arms, start=1):
        shares = error_shares(arm["errors"])
        texts = [f"{share:.0%}" if share else "" for share in shares]
        colour = ARM_COLOURS[_place(results, arm) % len(ARM_COLOURS)]
        figure.add_bar(
            x=names, y=shares, text=texts, textposition="outside", cliponaxis=False, marker_color=colour, row=row, col=1
        )
    figure.update_yaxes(range=[0, 1.15], tickvals=[0, 0.5, 1], tickformat=".0%")
    figure.update_layout(**_layout(height=70 + 105 * len(arms), showlegend=False, bargap=0.15, margin=_TITLED))
    figure.update_annotations(x=0, xanchor="left", font_size=_TITLE)
    return figure


def error_shares(errors: Sequence[float | None]) -> list[float]:
    """Share of changes in each bin of `ERROR_LIMITS`, and of those later or never heard (null)."""
    counts = [0] * (len(ERROR_LIMITS) + 1)
    for error in errors:
        seconds = number(error)
        late = len(ERROR_LIMITS)
        counts[late if seconds is None else next((i for i, e in enumerate(ERROR_LIMITS) if seconds <= e), late)] += 1
    return [count / len(errors) for count in counts]


def curve_figure(results: Mapping[str, Any], axis: str) -> go.Figure | None:
    """What more of something buys: each measure of `curves` over `songs` or `steps`, one panel for each unit."""
    points = [
        (word(point, "measure"), x, known)
        for point in items(part(results, "curves"), axis)
        if (x := number(point.get("x"))) is not None and (known := interval(point.get("interval")))
    ]
    if not points:
        return None
    measures = {word(measure, "key"): measure for measure in items(results, "measures")}
    keys = list(dict.fromkeys(key for key, _, _ in points))
    units = list(dict.fromkeys(word(measures.get(key, {}), "unit") for key in keys))
    figure = make_subplots(len(units), 1, shared_xaxes=True, vertical_spacing=0.08)
    for i, key in enumerate(keys):
        line = sorted(((x, known) for k, x, known in points if k == key), key=lambda point: point[0])
        row = units.index(word(measures.get(key, {}), "unit")) + 1
        figure.add_scatter(
            x=[x for x, _ in line],
            y=[known.mean for _, known in line],
            error_y=_whiskers([known for _, known in line]),
            name=html.escape(name_of(measures.get(key, {"key": key}))),
            **(_marker(i + _FIRST_MEASURE, 9) | {"mode": "lines+markers"}),
            row=row,
            col=1,
        )
    for row, unit in enumerate(units, start=1):
        figure.update_yaxes(title="seconds" if unit == "s" else unit or "share", rangemode="tozero", row=row, col=1)
    figure.update_xaxes(tickvals=sorted({x for _, x, _ in points}))
    figure.update_xaxes(title=f"training {axis}", row=len(units), col=1)
    return figure.update_layout(**_layout(height=110 + 210 * len(units)))


def trade_figure(results: Mapping[str, Any]) -> go.Figure | None:
    """Consistency against creativity: control of the main measure, and variety as a share of what songs can have.

    That is the variety of real songs, or where nobody has played one song several times that of the arm drawn first.
    """
    key = word(next(iter(items(results, "measures")), {}), "key")
    real = interval(part(results, "creativity_reference").get("variety"))
    drawn = [
        (arm, control, variety)
        for arm in items(results, "arms")
        if (control := interval(part(arm, "control").get(key)))
        and (variety := interval(part(arm, "creativity").get("variety")))
    ]
    whole, of = (real, "real songs") if real else (drawn[0][2], _label(drawn[0][0])) if drawn else (None, "")
    if not drawn or whole is None or whole.mean <= 0:
        return None
    figure = _figure(height=440)
    named = [
        (_label(arm), control, _scaled(variety, whole.mean), _marker(_place(results, arm), 13))
        for arm, control, variety in drawn
    ]
    if real:
        star = {"mode": "markers", "marker": {"symbol": "star-open", "size": 15, "color": CEILING}}
        named.append(("real songs", Interval(1.0, None, None, real.n), _scaled(real, real.mean), star))
    for i, (name, control, variety, marker) in enumerate(sorted(named, key=lambda one: one[1].mean)):
        whiskers = {"error_x": _whiskers([control]), "error_y": _whiskers([variety])}
        words = f"{name}<br>control {show(control.mean)}<br>variety {variety.mean:.0%} of {of}"
        figure.add_scatter(x=[control.mean], y=[variety.mean], name=name, hovertext=words, **whiskers, **marker)
        end, shift = (variety.low, -11) if i % 2 else (variety.high, 11)  # neighbours' names: above and below in turn
        place = variety.mean if end is None else end
        figure.add_annotation(x=control.mean, y=place, yshift=shift, text=name, showarrow=False)
    figure.add_hline(y=1, line_dash="dot", line_width=_THIN, line_color=CEILING, layer="below")
    figure.add_vline(x=1, line_dash="dot", line_width=_THIN, line_color=CEILING, layer="below")
    across, up = _range([0.0, *_ends([one[1] for one in named])]), _range(_ends([one[2] for one in named]))
    figure.update_xaxes(title="control: 0 luck, 1 as real songs", zeroline=False, range=across)
    return figure.update_yaxes(title=f"variety, {of} = 100 %", zeroline=False, tickformat=".0%", range=up)


def arrangement_figure(results: Mapping[str, Any]) -> go.Figure | None:
    """Genres by arms, left free and asked for, with chance and ceiling as strokes."""
    genres, reference = genre_names(results), part(results, "arrangement_reference")
    if not genres:
        return None
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=["left free", "asked for"])
    labels = [html.escape(genre) for genre in reversed(genres)]
    strokes = [(name, colour, part(reference, name)) for name, colour in (("chance", CHANCE), ("ceiling", CEILING))]
    for col, way in ((1, "free"), (2, "asked")):
        for name, colour, known in strokes:
            x = [number(known.get(genre)) for genre in reversed(genres)]
            stroke = {"symbol": "line-ns-open", "size": 20, "color": colour, "line_width": 3}
            figure.add_scatter(
                x=x, y=labels, mode="markers", marker=stroke, name=name, showlegend=col == 1, row=1, col=col
            )
        for arm in items(results, "arms"):
            x = [number(part(part(arm, "arrangement"), way).get(genre)) for genre in reversed(genres)]
            marker = _marker(_place(results, arm), 10)
            figure.add_scatter(x=x, y=labels, name=_label(arm), showlegend=col == 1, **marker, row=1, col=col)
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(automargin=True)
    figure.update_annotations(font_size=_TITLE)
    return figure.update_layout(**_layout(height=150 + 44 * len(genres), margin=_TITLED))


def _layout(**more: Any) -> dict[str, Any]:
    legend = {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0}
    margin = {"l": 52, "r": 14, "t": 14, "b": 48}
    return {"template": "none", "margin": margin, "legend": legend, "dragmode": False} | more


def _figure(**layout: Any) -> go.Figure:
    return go.Figure(layout=_layout(**layout))


def _label(arm: Mapping[str, Any]) -> str:
    """An arm's name; Plotly reads tags in its texts, so none is left in it."""
    return html.escape(name_of(arm))


def _place(results: Mapping[str, Any], arm: Mapping[str, Any]) -> int:
    return next(i for i, other in enumerate(items(results, "arms")) if other is arm)


def _marker(i: int, size: int) -> dict[str, Any]:
    marker = {"color": ARM_COLOURS[i % len(ARM_COLOURS)], "symbol": ARM_SYMBOLS[i % len(ARM_SYMBOLS)], "size": size}
    return {"mode": "markers", "marker": marker}


def _whiskers(known: Sequence[Interval]) -> dict[str, Any]:
    """Error bars from means to bounds; of no length where a bound is unknown."""
    above = [0.0 if k.high is None else k.high - k.mean for k in known]
    below = [0.0 if k.low is None else k.mean - k.low for k in known]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": _THIN, "width": 5}


def _band(figure: go.Figure, known: Interval, colour: str) -> None:
    if known.low is not None:
        figure.add_vrect(x0=known.low, x1=known.high, fillcolor=colour, opacity=0.18, line_width=0, layer="below")
    figure.add_vline(x=known.mean, line_dash="dot", line_width=_THIN, line_color=colour, layer="below")


def _ends(known: Sequence[Interval]) -> list[float]:
    return [end for k in known for end in (k.mean, k.low, k.high) if end is not None]


def _range(values: Sequence[float]) -> list[float]:
    """From the least to the greatest, with room for names beside them."""
    room = 0.12 * (max(values) - min(values) or 1.0)
    return [min(values) - room, max(values) + room]


def _scaled(known: Interval, unit: float) -> Interval:
    low, high = (None if bound is None else bound / unit for bound in (known.low, known.high))
    return Interval(known.mean / unit, low, high, known.n)
