"""Score a folder of songs against the structures asked for, with chance and ceiling.

A bare accuracy says little: openings and endings can be guessed, and no judge
is perfect. So three figures stand side by side: what the songs reach, what the
same songs reach against *other* songs' structures (chance), and what real songs
of the reference reach against their own annotation, judged by a probe that has
not heard them (ceiling). Control is where the songs lie between the two:

    control = (score - chance) / (ceiling - chance)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.distance import frechet_distance
from evaluation.probe import check_trust, fit_probe, held_out_labels
from evaluation.reference import JudgedFolder, read_folder
from evaluation.scores import ScoreError, StructureScore, merge_repeats, score_structure, timing_summary
from structure.events import Event, clip, sections

SHARES = {
    "frame_accuracy": "frames with the right type",
    "boundary_f_500ms": "boundary F within 0.5 s",
    "boundary_f_3s": "boundary F within 3 s",
    "section_order": "order of sections",
}
"""Figures between 0 and 1 for which control is given, with their names in the table."""

_MOST_OTHERS = 40  # structures that chance is averaged over
_FEWEST_OTHERS = 3  # below it the reference's structures join in
_LEAST_ROOM = 0.05  # between chance and ceiling; below it control would be noise


@dataclass(frozen=True)
class SongReport:
    """One song: the sections asked for, the sections heard, and the scores."""

    name: str
    duration: float
    requested: list[Event]
    heard: list[Event]
    score: StructureScore


@dataclass(frozen=True)
class ScoreReport:
    """A scored folder.

    Attributes:
        songs: one report each.
        score, chance, ceiling: means over songs, as `StructureScore.to_dict` names them; timing over all transitions.
        control: for each of `SHARES`, None where chance and ceiling lie too close together.
        distance: Fréchet distance of the songs' sound to the reference, and of as many songs of the reference to its
            others.
        reference: how many songs the judge was fitted on, and the types it knows.
        notes: what was left out, and what cannot be heard.
    """

    songs: list[SongReport]
    score: dict[str, Any]
    chance: dict[str, Any]
    ceiling: dict[str, Any]
    control: dict[str, float | None]
    distance: dict[str, float]
    reference: dict[str, Any]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "score": self.score,
            "chance": self.chance,
            "ceiling": self.ceiling,
            "control": self.control,
            "distance": self.distance,
            "reference": self.reference,
            "songs": [
                {
                    "name": song.name,
                    "duration": round(song.duration, 3),
                    **song.score.to_dict(),
                    "requested": [event.to_dict() for event in song.requested],
                    "heard": [event.to_dict() for event in song.heard],
                }
                for song in self.songs
            ],
            "notes": self.notes,
        }

    def song_rows(self) -> list[list[str]]:
        """One row a song: name, the four shares, median error in seconds."""
        return [[song.name, *_cells(song.score.to_dict())] for song in self.songs]

    def summary_rows(self) -> list[list[str]]:
        """Rows for all songs, chance, ceiling and control, with the columns of `song_rows`."""
        return [
            [f"all {len(self.songs)} songs", *_cells(self.score)],
            ["chance", *_cells(self.chance)],
            ["ceiling (real songs)", *_cells(self.ceiling)],
            ["control", *(_cell(self.control[key]) for key in SHARES), ""],
        ]

    def to_table(self) -> str:
        """What the command prints."""
        body, foot = self.song_rows(), self.summary_rows()
        widths = [max(len(row[i]) for row in [list(COLUMNS), *body, *foot]) for i in range(len(COLUMNS))]
        lines = [
            "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(pairs))
            for pairs in (list(zip(row, widths, strict=True)) for row in [list(COLUMNS), *body, *foot])
        ]
        rule = "-" * len(lines[0])
        lines = [lines[0], rule, *lines[1 : 1 + len(body)], rule, *lines[1 + len(body) :]]
        within = ", ".join(f"{share:.0%} within {limit} s" for limit, share in self.score["within"].items() if share)
        lines += ["", f"Transitions: {within or 'none heard within 3 s'}."]
        lines.append(
            f"Distance of the sound to real songs: {self.distance['songs']:.1f} "
            f"(as many songs of the reference to the others: {self.distance['reference']:.1f})."
        )
        lines.append(f"Judge fitted on {self.reference['songs']} songs: {', '.join(self.reference['types'])}.")
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


COLUMNS = ("song", "frames", "F 0.5 s", "F 3 s", "order", "median error")


def score_folder(
    folder: Path,
    reference: Path,
    probe_songs: int | None = None,
    on_song: Callable[[int, int], None] | None = None,
) -> ScoreReport:
    """Score every song of a folder that has a sidecar with sections.

    Args:
        folder: songs and the structures asked for. Two parts of one type in a row count as one.
        reference: annotated real songs; the judge is fitted on them.
        probe_songs: how many of them the judge hears, at most; None for all.
        on_song: called with how many songs have been read and how many there are, first of the reference.

    Raises:
        ScoreError: no song in `folder` can be scored.
        ProbeError: no judge can be fitted on `reference`, or it is no better than a guess.
        DatasetError: a folder is missing or holds no audio.
    """
    judged = read_folder(Path(folder), on_song=on_song)
    if not judged.songs:
        why = f" {judged.left_out[0]}" if judged.left_out else ""
        raise ScoreError(f"`{folder}` has no song that can be scored.{why}")
    return score_songs(judged, read_folder(Path(reference), probe_songs, on_song))


def score_songs(judged: JudgedFolder, reference: JudgedFolder) -> ScoreReport:
    """The same for folders already read.

    Raises:
        ProbeError: no judge can be fitted on `reference`, or it is no better than a guess.
    """
    return Judge(reference).score(judged)


class Judge:
    """Who scores: fitted once on annotated real songs, then asked about any number of sets of songs.

    Args:
        reference: annotated real songs.

    Raises:
        ProbeError: no judge can be fitted on them, or it is no better than a guess.
    """

    def __init__(self, reference: JudgedFolder) -> None:
        self.reference = reference
        held_out = held_out_labels(reference.songs)
        check_trust(reference.songs, held_out)
        self.probe = fit_probe(reference.songs)
        # a song that the judge was fitted on is heard by the judge that was not
        self._known = dict(zip(reference.hashes, held_out, strict=True))
        self._structures = [merge_repeats(song.events) for song in reference.songs]
        self.ceiling = mean_scores([score_structure(s, e) for s, e in zip(self._structures, held_out, strict=True)])
        self._real = [self.probe.features(song.mel, song.duration) for song in reference.songs]

    def score(self, judged: JudgedFolder) -> ScoreReport:
        """Each song against the structure that it was asked to have, with chance and ceiling beside it."""
        songs = []
        for song, content in zip(judged.songs, judged.hashes, strict=True):
            known = self._known.get(content)
            heard = self.probe.label_mel(song.mel, song.duration) if known is None else known
            requested = merge_repeats(song.events)
            songs.append(SongReport(song.name, song.duration, requested, heard, score_structure(requested, heard)))
        score = mean_scores([song.score for song in songs])
        chance = mean_scores(chance_scores(songs, self._structures))
        sound = [self.probe.features(song.mel, song.duration) for song in judged.songs]
        return ScoreReport(
            songs=songs,
            score=score,
            chance=chance,
            ceiling=self.ceiling,
            control={key: control(score[key], chance[key], self.ceiling[key]) for key in SHARES},
            distance={
                "songs": frechet_distance(np.vstack(sound), np.vstack(self._real)),
                "reference": distance_among(self._real, len(songs)),
            },
            reference={"songs": len(self.reference.songs), "types": list(self.probe.types)},
            notes=[*_unheard(songs, self.probe.types), *judged.left_out, *self.reference.left_out],
        )


def control(score: float | None, chance: float | None, ceiling: float | None) -> float | None:
    """(score - chance) / (ceiling - chance); None where a figure is missing or there is no room between the two."""
    if score is None or chance is None or ceiling is None or ceiling - chance < _LEAST_ROOM:
        return None
    return (score - chance) / (ceiling - chance)


def chance_scores(songs: Sequence[SongReport], reference: Sequence[Sequence[Event]]) -> list[StructureScore]:
    """What is heard in each song against the structures asked for in the others.

    Where fewer than three others differ from a song's own structure, the
    reference's join in. Both sides are cut to the shorter of the two, so that
    a difference in length costs nothing.

    Args:
        songs: what was asked for and heard.
        reference: structures of the reference's songs.
    """
    scores = []
    for song in songs:
        asked = {_key(other.requested): other.requested for other in songs}
        if len(asked.keys() - {_key(song.requested)}) < _FEWEST_OTHERS:
            asked |= {_key(events): list(events) for events in reference}
        asked.pop(_key(song.requested), None)
        others = list(asked.values())
        for i in range(min(_MOST_OTHERS, len(others))):
            other = others[i * len(others) // min(_MOST_OTHERS, len(others))]
            end = min(song.heard[-1].end, other[-1].end)
            if sections(clip(other, end)):
                scores.append(score_structure(clip(other, end), clip(song.heard, end)))
    return scores


def distance_among(real: Sequence[np.ndarray], size: int) -> float:
    """Mean Fréchet distance of `size` real songs to the others: what so few songs cost even when they are real.

    Args:
        real: features of each song, float (moments, features).
        size: songs in a set; at most half of them are taken.
    """
    size = max(1, min(size, len(real) // 2))
    distances = []
    for first in range(0, len(real) - size + 1, size):
        others = [*real[:first], *real[first + size :]]
        distances.append(frechet_distance(np.vstack(real[first : first + size]), np.vstack(others)))
    return float(np.mean(distances))


def mean_scores(scores: Sequence[StructureScore]) -> dict[str, Any]:
    """Means of the shares over songs, and timing over all transitions together; None where nothing can be averaged."""
    means: dict[str, Any] = {}
    for key in SHARES:
        values = [value for score in scores if (value := getattr(score, key)) is not None]
        means[key] = float(np.mean(values)) if values else None
    errors = [score.transition_errors for score in scores]
    return means | timing_summary(np.concatenate(errors) if errors else np.array([]))


def _key(events: Sequence[Event]) -> tuple[tuple[str, float], ...]:
    return tuple((event.type, round(event.start, 1)) for event in events)


def _unheard(songs: Sequence[SongReport], types: Sequence[str]) -> list[str]:
    asked = {event.type for song in songs for event in song.requested}
    unheard = sorted(asked - set(types))
    if not unheard:
        return []
    return [f"The reference has no {' or '.join(unheard)}, so the judge cannot hear it: its frames count as missed."]


def _cells(figures: dict[str, Any]) -> list[str]:
    error = figures["median_error"]
    return [*(_cell(figures[key]) for key in SHARES), "-" if error is None else f"{error:.2f} s"]


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
