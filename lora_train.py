"""Train an event LoRA from the command line: `python lora_train.py --dataset-dir SONGS --output-dir RUN`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from structure.errors import StudioError
from training.hub import HubError, HubPlace, NotUploadedError, quiet, require_token
from training.hub_commands import HUB_FLAGS, add_hub_flags, hand_over
from training.run_folder import CONFIG_FILE, mark_failed, read_state
from training.presets import AIMS, PRESETS
from training.settings import SettingsError, TrainingSettings, change_settings, make_settings, read_settings
from training.trackers import require_tracker

FLAG_NAMES = {"base_model": ("--model-config", "--model"), "lora_rank": ("--lora-rank", "--rank")}
NOT_UPLOADED = 3  # exit status, so that no script gives a rented machine back with the only copy on it


def get_parser() -> argparse.ArgumentParser:
    """Every field of `TrainingSettings` as a flag, and what concerns the hub, which no run folder keeps."""
    parser = argparse.ArgumentParser(
        prog="lora_train.py", description="Train an event LoRA. Unset values come from the preset of the base model."
    )
    parser.add_argument("--config", type=Path, help="config.json of a run folder; replaces every other flag")
    parser.add_argument("--preset", choices=list(PRESETS), help="set of values; unset: the base model's own")
    for name, field in TrainingSettings.model_fields.items():
        flags = FLAG_NAMES.get(name, ("--" + name.replace("_", "-"),))
        kind = _plain_type(field.annotation)
        options: dict[str, Any] = {"dest": name, "default": None, "help": field.description}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif get_origin(kind) is Literal:
            options["choices"] = list(get_args(kind))
        else:
            options.update(type=kind, metavar=kind.__name__.upper())
        parser.add_argument(*flags, **options)
    add_hub_flags(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Train with parsed arguments.

    Raises:
        StudioError: what the person has to change.
    """
    given = vars(arguments)
    hub = {name: given.pop(name) for name in HUB_FLAGS}
    place = _upload_place(hub)
    config, preset = given.pop("config"), given.pop("preset")
    if config is None and hub["dataset_repo"] is not None:
        given["dataset_dir"] = _downloaded(hub, given["dataset_dir"])
    settings = (read_settings(config) if config is not None else _settings(preset, given)).in_full()
    from training.dataset import read_dataset, require_songs

    try:
        require_tracker(settings.tracker)
        require_songs(read_dataset(settings.dataset_dir, settings.events), settings.events)  # before slow imports
    except StudioError as problem:
        if config is not None and read_state(settings.output_dir).status == "starting":  # the page watches that folder
            mark_failed(settings.output_dir, str(problem))
        raise
    from training.loop import train

    state = train(settings)
    if place is not None:
        hand_over(settings.output_dir, place, state.status == "done", hub["upload_dry_run"])


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 trained or stopped, 2 something to put right, 3 trained but not uploaded."""
    quiet()
    try:
        run(get_parser().parse_args(argv))
    except NotUploadedError as problem:
        print(f"lora_train.py: {problem}", file=sys.stderr)
        return NOT_UPLOADED
    except StudioError as problem:
        print(f"lora_train.py: {problem}", file=sys.stderr)
        return 2
    return 0


def _upload_place(hub: dict[str, Any]) -> HubPlace | None:
    """Where the adapter is to go, checked before anything is trained; None: nowhere.

    Raises:
        HubError: a name that cannot be one, or no token.
    """
    if hub["upload_repo"] is None:
        if hub["upload_dry_run"]:
            raise HubError("--upload-dry-run lists what would go to --upload-repo: name that too.")
        return None
    place = HubPlace(hub["upload_repo"], hub["upload_path"], hub["upload_private"], hub["hf_token_env"])
    if not hub["upload_dry_run"]:
        require_token(place.token_variable)
    return place


def _downloaded(hub: dict[str, Any], dataset_dir: Path | None) -> Path:
    """The folder with the songs of --dataset-repo.

    Raises:
        HubError: it cannot be had, or --dataset-dir names other songs.
    """
    if dataset_dir is not None:
        raise SettingsError("--dataset-dir and --dataset-repo both name the songs: give one of them.")
    from training.hub_dataset import download_dataset

    return download_dataset(hub["dataset_repo"], hub["dataset_revision"], hub["dataset_subdir"], hub["hf_token_env"])


def _settings(preset: str | None, given: dict[str, Any]) -> TrainingSettings:
    """Settings from flags; with --resume-from, the interrupted run's own under them, and its folder where it is now."""
    if given["resume_from"] is not None:
        checkpoint = Path(given["resume_from"])
        run_folder = checkpoint if (checkpoint / CONFIG_FILE).is_file() else checkpoint.parent.parent
        own = read_settings(run_folder / CONFIG_FILE).model_copy(update={"output_dir": run_folder})
        return change_settings(own, preset, **given)
    if given["dataset_dir"] is None:
        raise SettingsError(
            "--dataset-dir is missing: give the folder with the songs and their sidecars, or --dataset-repo."
        )
    return make_settings(preset, **given)


def _plain_type(annotation: Any) -> Any:
    """`Path | None` to `Path`."""
    if get_origin(annotation) in (Union, UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation


if __name__ == "__main__":
    sys.exit(main())
