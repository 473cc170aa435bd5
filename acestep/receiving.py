"""Adapters from outside: each file is looked at before one is written, and none of a kind that could run anything."""

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from acestep.adapter import (
    CARD_FILE,
    ENCODER_FILE,
    LORA_FILE,
    UPSTREAM_CONFIG_FILE,
    UPSTREAM_LORA_FILE,
    AdapterCard,
    AdapterError,
    require_base,
)
from structure.errors import in_short
from structure.files import unfinished
from structure.json_reading import parse_json, read_json

FILES = (LORA_FILE, UPSTREAM_LORA_FILE, ENCODER_FILE, CARD_FILE, UPSTREAM_CONFIG_FILE)
MOST_WEIGHTS = 2 * 1024**3  # bytes of one file: a LoRA of rank 64 on the largest model has a quarter of that
MOST_JSON = 1024**2
MOST_KEPT = 200  # folders on the shelf: a page that others reach must not fill its disk
LONGEST_NAME = 60  # characters


def receive_adapter(files: Sequence[Path], shelf: Path, name: str, model: str, model_hash: str) -> Path:
    """Make an adapter folder of single files, whole or not at all.

    Args:
        files: of one adapter, under the names of `FILES`.
        shelf: folder of adapter folders, made where it is missing.
        name: for the folder; what no folder can be called everywhere becomes `-`, and a hash of the files follows, so
            that the same files make the same folder and nobody finds one whose files they do not have.
        model, model_hash: what the adapter is to act on; an empty hash is not compared.

    Returns:
        the folder, which was there already where these files were sent before.

    Raises:
        AdapterError: a file is of another kind, too large, damaged or missing, the card names another base, or the disk
            refuses; nothing was written.
    """
    known = _by_name(files)
    for file in known.values():
        _check(file)
    _check_together(known, model, model_hash)
    digest = hashlib.sha256()
    for file in known.values():
        digest.update(f"{file.name} {file.stat().st_size} ".encode())
        with file.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    clean = re.sub(r"[^\w-]+", "-", name).strip("-")[:LONGEST_NAME] or "adapter"
    target = shelf / f"{clean}-{digest.hexdigest()[:16]}"
    staged = unfinished(target)
    try:
        if not target.is_dir():
            if len(list(shelf.glob("[!.]*"))) >= MOST_KEPT:
                raise AdapterError(f"{MOST_KEPT} adapters were sent already. Whoever runs the page has to delete some.")
            staged.mkdir(parents=True)
            for file in known.values():
                shutil.copyfile(file, staged / file.name)
            os.rename(staged, target)
    except OSError as problem:
        if not target.is_dir():  # else another call brought the same files at the same time
            raise AdapterError(f"{name}: could not be kept ({problem.strerror or problem}). Make room.") from problem
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target


def _by_name(files: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: file.name):
        if file.name not in FILES:
            raise AdapterError(
                f"{file.name[:80]}: no file of an adapter. Taken are {', '.join(FILES)}; other formats, pickles above "
                "all, could run code and are not opened."
            )
        if file.name in found:
            raise AdapterError(f"{file.name}: came twice. Send the files of one adapter.")
        found[file.name] = file
    return found


def _check(file: Path) -> None:
    """A file by itself: its size, and that it is what its name says."""
    from safetensors import SafetensorError, safe_open

    is_json = file.suffix == ".json"
    most = MOST_JSON if is_json else MOST_WEIGHTS
    if file.stat().st_size > most:
        raise AdapterError(f"{file.name}: larger than {most >> 20} MB, which no adapter needs.")
    try:
        if is_json:
            if not isinstance(read_json(file), dict):
                raise ValueError("no JSON object")
        else:
            with safe_open(file, framework="np") as weights:  # reads the header, and checks the file's length by it
                if not list(weights.keys()):
                    raise ValueError("it holds nothing")
                _check_settings((weights.metadata() or {}).get("lora_adapter_metadata", "{}"))
    except (OSError, ValueError, SafetensorError) as problem:
        raise AdapterError(
            f"{file.name}: damaged, or not what its name says ({in_short(problem)}). Send it again."
        ) from problem


def _check_settings(text: str) -> None:
    """The settings that a LoRA carries for peft, which imports a module of any name where they ask for Megatron."""
    settings = parse_json(text)
    if not isinstance(settings, dict):
        raise ValueError("its settings are no JSON object")
    if any(key.endswith("megatron_config") and value for key, value in settings.items()):
        raise ValueError("its settings name code to load")


def _check_together(known: dict[str, Path], model: str, model_hash: str) -> None:
    """The files as an adapter, as far as can be told before the model is loaded."""
    if LORA_FILE not in known and not {UPSTREAM_LORA_FILE, UPSTREAM_CONFIG_FILE} <= known.keys():
        raise AdapterError(
            f"No adapter: it needs {LORA_FILE}, or {UPSTREAM_LORA_FILE} with its {UPSTREAM_CONFIG_FILE}. Send all the "
            "files of its folder."
        )
    if CARD_FILE not in known:
        return
    try:
        card = AdapterCard.model_validate(read_json(known[CARD_FILE]))
    except ValueError as problem:
        raise AdapterError(
            f"{CARD_FILE}: the adapter's card cannot be read ({in_short(problem)}). Send it again."
        ) from problem
    require_base(card, card.name[:LONGEST_NAME] or "The adapter", model, model_hash)
    if card.has_events and ENCODER_FILE not in known:
        raise AdapterError(f"{ENCODER_FILE} is missing, which its card speaks of. Send all the files of the folder.")
