"""Suggestions for one song: the planner with the person's own annotated songs, at the tempo and length asked for."""

from functools import lru_cache
from pathlib import Path

from annotate.dataset import DatasetError, Song, scan
from generation.planner import (
    Arrangement,
    Planner,
    Suggestion,
    arrangement_of,
    genre_of,
    shipped_arrangements,
)
from structure.errors import StudioError
from structure.events import sections
from structure.sidecar import read_sidecar
from structure.tempo import Tempo, read_meter

USUAL_BPM = 120.0  # of an annotated song whose sidecar says none
MOST_SECONDS = 600.0
MOST_OWN = 2000  # songs of a folder that are counted


def suggest(
    tempo: Tempo, duration: float, caption: str = "", dataset: Path | None = None, count: int = 3, seed: int = 0
) -> list[Suggestion]:
    """Structures of whole bars that fill a song, the likeliest first.

    Args:
        tempo: of the song.
        duration: seconds.
        caption: a word of a genre is looked for in it.
        dataset: folder of annotated songs, which count more than ours; None, or one without songs, leaves ours.
        count: how many.
        seed: another one, others.

    Raises:
        StudioError: the length or the count makes no sense.
    """
    if not 1 <= duration <= MOST_SECONDS:
        raise StudioError(f"{duration:g} s: expected a song of 1 to {MOST_SECONDS:g} seconds.")
    if not 1 <= count <= 20:
        raise StudioError(f"{count} suggestions: expected 1 to 20.")
    own = tuple(own_arrangements(dataset)) if dataset else ()
    return _planner(own).suggest(int(duration / tempo.bar + 1e-6), genre_of(caption), count, seed)


def own_arrangements(dataset: Path) -> list[Arrangement]:
    """The annotated songs of a folder as the planner counts them; none where it cannot be read."""
    try:
        songs = [song for song in scan(dataset) if sections(song.events)]
    except DatasetError:
        return []
    counted = (_arrangement(song) for song in songs[:MOST_OWN])
    return [arrangement for arrangement in counted if arrangement]


def _arrangement(song: Song) -> Arrangement | None:
    """One annotated song as the planner counts it; None where its sidecar cannot be read, or chance arranged it."""
    from acestep.starter.songs import RIGHTS  # brings scipy

    try:
        sidecar = read_sidecar(song.audio)
        meter = read_meter(str(sidecar.get("timesignature") or "4"))
    except StudioError:
        return None
    if sidecar.get("rights") == RIGHTS:  # the demo songs' parts come in any order, so that a model must hear the times
        return None
    bpm = sidecar.get("bpm")
    known = isinstance(bpm, int | float) and not isinstance(bpm, bool) and 20 <= bpm <= 400
    return arrangement_of(
        song.events, float(bpm) if known else USUAL_BPM, meter, f"{sidecar.get('genre')} {sidecar.get('caption')}"
    )


@lru_cache(maxsize=4)
def _planner(own: tuple[Arrangement, ...]) -> Planner:
    return Planner([*shipped_arrangements(), *own])
