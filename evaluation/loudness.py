"""Whether loudness follows the intensity asked for.

    levels = section_levels(samples, sample_rate, events)
    intensity_agreement([(events, levels), ...]).r

A chorus is louder than a verse whatever was asked, and peak normalisation moves whole songs, so a plain correlation
says little. What song and type explain is taken out first, by least squares:

    level = song + type + slope · intensity + rest

Levels are K-weighted as in ITU-R BS.1770, but not gated: a section is short, and its pauses are part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from structure.errors import StudioError
from structure.events import Event, moments, sections

EDGE = 0.25  # seconds left out at both ends of a section: boundaries are heard late or early, reverberation hangs over
SILENCE = -70.0  # LKFS, the absolute gate of BS.1770: nothing counts as softer
_LEAST = 0.25  # seconds that must be left of a section
_LOWEST_RATE = 8_000  # Hz
_STANDARD_RATE = 48_000  # Hz, for which BS.1770 gives its coefficients
_FEWEST_FREE = 3  # sections more than songs and types explain: with one, any slope fits


class LoudnessError(StudioError):
    """Levels that cannot be measured, or cannot be compared."""


@dataclass(frozen=True)
class IntensityAgreement:
    """How level and the intensity asked for go together.

    Attributes:
        r: partial correlation of level and intensity given song and type, in [-1, 1]; 0 where no level differs.
        slope_db: dB that a section gains from intensity 0 to 1.
        sections: how many rated sections were measured.
    """

    r: float
    slope_db: float
    sections: int


def section_levels(samples: np.ndarray, sample_rate: int, events: Sequence[Event]) -> list[float]:
    """The level of each section without its edges and without the moments on top of it.

    Args:
        samples: float (samples,) or (samples, channels), full scale 1; the channels' powers add, as left and right do.
        sample_rate: Hz, at least 8000.
        events: sections and moments in seconds.

    Returns:
        LKFS of each section in the order of `structure.events.sections(events)`, -70 at least; NaN where less than a
        quarter of a second is left to measure.

    Raises:
        LoudnessError: `sample_rate` is too low.

    Source: ITU-R BS.1770-4, annex 1.
    """
    from scipy.signal import sosfilt

    channels = np.asarray(samples, dtype=float).reshape(len(samples), -1)
    power = np.square(sosfilt(k_weighting(sample_rate), channels, axis=0)).sum(axis=1)
    counts = np.ones(len(power), bool)
    for moment in moments(events):
        counts[_span(moment.start, moment.end, sample_rate)] = False
    levels = []
    for section in sections(events):
        inside = _span(section.start + EDGE, section.end - EDGE, sample_rate)
        left = power[inside][counts[inside]]
        enough = len(left) >= _LEAST * sample_rate
        levels.append(_decibels(left.mean()) if enough else float("nan"))
    return levels


def k_weighting(sample_rate: int) -> np.ndarray:
    """The K-weighting filter at any sample rate: a shelf of +4 dB from 1.7 kHz on, and a high-pass at 38 Hz.

    The analogue prototypes behind the standard's coefficients, through the bilinear transform that keeps their corners.
    At 48 kHz these are the standard's own; at 16 kHz and more the gain differs from that by less than 0.07 dB, at
    8 kHz by 0.3 dB.

    Returns:
        float (2, 6), second-order sections.

    Raises:
        LoudnessError: `sample_rate` is below 8000 Hz, where the shelf does not fit.

    Source: ITU-R BS.1770-4, annex 1; prototypes as in libebur128 and De Man, AES convention 145, 2018.
    """
    if not sample_rate >= _LOWEST_RATE:
        raise LoudnessError(
            f"Loudness is measured from {_LOWEST_RATE} Hz on, got a sample rate of {sample_rate}. "
            "Give the rate in Hz, or resample the audio."
        )
    high = 10 ** (3.999843853973347 / 20)  # the shelf's gain
    middle = high**0.4996667741545416  # and that at its corner
    shelf = _biquad((high, middle, 1.0), 1681.974450955533, 0.7071752369554196, sample_rate)
    corner, q = 38.13547087602444, 0.5003270373238773
    high_pass = _biquad((1.0, 0.0, 0.0), corner, q, sample_rate)
    high_pass[:3] /= _biquad((1.0, 0.0, 0.0), corner, q, _STANDARD_RATE)[0]  # the standard writes 1, -2, 1
    return np.vstack([shelf, high_pass])


def intensity_agreement(songs: Sequence[tuple[Sequence[Event], Sequence[float]]]) -> IntensityAgreement:
    """Whether sections asked to be more intense came out louder, over all rated sections of a set of songs.

    Level and intensity are each regressed on song and type together. r is the correlation of the two residuals, the
    slope that of the one on the other; it is the slope of the whole fit. A song or type with one rated section is
    explained by itself and adds nothing.

    Args:
        songs: of each, the events asked for and `section_levels` of what came out for them.

    Raises:
        LoudnessError: too few rated sections, or none of them asked for differently from what song and type explain.

    Source: Frisch and Waugh, Econometrica, 1933; Lovell, Journal of the American Statistical Association, 1963.
    """
    rows = [
        (number, section.type, section.intensity, level)
        for number, (events, levels) in enumerate(songs)
        for section, level in zip(sections(events), levels, strict=True)
        if section.intensity is not None and np.isfinite(level)
    ]
    groups = np.array([(f"song {number}", f"type {kind}") for number, kind, *_ in rows]).reshape(-1, 2)
    dummies = np.hstack([groups[:, i, None] == np.unique(groups[:, i]) for i in (0, 1)]).astype(float)
    free = len(rows) - (int(np.linalg.matrix_rank(dummies)) if rows else 0)
    if free < _FEWEST_FREE:
        raise LoudnessError(
            f"{len(rows)} sections with an intensity are too few to compare, since songs and types explain "
            f"{len(rows) - free} of them. Give more sections an intensity, several in a song and several of a type."
        )
    values = np.array([row[2:] for row in rows])  # (sections, 2): intensity, level
    intensity, level = (values - dummies @ np.linalg.lstsq(dummies, values)[0]).T
    if np.abs(intensity).max() < 1e-6:
        raise LoudnessError(
            f"The intensities of these {len(rows)} sections differ only from song to song or from type to type, so "
            "their effect cannot be told from that of song and type. Ask for different intensities in one song."
        )
    if np.abs(level).max() < 1e-6:
        return IntensityAgreement(0.0, 0.0, len(rows))
    shared = intensity @ level
    return IntensityAgreement(
        r=float(shared / np.sqrt((intensity @ intensity) * (level @ level))),
        slope_db=float(shared / (intensity @ intensity)),
        sections=len(rows),
    )


def _biquad(numerator: tuple[float, float, float], corner: float, q: float, sample_rate: int) -> np.ndarray:
    """(n2 s² + n1 s / q + n0) / (s² + s / q + 1), s = 1 at `corner` Hz, as a digital filter: float (6,)."""
    k = np.tan(np.pi * corner / sample_rate)  # s = (z - 1) / (z + 1) / k
    rows = []
    for two, one, none in (numerator, (1.0, 1.0, 1.0)):
        rows += [two + one * k / q + none * k**2, 2 * (none * k**2 - two), two - one * k / q + none * k**2]
    return np.array(rows) / rows[3]


def _span(start: float, end: float, sample_rate: int) -> slice:
    """Samples from `start` to `end` seconds; empty where they run backwards."""
    first = max(0, round(start * sample_rate))
    return slice(first, max(first, round(end * sample_rate)))


def _decibels(power: float) -> float:
    return float(max(SILENCE, -0.691 + 10 * np.log10(max(power, 1e-12))))
