"""Several songs from one request: the same wishes, a seed each, every one listened to and scored."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from evaluation.hearing import listen
from generation.history import Take, find_take, keep_heard
from generation.jobs import Job, RequestError, make_job
from generation.service import Song, check_job, generate_song
from structure.errors import StudioError
from structure.events import sections

MOST = 8  # songs of one request
_GIVEN = {"adapter", "beside", "seed", "output"}  # to both songs of a pair
OnProgress = Callable[[int, int, int], None]  # songs done, steps done, steps in all


@dataclass(frozen=True)
class Candidate:
    """A finished song of several; `remark` says why nobody judged it, where that is so."""

    song: Song
    take: Take
    remark: str = ""


class Made(TypedDict):
    """What a program is told of a song: times in seconds, `score` 0 to 1, None where nobody judged (`remark`: why)."""

    name: str
    duration: float
    seed: int
    steps: int
    adapter_has_events: bool
    events: list[dict[str, Any]]
    heard: list[dict[str, Any]] | None
    score: float | None
    remark: str


def made_of(candidate: Candidate) -> Made:
    """A finished song in words and numbers."""
    song, take = candidate.song, candidate.take
    return Made(
        name=take.name,
        duration=round(song.duration, 3),
        seed=song.made["seed"],
        steps=song.made["steps"],
        adapter_has_events=song.made["adapter_has_events"],
        events=[event.to_dict() for event in song.events],
        heard=None if take.heard is None else [event.to_dict() for event in take.heard],
        score=take.score,
        remark=candidate.remark,
    )


def make_pair(
    wishes: Mapping[str, Any],
    adapters: tuple[str, str],
    seed: int,
    reference: Callable[[], Path] | None = None,
    **settings: Any,
) -> tuple[Candidate, Candidate]:
    """Two songs that differ in their adapter alone.

    Args:
        wishes: fields of a `Job` but for `adapter`, `beside`, `seed` and `output`.
        adapters: as a job names them.
        seed: of both.
        reference, settings: as for `make_candidates`.

    Raises:
        StudioError: the request, an adapter, the model or the disk is at fault.
    """
    if own := _GIVEN & wishes.keys():
        raise RequestError(f"`{min(own)}` is not taken here: the two songs differ in the adapter alone.")
    jobs = [make_job({**wishes, "adapter": adapter, "seed": seed}) for adapter in adapters]
    for job in jobs:  # both, before the first is made
        check_job(job, str(settings.get("model", "starter")))
    first, second = (next(make_candidates(job, 1, reference, **settings)) for job in jobs)
    return first, second


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
