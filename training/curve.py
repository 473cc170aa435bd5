"""The loss curve as an SVG picture: no script, no library, right in dark and light alike."""

from collections.abc import Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 640, 180
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 24
MOST_POINTS = 500  # drawn
SMOOTHING = 0.95  # share of the old value at each point of the smooth line

Points = list[tuple[float, float]]


def loss_curve(metrics: Sequence[dict[str, Any]], max_steps: int | None = None) -> str:
    """An `<svg>` with the training loss (faint), its running mean, and the loss on held-out songs (dots).

    Args:
        metrics: lines of `metrics.jsonl`.
        max_steps: right end of the picture; None: the last step so far.

    Returns:
        empty text where there is nothing to draw yet.
    """
    loss = [(float(m["step"]), float(m["loss"])) for m in metrics if "loss" in m]
    held_out = [(float(m["step"]), float(m["held_out_loss"])) for m in metrics if "held_out_loss" in m]
    if not loss:
        return ""
    smooth = running_mean(loss)
    thin = max(1, len(loss) // MOST_POINTS)
    loss, smooth = (points[::-1][::thin][::-1] for points in (loss, smooth))  # the newest point always stays
    values = [y for _, y in loss + held_out]
    low, high = min(values), max(values)
    high = high if high > low else low + 1.0
    right = max(max_steps or 0, loss[-1][0], 1.0)

    def place(points: Points) -> str:
        return " ".join(f"{to_x(x, right):.1f},{to_y(y, low, high):.1f}" for x, y in points)

    parts = [
        f'<svg class="tr-curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss over steps">',
        grid(low, high, right),
        f'<polyline class="tr-raw" points="{place(loss)}"/>',
        f'<polyline class="tr-mean" points="{place(smooth)}"/>',
    ]
    for x, y in held_out:
        tip = escape(f"held-out songs, step {x:.0f}: {y:.4f}")
        parts.append(
            f'<circle class="tr-held" cx="{to_x(x, right):.1f}" cy="{to_y(y, low, high):.1f}" r="3.5">'
            f"<title>{tip}</title></circle>"
        )
    parts.append("</svg>")
    legend = f"training {smooth[-1][1]:.3f}" + (f" · held-out songs (dots) {held_out[-1][1]:.3f}" if held_out else "")
    return "".join(parts) + f'<p class="tr-legend">Loss: {legend}</p>'


def running_mean(points: Points) -> Points:
    """Exponential running mean, without the pull towards zero at its beginning."""
    mean, weight, out = 0.0, 0.0, []
    for x, y in points:
        mean = SMOOTHING * mean + (1 - SMOOTHING) * y
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        out.append((x, mean / weight))
    return out


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
