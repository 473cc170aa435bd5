"""Frame plan: a song's events as numbers, one row per latent frame.

The rate (25 Hz for ACE-Step 1.5) comes from the VAE's config, never from a
constant. Nothing here knows of audio, torch or the page.

The columns, for a vocabulary of n types (`plan_columns` names them):

    0 … n-1    1 where an event of that type is: sections, then moments
    known      1 where any section is, also one whose type the vocabulary lacks
    since      exp(-d / 0.1 s), exp(-d / 0.5 s) for the boundary d seconds before
    until      the same for the boundary after
    progress   0 at the section's start, 1 at its end
    intensity  the section's, 0 where it has none
    rated      1 where the section has an intensity, so that 0 can mean quiet

A frame that no section covers is *unknown*: zero in all that speaks of a
section. Boundaries near it still show, since they are times, not types.

What has no column is said in words: `frame_words` gives each frame its section's
label, or its type where the vocabulary lacks it, for a text encoder to read.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from structure.events import MOMENT_TYPES, SECTION_TYPES, Event, moments, sections

PLAN_VERSION = 2
"""Changes with the meaning of the columns and words; an adapter trained on another version is refused."""

DEFAULT_VOCABULARY: tuple[str, ...] = SECTION_TYPES + MOMENT_TYPES

BOUNDARY_SCALES: tuple[float, ...] = (0.1, 0.5)
"""Decay times of boundary proximity in seconds. Source: our ablation; more scales gained nothing."""

_EXACT = 6  # decimals of a frame: times and crop offsets are sums of floats, and a cut must not move by a frame


def plan_columns(vocabulary: Sequence[str] = DEFAULT_VOCABULARY) -> tuple[str, ...]:
    """A name for each column of a plan, in order."""
    near = [f"{side} {scale:g} s" for side in ("since", "until") for scale in BOUNDARY_SCALES]
    return (*vocabulary, "known", *near, "progress", "intensity", "rated")


def plan_channels(vocabulary: Sequence[str] = DEFAULT_VOCABULARY) -> int:
    """How many columns a plan has."""
    return len(plan_columns(vocabulary))


def frame_plan(
    events: Iterable[Event],
    n_frames: int,
    frame_rate: float,
    vocabulary: Sequence[str] = DEFAULT_VOCABULARY,
) -> np.ndarray:
    """What the model is told about each frame.

    An event covers the frames whose centre lies in it; a moment too short to hold a centre covers the one frame in
    which it begins.

    Args:
        events: times in seconds from frame 0; may reach outside the crop (`rebase` shifts, nothing need be cut).
        n_frames: length of the crop in latent frames.
        frame_rate: latent frames per second (Hz).
        vocabulary: the types that have a column. Others only tell their boundaries, progress and intensity.

    Returns:
        float32 (n_frames, plan_channels(vocabulary)) in [0, 1].

    Raises:
        ValueError: `frame_rate` is not positive, or an event ends before it starts.
    """
    if not frame_rate > 0:
        raise ValueError(f"frame_rate is in latent frames per second and must be positive, got {frame_rate}")
    events = list(events)
    if backwards := [e for e in events if e.end < e.start]:
        raise ValueError(
            f"a {backwards[0].type} ends at {backwards[0].end} s, before it starts at {backwards[0].start} s"
        )
    spans, columns = sections(events), {word: column for column, word in enumerate(vocabulary)}
    plan = np.zeros((n_frames, plan_channels(vocabulary)), dtype=np.float32)
    known, since = len(vocabulary), len(vocabulary) + 1
    progress = since + 2 * len(BOUNDARY_SCALES)
    centre = np.arange(n_frames) + 0.5
    for section in spans:
        first, last = _frames(section, n_frames, frame_rate)
        if section.type in columns:
            plan[first:last, columns[section.type]] = 1
        plan[first:last, known] = 1
        start, end = section.start * frame_rate, section.end * frame_rate
        plan[first:last, progress] = (centre[first:last] - start) / max(end - start, 10.0**-_EXACT)
        if section.intensity is not None:
            plan[first:last, progress + 1 : progress + 3] = section.intensity, 1
    for moment in moments(events):
        first, last = _frames(moment, n_frames, frame_rate)
        if moment.type in columns:
            plan[first:last, columns[moment.type]] = 1
    plan[:, since:progress] = boundary_proximity(spans, n_frames, frame_rate)
    return plan


def frame_words(
    events: Iterable[Event], n_frames: int, frame_rate: float, vocabulary: Sequence[str] = DEFAULT_VOCABULARY
) -> tuple[list[str], np.ndarray]:
    """What is said in words about each frame: a section's label, and its type where no column tells it.

    Args:
        events, n_frames, frame_rate, vocabulary: as for `frame_plan`.

    Returns:
        the texts, each once, and int64 (n_frames,): 0 where nothing is said, else 1 + the text's place.
    """
    texts: list[str] = []
    which = np.zeros(n_frames, dtype=np.int64)
    for section in sections(list(events)):
        first, last = _frames(section, n_frames, frame_rate)
        told = section_words(section, vocabulary)
        if told and last > first:
            if told not in texts:
                texts.append(told)
            which[first:last] = 1 + texts.index(told)
    return texts, which


def section_words(section: Event, vocabulary: Sequence[str] = DEFAULT_VOCABULARY) -> str:
    """A section's label, after its type where the vocabulary lacks it; empty where nothing need be said."""
    told = [section.type] if section.type not in vocabulary else []
    return ": ".join([*told, *([section.label] if section.label else [])])


def boundary_proximity(
    spans: Iterable[Event], n_frames: int, frame_rate: float, scales: Sequence[float] = BOUNDARY_SCALES
) -> np.ndarray:
    """How near each frame's centre is to the boundary before it and the one after it: exp(-d / scale) for d seconds.

    Args:
        spans: sections, in seconds from frame 0; may reach outside the crop.
        n_frames: length of the crop in latent frames.
        frame_rate: latent frames per second (Hz).
        scales: decay times in seconds.

    Returns:
        float32 (n_frames, 2 * len(scales)) in [0, 1]: since-boundary for each scale, then until-boundary; 0 where no
        boundary lies on that side.
    """
    centre = np.arange(n_frames) + 0.5  # in frames, so that a cut between two frames belongs to neither
    cuts = np.round([t * frame_rate for e in spans for t in (e.start, e.end)], _EXACT)
    edges = np.unique([-np.inf, np.inf, *cuts])
    after = np.searchsorted(edges, centre, side="right")
    gaps = np.stack([centre - edges[after - 1], edges[after] - centre], axis=1) / frame_rate  # (n_frames, 2) seconds
    return np.exp(-gaps[:, :, None] / np.asarray(scales)).reshape(n_frames, 2 * len(scales)).astype(np.float32)


def first_frame(time: float, frame_rate: float) -> int:
    """The first frame whose centre is not before `time` seconds: where an event that starts then begins."""
    return int(np.ceil(round(time * frame_rate, _EXACT) - 0.5))


def _frames(event: Event, n_frames: int, frame_rate: float) -> tuple[int, int]:
    """First frame of an event in the crop, and the one after its last; equal where the crop holds none of it."""
    first, last = first_frame(event.start, frame_rate), first_frame(event.end, frame_rate)  # centres in [start, end)
    if event.is_moment and last == first:
        first = int(np.floor(round(event.start * frame_rate, _EXACT)))
        last = first + 1
    return min(max(first, 0), n_frames), min(max(last, 0), n_frames)
