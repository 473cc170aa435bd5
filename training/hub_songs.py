"""A dataset to the Hugging Face hub: songs, the sidecars beside them, and nothing else of the folder.

`--dataset-repo` brings it back (`hub_dataset.py`). Backups, hidden files and whatever is no song of the list stay here.
"""

import json
from pathlib import Path

from annotate.dataset import scan
from structure.json_reading import parse_json
from structure.sidecar import sidecar_path
from training.hub import HubError, HubPlace, Parcel, lines_of, put, without_folders


def upload_songs(dataset: Path, place: HubPlace) -> str:
    """Put a dataset on the hub; the address. The same call goes on where another broke off.

    Args:
        dataset: folder of songs.
        place: where to; a new repository is its owner's alone unless it says otherwise.

    Raises:
        HubError: no token, or a sidecar that cannot be read.
        NotUploadedError: the hub cannot be reached or refuses, or everybody can see the repository and that was not
            asked for.
        DatasetError: no such folder, or no songs in it.
    """
    later = (
        f"The same command goes on where it was: `python -m training upload-songs {dataset} --repo {place.repository}`."
    )
    return put(song_parcels(dataset), place, f"Songs of {dataset.resolve().name}", later, kind="dataset")


def song_lines(dataset: Path, place: HubPlace) -> list[str]:
    """What would be sent, a file with its size a line, then the sum and the place; raises as `song_parcels` does."""
    return lines_of(song_parcels(dataset), place)


def song_parcels(dataset: Path) -> list[Parcel]:
    """Every song's audio and sidecar, by name; of a sidecar's `generation`, folders of this machine stay here.

    Raises:
        HubError: a sidecar cannot be read.
        DatasetError: no such folder, or no songs in it.
    """
    parcels = []
    for song in scan(dataset):
        if song.duration is None:  # no audio that can be read
            continue
        name = song.audio.relative_to(dataset)
        parcels.append(Parcel(name.as_posix(), song.audio))
        sidecar = sidecar_path(song.audio)
        if song.owner is None and sidecar.is_file():
            parcels.append(Parcel(name.with_suffix(sidecar.suffix).as_posix(), _travelling(sidecar)))
    return parcels


def _travelling(sidecar: Path) -> Path | bytes:
    """A sidecar as it goes out: as it is, unless it names folders."""
    try:
        data = parse_json(sidecar.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise HubError(
            f"{sidecar}: cannot be read ({problem}). Mend it, or take the song out of the folder."
        ) from problem
    if not isinstance(data, dict) or "generation" not in data:
        return sidecar
    data["generation"] = without_folders(data["generation"])
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
