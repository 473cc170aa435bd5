"""One colour for each section type, the same wherever structure is drawn.

Okabe and Ito's palette, moved as little as it takes for types that follow one
another in real songs (`next_types.json`) to lie 15 apart by CIEDE2000, any two
types 8, for usual eyes and for protanopia, deuteranopia and tritanopia alike;
black or white reads on each with more than 4.5 : 1. Every block carries its
name besides. Sources: Okabe & Ito, Color Universal Design, 2008; Machado,
Oliveira & Fernandes, 2009, for what colour-blind eyes see.
"""

from collections.abc import Mapping
from types import MappingProxyType

SECTION_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "intro": "#46b2fe",
        "verse": "#1c9870",
        "pre-chorus": "#f8ed4b",
        "chorus": "#d55e00",
        "post-chorus": "#f3a703",
        "bridge": "#ac809f",
        "instrumental": "#2c658b",
        "solo": "#882355",
        "breakdown": "#34d3a3",
        "build-up": "#dbc773",
        "drop": "#5b4bc8",
        "interlude": "#9cd4f1",
        "outro": "#97abc1",
        "silence": "#bdbec0",
    }
)
OTHER_COLOUR = "#ab794b"
"""Any word that is not in the vocabulary."""


def section_colour(kind: str) -> str:
    """`#rrggbb` of a section type; words of one's own share one colour."""
    return SECTION_COLOURS.get(kind, OTHER_COLOUR)
