"""Two runs side by side: how both ended, the settings that differ, and their losses in one picture."""

from html import escape
from typing import Any

from training.curve import HEIGHT, WIDTH, grid, placed, to_x, to_y
from training.points import Curves, read_curves
from training.runs import Run

NOT_COMPARED = ("output_dir", "resume_from", "cache_dir")  # where things lie, which makes no difference
NOTHING = "–"


def comparison_card(this: Run, that: Run) -> str:
    """Everything that two runs differ in, as HTML; names and words from files appear as text only."""
    curves = [read_curves(run.folder) for run in (this, that)]
    names = [f'<span class="tr-key tr-{which}"></span>{escape(run.name)}' for which, run in _named(this, that)]
    ends = zip(endings(this, curves[0]), endings(that, curves[1]), strict=True)
    rows = [(label, one, other) for (label, one), (_, other) in ends]
    if this.settings is None or that.settings is None:
        note = "The settings of one of them are of another version and cannot be compared."
    else:
        differing = differences(this, that)
        rows += differing
        note = "" if differing else "Their settings are the same."
    cells = "".join(
        f"<tr><th>{escape(label)}</th><td>{escape(one)}</td><td>{escape(other)}</td></tr>" for label, one, other in rows
    )
    table = f"<table><thead><tr><th></th><th>{names[0]}</th><th>{names[1]}</th></tr></thead>{cells}</table>"
    said = f'<p class="tr-said">{note}</p>' if note else ""
    return f'<div class="tr-card tr-compare">{two_curves(*curves)}{table}{said}</div>'


def differences(this: Run, that: Run) -> list[tuple[str, str, str]]:
    """Setting in words, its value here, its value there, for each that differs; none where a run's cannot be read."""
    if this.settings is None or that.settings is None:
        return []
    one, other = this.settings.to_dict(), that.settings.to_dict()
    return [
        (name.replace("_", " "), _in_words(one[name]), _in_words(other[name]))
        for name in one
        if name not in NOT_COMPARED and one[name] != other[name]
    ]


def endings(run: Run, curves: Curves) -> list[tuple[str, str]]:
    """How a run stands, as label and value: state, steps, both losses, the pace.

    Args:
        run: one on disk.
        curves: what it measured.
    """
    loss, held_out = curves["loss"].latest, curves["held_out_loss"]
    last, best = held_out.latest, held_out.lowest
    pace = run.state.step_seconds
    return [
        ("state", run.state.status),
        ("steps done", f"{run.state.step} of {run.state.max_steps or '?'}"),
        ("training loss, running mean", f"{loss[2]:.4f}" if loss else NOTHING),
        ("loss on held-out songs", f"{last[1]:.4f}" if last else NOTHING),
        ("its lowest so far", f"{best[1]:.4f} at step {best[0]:.0f}" if best else NOTHING),
        ("seconds a step", f"{pace:.2f}" if pace else NOTHING),
    ]


def two_curves(this: Curves, that: Curves) -> str:
    """An `<svg>` with the running mean of both training losses and, as dots, both losses on held-out songs.

    Args:
        this: of the run on display, drawn whole.
        that: of the other one, drawn dashed.

    Returns:
        empty text where neither has a point yet.
    """
    means = [curves["loss"].means for curves in (this, that)]
    dots = [curves["held_out_loss"].values for curves in (this, that)]
    everything = [point for points in means + dots for point in points]
    if not everything:
        return ""
    low, high = min(y for _, y in everything), max(y for _, y in everything)
    high = high if high > low else low + 1.0
    right = max(1.0, *(x for x, _ in everything))
    parts = [
        f'<svg class="tr-curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Losses of two runs over steps">',
        grid(low, high, right),
    ]
    for (which, mean), held_out in zip(_named(*means), dots, strict=True):
        line = placed(mean, low, high, right)
        parts.append(f'<polyline class="tr-{which}" points="{line}"/>' if line else "")
        for x, y in held_out:
            parts.append(
                f'<circle class="tr-{which}" cx="{to_x(x, right):.1f}" cy="{to_y(y, low, high):.1f}" r="3.5">'
                f"<title>held-out songs, step {x:.0f}: {y:.4f}</title></circle>"
            )
    legend = '<p class="tr-legend">Loss: training as a running mean (lines), held-out songs (dots)</p>'
    return "".join(parts) + "</svg>" + legend


def _named(this: Any, that: Any) -> list[tuple[str, Any]]:
    return [("this", this), ("that", that)]


def _in_words(value: Any) -> str:
    if value is None or value == "":
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
