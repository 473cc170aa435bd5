"""Colours of the parts, for eyes of every kind: measured as WCAG 2.2 and CIEDE2000 measure them."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from annotate.colours import OTHER_COLOUR, SECTION_COLOURS

COLOURS = {**SECTION_COLOURS, "a word of one's own": OTHER_COLOUR}
FOLLOWS = json.loads((Path(__file__).parents[2] / "annotate" / "next_types.json").read_text())
OFTEN = 0.02  # share of a type's successors from which on two types count as neighbours
INKS = ("#111111", "#ffffff")  # of `inkOn` in elements.js
PALE = 0.45  # share of the colour where a part is not filled, as in timeline.css

# Seen by an eye without the cone, from linear RGB. Source: Machado, Oliveira & Fernandes 2009, severity 1.0.
EYES = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])  # D65


def srgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def linear(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """1 to 21. Source: WCAG 2.2, contrast ratio."""
    dark, light = sorted(float(linear(rgb) @ [0.2126, 0.7152, 0.0722]) for rgb in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, clipped to what a screen shows."""
    x = XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: np.ndarray, other: np.ndarray) -> float:
    """Source: Sharma, Wu & Dalal, The CIEDE2000 color-difference formula, 2005."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(mean**7 / (mean**7 + 25**7))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    dh = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    hue = (h1 + dh / 2) % 360 if c1 * c2 else h1 + h2
    dl, dc, dhue = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh / 2))
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    cosines = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    t = 1 + sum(weight * np.cos(np.radians(times * hue + turn)) for weight, times, turn in cosines)
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    turned = np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    rt = -2 * np.sqrt(chroma**7 / (chroma**7 + 25**7)) * turned
    return float(np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dhue / sh) ** 2 + rt * dc / sc * dhue / sh))


def nearest(pairs: list[tuple[str, str]]) -> tuple[float, str, str, str]:
    """The two hardest to tell apart: difference, eye, types."""
    found = []
    for eye, seen in EYES.items():
        shown = {kind: lab(np.array(seen) @ linear(srgb(colour))) for kind, colour in COLOURS.items()}
        found += [(ciede2000(shown[a], shown[b]), eye, a, b) for a, b in pairs]
    return min(found)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_measure_is_the_published_one(one, other, difference):
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(difference, abs=1e-4)


def test_types_that_follow_one_another_differ_for_every_eye():
    pairs = sorted(
        {
            tuple(sorted((kind, after)))
            for kind, shares in FOLLOWS.items()
            for after, share in shares.items()
            if kind in COLOURS and after in COLOURS and after != kind and share >= OFTEN
        }
    )
    assert len(pairs) > 20
    assert nearest(pairs) > (15.0,)


def test_any_two_types_differ_for_every_eye():
    assert nearest(list(itertools.combinations(COLOURS, 2))) > (8.0,)


@pytest.mark.parametrize("kind", COLOURS)
def test_a_name_can_be_read_on_its_part_however_full(kind):
    """The same in light and dark: the ink goes by the part's colour, the paler ground away from the ink."""
    colour = srgb(COLOURS[kind])
    ink = max(map(srgb, INKS), key=lambda ink: contrast(ink, colour))
    paper = np.zeros(3) if ink[0] == 1 else np.ones(3)
    for ground in (colour, PALE * colour + (1 - PALE) * paper):
        assert contrast(ink, ground) >= 4.5
