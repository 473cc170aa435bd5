"""What a request to an endpoint may say: the ancestor's keys, the generation room's, and which form the answer has."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generation.jobs import Job, RequestError, make_job
from generation.service import check_job
from serving.settings import ServingSettings
from structure.json_reading import parse_json
from structure.peers import INSTRUMENTAL

FORMATS = ("wav", "flac", "mp3", "ogg")
SAMPLE_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Hz: what all four formats can hold."""
DURATION = 12.0  # seconds, of a request that gives neither a structure nor a length
SEED = 42
MOST_EVENTS = 2000
LONGEST_SENTENCE = 600  # characters of an error: it may quote what was sent

_CAPTION = ("prompt", "query", "caption", "text", "description")
_SAME = {"duration_sec": "duration", "inference_steps": "steps", "guidance_scale": "guidance", "key": "keyscale"}
_OWN = ("format", "sample_rate", "id", "instrumental", "output")


@dataclass(frozen=True)
class Asked:
    """A checked request.

    Attributes:
        job: what the generation room makes; its adapters are folders.
        adapter: the name that was given.
        form: of `FORMATS`.
        sample_rate: Hz; None: the model's own.
        id: of the sender's, to be said again.
    """

    job: Job
    adapter: str
    form: str
    sample_rate: int | None
    id: str | None


def read_body(body: bytes) -> Any:
    """JSON of a request.

    Raises:
        RequestError: it is none.
    """
    try:
        return parse_json(body)
    except ValueError as problem:  # bad UTF-8 is a ValueError too
        raise RequestError(f'The request is not JSON in UTF-8 ({problem}). Send {{"inputs": {{…}}}}.') from None


def read_payload(payload: Any, settings: ServingSettings) -> Asked:
    """Check a request, before any model loads.

    Args:
        payload: `{"inputs": {…}}`, `{"inputs": "a caption"}` or a caption; `parameters` beside `inputs` count as more
            fields.
        settings: which adapters and lengths are allowed.

    Raises:
        StudioError: one sentence.
    """
    fields = _fields(payload)
    own = {name: fields.pop(name, None) for name in _OWN}
    if own["output"] is not None:
        raise RequestError("`output` is no field of this endpoint: the song is in the answer.")
    form = "wav" if own["format"] is None else own["format"]
    if form not in FORMATS:
        raise RequestError(f"`format` is {form!r}: choose one of {', '.join(FORMATS)}.")
    rate = own["sample_rate"]
    if rate is not None and (isinstance(rate, bool) or rate not in SAMPLE_RATES):
        raise RequestError(f"`sample_rate` is {rate!r}: choose one of {', '.join(map(str, SAMPLE_RATES))} Hz.")
    if own["id"] is not None and not (isinstance(own["id"], str) and len(own["id"]) <= 200):
        raise RequestError("`id` is a text of at most 200 characters.")
    named = _named(fields)
    if own["instrumental"] and not named.get("lyrics"):
        named["lyrics"] = INSTRUMENTAL
    job = make_job(_with_defaults(named))
    name = job.adapter
    beside = [one.model_copy(update={"adapter": settings.adapter(one.adapter)}) for one in job.beside]
    job = job.model_copy(update={"adapter": settings.adapter(name), "beside": tuple(beside)})
    if len(job.events or ()) > MOST_EVENTS:
        raise RequestError(f"{len(job.events or ())} events: this endpoint takes at most {MOST_EVENTS}.")
    check_job(job, settings.model)
    _within_limits(job, settings)
    return Asked(job, name, form, None if rate is None else int(rate), own["id"])


def sentence_of(problem: Exception) -> str:
    """An error as one line that is not too long."""
    said = " ".join(str(problem).split())
    return said if len(said) <= LONGEST_SENTENCE else f"{said[: LONGEST_SENTENCE - 1]}…"


def _fields(payload: Any) -> dict[str, Any]:
    """The fields of a request, whichever way it is wrapped."""
    try:
        json.dumps(payload, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RequestError("The request holds half a character (a lone surrogate). Send text as UTF-8.") from None
    except (TypeError, ValueError, RecursionError):
        raise RequestError(
            "The request is no JSON: it nests too deeply, or holds something that is no value."
        ) from None
    inputs, more = payload, {}
    if isinstance(payload, Mapping):
        if "inputs" not in payload:
            raise RequestError('`inputs` is missing: send {"inputs": {"structure": "intro 0-4, verse 4-12"}}.')
        inputs, more = payload["inputs"], payload.get("parameters") or {}
        if not isinstance(more, Mapping):
            raise RequestError("`parameters` is an object of fields.")
    if isinstance(inputs, str):
        inputs = {"prompt": inputs}
    if not isinstance(inputs, Mapping):
        raise RequestError(f"`inputs` is {type(inputs).__name__}: expected an object of fields, or a caption.")
    return {str(name): value for name, value in {**more, **inputs}.items() if value is not None}


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    """Under the generation room's names; where a name and its other name are both given, they must agree."""
    named: dict[str, Any] = {}
    for name, value in fields.items():
        own = "caption" if name in _CAPTION else _SAME.get(name, name)
        if own in named and named[own] != value:
            raise RequestError(f"`{name}` is another name of `{own}`, which says something else: give one of them.")
        named[own] = value
    return named


def _with_defaults(named: dict[str, Any]) -> dict[str, Any]:
    """What the ancestor takes for granted: a seed, and a length where nothing tells one."""
    filled = {"seed": SEED, **named}
    if not any(filled.get(name) for name in ("structure", "events", "duration")):
        filled["duration"] = DURATION
    return filled


def _within_limits(job: Job, settings: ServingSettings) -> None:
    duration = job.duration or max(event.end for event in job.timed_events())
    if duration > settings.max_duration:
        raise RequestError(
            f"A song of {duration:g} s: this endpoint makes at most {settings.max_duration:g} s. Ask for a shorter one."
        )
    if job.steps is not None and job.steps > settings.max_steps:
        raise RequestError(f"`steps` is {job.steps}: this endpoint takes at most {settings.max_steps}.")
