"""Names of parts that a dataset is marked with: ours, another corpus's, or one's own; kept in the dataset's folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from structure.errors import StudioError
from structure.events import SECTION_TYPES, normalise_type
from structure.files import write_whole
from structure.json_reading import read_json

VOCABULARIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Ours": (
            *("intro", "verse", "pre-chorus", "chorus", "bridge", "instrumental", "solo", "breakdown", "outro"),
            *("post-chorus", "build-up", "drop", "interlude", "silence"),
        ),
        "Harmonix": (
            *("intro", "verse", "pre-chorus", "chorus", "bridge", "instrumental", "solo", "breakdown", "outro"),
            "post-chorus",
        ),
        "Seven classes": ("intro", "verse", "chorus", "bridge", "instrumental", "outro", "silence"),
        "EDM": ("intro", "build-up", "drop", "breakdown", "outro", "silence"),
    }
)
"""The first nine are on the digits 1 to 9. Seven classes: Wang, Hung & Smith 2022. EDM: what edm98 tells apart."""

SETTINGS_NAME = ".structure-studio.json"
MOST = 40  # names; more fit on no page
LONGEST = 60  # characters of one

assert set(VOCABULARIES["Ours"]) == set(SECTION_TYPES)


class VocabularyError(StudioError):
    """Names that cannot be used, or a dataset's settings that cannot be read or written."""


def read_vocabulary(root: Path) -> tuple[str, ...]:
    """The names that a dataset is marked with; ours where nobody has chosen any or the settings cannot be read."""
    try:
        names = _settings(root).get("types")
        return check_vocabulary(names) if isinstance(names, list) else VOCABULARIES["Ours"]
    except VocabularyError:
        return VOCABULARIES["Ours"]


def save_vocabulary(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Keep the names in the dataset's folder; what else its settings hold stays. Returns them as they will be used.

    Raises:
        VocabularyError: a name is wrong, or the folder cannot be written.
    """
    checked = check_vocabulary(names)
    settings = {**_settings(root), "types": list(checked)}
    target = root / SETTINGS_NAME
    try:
        write_whole(target, json.dumps(settings, indent=2, ensure_ascii=False).encode())
    except OSError as problem:
        raise VocabularyError(f"The names cannot be kept in `{target}`: {problem.strerror}.") from problem
    return checked


def check_vocabulary(names: Sequence[Any]) -> tuple[str, ...]:
    """Names as types: `Refrain` is `chorus`, each once.

    Raises:
        VocabularyError: there are none, too many, or one is no short text.
    """
    checked: list[str] = []
    for name in names:
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST:
            raise VocabularyError(f"`{str(name)[:40]}` is no name of a part. Give one to {LONGEST} characters.")
        if (kind := normalise_type(name)) not in checked:
            checked.append(kind)
    if not checked or len(checked) > MOST:
        raise VocabularyError(f"Give 1 to {MOST} names with commas between, such as `intro, build-up, drop`.")
    return tuple(checked)


def _settings(root: Path) -> dict[str, Any]:
    path = root / SETTINGS_NAME
    try:
        found = read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise VocabularyError(f"`{path}` cannot be read: put it right or remove it.") from problem
    if not isinstance(found, dict):
        raise VocabularyError(f"`{path}` holds no JSON object: put it right or remove it.")
    return found
