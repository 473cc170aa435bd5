"""What one song is asked to be: checked once, whether it comes from a flag, a JSON line or the page.

Nothing here needs torch, so a typing mistake is told at once and not after the model has loaded.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from structure.errors import StudioError
from structure.events import Event, problems
from structure.json_reading import parse_json
from structure.language import parse_structure
from structure.rewriting import say_the_same
from structure.tempo import Tempo, read_meter

if TYPE_CHECKING:
    from acestep.pipeline import SongRequest

DEFAULT_ADAPTER = "default"
NO_ADAPTER = "none"
OTHER_NAMES = {"prompt": "caption", "key": "keyscale", "guidance_scale": "guidance"}


class RequestError(StudioError):
    """A song was asked for in a way that cannot be made."""


class Beside(pydantic.BaseModel):
    """An adapter whose LoRA acts beside the first one's, and how strongly."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    adapter: str
    strength: float = pydantic.Field(1.0, ge=-2, le=2, allow_inf_nan=False)


class Job(pydantic.BaseModel):
    """One song to make. Times in seconds; `None` leaves a value to the model.

    `structure` is text (`intro 0-4, verse 4-12`) or a JSON list of events; `events` is the same as data. Where both are
    given they must agree: the events may know more of each part, such as what is sung in it.
    """

    model_config = pydantic.ConfigDict(extra="forbid")

    structure: str = ""
    events: list[Event] | None = None
    caption: str = ""
    negative: str = ""
    lyrics: str = ""
    duration: float | None = pydantic.Field(None, ge=1, le=600, allow_inf_nan=False)
    bpm: int | None = pydantic.Field(None, ge=20, le=400)
    keyscale: str = ""
    timesignature: str = "4"
    vocal_language: str = "en"
    seed: int = pydantic.Field(0, ge=0, lt=2**63)
    steps: int | None = pydantic.Field(None, ge=1, le=200)
    shift: float | None = pydantic.Field(None, gt=0, le=20)
    guidance: float | None = pydantic.Field(None, ge=0, le=50)
    event_guidance: float | None = pydantic.Field(None, ge=0, le=50)
    event_interval: tuple[float, float] | None = None
    event_strength: float | None = pydantic.Field(None, ge=0, le=10)
    section_tags: bool = True
    use_events: bool = True
    adapter: str = DEFAULT_ADAPTER
    strength: float = pydantic.Field(1.0, ge=0, le=2)
    beside: tuple[Beside, ...] = pydantic.Field((), max_length=8)
    output: Path | None = None

    def timed_events(self) -> list[Event]:
        """The events that are asked for, in order.

        Raises:
            PromptError: the text has a typing mistake; the message names the item.
            RequestError: neither structure nor length is given, or events contradict one another.
        """
        said = parse_structure(self.structure, self.duration, self.tempo()) if self.structure.strip() else []
        events = said if self.events is None else sorted(self.events, key=lambda event: (event.start, event.end))
        if wrong := problems(events, self.duration):
            raise RequestError(wrong[0])
        if said and not say_the_same(said, events):
            raise RequestError("`structure` and `events` say different things: give one of them.")
        if not events and self.duration is None:
            raise RequestError(
                "Neither a structure nor a length: give sections such as `intro 0-4, verse 4-12`, or a duration."
            )
        return events

    def tempo(self) -> Tempo | None:
        """For bars and beats in the structure; None where no BPM is asked for.

        Raises:
            StudioError: `timesignature` is no meter.
        """
        return None if self.bpm is None else Tempo(self.bpm, read_meter(self.timesignature))

    def song_request(self) -> "SongRequest":
        """The request as the pipeline takes it (imports torch)."""
        events = self.timed_events()
        from acestep.pipeline import SongRequest

        return SongRequest(
            events=events,
            prompt=self.caption,
            negative=self.negative,
            lyrics=self.lyrics,
            duration=self.duration,
            bpm=self.bpm,
            keyscale=self.keyscale,
            timesignature=self.timesignature,
            vocal_language=self.vocal_language,
            seed=self.seed,
            steps=self.steps,
            shift=self.shift,
            guidance_scale=self.guidance,
            event_guidance=self.event_guidance,
            event_interval=self.event_interval,
            event_strength=self.event_strength,
            section_tags=self.section_tags,
            use_events=self.use_events,
        )


def make_job(fields: Mapping[str, Any], where: str = "") -> Job:
    """Check one request.

    Args:
        fields: keys of `Job`; `prompt`, `key` and `guidance_scale` are understood as well.
        where: opens the message (`songs.jsonl, line 3`).

    Raises:
        RequestError: one sentence that names the first wrong field, what it is and what was expected.
    """
    try:
        return Job.model_validate(_own_names(fields))
    except pydantic.ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "request"
        if first["type"] == "extra_forbidden":
            reason = f"`{name}` is no field of a request; the fields are {', '.join(Job.model_fields)}."
        else:
            reason = f"`{name}` is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}."
        raise RequestError(f"{where}: {reason}" if where else reason) from None


def read_jobs(path: Path, defaults: Mapping[str, Any]) -> list[Job]:
    """Read many requests, one JSON object a line; what a line leaves out comes from `defaults`.

    Raises:
        RequestError: the file cannot be read, or a line is no valid request; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise RequestError(f"{path}: cannot be read as UTF-8 text ({problem}).") from problem
    jobs = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            fields = parse_json(line)
        except json.JSONDecodeError as problem:
            raise RequestError(f"{where}, column {problem.colno}: not JSON ({problem.msg}).") from problem
        except ValueError as problem:
            raise RequestError(f"{where}: cannot be read ({problem}).") from problem
        if not isinstance(fields, dict):
            raise RequestError(f"{where}: expected a JSON object, found {type(fields).__name__}.")
        given = _own_names(fields)
        if "events" in given:
            given.setdefault("structure", "")
        job = make_job({**defaults, **given}, where)
        try:
            job.timed_events()
        except StudioError as problem:
            raise RequestError(f"{where}: {problem}") from problem
        jobs.append(job)
    if not jobs:
        raise RequestError(
            f'{path}: holds no request; write one JSON object a line, as in {{"structure": "intro 4s"}}.'
        )
    return jobs


def _own_names(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields under `Job`'s names; a structure given as a list is what `events` means."""
    named = {OTHER_NAMES.get(key, key): value for key, value in fields.items()}
    if isinstance(named.get("structure"), list):
        named["events"] = named.pop("structure")
    return named
