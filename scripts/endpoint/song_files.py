"""A song on disk: the audio, and beside it a JSON sidecar that says what is where in it and what made it.

Both are written beside their places, synced, and then renamed: audio first, so that no sidecar speaks of a song that
is not there. Whoever is killed between the two renames leaves a finished sidecar under its working name, and
`finish_interrupted` sets it in place. The sidecar keeps a hash of the request and one of the audio, which is how a
song is known again.
"""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from answer import Answer
from errors import ClientError

PART = ".part"  # `.song.json.1a2b3c4d.part`


class State(Enum):
    """What lies where a song is to be written."""

    ABSENT = "nothing that would be lost"
    MADE = "this very song, whole"
    CHANGED = "a song made here of another request"
    EDITED = "a song made here and changed since"
    FOREIGN = "a song or sidecar that was not made here"


@dataclass(frozen=True)
class Place:
    """Where a song goes: `folder/name.wav` and `folder/name.json`."""

    audio: Path

    @property
    def sidecar(self) -> Path:
        """The JSON file beside it."""
        return self.audio.with_suffix(".json")


def request_hash(inputs: Mapping[str, Any]) -> str:
    """One name for the same request, however its fields are ordered."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def state_of(place: Place, inputs: Mapping[str, Any]) -> State:
    """What lies where this request's song is to be written."""
    if not place.sidecar.exists():
        return State.FOREIGN if place.audio.exists() else State.ABSENT
    made = _read(place.sidecar).get("generation")
    if not isinstance(made, dict) or "request_hash" not in made:
        return State.FOREIGN
    if made["request_hash"] != request_hash(inputs):
        return State.CHANGED
    if not place.audio.exists():
        return State.ABSENT
    return State.MADE if _hash_of(place.audio) == made.get("audio_sha256") else State.EDITED


def write_song(place: Place, answer: Answer, inputs: Mapping[str, Any], url: str) -> None:
    """Write both files whole, over whatever lies there.

    Args:
        place: where.
        answer: the song.
        inputs: what was asked, without `id`.
        url: of the endpoint.

    Raises:
        ClientError: the disk refuses.
    """
    sidecar = json.dumps(_describe(place, answer, inputs, url), indent=2, ensure_ascii=False) + "\n"
    before, parts = _made_before(place), []
    try:
        place.audio.parent.mkdir(parents=True, exist_ok=True)
        for path, content in ((place.audio, answer.audio), (place.sidecar, sidecar.encode("utf-8", "replace"))):
            parts.append((path, write_part(path, content)))
        for path, part in parts:
            os.replace(part, path)
        if before is not None:
            before.unlink(missing_ok=True)
        _sync_folder(place.audio.parent)
    except OSError as problem:
        raise ClientError(
            f"{place.audio}: the song cannot be written ({problem.strerror or problem}). Make room or give write "
            "access, then ask again."
        ) from problem
    finally:
        for _, part in parts:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def write_part(path: Path, content: bytes) -> Path:
    """Write content beside its place, safe from a power cut; the caller renames it."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def finish_interrupted(folder: Path) -> None:
    """Set in place what a killed writer had finished, and sweep away the rest. For a folder that nobody writes to."""
    for part in sorted(folder.glob(f".*.json.*{PART}")):
        sidecar = folder / part.name[1:].rsplit(".", 2)[0]
        made = _read(part).get("generation")
        if isinstance(made, dict):
            audio = folder / Path(str(made.get("audio"))).name
            if audio.is_file() and _hash_of(audio) == made.get("audio_sha256"):
                os.replace(part, sidecar)
    for part in folder.glob(f".*{PART}"):
        part.unlink(missing_ok=True)


def _describe(place: Place, answer: Answer, inputs: Mapping[str, Any], url: str) -> dict[str, Any]:
    """The sidecar, as the annotation page reads it: seven fields of the song, its events, and what made it.

    What the endpoint says that it made counts before what was asked: it fills in what a request leaves out.
    """
    said = {**inputs, **{"caption" if key == "prompt" else key: value for key, value in answer.meta.items()}}
    texts = {name: said.get(name) for name in ("caption", "lyrics", "keyscale", "timesignature", "vocal_language")}
    bpm = said.get("bpm")
    return {
        **{name: "" if value is None else str(value) for name, value in texts.items()},
        "bpm": bpm if isinstance(bpm, int | float) and bpm > 0 else None,
        "duration": answer.duration or None,
        "events": answer.events,
        "generation": {
            "product": "Structure Studio",
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "endpoint": url,
            "request": dict(inputs),
            "request_hash": request_hash(inputs),
            "audio": place.audio.name,
            "audio_sha256": hashlib.sha256(answer.audio).hexdigest(),
            "sample_rate": answer.sample_rate,
            "seed": answer.seed,
            "round_trip_seconds": round(answer.round_trip, 3),
            "timings": answer.timings,
            "versions": answer.versions,
            "meta": answer.meta,
        },
    }


def _made_before(place: Place) -> Path | None:
    """The audio of another format that the sidecar belonged to so far, as it was made here: it would be an orphan."""
    made = _read(place.sidecar).get("generation")
    if not isinstance(made, dict) or made.get("audio") in (None, place.audio.name):
        return None
    audio = place.audio.with_name(Path(str(made["audio"])).name)
    return audio if audio.is_file() and _hash_of(audio) == made.get("audio_sha256") else None


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where the file is damaged, which makes it somebody else's."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make renames outlast a power cut; Windows opens no folders, and does so by itself."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
