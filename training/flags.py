"""Every setting as a flag, for the command line and for the line of the page that takes any of them."""

import argparse
import shlex
from types import UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

from training.settings import PLACES, SettingsError, TrainingSettings

FLAG_NAMES = {"base_model": ("--model-config", "--model"), "lora_rank": ("--lora-rank", "--rank")}


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for every field of `TrainingSettings`; None where it is not given."""
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


def read_flags(line: str) -> dict[str, Any]:
    """`--lora-dora --learning-rate 3e-4` as fields of the settings.

    Raises:
        SettingsError: it is no such line, or sets a folder, the model or a tracker, which the page does not take.
    """
    parser = _Parser(prog="", add_help=False, allow_abbrev=False)
    add_setting_flags(parser)
    try:
        words = shlex.split(line)
    except ValueError as problem:
        raise SettingsError(f"Other settings: {problem}; write them as on the command line.") from problem
    given = {name: value for name, value in vars(parser.parse_args(words)).items() if value is not None}
    if chosen := [name for name in (*PLACES, "base_model", "tracker") if name in given]:
        raise SettingsError(f"Other settings: {chosen[0]} cannot be set here; `python lora_train.py` takes it.")
    return given


class _Parser(argparse.ArgumentParser):
    """Says what is wrong instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"Other settings: {message}. `python lora_train.py --help` names every one.")


def _plain_type(annotation: Any) -> Any:
    """`Path | None` to `Path`."""
    if get_origin(annotation) in (Union, UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation
