"""Packages that only some settings need: missed before the run begins, not when its model is loaded."""

from importlib.util import find_spec

from training.settings import SettingsError, TrainingSettings


def require_packages(settings: TrainingSettings) -> None:
    """Look for what the optimizer and the precision need.

    Raises:
        SettingsError: a package is not installed.
    """
    needed = [("optimizer prodigy", "prodigyopt", "1.1.2", "take adamw", settings.optimizer == "prodigy")]
    needed += [("quantise int8", "torchao", "0.18.0", "set quantise to none", settings.quantise == "int8")]
    for what, package, version, else_, is_asked in needed:
        if is_asked and find_spec(package) is None:
            raise SettingsError(f"{what} needs the package {package}: `pip install {package}=={version}`, or {else_}.")
