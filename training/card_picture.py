"""The loss curve as a picture file: what the page draws, with colours of its own on a white ground."""

from training.curve import HEIGHT, WIDTH, loss_curve
from training.points import Curves

_STYLE = """<style>
text { font: 11px system-ui, sans-serif; fill: #475569; }
polyline { fill: none; stroke: #0d9488; stroke-linejoin: round; }
.tr-raw { stroke-opacity: 0.25; } .tr-mean { stroke-width: 2; } .tr-held { fill: #d55e00; }
.tr-grid { stroke: #cbd5e1; }
</style><rect width="100%" height="100%" fill="#ffffff"/>"""


def loss_picture(curves: Curves, max_steps: int | None = None) -> str:
    """An SVG file's text: training loss, its running mean, and the loss on held-out songs as dots.

    Args:
        curves: of the run.
        max_steps: right end of the picture; None: the last step.

    Returns:
        empty text where there is no curve.
    """
    drawn, end, _legend = loss_curve(curves, max_steps).partition("</svg>")
    opening, close, inside = drawn.partition(">")
    size = f' xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
    return f"{opening}{size}{close}{_STYLE}{inside}{end}\n" if end else ""
