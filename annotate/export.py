"""A dataset as others read it: a Hugging Face AudioFolder, or its annotations alone."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from annotate.audio import content_hash
from annotate.dataset import Song, scan
from structure.errors import StudioError
from structure.events import moments, sections
from structure.files import unfinished
from structure.sidecar import SIDECAR_FIELDS, read_sidecar

_EVENT_COLUMNS = ("type", "start", "end", "label", "intensity", "kind")
_README = """---
pretty_name: {name}
task_categories:
- text-to-audio
tags:
- music
- structure
- timed-events
---

# {name}

{songs} songs, {minutes:.0f} minutes{without}, with {n_sections} sections and {n_moments} moments marked by time.

`metadata.jsonl` has one song a line: `{key}`, `duration` in seconds, caption, lyrics, tempo and key where they are
known, and `events`: `type`, `start` and `end` in seconds from the start of the audio, `kind` (`section` or `moment`),
`label` (free words) and `intensity` (0 to 1) where somebody gave one. `sidecar` is the song's annotation as it is kept
beside the audio, whole, as JSON text.

Sections follow one another and do not overlap; what none covers is unknown. Sections by type: {types}.
"""


class ExportError(StudioError):
    """A dataset that cannot be written as asked."""


def export_dataset(root: Path, target: Path, annotations_only: bool = False) -> list[str]:
    """Write a dataset that `datasets.load_dataset("audiofolder", data_dir=target)` reads.

    Songs with problems or without events are left out. The folder is made beside its place and moved into it whole.

    Args:
        root: folder of songs.
        target: folder to make; must not be there.
        annotations_only: no audio, for music that may not be passed on; a song is then known by the
            hash of its file.

    Returns:
        A sentence for each song that was left out.

    Raises:
        ExportError: the folder is there, or nothing is marked, or the disk refuses.
        DatasetError: `root` holds no songs.
    """
    if target.exists():
        raise ExportError(f"`{target}` is there already. Name a folder that is not.")
    songs = scan(root)
    ready = [song for song in songs if song.events and not song.problems]
    left = [f"`{song.name}` was left out: {song.problems[0] if song.problems else 'nothing is marked in it.'}"
            for song in songs if song not in ready]  # fmt: skip
    if not ready:
        raise ExportError(f"No song in `{root}` is marked and without problems, so there is nothing to export.")
    partial = unfinished(target)
    try:
        partial.mkdir(parents=True)
        rows = [_write_song(song, partial, annotations_only) for song in ready]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (partial / "metadata.jsonl").write_text(lines, encoding="utf-8")
        (partial / "README.md").write_text(_readme(root, ready, annotations_only), encoding="utf-8")
        os.replace(partial, target)
    except OSError as problem:
        raise ExportError(f"`{target}` could not be written: {problem.strerror or problem}.") from problem
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return left


def upload(folder: Path, repository: str, public: bool = False) -> str:
    """Put an exported folder on the Hugging Face hub; the address.

    Args:
        folder: what `export_dataset` wrote.
        repository: `name` or `owner/name`; made where it is missing.
        public: everybody may see it; else only its owner.

    Raises:
        ExportError: no token, no network, or the hub refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError, LocalTokenNotFoundError

    hub = HfApi()
    try:
        place = hub.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
        hub.upload_folder(folder_path=folder, repo_id=place.repo_id, repo_type="dataset")
    except LocalTokenNotFoundError as problem:
        raise ExportError("The hub needs a token: run `hf auth login`, or set HF_TOKEN, and try again.") from problem
    except (HTTPError, OSError, ValueError) as problem:
        raise ExportError(
            f"The hub did not take `{repository}`: {str(problem).splitlines()[0][:200]} `{folder}` is complete: "
            "upload it later."
        ) from problem
    return str(place)


def _write_song(song: Song, folder: Path, annotations_only: bool) -> dict[str, Any]:
    """Copy a song, or not, and give its line."""
    sidecar = read_sidecar(song.audio)
    row: dict[str, Any] = {"song": song.name, "audio_hash": content_hash(song.audio)}
    if not annotations_only:
        target = folder / "data" / song.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(song.audio, target)
        row = {"file_name": f"data/{song.name}", **row}
    # every line has every column, so that readers find one type for each
    row |= {name: sidecar.get(name) for name in SIDECAR_FIELDS} | {"duration": song.duration}
    texts = ("caption", "lyrics", "keyscale", "timesignature", "vocal_language")
    row |= {name: str(row[name]) for name in texts if row.get(name) is not None}
    row["events"] = [
        {name: getattr(event, name) for name in _EVENT_COLUMNS}
        for event in sections(song.events) + moments(song.events)
    ]
    return row | {"sidecar": json.dumps(sidecar.data, ensure_ascii=False)}


def _readme(root: Path, songs: Sequence[Song], annotations_only: bool) -> str:
    types = Counter(event.type for song in songs for event in sections(song.events))
    return _README.format(
        name=root.resolve().name,
        songs=len(songs),
        minutes=sum(song.duration or 0 for song in songs) / 60,
        without=", without their audio" if annotations_only else "",
        n_sections=sum(types.values()),
        n_moments=sum(len(moments(song.events)) for song in songs),
        key="audio_hash` (BLAKE2b of the audio file, 16 bytes) and `song" if annotations_only else "file_name",
        types=_listing(types.most_common()),
    )


def _listing(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts)
