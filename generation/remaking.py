"""A song made again from its sidecar alone: to the bit on the same machine."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotate.audio import content_hash
from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER, Job, RequestError, make_job
from generation.reworking import edit_in, read_source, rework_song
from generation.service import Song, generate_song
from structure.sidecar import Sidecar, read_sidecar

_SAME = (
    "seed", "steps", "shift", "event_guidance", "event_interval", "event_strength", "section_tags", "use_events",
    "strength", "duration",
)  # fmt: skip
_OF_THE_SONG = ("caption", "lyrics", "bpm", "keyscale", "timesignature", "vocal_language")


def remade_job(sidecar: Sidecar, exactly: bool = True) -> tuple[Job, str]:
    """The request that a sidecar remembers, and the model that it was made with.

    Args:
        sidecar: of a song that was made here.
        exactly: refuse where anything is missing; else it is the model's own.

    Raises:
        RequestError: the song was not made here, or its sidecar has lost what made it.
    """
    made = sidecar.get("generation")
    if not isinstance(made, Mapping):
        raise RequestError(f"{sidecar.path.name}: this song was not made here: its sidecar has no `generation`.")
    missing = [name for name in ("model", "model_hash", *_SAME) if name not in made]
    if missing and exactly:
        raise RequestError(
            f"{sidecar.path.name}: `generation` lacks {', '.join(missing)}; the song cannot be made again exactly."
        )
    fields: dict[str, Any] = {name: sidecar.get(name) for name in _OF_THE_SONG} | {
        name: made.get(name) for name in _SAME
    }
    fields |= {
        "guidance": made.get("guidance_scale"),
        "negative": made.get("negative"),  # songs of before it was there have none
        "adapter": _adapter(made),
        "beside": _beside(made, sidecar.path.name),
        "events": [event.to_dict() for event in sidecar.events],
    }
    return make_job({name: value for name, value in fields.items() if value is not None}), str(
        made.get("model", "starter")
    )


def remake_song(sidecar: Sidecar, output: Path, device: str = "auto", overwrite: bool = False) -> Song:
    """Make a song again, and before it the songs that it was changed from, from their sidecars alone.

    Args:
        sidecar: of the song.
        output: WAV file.
        device: torch's name, or `auto`.
        overwrite: replace a song at `output` that was not made here.

    Raises:
        RequestError: something that made it is not there any more, or has changed.
        StudioError: as `generate_song`.
    """
    job, model = remade_job(sidecar)
    made = sidecar.get("generation")
    settings: dict[str, Any] = {
        "model": model,
        "device": device,
        "output": output,
        "overwrite": overwrite,
        "check": lambda facts: refuse_other_makers(sidecar, facts),
    }
    if "parent" not in made:
        return generate_song(job, **settings)
    with tempfile.TemporaryDirectory(prefix="structure-studio-") as folder:
        before = remake_song(_parent(made, Path(folder) / "asked"), Path(folder) / "parent.wav", device)
        if content_hash(before.audio) != made["parent"].get("audio_hash"):
            raise RequestError(
                f"{sidecar.path.name}: the song that it was changed from comes out differently on this machine, so it "
                "cannot be made again exactly."
            )
        return rework_song(read_source(before.audio), edit_in(made, sidecar), job, **settings)


def refuse_other_makers(sidecar: Sidecar, facts: Mapping[str, Any]) -> None:
    """Compare what made the first song with what made the second.

    Raises:
        RequestError: another model or adapter lies there now.
    """
    made = sidecar.get("generation")
    hashes = [[other.get("adapter_hash") for other in told.get("beside", ())] for told in (made, facts)]
    if hashes[0] != hashes[1]:
        raise RequestError(
            f"{sidecar.path.name}: an adapter beside the first has changed since, so the song cannot be made again "
            "exactly."
        )
    for name, what in (("model_hash", "model"), ("adapter_hash", "adapter")):
        if made.get(name) != facts.get(name):
            raise RequestError(
                f"{sidecar.path.name}: its {what} has changed since ({made.get(name)}, now {facts.get(name)}): the "
                "song cannot be made again exactly."
            )


def _parent(made: Mapping[str, Any], folder: Path) -> Sidecar:
    """The sidecar of the song that this one was changed from, as a file in `folder`."""
    try:
        folder.mkdir()
        path = folder / "parent.json"
        path.write_text(json.dumps(made["parent"]["sidecar"]), encoding="utf-8")
    except (KeyError, TypeError, ValueError) as problem:
        raise RequestError("`generation.parent` cannot be read: the song cannot be made again exactly.") from problem
    return read_sidecar(path)


def _beside(made: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The adapters beside the first as a request names them; songs of before there were any have none."""
    told = made.get("beside", [])
    if not isinstance(told, list) or not all(isinstance(other, Mapping) for other in told):
        raise RequestError(f"{name}: `generation.beside` is no list of adapters; the song cannot be made again.")
    return [{key: other.get(key) for key in ("adapter", "strength")} for other in told]


def _adapter(made: Mapping[str, Any]) -> str:
    """The adapter as a request names it; the shipped one is asked for by its name, wherever the program lies."""
    if made.get("adapter") is None:
        return NO_ADAPTER
    return DEFAULT_ADAPTER if made.get("adapter_shipped") else str(made["adapter"])
