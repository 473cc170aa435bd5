"""A run's curve sent on to another program, for whoever asked: Trackio, TensorBoard or Weights & Biases.

`metrics.jsonl` stays the truth: each point is in it before it is sent, and a tracker that fails later costs a line of
the log. The trackers are accelerate's; their packages are the person's to install.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from structure.errors import StudioError
from training.settings import PLACES, TrainingSettings

PACKAGES = {"trackio": ("trackio",), "tensorboard": ("tensorboard", "tensorboardX"), "wandb": ("wandb",)}
PROJECT = "structure-studio"
# Left alone, they would also take console, command line, code, packages and machine, which name songs and folders.
_CURVE_ALONE: dict[str, dict[str, Any]] = {
    "trackio": {"auto_log_gpu": False, "auto_log_cpu": False},
    "wandb": {
        "settings": {
            "console": "off",
            "disable_git": True,
            "disable_code": True,
            "x_disable_meta": True,
            "x_disable_stats": True,
            "x_disable_machine_info": True,
            "x_save_requirements": False,
            "host": "unknown",
        }
    },
}

Send = Callable[[Sequence[dict[str, Any]]], None]


class TrackerError(StudioError):
    """A tracker that cannot be used."""


def require_tracker(name: str) -> None:
    """Ask for the tracker's package before anything slow is done; `none` needs nothing.

    Raises:
        TrackerError: it is not installed.
    """
    packages = PACKAGES.get(name, ())
    if packages and not any(find_spec(package) for package in packages):
        raise TrackerError(f"--tracker {name} needs a package: `pip install {packages[0]}`, or leave --tracker out.")


@contextmanager
def sending_on(settings: TrainingSettings, log: Callable[[str], None]) -> Iterator[Send]:
    """What takes points of the curve, as they stand in `metrics.jsonl`, for as long as the block runs.

    Raises:
        TrackerError: its package is not installed, or it cannot start.
    """
    if settings.tracker == "none":
        yield _nobody
        return
    require_tracker(settings.tracker)
    tracker = _started(settings)
    failed = False

    def send(points: Sequence[dict[str, Any]]) -> None:
        nonlocal failed
        if failed:
            return
        try:
            for point in points:
                tracker.log({name: value for name, value in point.items() if name != "step"}, step=point["step"])
        except Exception as problem:  # whatever the other program does, the run goes on
            failed = True
            log(f"{settings.tracker} takes no more points ({problem}); metrics.jsonl has them all.")

    try:
        yield send
    finally:
        try:
            tracker.finish()
        except Exception as problem:
            log(f"{settings.tracker} did not close ({problem}); metrics.jsonl has the whole curve.")


def _started(settings: TrainingSettings) -> Any:
    """An accelerate tracker that was told the settings and no folder.

    Raises:
        TrackerError: it cannot start, for want of a login or a network, say.
    """
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState(cpu=True)  # accelerate's trackers ask it who they are; it must not touch the device
    kind = LOGGER_TYPE_TO_CLASS[settings.tracker]
    try:
        if kind.requires_logging_directory:
            tracker = kind(settings.tracker, settings.output_dir)
        else:
            options = {**_CURVE_ALONE[settings.tracker], "name": settings.output_dir.name}
            if settings.tracker == "wandb":
                options["dir"] = str(settings.output_dir)  # else its files lie in whatever folder one is in
            tracker = kind(PROJECT, **options)
        tracker.start()
        tracker.store_init_configuration(_told(settings))
    except Exception as problem:  # each of the three has errors of its own
        raise TrackerError(
            f"--tracker {settings.tracker} cannot start ({problem}). Log in or set it up, or leave it out with "
            "--tracker none."
        ) from problem
    return tracker


def _told(settings: TrainingSettings) -> dict[str, Any]:
    """The settings as every tracker takes them, without those left open; of a base model's folder, its name alone."""
    told = settings.model_dump(mode="json", exclude={*PLACES, "rights"}, exclude_none=True)
    return {**told, "base_model": settings.model_name}


def _nobody(points: Sequence[dict[str, Any]]) -> None:
    """Nobody asked."""
