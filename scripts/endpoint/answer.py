"""An endpoint's answer: taken apart, and believed only where it is whole and the one that was asked for."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from errors import EndpointError, one_line

FORMATS = ("wav", "flac", "mp3", "ogg")
_UNSIZED = (0, 0xFFFFFFFF)  # what a program writes into a WAV's header that never learnt how long it would be


@dataclass(frozen=True)
class Answer:
    """A song as the endpoint sent it.

    Attributes:
        audio: an audio file's bytes.
        format: wav, flac, mp3 or ogg.
        sample_rate: in Hz; None where the endpoint does not say.
        duration: of the audio in seconds; None where the endpoint does not say.
        events: the sections and moments that were asked of the model, times in seconds.
        seed: the one that the model took.
        id: of the request.
        round_trip: seconds from the request's first byte to the answer's last.
        timings: seconds of the endpoint's own: `queue`, `generate`, `encode`.
        versions: of the programs and models that made it.
        meta: whatever else the endpoint tells.
    """

    audio: bytes = field(repr=False)
    format: str
    sample_rate: int | None
    duration: float | None
    events: list[dict[str, Any]]
    seed: int | None
    id: str
    round_trip: float
    timings: dict[str, Any]
    versions: dict[str, Any]
    meta: dict[str, Any]


def read_answer(body: bytes, asked: Mapping[str, Any], round_trip: float) -> Answer:
    """Take an answer with status 200 apart.

    Args:
        body: JSON.
        asked: the `inputs` that were sent; `id` and `format` must come back.
        round_trip: in seconds.

    Raises:
        EndpointError: it is no song, not whole, of another format, or the answer to another request.
    """
    data = _parse(body)
    if "error" in data:  # a hosted endpoint says so with status 200
        said = one_line(str(data["error"]))
        raise EndpointError(f"The endpoint refused the request: {said}", final=True, status=200, concerns="song")
    if data.get("id") != asked["id"]:
        theirs = one_line(str(data.get("id")), 60)
        raise EndpointError(
            f"The endpoint answered request {theirs}, not {asked['id']}: the song is somebody else's, and was dropped.",
            final=False,
            status=200,
        )
    form = str(asked.get("format") or "wav")
    there = [name for name in FORMATS if f"audio_base64_{name}" in data]
    if there != [form] or data.get("format", form) != form:
        found = " and ".join(there) or "no audio"
        raise EndpointError(
            f"The endpoint sent {found} where {form} was asked for. Try another --format.",
            final=True,
            status=200,
            concerns="song",
        )
    return Answer(
        audio=_decode(data[f"audio_base64_{form}"], form),
        format=form,
        sample_rate=_number(data, "sample_rate", int),
        duration=_number(data, "duration_sec", float),
        events=[event for event in _typed(data, "events", list) if isinstance(event, dict)],
        seed=_number(data, "seed", int),
        id=asked["id"],
        round_trip=round_trip,
        timings=_typed(data, "timings", dict),
        versions=_typed(data, "versions", dict),
        meta=_typed(data, "meta", dict),
    )


def is_whole(audio: bytes, form: str) -> bool:
    """Whether bytes begin as a file of the format does, and a WAV file is as long as it says."""
    if form == "wav":
        declared = int.from_bytes(audio[4:8], "little")
        sized = declared in _UNSIZED or declared + 8 == len(audio)
        return audio[:4] == b"RIFF" and audio[8:12] == b"WAVE" and len(audio) > 44 and sized
    if form == "mp3":
        return audio[:3] == b"ID3" or (len(audio) > 2 and audio[0] == 0xFF and audio[1] & 0xE0 == 0xE0)
    return audio.startswith({"flac": b"fLaC", "ogg": b"OggS"}[form])


def _decode(text: object, form: str) -> bytes:
    try:
        audio = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise _cut_off(f"its base64 is damaged ({problem})") from problem
    if not is_whole(audio, form):
        raise _cut_off(f"its audio is no whole {form} file")
    return audio


def _parse(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise _cut_off("it is no JSON") from problem
    if not isinstance(data, dict):
        raise _cut_off("it is no JSON object")
    return data


def _cut_off(why: str) -> EndpointError:
    return EndpointError(f"The answer did not arrive whole: {why}.", final=False, status=200, concerns="song")


def _typed(data: Mapping[str, Any], key: str, kind: type) -> Any:
    return data[key] if isinstance(data.get(key), kind) else kind()


def _number(data: Mapping[str, Any], key: str, kind: type) -> Any:
    value = data.get(key)
    return kind(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
