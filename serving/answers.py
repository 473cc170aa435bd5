"""A finished song as the answer to its request."""

import base64
import time
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from annotate.audio import encode_audio
from generation.service import tags
from serving.requests import Asked

if TYPE_CHECKING:
    from acestep.pipeline import GeneratedSong

_PACKAGES = ("torch", "diffusers", "transformers", "peft")
_FACTS = (
    "negative", "steps", "shift", "guidance_scale", "event_guidance", "event_interval", "event_strength",
    "section_tags", "use_events", "strength", "untaught", "gain_db", "device",
)  # fmt: skip


def answer_of(song: "GeneratedSong", facts: dict[str, Any], asked: Asked, queued: float) -> dict[str, Any]:
    """What is sent back, JSON types.

    `audio_base64_wav` (or `…_flac`, `…_mp3`, `…_ogg`), `format`, `sample_rate` (Hz), `duration_sec`, the `events` that
    were asked for, `seed`, `id` where one was given, `timings` (seconds: queue, generate, encode), `versions`, `meta`.

    Args:
        song: as made.
        facts: what made it.
        asked: its request.
        queued: seconds that the request waited.
    """
    began = time.perf_counter()
    samples, rate = song.samples, song.sample_rate
    if asked.sample_rate not in (None, rate):
        import soxr

        samples, rate = soxr.resample(samples, rate, asked.sample_rate), asked.sample_rate
    told = facts | {"adapter": asked.adapter if facts["adapter"] else None}
    audio = base64.b64encode(encode_audio(samples, rate, tags(told, song.request.prompt), asked.form.upper())).decode()
    request = song.request
    answer = {
        f"audio_base64_{asked.form}": audio,
        "format": asked.form,
        "sample_rate": rate,
        "duration_sec": round(len(samples) / rate, 3),
        "events": [event.to_dict() for event in request.events],
        "seed": request.seed,
        "meta": {
            "prompt": request.prompt,
            "lyrics": request.lyrics,
            "bpm": request.bpm,
            "keyscale": request.keyscale,
            "timesignature": request.timesignature,
            "vocal_language": request.vocal_language,
            "adapter": told["adapter"],
            **{name: facts[name] for name in _FACTS},
        },
        "versions": _versions() | {name: facts[name] for name in ("model_hash", "adapter_hash")},
        "timings": {
            "queue": round(queued, 3),
            "generate": facts["took_seconds"],
            "encode": round(time.perf_counter() - began, 3),
        },
    }
    return answer if asked.id is None else answer | {"id": asked.id}


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES}
