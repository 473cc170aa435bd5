"""What an endpoint serves and within which limits: read from the environment once, at its start."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pydantic

from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER
from structure.errors import StudioError

_NAME = re.compile(r"[\w.-]{1,100}")
_HUB_ID = re.compile(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_ADAPTER_FILES = ["*.json", "*.safetensors"]


class EndpointError(StudioError):
    """The endpoint was set up in a way that cannot be served."""


class ServingSettings(pydantic.BaseModel):
    """An endpoint's model, adapters and limits.

    Attributes:
        model: `starter`, a folder in diffusers' layout, or a hub id.
        revision: of a hub id; None: its main branch.
        device: torch's name, or `auto`.
        adapters: folders by the names that a request may give; `none` and `default` are known without.
        default_adapter: what `default` means; None: the one that ships with the model, if any.
        max_duration: seconds of the longest song.
        max_steps: of a song.
        max_bytes: of a request.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = "starter"
    revision: str | None = None
    device: str = "auto"
    adapters: dict[str, Path] = {}
    default_adapter: str | None = None
    max_duration: float = pydantic.Field(600.0, ge=1, le=600)
    max_steps: int = pydantic.Field(200, ge=1, le=200)
    max_bytes: int = pydantic.Field(1_000_000, ge=1000)

    @property
    def names(self) -> list[str]:
        """Adapters that a request may name."""
        return [DEFAULT_ADAPTER, NO_ADAPTER, *self.adapters]

    def adapter(self, name: str) -> str:
        """The adapter of that name as `generation` knows it: a folder, `none` or `default`.

        Raises:
            EndpointError: nobody allowed it when the endpoint was started.
        """
        if name == DEFAULT_ADAPTER and self.default_adapter is not None:
            name = self.default_adapter
        if name in (DEFAULT_ADAPTER, NO_ADAPTER):
            return name
        if name not in self.adapters:
            raise EndpointError(f"`adapter` is {name[:100]!r}: this endpoint serves {', '.join(self.names)}.")
        return str(self.adapters[name])


def read_environment(path: str = "", environment: Mapping[str, str] = os.environ) -> ServingSettings:
    """The settings that environment variables give.

    ACE_MODEL_REPO (a folder or hub id, `OWNER/NAME` or `OWNER/NAME@REVISION`), ACE_MODEL_REVISION, ACE_ADAPTERS
    (`name=folder-or-hub-id`, separated by commas; the first is what `default` means), ACE_DEVICE, ACE_MAX_DURATION
    (seconds), ACE_MAX_STEPS, ACE_MAX_BYTES.

    Args:
        path: where a hosted endpoint has put its repository; its model or adapter is served unless the environment
            names another. Empty: the starter.

    Raises:
        EndpointError: a variable says what cannot be.
    """
    here = Path(path) if path else None
    model = environment.get("ACE_MODEL_REPO") or ""
    revision = environment.get("ACE_MODEL_REVISION") or None
    adapters = _adapters(environment.get("ACE_ADAPTERS") or "")
    if here is not None and (here / "adapter.json").is_file():
        adapters = {"own": here} | adapters
    if not model:
        model = str(here) if here is not None and (here / "model_index.json").is_file() else "starter"
    elif not Path(model).expanduser().is_dir() and (found := _HUB_ID.fullmatch(model)) and found[2]:
        model, revision = found[1], found[2]
    given = {
        "device": environment.get("ACE_DEVICE"),
        "max_duration": environment.get("ACE_MAX_DURATION"),
        "max_steps": environment.get("ACE_MAX_STEPS"),
        "max_bytes": environment.get("ACE_MAX_BYTES"),
    }
    try:
        return ServingSettings(
            model=model,
            revision=revision,
            adapters=adapters,
            default_adapter=next(iter(adapters), None),
            **{name: value for name, value in given.items() if value},
        )
    except pydantic.ValidationError as problem:
        first = problem.errors()[0]
        name = f"ACE_{str(first['loc'][0]).upper()}"
        raise EndpointError(f"{name} is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}.") from None


def fetched(settings: ServingSettings) -> ServingSettings:
    """The same with a model of a given revision in a folder of the hub's cache.

    Raises:
        EndpointError: it cannot be had.
    """
    if settings.revision is None or settings.model == "starter" or Path(settings.model).expanduser().is_dir():
        return settings
    folder = _snapshot(settings.model, settings.revision, ["*.json", "*.safetensors", "*.txt", "*.model"])
    return settings.model_copy(update={"model": str(folder)})


def _adapters(text: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        name, equals, place = (part.strip() for part in one.partition("="))
        if not (equals and place and _NAME.fullmatch(name)) or name in (DEFAULT_ADAPTER, NO_ADAPTER):
            raise EndpointError(
                f"ACE_ADAPTERS holds {one!r}: write NAME=FOLDER or NAME=OWNER/REPOSITORY, with a name of letters, "
                f"digits, dots and dashes that is neither `{DEFAULT_ADAPTER}` nor `{NO_ADAPTER}`."
            )
        folder = Path(place).expanduser()
        if folder.is_dir():
            found[name] = folder.resolve()
        elif hub := _HUB_ID.fullmatch(place):
            found[name] = _snapshot(hub[1], hub[2], _ADAPTER_FILES)
        else:
            raise EndpointError(f"ACE_ADAPTERS, {name}: there is no folder {place}, and a hub id reads OWNER/NAME.")
    return found


def _snapshot(repo: str, revision: str | None, files: list[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=files))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as problem:
        raise EndpointError(
            f"{repo}{'' if revision is None else f'@{revision}'} cannot be fetched from the hub "
            f"({type(problem).__name__}). Check the name, the revision, HF_TOKEN and the network."
        ) from problem
