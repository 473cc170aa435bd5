"""Score a folder of songs against the structures asked for, and say it in tables and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.intervals import Interval
from evaluation.judging import Figures, Judge, JudgedSet
from evaluation.listeners import listener_for
from evaluation.measures import MEASURES, SongReport
from evaluation.reference import read_folder
from evaluation.segments import ScoreError

COLUMNS = ("song", "frames", "F 0.5 s", "F 3 s", "order", "median error")
MEASURE_COLUMNS = ("measure", "songs", "95 % interval", "chance", "ceiling", "control")
_SONG_SHARES = ("frame_accuracy", "boundary_f_500ms", "boundary_f_3s", "section_order")


@dataclass(frozen=True)
class ScoreReport:
    """A scored folder.

    Attributes:
        judged: songs and figures.
        reference: how many songs taught the listener, who it is, and the types it knows.
        notes: what was left out, and what cannot be heard.
    """

    judged: JudgedSet
    reference: dict[str, Any]
    notes: list[str]

    @property
    def songs(self) -> list[SongReport]:
        return self.judged.songs

    def mean(self, key: str, kind: str = "score") -> float | None:
        """One figure of a measure: `score`, `chance`, `ceiling` or `control`; None where nothing can be said."""
        figures = self.judged.error if key == "median_error" else self.judged.figures[key]
        interval: Interval | None = getattr(figures, kind)
        return interval.mean if interval else None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        figures = {**self.judged.figures, "median_error": self.judged.error}
        return {
            "measures": {key: _to_dict(one) for key, one in figures.items()},
            "distance": {"songs": self.judged.distance, "reference": self.judged.distance_among},
            "reference": self.reference,
            "songs": [
                {
                    "name": song.name,
                    "duration": round(song.duration, 3),
                    **song.score.to_dict(),
                    "moments_f": song.moments.overall.f if song.moments else None,
                    "contrast": song.contrast,
                    "requested": [event.to_dict() for event in song.requested],
                    "heard": [event.to_dict() for event in song.heard],
                }
                for song in self.songs
            ],
            "notes": self.notes,
        }

    def song_rows(self) -> list[list[str]]:
        """One row a song: name, four shares, median error in seconds."""
        rows = []
        for song in self.songs:
            figures = song.score.to_dict()
            cells = [_number(figures[key]) for key in _SONG_SHARES]
            rows.append([song.name, *cells, _seconds(figures["median_error"])])
        return rows

    def measure_rows(self) -> list[list[str]]:
        """One row a measure: the songs' figure, its interval, chance, ceiling and control."""
        rows = []
        for measure in MEASURES:
            found = self.judged.figures[measure.key]
            if found.score is None:
                continue
            others = [_number(one.mean if one else None) for one in (found.chance, found.ceiling, found.control)]
            rows.append([measure.name, _number(found.score.mean), _span(found.score), *others])
        error = self.judged.error
        if error.score:
            others = [_seconds(one.mean if one else None) for one in (error.chance, error.ceiling)]
            rows.append(
                ["median error of a change of part", _seconds(error.score.mean), _span(error.score), *others, ""]
            )
        return rows

    def to_table(self) -> str:
        """What the command prints."""
        lines = [_table(COLUMNS, self.song_rows()), "", _table(MEASURE_COLUMNS, self.measure_rows()), ""]
        distance = "-" if self.judged.distance is None else f"{self.judged.distance:.1f}"
        lines.append(
            f"Distance of the sound to real songs: {distance} "
            f"(as many songs of the reference to the others: {self.judged.distance_among:.1f})."
        )
        who, types = self.reference["listener"], self.reference["types"]
        lines.append(f"Heard by: {who}, {self.reference['songs']} songs{': ' + ', '.join(types) if types else ''}.")
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


def score_folder(
    folder: Path,
    reference: Path,
    probe_songs: int | None = None,
    on_song: Callable[[int, int], None] | None = None,
    heard: Path | None = None,
) -> ScoreReport:
    """Score every song of a folder that has a sidecar with sections.

    Args:
        folder: songs and the structures asked for. Two parts of one type in a row count as one.
        reference: annotated real songs; the judge is fitted on them.
        probe_songs: how many of them the judge hears, at most; None for all.
        on_song: called with how many songs have been read and how many there are, first of the folder.
        heard: files that say what another program, or a person, heard in each song; None asks the probe.

    Raises:
        ScoreError: no song in `folder` can be scored.
        ProbeError: no judge can be fitted on `reference`, or it is no better than a guess.
        DatasetError: a folder is missing or holds no audio.
    """
    judged = read_folder(Path(folder), on_song=on_song)
    if not judged.songs:
        why = f" {judged.left_out[0]}" if judged.left_out else ""
        raise ScoreError(f"`{folder}` has no song that can be scored.{why}")
    real = read_folder(Path(reference), probe_songs, on_song)
    judge = Judge(real, listener_for(real, heard))
    report = report_on(judge, judge.score(judged))
    if not report.songs:
        raise ScoreError(f"{report.notes[0]} Put a file for each song there, named as the song is.")
    return report


def report_on(judge: Judge, judged: JudgedSet) -> ScoreReport:
    """A judged set with what a reader must know of the judge."""
    notes = [*_unheard(judged.songs, judge.listener.types), *judged.left_out, *judge.reference.left_out]
    if not judge.known:
        notes.append(
            f"No ceiling: {judge.listener.name} say nothing of the reference's own songs. Put files for them there too."
        )
    types = list(judge.listener.types or ())
    about = {"listener": judge.listener.name, "songs": len(judge.reference.songs), "types": types}
    return ScoreReport(judged, about, notes)


def _unheard(songs: Sequence[SongReport], types: Sequence[str] | None) -> list[str]:
    asked = {event.type for song in songs for event in song.requested}
    unheard = sorted(asked - set(types)) if types is not None else []
    if not unheard:
        return []
    return [f"The reference has no {' or '.join(unheard)}, so the judge cannot hear it: its frames count as missed."]


def _to_dict(figures: Figures) -> dict[str, Any]:
    return {
        kind: interval.to_dict() if (interval := getattr(figures, kind)) else None
        for kind in ("score", "chance", "ceiling", "control")
    }


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first to the left, a rule under the head."""
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    lines = [
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in [columns, *rows])
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _span(interval: Interval) -> str:
    return "-" if interval.low is None else f"{interval.low:.2f} to {interval.high:.2f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
