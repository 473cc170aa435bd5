"""An adapter to the Hugging Face hub: which files go, where to, and with whose leave.

Only what stands in `CARRIED` ever leaves a run's folder: no checkpoint, no log, no settings file. The token comes from
one environment variable, goes into the request and nowhere else. `huggingface_hub` is imported when it is first needed.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from acestep.adapter import (
    CARD_FILE,
    ENCODER_FILE,
    LORA_FILE,
    UPSTREAM_CONFIG_FILE,
    UPSTREAM_LORA_FILE,
    lora_file,
    read_card,
)
from structure.errors import StudioError
from training.model_card import PICTURE_FILE, README_FILE, write_card
from training.run_folder import has_adapter

_LOKR_FILES = (UPSTREAM_LORA_FILE, UPSTREAM_CONFIG_FILE)
CARRIED = (LORA_FILE, *_LOKR_FILES, ENCODER_FILE, CARD_FILE, README_FILE, PICTURE_FILE)
DEFAULT_TOKEN_VARIABLE = "HF_TOKEN"
AT_ONCE = 100  # files in a commit: what has arrived when a long upload breaks off stays there
QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class HubError(StudioError):
    """Something about the hub that a person can put right."""


class NotUploadedError(HubError):
    """The adapter is on disk and not, or not wholly, on the hub; the sentence says how to send it later."""


@dataclass(frozen=True)
class HubPlace:
    """Where an adapter goes: `owner/name`, a folder in it ("" is its root), and whether only its owner sees it.

    Raises:
        HubError: a repository or a folder that cannot be one.
    """

    repository: str
    folder: str = ""
    private: bool = True
    token_variable: str = DEFAULT_TOKEN_VARIABLE

    def __post_init__(self) -> None:
        require_repository(self.repository)
        require_inside(self.folder)


@dataclass(frozen=True)
class Parcel:
    """One file as it goes out: its name, and its content or where that lies."""

    name: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)


def upload_run(run_folder: Path, place: HubPlace) -> str:
    """Put a run's adapter with its card on the hub; the address.

    May be called again after it failed: what has arrived whole is not sent twice.

    Raises:
        HubError: no token, or no adapter.
        NotUploadedError: the hub cannot be reached or refuses, or everybody can see the repository and that was not
            asked for.
    """
    require_token(place.token_variable)
    again = f"`python -m training upload {run_folder} --repo {place.repository}`"
    later = f"The adapter is safe in {run_folder}; {again} sends it later."
    return put(parcels_of(run_folder), place, f"Adapter {Path(run_folder).resolve().name}", later)


def put(parcels: Sequence[Parcel], place: HubPlace, message: str, later: str, kind: str = "model") -> str:
    """Send files, at most `AT_ONCE` in a commit; the address of the repository.

    What has arrived whole is not sent twice, so the same call goes on where another broke off.

    Args:
        parcels: what is sent.
        place: where to.
        message: of the commits.
        later: ends the sentence of what goes wrong: how to go on.
        kind: of repository, model or dataset.

    Raises:
        HubError: no token.
        NotUploadedError: the hub cannot be reached or refuses, or everybody can see the repository and that was not
            asked for.
    """
    token = require_token(place.token_variable)
    quiet()
    from huggingface_hub import CommitOperationAdd, HfApi

    hub = HfApi(token=token)
    with _said_plainly(place, token, later):
        made = hub.create_repo(place.repository, private=place.private, exist_ok=True, repo_type=kind)
        if place.private and not hub.repo_info(made.repo_id, repo_type=kind).private:
            raise HubError(
                "it is there and everybody can see it: name another, or say that it is meant (--no-private; while "
                "training --no-upload-private)"
            )
        for first in range(0, len(parcels), AT_ONCE):
            additions = [
                CommitOperationAdd(str(PurePosixPath(place.folder, parcel.name)), parcel.content)
                for parcel in parcels[first : first + AT_ONCE]
            ]
            hub.create_commit(made.repo_id, additions, commit_message=message, repo_type=kind)
    return str(made)


def parcels_of(run_folder: Path) -> list[Parcel]:
    """What `upload_run` would send, in that order; a card is written first where there is none.

    Raises:
        HubError: there is no adapter, or no LoRA beside its `adapter.json`.
        StudioError: `adapter.json` or the run's settings cannot be read.
    """
    folder = Path(run_folder)
    if not has_adapter(folder) or lora_file(folder) is None:
        raise HubError(f"{folder}: holds no whole adapter; choose the folder of a run that has ended.")
    read_card(folder)
    if not (folder / README_FILE).is_file():
        write_card(folder)
    present = [name for name in CARRIED if (folder / name).is_file()]
    return [Parcel(name, _travelling_card(folder) if name == CARD_FILE else folder / name) for name in present]


def upload_lines(run_folder: Path, place: HubPlace) -> list[str]:
    """What would be sent, a file with its size a line, then the sum and the place.

    Raises:
        StudioError: see `parcels_of`.
    """
    return lines_of(parcels_of(run_folder), place)


def lines_of(parcels: Sequence[Parcel], place: HubPlace) -> list[str]:
    """Each file with its size, then the sum and the place."""
    lines = [f"{parcel.size:>12,} bytes  {PurePosixPath(place.folder, parcel.name)}" for parcel in parcels]
    who = "only its owner can see" if place.private else "everybody can see"
    total = f"{sum(parcel.size for parcel in parcels):>12,} bytes  for {place.repository}, which {who}"
    return [*lines, total]


def require_token(variable: str) -> str:
    """The token, before work is done in vain.

    Raises:
        HubError: the variable is empty; see `token_in`.
    """
    token = token_in(variable)
    if not token:
        raise HubError(f"The hub needs a token: set the environment variable {variable}, or name another one.")
    return token


def token_in(variable: str) -> str:
    """What an environment variable holds, "" where it is not set.

    Raises:
        HubError: it holds what cannot be a token, or is itself one. The sentence never holds it.
    """
    if variable.startswith("hf_"):
        raise HubError("--hf-token-env takes the name of an environment variable, and that looks like a token itself.")
    token = os.environ.get(variable, "").strip()
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise HubError(f"{variable}: holds no token; set it to one from https://huggingface.co/settings/tokens.")
    return token


def require_repository(name: str) -> None:
    """Let only `OWNER/NAME` be a repository.

    Raises:
        HubError: it is something else.
    """
    if not _REPOSITORY.fullmatch(name) or ".." in name or "--" in name or len(name) > 96:
        raise HubError(f"`{name}` is no repository of the hub: write OWNER/NAME, in letters, digits, dots and dashes.")


def require_inside(path: str) -> None:
    """Let no path lead out of the folder that it is counted from, on any system.

    Raises:
        HubError: it is absolute, names a drive, or goes up.
    """
    windows = PureWindowsPath(path)
    if windows.anchor or PurePosixPath(path).is_absolute() or ".." in windows.parts:
        raise HubError(f"`{path}` leads out of the repository: give a folder inside it, such as songs/rock.")


def plainly(problem: Exception, token: str = "") -> str:
    """The first line of the hub client's own words, short and without the token."""
    first = (str(problem).splitlines() or [type(problem).__name__])[0].strip().rstrip(".")[:200]
    first = first or type(problem).__name__
    return first.replace(token, "[token]") if token else first


def quiet() -> None:
    """Before `huggingface_hub` is imported: no usage statistics, and no progress bars where they would fill a log."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


@contextmanager
def _said_plainly(place: HubPlace, token: str, later: str) -> Iterator[None]:
    """Whatever goes wrong on the way to the hub as one sentence that says how to go on."""
    from huggingface_hub.errors import HTTPError

    try:
        yield
    except (HTTPError, OSError, ValueError, RuntimeError) as problem:  # the last from hf_xet
        raise NotUploadedError(
            f"The hub did not take `{place.repository}`: {plainly(problem, token)}. {later}"
        ) from problem


def _travelling_card(folder: Path) -> bytes:
    """`adapter.json` without folders of the machine that trained: of a full path, its last part."""
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    return (json.dumps(without_folders(card), indent=1, ensure_ascii=False) + "\n").encode()


def without_folders(value: Any) -> Any:
    """JSON in which a full path is its last part alone: folders are nobody else's business."""
    if isinstance(value, dict):
        return {key: without_folders(found) for key, found in value.items()}
    if isinstance(value, list):
        return [without_folders(found) for found in value]
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
        return PureWindowsPath(value).name
    return value
