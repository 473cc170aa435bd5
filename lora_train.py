"""Train an event LoRA from the command line: `python lora_train.py --dataset-dir SONGS --output-dir RUN`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from structure.errors import StudioError
from training.fitting import composed
from training.flags import add_setting_flags
from training.hub import HubError, HubPlace, NotUploadedError, quiet, require_token
from training.hub_commands import HUB_FLAGS, add_hub_flags, hand_over
from training.machine import find_device
from training.packages import require_packages
from training.presets import AIMS, PRESETS
from training.processes import launched_as
from training.run_folder import CONFIG_FILE, mark_failed, read_state
from training.settings import SettingsError, TrainingSettings, change_settings, make_settings, read_settings
from training.trackers import require_tracker

NOT_UPLOADED = 3  # exit status, so that no script gives a rented machine back with the only copy on it


def get_parser() -> argparse.ArgumentParser:
    """Every field of `TrainingSettings` as a flag, and what concerns the hub, which no run folder keeps."""
    parser = argparse.ArgumentParser(
        prog="lora_train.py", description="Train an event LoRA. Unset values come from the preset of the base model."
    )
    parser.add_argument("--config", type=Path, help="config.json of a run folder; replaces every other flag")
    parser.add_argument("--preset", choices=list(PRESETS), help="set of values; unset: the base model's own")
    parser.add_argument("--aim", choices=list(AIMS), help="how long to train; see also --memory-gb")
    parser.add_argument(
        "--memory-gb",
        type=float,
        metavar="GB",
        help="fit batch, crops, rank and precision of a real checkpoint into this much; unset with --aim: the device's",
    )
    add_setting_flags(parser)
    add_hub_flags(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Train with parsed arguments.

    Raises:
        StudioError: what the person has to change.
    """
    given = vars(arguments)
    hub = {name: given.pop(name) for name in HUB_FLAGS}
    rank, count = launched_as()
    place = _upload_place(hub) if rank == 0 else None
    config, preset = given.pop("config"), given.pop("preset")
    aim, memory_gb = given.pop("aim"), given.pop("memory_gb")
    if config is None and hub["dataset_repo"] is not None:
        given["dataset_dir"] = _downloaded(hub, given["dataset_dir"])
    settings = (read_settings(config) if config is not None else _settings(preset, aim, memory_gb, given)).in_full()
    try:
        if count == 1:  # several say it once, when they have met
            _look_through(settings)
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


def _look_through(settings: TrainingSettings) -> None:
    """Find slips before slow imports.

    Raises:
        StudioError: no songs to train on, no such tracker, or an option whose package is missing.
    """
    from training.dataset import read_dataset, require_songs

    require_tracker(settings.tracker)
    require_packages(settings)
    require_songs(read_dataset(settings.dataset_dir, settings.events), settings.events)


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


def _settings(preset: str | None, aim: str | None, memory_gb: float | None, given: dict[str, Any]) -> TrainingSettings:
    """Settings from flags; with --resume-from, the interrupted run's own under them, and its folder where it is now."""
    if given["resume_from"] is not None:
        if aim is not None or memory_gb is not None:
            raise SettingsError("--resume-from goes on as the run began: leave out --aim and --memory-gb.")
        checkpoint = Path(given["resume_from"])
        run_folder = checkpoint if (checkpoint / CONFIG_FILE).is_file() else checkpoint.parent.parent
        own = read_settings(run_folder / CONFIG_FILE).model_copy(update={"output_dir": run_folder})
        return change_settings(own, preset, **given)
    if given["dataset_dir"] is None:
        raise SettingsError(
            "--dataset-dir is missing: give the folder with the songs and their sidecars, or --dataset-repo."
        )
    if aim is None and memory_gb is None:
        return make_settings(preset, **given)
    if preset is not None:
        raise SettingsError("--preset names a whole set of values: give it, or --aim and --memory-gb.")
    base_model, device = given["base_model"] or "starter", given["device"] or "auto"
    if base_model == "starter" and memory_gb is not None:
        raise SettingsError("--memory-gb is for real checkpoints; the starter needs about 1 GB: leave it out.")
    values = composed(base_model, aim or "standard", memory_gb, find_device(device))
    return make_settings(**{**values, **{name: value for name, value in given.items() if value is not None}})


if __name__ == "__main__":
    sys.exit(main())
