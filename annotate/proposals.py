"""Proposals: a song's parts as a machine hears them, for a person to accept or correct.

Nothing here was trained and nothing is downloaded: boundaries come from
`annotate.boundaries`; parts that sound alike get one name. Which name is a
guess by rule (what comes back loudest is called the chorus), and says so.
Every proposed event carries `source: "machine"` and the probability that a
part begins where it does, within half a second.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from annotate.beats import Beats, find_beats
from annotate.boundaries import BEATS_A_BAR, boundary_probabilities
from structure.errors import StudioError
from structure.events import Event
from structure.sidecar import read_sidecar, save_sidecar, with_events

ABOVE = 0.4
"""Boundaries less probable than this are not proposed: about where one in two is right."""
NEAR = 0.5  # seconds
_ALIKE = 0.2  # cosine distance within which two parts are the same; adjusted Rand index 0.91 on 24 made songs
_WEIGHTS = (1.0, 1.0, 0.7)  # bands, timbre, harmony


class ProposalError(StudioError):
    """A proposal that would replace what somebody marked."""


@dataclass(frozen=True)
class Proposal:
    """What was heard.

    Attributes:
        events: sections from the song's start to its end.
        tempo: beats per minute.
    """

    events: list[Event]
    tempo: float


def propose(audio: Path, above: float = ABOVE) -> Proposal:
    """Boundaries and names for a song's parts.

    Args:
        audio: any format that the page reads.
        above: least probability of a boundary.

    Raises:
        AudioError: not audio, or empty.
        BeatsError: no beats can be heard.
    """
    return proposal_of(find_beats(audio), above)


def proposal_of(beats: Beats, above: float = ABOVE) -> Proposal:
    """As `propose`, for a song whose beats are known."""
    probability, _ = boundary_probabilities(beats)
    begun = {0: 1.0} | dict(most_probable(beats, probability, above))
    edges = [*begun, len(beats)]
    spans = list(pairwise(edges))
    names = names_of(groups_of(beats, spans), [_loudness(beats, span) for span in spans])
    events = [
        Event(
            type=name,
            start=round(float(beats.edges[first]), 3),
            end=round(float(beats.edges[last]), 3),
            source="machine",
            probability=round(begun[first], 2),
        )
        for name, (first, last) in zip(names, spans, strict=True)
    ]
    return Proposal(events, beats.tempo)


def proposal_text(audio: Path, proposal: Proposal) -> str:
    """For a person at a terminal: a heading, then a line for each part."""
    lines = [f"{audio}: {len(proposal.events)} parts, {proposal.tempo:.0f} beats a minute"]
    lines += [f"{e.start:9.3f} {e.end:9.3f}  {e.type:<8} {e.probability:4.0%}" for e in proposal.events]
    return "\n".join(lines)


def proposal_json(audio: Path, proposal: Proposal) -> str:
    """One line: the file, the tempo, and events as a sidecar has them."""
    return json.dumps(
        {"audio": str(audio), "tempo": round(proposal.tempo, 1), "events": [e.to_dict() for e in proposal.events]},
        ensure_ascii=False,
    )


def save_proposal(audio: Path, proposal: Proposal) -> None:
    """Put the proposed events into the song's sidecar.

    Raises:
        ProposalError: the sidecar has events, or an older program's timeline: a person's work is not replaced.
        SidecarError: the sidecar cannot be read or written.
    """
    sidecar = read_sidecar(audio)
    if sidecar.get("events") or sidecar.imported:
        raise ProposalError(
            f"`{sidecar.path.name}` has events already, so the proposal was not saved. Move that file away to have it."
        )
    save_sidecar(with_events(sidecar, proposal.events))


def most_probable(beats: Beats, probability: np.ndarray, above: float) -> list[tuple[int, float]]:
    """Edges inside the song that begin a part, in order, each with the probability that one begins within `NEAR` of it.

    The surest come first, and none lies within a bar of another or of the song's ends. Which beat it is may be less
    sure than that there is one: the neighbours' probabilities count as its own.
    """
    time = beats.edges[1:-1]
    first, stop = np.searchsorted(time, time - NEAR), np.searchsorted(time, time + NEAR, side="right")
    total = np.concatenate([[0.0], np.cumsum(probability[1:-1])])
    near = total[stop] - total[first]
    chosen: dict[int, float] = {}
    for place in np.argsort(-near, kind="stable"):
        edge = 1 + int(first[place] + probability[1 + first[place] : 1 + stop[place]].argmax())
        bar_free = all(abs(edge - other) >= BEATS_A_BAR for other in [0, len(beats), *chosen])
        if near[place] >= above and bar_free:
            chosen[edge] = min(float(near[place]), 1.0)
    return sorted(chosen.items())


def groups_of(beats: Beats, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Which parts sound alike: one number for each span of beats, counted in order of first appearance."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(spans) == 1:
        return [0]
    joined = sound_of(beats)
    means = np.stack([joined[first:last].mean(axis=0) for first, last in spans]) + 1e-9
    found = fcluster(linkage(means, "average", "cosine"), _ALIKE, "distance")
    order: dict[int, int] = {}
    return [order.setdefault(group, len(order)) for group in found]


def sound_of(beats: Beats) -> np.ndarray:
    """All that is known of each beat's sound, weighed together: float (beats, features)."""
    return np.concatenate([weight * view for weight, view in zip(_WEIGHTS, beats.views, strict=True)], axis=1)


def names_of(groups: Sequence[int], loudness: Sequence[float]) -> list[str]:
    """A section type for each part, one for all of a group.

    Of the groups that come back, the loudest is the chorus and the others are verses; what comes once is the intro
    where it opens the song, the outro where it closes it, a bridge elsewhere.
    """
    level = {group: np.mean([loud for g, loud in zip(groups, loudness, strict=True) if g == group]) for group in groups}
    returning = [group for group in level if list(groups).count(group) > 1]
    chorus = max(returning, key=lambda group: level[group], default=None)
    names = []
    for place, group in enumerate(groups):
        if group in returning:
            names.append("chorus" if group == chorus else "verse")
        elif place == 0:
            names.append("intro")
        else:
            names.append("outro" if place == len(groups) - 1 else "bridge")
    return names


def _loudness(beats: Beats, span: tuple[int, int]) -> float:
    return float(beats.bands[span[0] : span[1]].mean())
