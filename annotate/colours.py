"""One colour for each section type, the same wherever structure is drawn.

Built around Okabe and Ito's palette, which stays distinct for colour-blind
eyes; neighbours in a usual song differ in lightness too, and every block
carries its name. Source: Okabe & Ito, Color Universal Design, 2008.
"""

from collections.abc import Mapping
from types import MappingProxyType

SECTION_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "intro": "#56b4e9",
        "verse": "#009e73",
        "pre-chorus": "#f0e442",
        "chorus": "#d55e00",
        "post-chorus": "#e69f00",
        "bridge": "#cc79a7",
        "instrumental": "#0072b2",
        "solo": "#882255",
        "breakdown": "#44aa99",
        "build-up": "#ddcc77",
        "drop": "#5b4bc4",
        "interlude": "#88ccee",
        "outro": "#8da0b3",
        "silence": "#bdbdbd",
    }
)
OTHER_COLOUR = "#a67c52"
"""Any word that is not in the vocabulary."""


def section_colour(kind: str) -> str:
    """`#rrggbb` of a section type; words of one's own share one colour."""
    return SECTION_COLOURS.get(kind, OTHER_COLOUR)
