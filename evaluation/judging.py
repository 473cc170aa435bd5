"""Judge a set of songs: each against the structure asked for, with chance and ceiling beside every figure.

A bare accuracy says little: openings and endings can be guessed, and no judge
is perfect. So three figures stand side by side: what the songs reach, what the
same songs reach against *other* songs' structures (chance), and what real songs
of the reference reach against their own annotation, judged by somebody who has
not heard them (ceiling). Control is where the songs lie between the two:

    control = (score - chance) / (ceiling - chance)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluation.contrast import contrast, sound
from evaluation.distance import distance_among, frechet_distance
from evaluation.intervals import Interval
from evaluation.listeners import Listener, listener_for
from evaluation.measures import MEASURES, Measure, SongReport, control_interval, interval_of, mean_ratio, median_error
from evaluation.moments import moments_found
from evaluation.probe import JudgedSong, fit_sound_space
from evaluation.reference import JudgedFolder
from evaluation.scores import merge_repeats, score_structure
from evaluation.teaching import TaughtMoments, teach_moments
from structure.events import Event, clip, moments, sections

_MOST_OTHERS = 40  # structures that chance is averaged over
_FEWEST_OTHERS = 3  # below it the reference's structures join in

Structures = Mapping[tuple[tuple[str, float], ...], list[Event]]  # whole events by their joined sections


@dataclass(frozen=True)
class Figures:
    """One measure of a set of songs: what it reaches, chance and ceiling, and control between the two.

    Each is None where nothing can be said; control also where chance and ceiling lie too close together.
    """

    score: Interval | None
    chance: Interval | None
    ceiling: Interval | None
    control: Interval | None


@dataclass(frozen=True)
class JudgedSet:
    """A set of songs after judging.

    Attributes:
        songs: one report each, the sections heard among them.
        figures: for each of `MEASURES`, by key.
        error: median error of the changes of part in seconds; its control is None.
        distance: Fréchet distance of the songs' sound to the reference; None without songs.
        distance_among: the same of as many songs of the reference to its others.
        left_out: one sentence for each song that could not be judged.
    """

    songs: list[SongReport]
    figures: dict[str, Figures]
    error: Figures
    distance: float | None
    distance_among: float
    left_out: list[str]


@dataclass(frozen=True)
class _Listened:
    """What was heard in a song: sections, moments where somebody listened for them, and its sound by the fifth of a
    second."""

    song: JudgedSong
    heard: list[Event]
    moments: list[Event] | None
    sound: np.ndarray


class Judge:
    """Who scores: taught once on annotated real songs, then asked about any number of sets of songs.

    Args:
        reference: annotated real songs.
        listener: names sections; None takes the probe fitted on the reference.

    Raises:
        ProbeError: no judge can be fitted on them, or it is no better than a guess.
    """

    def __init__(self, reference: JudgedFolder, listener: Listener | None = None) -> None:
        self.reference = reference
        self.listener = listener_for(reference) if listener is None else listener
        self._structures = _by_sections(song.events for song in reference.songs)
        self._space = fit_sound_space(reference.songs)
        self._real = [self._space.features(song) for song in reference.songs]

    @cached_property
    def known(self) -> list[SongReport]:
        """The reference's own songs, heard by somebody who was not taught on them: what can be reached at all."""
        heard = [(song, self.listener.hear_known(song)) for song in self.reference.songs]
        return [self._against(self._with_moments(song, h), song.events) for song, h in heard if h is not None]

    def score(self, judged: JudgedFolder, group: Callable[[str], str] = str) -> JudgedSet:
        """Each song against the structure that it was asked to have.

        Args:
            judged: the songs.
            group: from a song's name to what it was made of; songs of one group are averaged before an interval is
                taken, since they are not independent. By itself every song is a group.
        """
        listened, left_out = [], list(judged.left_out)
        for song in judged.songs:
            heard = self.listener.hear(song)
            if heard is None:
                left_out.append(f"`{song.name}` was left out: {self.listener.name} say nothing of it.")
            else:
                listened.append(self._with_moments(song, heard))
        asked = _by_sections(one.song.events for one in listened)
        songs = [self._against(one, one.song.events) for one in listened]
        lucky = [self._by_chance(one, asked) for one in listened]
        sounds = [self._space.features(one.song) for one in listened]
        by_luck = [report for reports in lucky for report in reports]
        names = [group(song.name) for song in songs]
        groups = [[i for i, name in enumerate(names) if name == one] for one in dict.fromkeys(names)]
        return JudgedSet(
            songs=songs,
            figures={measure.key: self._figures(measure, songs, lucky, groups) for measure in MEASURES},
            error=Figures(median_error(songs), median_error(by_luck), self._ceiling_error, None),
            distance=frechet_distance(np.vstack(sounds), np.vstack(self._real)) if sounds else None,
            distance_among=distance_among(self._real, len(songs)),
            left_out=left_out,
        )

    @cached_property
    def _moment_judge(self) -> TaughtMoments | None:
        return teach_moments(self.reference.songs)

    @cached_property
    def _ceiling_error(self) -> Interval | None:
        return median_error(self.known)

    def _with_moments(self, song: JudgedSong, heard: list[Event]) -> _Listened:
        """The moments of a song are listened for where it was asked to have any."""
        judge, found = self._moment_judge if moments(song.events) else None, None
        if judge is not None:
            found = judge.held_out.get(song.content)
            found = judge.probe.find_mel(song.mel, song.duration) if found is None else found
        return _Listened(song, heard, found, sound(song.mel, song.duration))

    def _against(self, listened: _Listened, asked: Sequence[Event], end: float | None = None) -> SongReport:
        """What was heard in a song against one structure, both cut at `end` seconds."""
        end = listened.song.duration if end is None else end
        requested, heard = merge_repeats(clip(asked, end)), clip(listened.heard, end)
        counted = None
        if listened.moments is not None and self._moment_judge is not None:
            taught = [event for event in moments(clip(asked, end)) if event.type in self._moment_judge.probe.types]
            counted = moments_found(taught, clip(listened.moments, end))
        return SongReport(
            name=listened.song.name,
            duration=listened.song.duration,
            requested=requested,
            heard=heard,
            score=score_structure(requested, heard),
            moments=counted,
            contrast=contrast(listened.sound, requested),
        )

    def _by_chance(self, listened: _Listened, asked: Structures) -> list[SongReport]:
        """A song against the structures asked for in the others.

        Where fewer than three others differ from its own, the reference's join in. Both sides are cut to the shorter
        of the two, so that a difference in length costs nothing.
        """
        own = _key(listened.song.events)
        others = {key: events for key, events in asked.items() if key != own}
        if len(others) < _FEWEST_OTHERS:
            others |= {key: events for key, events in self._structures.items() if key != own}
        structures = list(others.values())
        count = min(_MOST_OTHERS, len(structures))
        reports = []
        for other in (structures[i * len(structures) // count] for i in range(count)):
            end = min(listened.heard[-1].end, sections(other)[-1].end)
            if sections(clip(other, end)):
                reports.append(self._against(listened, other, end))
        return reports

    def _figures(
        self,
        measure: Measure,
        songs: Sequence[SongReport],
        lucky: Sequence[Sequence[SongReport]],
        groups: Sequence[Sequence[int]],
    ) -> Figures:
        each = [measure.of(song) for song in songs]
        by_luck = [mean_ratio([measure.of(report) for report in reports]) for reports in lucky]
        scores, chances = ([mean_ratio([of[i] for i in group]) for group in groups] for of in (each, by_luck))
        ceiling = interval_of([measure.of(song) for song in self.known])
        control = control_interval(scores, chances, ceiling.mean if ceiling else None)
        return Figures(interval_of(scores), interval_of(chances), ceiling, control)


def _by_sections(structures: Iterable[Sequence[Event]]) -> dict[tuple[tuple[str, float], ...], list[Event]]:
    return {key: list(events) for events in structures if (key := _key(events))}


def _key(events: Sequence[Event]) -> tuple[tuple[str, float], ...]:
    return tuple((event.type, round(event.start, 1)) for event in merge_repeats(events))
