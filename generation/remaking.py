"""A song made again from its sidecar alone: to the bit on the same machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER, Job, RequestError, make_job
from structure.sidecar import Sidecar, read_sidecar

_SAME = (
    "seed", "steps", "shift", "event_guidance", "event_interval", "event_strength", "section_tags", "use_events",
    "strength", "duration",
)  # fmt: skip
_OF_THE_SONG = ("caption", "lyrics", "bpm", "keyscale", "timesignature", "vocal_language")


def remade_job(sidecar: Sidecar) -> tuple[Job, str]:
    """The request that a sidecar remembers, and the model that it was made with.

    Raises:
        RequestError: the song was not made here, or its sidecar has lost what made it.
    """
    made = sidecar.get("generation")
    if not isinstance(made, Mapping):
        raise RequestError(f"{sidecar.path.name}: this song was not made here: its sidecar has no `generation`.")
    if missing := [name for name in ("model", "model_hash", *_SAME) if name not in made]:
        raise RequestError(
            f"{sidecar.path.name}: `generation` lacks {', '.join(missing)}; the song cannot be made again exactly."
        )
    fields: dict[str, Any] = {name: sidecar.get(name) for name in _OF_THE_SONG} | {name: made[name] for name in _SAME}
    fields |= {
        "guidance": made.get("guidance_scale"),
        "adapter": _adapter(made),
        "events": [event.to_dict() for event in sidecar.events],
    }
    return make_job({name: value for name, value in fields.items() if value is not None}), str(made["model"])


def read_remade(path: Path) -> tuple[Job, str, Sidecar]:
    """`remade_job` of a song or sidecar on the disk, and the sidecar.

    Raises:
        RequestError: as `remade_job`.
        SidecarError: it cannot be read.
    """
    sidecar = read_sidecar(path)
    return *remade_job(sidecar), sidecar


def refuse_other_makers(sidecar: Sidecar, facts: Mapping[str, Any]) -> None:
    """Compare what made the first song with what made the second.

    Raises:
        RequestError: another model or adapter lies there now.
    """
    made = sidecar.get("generation")
    for name, what in (("model_hash", "model"), ("adapter_hash", "adapter")):
        if made.get(name) != facts.get(name):
            raise RequestError(
                f"{sidecar.path.name}: its {what} has changed since ({made.get(name)}, now {facts.get(name)}): the "
                "song cannot be made again exactly."
            )


def _adapter(made: Mapping[str, Any]) -> str:
    """The adapter as a request names it; the shipped one is asked for by its name, wherever the program lies."""
    if made.get("adapter") is None:
        return NO_ADAPTER
    return DEFAULT_ADAPTER if made.get("adapter_shipped") else str(made["adapter"])
