"""A dataset from the Hugging Face hub: its songs and what stands beside them, in a folder of the user's cache.

Each commit has a folder of its own, so what was trained on stays as it was. Of an AudioFolder, as `python -m annotate
export` writes it, the sidecars lie in `metadata.jsonl` and are laid beside their songs again.
"""

import glob
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from annotate.audio import AUDIO_SUFFIXES
from structure.json_reading import parse_json
from structure.sidecar import sidecar_path
from training.hub import DEFAULT_TOKEN_VARIABLE, HubError, plainly, quiet, require_inside, require_repository, token_in
from training.latents import default_cache

BESIDE = (".json", ".txt", ".csv")  # what belongs to songs and is no sound
TABLE = "metadata.jsonl"


def download_dataset(
    repository: str,
    revision: str = "main",
    subdir: str = "",
    token_variable: str = DEFAULT_TOKEN_VARIABLE,
    cache: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Fetch a dataset's songs, sidecars and texts, and nothing else; what was fetched before is not fetched again.

    Args:
        repository: `owner/name`.
        revision: branch, tag or commit.
        subdir: folder inside it that holds the songs; "" is its root.
        token_variable: environment variable with a token, for private datasets; without one none is sent.
        cache: folder for downloads; None: the user's cache folder.
        say: told in a sentence what is fetched.

    Returns:
        the folder with the songs.

    Raises:
        HubError: no such dataset or folder, no audio in it, a name that leads out of the folder, no room, no network.
    """
    require_repository(repository)
    require_inside(subdir)
    quiet()
    from huggingface_hub import HfApi, RepoFile
    from huggingface_hub.errors import HTTPError

    token = token_in(token_variable) or False
    hub = HfApi(token=token)
    try:
        commit = hub.repo_info(repository, repo_type="dataset", revision=revision).sha
        require_inside(commit)
        listed = hub.list_repo_tree(repository, recursive=True, revision=commit, repo_type="dataset")
        sizes = {entry.path: entry.size for entry in listed if isinstance(entry, RepoFile)}
        wanted = _wanted(repository, sizes, subdir)
        folder = (cache or default_cache().parent / "datasets") / repository.replace("/", "--") / commit
        size = sum(sizes[path] for path in wanted)
        say(f"{len(wanted)} files, {size / 1e6:.1f} MB, from {repository} at {commit[:8]} into {folder}.")
        _require_room(folder, wanted, sizes)
        patterns = [_pattern(subdir, suffix) for suffix in (*AUDIO_SUFFIXES, *BESIDE)]
        hub.snapshot_download(
            repository,
            repo_type="dataset",
            revision=commit,
            local_dir=folder,
            allow_patterns=[*patterns, TABLE, _pattern(subdir, TABLE)],
        )
    except HubError:
        raise
    except (HTTPError, OSError, ValueError, RuntimeError) as problem:
        raise HubError(
            f"{repository}: could not be fetched from the hub ({plainly(problem, token or '')}). Check the name, the "
            f"revision {revision} and the token in {token_variable}, or give a folder with --dataset-dir."
        ) from problem
    lay_out_sidecars(folder)
    return folder / subdir


def lay_out_sidecars(folder: Path) -> int:
    """Write the sidecars that tables of an AudioFolder hold beside their songs, where there are none; how many.

    Raises:
        HubError: a table names a file outside of its folder.
    """
    written = 0
    for table in sorted(folder.rglob(TABLE)):
        for line in table.read_text(encoding="utf-8").splitlines():
            row = _object(line)
            name, sidecar = row.get("file_name"), row.get("sidecar")
            if not isinstance(name, str) or not isinstance(sidecar, str) or not _object(sidecar):
                continue
            require_inside(name)
            target = sidecar_path(table.parent / name)
            if (table.parent / name).is_file() and not target.exists():
                target.write_text(sidecar, encoding="utf-8")
                written += 1
    return written


def _wanted(repository: str, paths: dict[str, int], subdir: str) -> list[str]:
    """The files to fetch, each known to stay inside.

    Raises:
        HubError: none is audio, or any file of the repository leads out of it.
    """
    for path in paths:
        require_inside(path)
    inside = [path for path in paths if PurePosixPath(path).is_relative_to(subdir)]
    if not any(path.lower().endswith(AUDIO_SUFFIXES) for path in inside):
        where = f" in {subdir}" if subdir else ""
        raise HubError(f"{repository}: holds no audio{where}. Name the folder with the songs by --dataset-subdir.")
    kept = [path for path in inside if path.lower().endswith((*AUDIO_SUFFIXES, *BESIDE)) or path.endswith(TABLE)]
    return kept + [path for path in (TABLE,) if path in paths and path not in kept]


def _require_room(folder: Path, wanted: list[str], sizes: dict[str, int]) -> None:
    """Refuse what the disk cannot hold.

    Raises:
        HubError: less is free than is still to be fetched.
    """
    missing = sum(sizes[path] for path in wanted if not (folder / path).is_file())
    home = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    if (free := shutil.disk_usage(home).free) < missing:
        raise HubError(f"{home}: {free / 1e6:.0f} MB are free and {missing / 1e6:.0f} MB to be fetched. Make room.")


def _pattern(subdir: str, ending: str) -> str:
    """A pattern of file names that end so, in capitals or not."""
    either = "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in ending)
    return (glob.escape(subdir.strip("/")) + "/" if subdir else "") + f"*{either}"


def _object(line: str) -> dict[str, Any]:
    """A JSON object; an empty one where the text is none."""
    try:
        found = parse_json(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
