"""A dataset as others read it: a Hugging Face AudioFolder, or its annotations alone."""

import contextlib
import json
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotate.audio import content_hash
from annotate.dataset import Song, scan
from structure.errors import StudioError
from structure.events import moments, sections
from structure.files import unfinished
from structure.sidecar import SIDECAR_FIELDS, Sidecar, read_sidecar, sidecar_path

_EVENT_COLUMNS = ("type", "start", "end", "label", "intensity", "kind")
_README = """---
pretty_name: {quoted}
task_categories:
- text-to-audio
tags:
- music
- structure
- timed-events
{configs}---

# {name}

{songs} songs, {minutes:.0f} minutes{without}, with {n_sections} sections and {n_moments} moments marked by time.

`metadata.jsonl` has one song a line; what nobody knows of a song is null:

| column | meaning |
|---|---|
{columns}
| `audio_hash` | BLAKE2b of the audio file, 16 bytes in hexadecimal |
| `caption`, `lyrics` | words for the whole song |
| `bpm`, `keyscale`, `timesignature`, `vocal_language` | tempo in beats a minute, key, meter, language of the voice |
| `duration` | seconds of the audio |
| `annotator` | who marked it |
| `events` | list, see below |

An event has `type` (intro, verse, chorus … or a word of somebody's own), `start` and `end` in seconds from the start of
the audio, `kind` (`section` or `moment`), `label` (words about it) and `intensity` (0 to 1). Sections follow one
another and do not overlap; what none covers is unknown. Moments lie on top, and may be points in time.

Sections by type: {types}.
"""
_WITH_AUDIO = """| `file_name` | the audio, inside this folder |
| `song` | its path in the dataset it comes from |
| `sidecar` | the annotation as it is kept beside the audio, whole, as JSON text |"""
_WITHOUT_AUDIO = """| `song` | the audio file's path in the dataset it comes from |
| `sidecar` | the annotation file, inside this folder, as it is kept beside the audio |"""
# Without it `datasets` would take the sidecars for rows.
_METADATA_ONLY = "configs:\n- config_name: default\n  data_files: metadata.jsonl\n"


class ExportError(StudioError):
    """A dataset that cannot be written or uploaded as asked."""


def export_dataset(root: Path, target: Path, annotations_only: bool = False, as_zip: bool = False) -> list[str]:
    """Write a dataset that `datasets.load_dataset("audiofolder", data_dir=target)` reads.

    Songs with problems or without events are left out. All is written beside its place and moved into it whole.

    Args:
        root: folder of songs.
        target: folder or zip archive to make; must not be there, nor lie inside `root`.
        annotations_only: sidecars and no audio, for music that may not be passed on; a song is then known by its name
            and the hash of its file.
        as_zip: one archive instead of the folder, with the sidecars beside the audio, so that it can be imported.

    Returns:
        A sentence for each song that was left out.

    Raises:
        ExportError: the target is there or inside `root`, nothing is marked, or the disk refuses.
        DatasetError: `root` holds no songs.
    """
    if target.exists():
        raise ExportError(f"`{target}` is there already. Name one that is not.")
    if target.resolve().is_relative_to(root.resolve()):
        raise ExportError(f"`{target}` lies inside the dataset, which would then hold each song twice. Name another.")
    songs = scan(root)
    ready = [song for song in songs if song.events and not song.problems]
    left = [song for song in songs if song not in ready]
    if not ready:
        raise ExportError(f"No song in `{root}` is marked and without problems, so there is nothing to export.")
    partial, packed = unfinished(target), unfinished(target, ".zip.tmp")
    try:
        partial.mkdir(parents=True)
        rows = [_write_song(song, partial, annotations_only, beside=as_zip and not annotations_only) for song in ready]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (partial / "metadata.jsonl").write_text(lines, encoding="utf-8")
        (partial / "README.md").write_text(_readme(root, ready, annotations_only), encoding="utf-8")
        if as_zip:
            _pack(partial, packed)
        os.replace(packed if as_zip else partial, target)
    except OSError as problem:
        raise ExportError(f"`{target}` could not be written: {problem.strerror or problem}.") from problem
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with contextlib.suppress(OSError):  # a read-only disk refuses even to remove what is not there
            packed.unlink(missing_ok=True)
    return [f"`{song.name}` was left out: {(song.problems or ['it has no events.'])[0]}" for song in left]


def require_token() -> None:
    """Ask for the hub's token before work is done in vain.

    Raises:
        ExportError: there is none.
    """
    from huggingface_hub import get_token

    if get_token() is None:
        raise ExportError("The hub needs a token: run `hf auth login`, or set HF_TOKEN, and try again.")


def upload(folder: Path, repository: str, public: bool = False) -> str:
    """Put an exported folder on the Hugging Face hub; the address.

    Args:
        folder: what `export_dataset` wrote.
        repository: `name` or `owner/name`; made where it is missing.
        public: everybody may see it; else only its owner.

    Raises:
        ExportError: no token, no network, the hub refuses, or the repository is public and that was not asked for.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError

    require_token()
    hub = HfApi()
    later = f"`{folder}` is complete; upload it later with `hf upload {repository} {folder} --repo-type dataset`."
    try:
        place = hub.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
        if not public and not hub.repo_info(place.repo_id, repo_type="dataset").private:
            raise ExportError(
                f"`{place.repo_id}` is there and everybody can see it. Name another, or give --public if that is meant."
            )
        hub.upload_folder(folder_path=folder, repo_id=place.repo_id, repo_type="dataset")
    except ExportError:
        raise
    except (HTTPError, OSError, ValueError) as problem:
        reason = (str(problem).splitlines() or [type(problem).__name__])[0][:200].rstrip(".")
        raise ExportError(f"The hub did not take `{repository}`: {reason}. {later}") from problem
    return str(place)


def _write_song(song: Song, folder: Path, annotations_only: bool, beside: bool) -> dict[str, Any]:
    """Copy a song, or its sidecar, and give its line: every column in each, so that readers find one type for each.

    A sidecar `beside` the audio is for archives alone: of a folder that holds as many JSON files as sounds, `datasets`
    and the hub would read the JSON.
    """
    sidecar = read_sidecar(song.audio)
    if annotations_only:
        target = sidecar_path(folder / "annotations" / song.name)
        source, where = sidecar.path, {"song": song.name, "sidecar": target.relative_to(folder).as_posix()}
    else:
        target = folder / "data" / song.name
        source, where = song.audio, {"file_name": target.relative_to(folder).as_posix(), "song": song.name}
        where["sidecar"] = json.dumps(sidecar.data, ensure_ascii=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if beside:
        shutil.copyfile(sidecar.path, sidecar_path(target))
    events = [
        {name: getattr(event, name) for name in _EVENT_COLUMNS}
        for event in sections(song.events) + moments(song.events)
    ]
    described = {name: _column(sidecar, name) for name in (*SIDECAR_FIELDS, "annotator")} | {"duration": song.duration}
    return {**where, "audio_hash": content_hash(song.audio), **described, "events": events}


def _column(sidecar: Sidecar, name: str) -> str | float | None:
    """A field of the song: tempo as a fraction and all else as text, however the file has it."""
    value = sidecar.get(name)
    if value is None or name == "bpm":
        return value if value is None else float(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _readme(root: Path, songs: Sequence[Song], annotations_only: bool) -> str:
    types = Counter(event.type for song in songs for event in sections(song.events))
    name = root.resolve().name
    return _README.format(
        name=name,
        quoted=json.dumps(name),  # a name may hold what YAML takes for its own
        configs=_METADATA_ONLY if annotations_only else "",
        columns=_WITHOUT_AUDIO if annotations_only else _WITH_AUDIO,
        songs=len(songs),
        minutes=sum(song.duration or 0 for song in songs) / 60,
        without=", without their audio" if annotations_only else "",
        n_sections=sum(types.values()),
        n_moments=sum(len(moments(song.events)) for song in songs),
        types=", ".join(f"{kind} {count}" for kind, count in types.most_common()),
    )


def _pack(folder: Path, archive: Path) -> None:
    """Texts are packed; audio is stored, since most of it is packed already."""
    with zipfile.ZipFile(archive, "x", strict_timestamps=False) as zipped:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            packing = zipfile.ZIP_DEFLATED if path.suffix in (".json", ".jsonl", ".md") else zipfile.ZIP_STORED
            zipped.write(path, path.relative_to(folder).as_posix(), compress_type=packing)
