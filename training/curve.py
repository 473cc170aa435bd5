"""A run's lines as SVG pictures: no script, no library, right in dark and light alike."""

from html import escape

from training.bands import BANDS, IN_WORDS, band_key
from training.points import Curves, Line, Points

WIDTH, HEIGHT = 640, 180
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 24
SMALL_WIDTH, SMALL_HEIGHT = 200, 36
SMALL = (  # name in metrics.jsonl, words, how its numbers are written
    ("structure_score", "Structure kept by the songs on the way", "{:.0%}"),
    ("grad_norm", "Gradient norm, before it is clipped", "{:.3g}"),
    ("lr", "Learning rate", "{:.3g}"),
    ("crops_a_second", "Crops a second", "{:.3g}"),
    ("memory_mb", "Memory, MB", "{:.0f}"),
)


def loss_curve(curves: Curves, max_steps: int | None = None) -> str:
    """An `<svg>` with the training loss (faint), its running mean, and the loss on held-out songs (dots).

    Args:
        curves: of the run.
        max_steps: right end of the picture; None: the last step so far.

    Returns:
        empty text where there is nothing to draw yet.
    """
    loss, held_out = curves["loss"], curves["held_out_loss"]
    if loss.latest is None:
        return ""
    low, high = _range(loss.values + held_out.values)
    right = max(max_steps or 0, loss.latest[0], 1.0)
    parts = [
        f'<svg class="tr-curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss over steps">',
        grid(low, high, right),
        f'<polyline class="tr-raw" points="{placed(loss.values, low, high, right)}"/>',
        f'<polyline class="tr-mean" points="{placed(loss.means, low, high, right)}"/>',
        _dots("tr-held", "held-out songs", held_out, low, high, right),
        "</svg>",
    ]
    legend = f"training {loss.latest[2]:.3f}"
    legend += f" · held-out songs (dots) {held_out.latest[1]:.3f}" if held_out.latest else ""
    return "".join(parts) + f'<p class="tr-legend">Loss: {legend}</p>'


def band_curve(curves: Curves, max_steps: int | None = None) -> str:
    """An `<svg>` with the loss of each band of times: training as a running mean (lines), held-out songs (dots).

    Args:
        curves: of the run.
        max_steps: right end of the picture; None: the last step so far.

    Returns:
        empty text where no band has a point, as in runs of before.
    """
    trained = {band: curves[band_key("loss", band)] for band in BANDS}
    held_out = {band: curves[band_key("held_out_loss", band)] for band in BANDS}
    everything = [p for line in trained.values() for p in line.means]
    everything += [p for line in held_out.values() for p in line.values]
    if not everything:
        return ""
    low, high = _range(everything)
    right = max(max_steps or 0, 1.0, *(x for x, _ in everything))
    said = "Loss by how much noise the model sees through"
    parts = [
        f'<svg class="tr-curve tr-bands" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">',
        grid(low, high, right),
    ]
    legend = []
    for band in reversed(BANDS):
        line, dots = trained[band], held_out[band]
        if line:
            parts.append(f'<polyline class="tr-{band}" points="{placed(line.means, low, high, right)}"/>')
        parts.append(_dots(f"tr-{band}", f"held-out songs, {IN_WORDS[band]}", dots, low, high, right))
        numbers = [f"{line.latest[2]:.3f}"] if line.latest else []
        numbers += [f"held-out {dots.latest[1]:.3f}"] if dots.latest else []
        if numbers:
            legend.append(f'<span class="tr-key tr-{band}"></span>{escape(IN_WORDS[band])} {", ".join(numbers)}')
    return "".join(parts) + f'</svg><p class="tr-legend">{said}: {" · ".join(legend)}</p>'


def small_curves(curves: Curves, max_steps: int | None = None) -> str:
    """Little pictures of what else moves, each with its newest value; empty text where nothing was measured."""
    pictures = []
    for name, words, form in SMALL:
        line = curves[name]
        if line.latest is None:
            continue
        low, high = _range(line.values)
        right = max(max_steps or 0, line.latest[0], 1.0)
        places = " ".join(
            f"{SMALL_WIDTH * x / right:.1f},{2 + (SMALL_HEIGHT - 4) * (high - y) / (high - low):.1f}"
            for x, y in line.values
        )
        pictures.append(
            f"<figure><figcaption>{words} <b>{form.format(line.latest[1])}</b></figcaption>"
            f'<svg viewBox="0 0 {SMALL_WIDTH} {SMALL_HEIGHT}" role="img" aria-label="{words}">'
            f'<polyline class="tr-mean" points="{places}"/></svg></figure>'
        )
    return f'<div class="tr-small">{"".join(pictures)}</div>' if pictures else ""


def placed(points: Points, low: float, high: float, right: float) -> str:
    """Points of a polyline, values between `low` and `high`, steps up to `right`."""
    return " ".join(f"{to_x(x, right):.1f},{to_y(y, low, high):.1f}" for x, y in points)


def _dots(kind: str, words: str, line: Line, low: float, high: float, right: float) -> str:
    return "".join(
        f'<circle class="{kind}" cx="{to_x(x, right):.1f}" cy="{to_y(y, low, high):.1f}" r="3.5">'
        f"<title>{escape(f'{words}, step {x:.0f}: {y:.4f}')}</title></circle>"
        for x, y in line.values
    )


def _range(points: Points) -> tuple[float, float]:
    """Lowest and highest value, never the same."""
    low, high = min(y for _, y in points), max(y for _, y in points)
    return low, high if high > low else low + 1.0


def to_x(step: float, right: float) -> float:
    """Pixels from the left of a step, where `right` is the last one."""
    return LEFT + (WIDTH - LEFT - RIGHT) * step / right


def to_y(value: float, low: float, high: float) -> float:
    """Pixels from the top of a value between `low` and `high`."""
    return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)


def grid(low: float, high: float, right: float) -> str:
    """Lines and numbers of the axes, as SVG."""
    lines = []
    for value in (low, (low + high) / 2, high):
        y = to_y(value, low, high)
        lines.append(f'<line class="tr-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{value:.3g}</text>')
    for step in (0.0, right / 2, right):
        lines.append(f'<text x="{to_x(step, right):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{step:.0f}</text>')
    return "".join(lines)
