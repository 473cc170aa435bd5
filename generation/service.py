"""The generation service: a checked request in, a WAV file and its sidecar out.

The page and the command line come through the same function; `warm.py` keeps the model.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generation.jobs import Job, RequestError
from generation.warm import DeviceGate, acting, adapter_folder, loaded
from structure.events import MOMENT_TYPES, Event, show_seconds
from structure.files import keep_backup, put_together
from structure.places import writing_folder
from structure.prompt.draft import did_you_mean
from structure.sidecar import read_sidecar, save_sidecar, sidecar_path, with_events, with_fields

if TYPE_CHECKING:
    import numpy as np

    from acestep.pipeline import GeneratedSong, SongRequest, StructuredPipeline

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Song:
    """A song on disk.

    `made` is what the sidecar keeps under `generation`: model, adapter, seed, steps, guidance, gain. `took` is in
    seconds.
    """

    audio: Path
    sidecar: Path
    events: list[Event]
    duration: float
    made: dict[str, Any]
    took: float


def output_folder() -> Path:
    """Where songs go when nobody says where."""
    return writing_folder("outputs")


def generate_song(
    job: Job,
    *,
    model: str = "starter",
    device: str = "auto",
    output: Path | None = None,
    overwrite: bool = False,
    on_step: OnStep | None = None,
    on_wait: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    gate: DeviceGate | None = None,
    check: Callable[[Mapping[str, Any]], None] | None = None,
) -> Song:
    """Make one song and write it beside its sidecar.

    Args:
        job: what is asked for.
        model: `starter`, a diffusers folder or a hub id.
        device: torch's name, or `auto`.
        output: WAV file; None picks a new name in `output_folder()`.
        overwrite: replace a song at `output` that was not made here; one made here is always replaced.
        on_step: called with (steps done, steps in all).
        on_wait: called with a sentence while another process has the device.
        cancelled: asked at every step; True raises `Cancelled` and writes nothing.
        gate: takes turns on the device with training runs; None: no turns.
        check: told what made the song before it is written; a `StudioError` from it leaves nothing on the disk.

    Raises:
        StudioError: the request, the model, the adapter or the disk is at fault; one sentence.
        Cancelled: `cancelled` said so.
    """
    check_job(job, model)
    target = check_target(output, overwrite)
    made, facts = make_samples(job, model, device, on_step, on_wait, cancelled, gate)
    if check is not None:
        check(facts)
    return write_song(target, made.samples, made.sample_rate, made.request, facts)


def check_job(job: Job, model: str) -> None:
    """Refuse, before the model loads, what is mistyped and an adapter that is not there.

    Raises:
        StudioError: one sentence.
    """
    job.timed_events()
    refuse_slips(job, model)


def make_samples(
    job: Job,
    model: str = "starter",
    device: str = "auto",
    on_step: OnStep | None = None,
    on_wait: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    gate: DeviceGate | None = None,
) -> "tuple[GeneratedSong, dict[str, Any]]":
    """A song of a checked job in memory, and all that makes it; arguments and errors as for `generate_song`."""
    stopped = cancelled or (lambda: False)
    with loaded(model, job, device, gate, on_wait, stopped) as pipeline:
        started = time.perf_counter()
        made = pipeline.generate(job.song_request(), on_step=on_step, cancelled=stopped)
        took = time.perf_counter() - started
        return made, facts_of(pipeline, job, made.request, made.gain_db) | {"took_seconds": round(took, 3)}


def untaught(model: str, adapter: str, types: Iterable[str]) -> list[str]:
    """Those of `types` that an adapter was never taught, in order of the alphabet; none where it has no events.

    Raises:
        RequestError: the adapter does not exist.
        AdapterError: its card is damaged.
    """
    from acestep.adapter import read_card

    folder = adapter_folder(model, adapter)
    card = read_card(folder) if folder is not None else None
    if card is None or not card.has_events or not card.trained_types:
        return []
    return sorted(set(types) - set(card.trained_types) - set(MOMENT_TYPES))


def refuse_slips(job: Job, model: str) -> None:
    """Refuse a word so near to a known type that it must be a slip, unless the adapter was taught it.

    Raises:
        RequestError: the adapter does not exist, or a type is misspelt.
        AdapterError: the adapter's card is damaged.
    """
    from acestep.adapter import read_card

    folder = adapter_folder(model, job.adapter)
    card = read_card(folder) if folder is not None else None
    for event in job.timed_events():
        hint = did_you_mean(event.type)
        if hint and (card is None or event.type not in card.vocabulary):
            raise RequestError(
                f"`{event.name}` at {show_seconds(event.start)} is no type of section or moment that is known here."
                f"{hint}"
            )


def facts_of(pipeline: "StructuredPipeline", job: Job, request: "SongRequest", gain_db: float) -> dict[str, Any]:
    """All that makes a song: enough to make it again. `gain_db` is what its peak normalisation took."""
    from acestep.adapter import adapter_hash
    from acestep.loading import STARTER_ADAPTER

    card = pipeline.card
    taught = set(card.trained_types) if card is not None and card.has_events else set()
    return {
        "product": "Structure Studio",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": pipeline.model_name,
        "model_hash": pipeline.model_hash,
        "adapter": str(pipeline.adapter_folder) if pipeline.adapter_folder else None,
        "adapter_shipped": pipeline.adapter_folder == STARTER_ADAPTER,
        "adapter_hash": adapter_hash(pipeline.adapter_folder) if pipeline.adapter_folder else None,
        "adapter_has_events": card is not None and card.has_events,
        "untaught": sorted({event.type for event in request.events if event.is_section} - taught) if taught else [],
        "strength": job.strength,
        "beside": [
            {"adapter": str(folder), "strength": other.strength, "adapter_hash": adapter_hash(folder)}
            for folder, other in zip(pipeline.beside, acting(job), strict=True)
        ],
        "structure": job.structure or None,
        "negative": request.negative or None,
        "seed": request.seed,
        "duration": request.duration,
        "steps": request.steps,
        "shift": request.shift,
        "guidance_scale": request.guidance_scale,
        "event_guidance": request.event_guidance,
        "event_interval": list(request.event_interval) if request.event_interval else None,
        "event_strength": request.event_strength,
        "section_tags": request.section_tags,
        "use_events": request.use_events,
        "gain_db": float(gain_db),
        "sample_rate": pipeline.sample_rate,
        "device": str(pipeline.device),
    }


def write_song(
    target: Path, samples: "np.ndarray", sample_rate: int, request: "SongRequest", facts: Mapping[str, Any]
) -> Song:
    """Write the WAV file and its sidecar, both or neither, whatever happens to the process meanwhile.

    Args:
        samples: float or int16 (n, channels).
        request: as completed; its events are the song's.
        facts: what the sidecar keeps under `generation`.

    Raises:
        RequestError: the disk refuses.
    """
    from annotate.audio import write_audio

    duration = len(samples) / sample_rate
    fields = {
        "caption": request.prompt,
        "lyrics": request.lyrics,
        "bpm": request.bpm,
        "keyscale": request.keyscale,
        "timesignature": request.timesignature,
        "vocal_language": request.vocal_language,
        "duration": round(duration, 3),
        "generation": dict(facts),
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sidecar = with_events(with_fields(read_sidecar(target), **fields), request.events)
        with put_together(target.parent) as staged:
            write_audio(staged / target.name, samples, sample_rate, tags(facts, request.prompt))
            save_sidecar(replace(sidecar, path=staged / sidecar.path.name, version=None))
            keep_backup(sidecar.path)
    except OSError as problem:
        raise RequestError(f"{target}: the song cannot be written ({problem.strerror or problem}).") from problem
    took = float(facts.get("took_seconds") or 0)
    return Song(target, sidecar_path(target), list(request.events), duration, dict(facts), took)


def tags(facts: Mapping[str, Any], caption: str) -> dict[str, str]:
    """What an audio file says of itself: that a model made it, which one, and how it was asked."""
    adapter = adapter_title(Path(str(facts["adapter"]))) if facts.get("adapter") else "no adapter"
    model = Path(str(facts["model"])).name
    return {
        "software": str(facts["product"]),
        "comment": f"Made by a model: ACE-Step {model}, {adapter}, seed {facts['seed']}.",
        "title": caption[:120],
    }


def adapter_title(folder: Path) -> str:
    """An adapter in few words: the name of its folder, and of its run where it is one of a run's checkpoints."""
    return f"{folder.parent.parent.name}, {folder.name}" if folder.parent.name == "checkpoints" else folder.name


def check_target(output: Path | None, overwrite: bool) -> Path:
    """The WAV file to write, refused before any work where it would destroy somebody's own song."""
    if output is None:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        return output_folder() / f"{stamp}-{secrets.token_hex(6)}.wav"  # not to be guessed by another visitor
    target = output.expanduser()
    if target.suffix.lower() != ".wav":
        raise RequestError(f"{output}: songs are written as WAV, so the name must end in .wav.")
    sidecar = sidecar_path(target)
    if not overwrite and (target.exists() or sidecar.exists()):
        ours = sidecar.exists() and read_sidecar(target).get("generation") is not None
        if not ours:
            raise RequestError(
                f"{output}: a song or sidecar that was not made here lies there. "
                "Choose another name, or add --overwrite to replace it."
            )
    return target
