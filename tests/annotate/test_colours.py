"""Parts can be told apart by their colours, and their names read on them."""

from itertools import combinations

import numpy as np
import pytest

from annotate.colours import OTHER_COLOUR, SECTION_COLOURS
from annotate.vocabulary import VOCABULARIES

# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
D65 = np.array([0.95047, 1.0, 1.08883])
PAPER_SHARE = 0.45  # of the colour that lies behind a name beside the fill: `.sst-block` in timeline.css
LEAST = 8.0  # CIEDE2000; 1 is just seen side by side, and every block carries its name besides


def rgb(colour: str) -> np.ndarray:
    """(3,) in [0, 1], gamma-encoded."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def linear(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """WCAG 2.2: from 1 to 21."""
    light, dark = sorted((float(TO_XYZ[1] @ linear(c)) for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(colour: str, vision: str) -> np.ndarray:
    """CIELAB of what an eye makes of a colour."""
    seen = np.clip(np.asarray(VISION[vision]) @ linear(rgb(colour)), 0, 1)
    x = TO_XYZ @ seen / D65
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: np.ndarray, other: np.ndarray) -> float:
    """Source: Sharma, Wu & Dalal, The CIEDE2000 color-difference formula, 2005."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(c7 / (c7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = 0.0 if grey else (h2 - h1 + 180) % 360 - 180
    hue = h1 + h2 if grey else (h1 + turn / 2) % 360
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    r_c = 2 * np.sqrt(chroma**7 / (chroma**7 + 25**7))
    r_t = -np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))) * r_c
    d_l, d_c = (l2 - l1) / s_l, (c2 - c1) / s_c
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / s_h
    return float(np.sqrt(d_l**2 + d_c**2 + d_h**2 + r_t * d_c * d_h))


def test_the_formula_gives_the_differences_that_its_authors_published():
    """Sharma, Wu & Dalal, table 1: pairs 1, 7, 17 and 25."""
    for one, other, published in [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ]:
        assert ciede2000(np.array(one), np.array(other)) == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize("vision", VISION)
def test_any_two_parts_of_the_digits_can_be_told_apart(vision: str):
    colours = {kind: SECTION_COLOURS[kind] for kind in VOCABULARIES["Ours"][:9]}
    seen = {kind: lab(colour, vision) for kind, colour in colours.items()}
    apart = {pair: ciede2000(seen[pair[0]], seen[pair[1]]) for pair in combinations(seen, 2)}
    nearest = min(apart, key=apart.__getitem__)
    assert apart[nearest] >= LEAST, f"{nearest}: {apart[nearest]:.2f}"


@pytest.mark.parametrize("colour", [*SECTION_COLOURS.values(), OTHER_COLOUR])
def test_a_name_reads_on_its_colour_and_on_what_lies_beside_a_fill_of_less_intensity(colour: str):
    """One of the page's two inks; test_accessibility_browser.py looks at what the page really draws."""
    inks = {"#111111": 1.0, "#ffffff": 0.0}  # and the paper that the colour is mixed with behind each
    ink = max(inks, key=lambda ink: contrast(rgb(ink), rgb(colour)))
    beside = PAPER_SHARE * rgb(colour) + (1 - PAPER_SHARE) * inks[ink]
    assert min(contrast(rgb(ink), rgb(colour)), contrast(rgb(ink), beside)) >= 4.5
