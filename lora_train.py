"""Train an event LoRA from the command line: `python lora_train.py --dataset-dir SONGS --output-dir RUN`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from structure.errors import StudioError
from training.run_folder import CONFIG_FILE, mark_failed, read_state
from training.settings import PRESETS, SettingsError, TrainingSettings, change_settings, make_settings, read_settings

FLAG_NAMES = {"base_model": ("--model-config", "--model"), "lora_rank": ("--lora-rank", "--rank")}
IGNORED = {
    "--dataset-repo": "datasets are folders here; download it and give --dataset-dir",
    "--dataset-revision": "it belongs to --dataset-repo",
    "--dataset-subdir": "give the folder itself as --dataset-dir",
    "--upload-repo": "nothing is uploaded; the output folder is the adapter",
    "--upload-path": "nothing is uploaded",
    "--hf-token-env": "nothing is uploaded",
}


def get_parser() -> argparse.ArgumentParser:
    """Every field of `TrainingSettings` as a flag, and the flags of older scripts that have lost their sense."""
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
    for flag, reason in IGNORED.items():
        parser.add_argument(flag, dest=f"ignored{flag}", metavar="X", help=f"ignored: {reason}")
    parser.add_argument(
        "--upload-private", dest="ignored--upload-private", action="store_true", default=None, help=argparse.SUPPRESS
    )
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Train with parsed arguments.

    Raises:
        StudioError: what the person has to change.
    """
    given = vars(arguments)
    for flag, reason in {**IGNORED, "--upload-private": "nothing is uploaded"}.items():
        if given.pop(f"ignored{flag}") is not None:
            print(f"{flag} is ignored: {reason}.", file=sys.stderr)
    config, preset = given.pop("config"), given.pop("preset")
    settings = (read_settings(config) if config is not None else _settings(preset, given)).in_full()
    from training.dataset import read_dataset, require_songs

    try:
        require_songs(read_dataset(settings.dataset_dir, settings.events), settings.events)  # before slow imports
    except StudioError as problem:
        if config is not None and read_state(settings.output_dir).status == "starting":  # the page watches that folder
            mark_failed(settings.output_dir, str(problem))
        raise
    from training.loop import train

    train(settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 trained or stopped, 2 something to put right."""
    try:
        run(get_parser().parse_args(argv))
    except StudioError as problem:
        print(f"lora_train.py: {problem}", file=sys.stderr)
        return 2
    return 0


def _settings(preset: str | None, given: dict[str, Any]) -> TrainingSettings:
    """Settings from flags; with --resume-from, the interrupted run's own under them, and its folder where it is now."""
    if given["resume_from"] is not None:
        checkpoint = Path(given["resume_from"])
        run_folder = checkpoint if (checkpoint / CONFIG_FILE).is_file() else checkpoint.parent.parent
        own = read_settings(run_folder / CONFIG_FILE).model_copy(update={"output_dir": run_folder})
        return change_settings(own, preset, **given)
    if given["dataset_dir"] is None:
        raise SettingsError("--dataset-dir is missing: give the folder with the songs and their sidecars.")
    return make_settings(preset, **given)


def _plain_type(annotation: Any) -> Any:
    """`Path | None` to `Path`."""
    if get_origin(annotation) in (Union, UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation


if __name__ == "__main__":
    sys.exit(main())
