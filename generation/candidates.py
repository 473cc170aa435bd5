"""Several songs from one request: the same wishes, a seed each, every one listened to and scored."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.hearing import listen
from generation.history import Take, find_take, keep_heard
from generation.jobs import Job
from generation.service import Song, generate_song
from structure.errors import StudioError
from structure.events import sections

MOST = 8  # songs of one request
OnProgress = Callable[[int, int, int], None]  # songs done, steps done, steps in all


@dataclass(frozen=True)
class Candidate:
    """A finished song of several; `remark` says why nobody judged it, where that is so."""

    song: Song
    take: Take
    remark: str = ""


def make_candidates(
    job: Job,
    count: int = 1,
    reference: Callable[[], Path] | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> Iterator[Candidate]:
    """Songs with the seeds `job.seed`, `job.seed` + 1 …, each when it is done.

    They are made one after another, so each is what its own sidecar makes of it alone, to the bit.

    Args:
        job: what is asked for.
        count: how many songs.
        reference: gives the folder of annotated songs that teach a judge; None: nobody listens.
        on_progress: told after each step.
        settings: as `generate_song` takes them: model, gate, on_wait, cancelled.

    Raises:
        StudioError: the request, the model or the disk is at fault, or `count` is not 1 to `MOST`.
        Cancelled: `cancelled` said so; songs made before stay.
    """
    if not 1 <= count <= MOST:
        raise StudioError(f"{count} songs at once: expected 1 to {MOST}.")
    for n in range(count):
        step = (lambda done, total, n=n: on_progress(n, done, total)) if on_progress else None
        song = generate_song(job.model_copy(update={"seed": job.seed + n}), on_step=step, **settings)
        yield judged(song, reference)


def judged(song: Song, reference: Callable[[], Path] | None) -> Candidate:
    """A song with what a judge hears in it noted in its sidecar."""
    take = find_take(song.audio.parent, song.audio.stem)
    if reference is None or not sections(song.events):
        return Candidate(song, take)
    try:
        heard = listen(song.audio, song.events, reference())
    except StudioError as problem:
        return Candidate(song, take, f"Its parts were not named by ear: {problem}")
    return Candidate(song, keep_heard(take, heard.events, heard.rank))


def best(candidates: list[Candidate]) -> Candidate:
    """The one with the highest score; the first where nobody judged."""
    return max(candidates, key=lambda candidate: candidate.take.score or 0.0)
