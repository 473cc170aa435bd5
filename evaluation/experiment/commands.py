"""`python -m evaluation experiment …`: flags from the settings' own fields."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_LISTS = ("arms", "curve_songs", "curve_steps")


def add_command(commands: argparse._SubParsersAction) -> None:
    """Add `experiment` to the commands of `python -m evaluation`."""
    from evaluation.experiment.settings import ARMS, ExperimentSettings

    arms = "; ".join(f"{arm.key}: {arm.name}" for arm in ARMS)
    parser = commands.add_parser(
        "experiment",
        help="compare ways of teaching time on one dataset, and write a report",
        description="Train and generate with the same songs, structures, seeds and steps for each arm, judge what is "
        f"heard, and write one HTML file. Arms: {arms}. Run again it goes on where it was.",
    )
    parser.add_argument("--output", type=Path, required=True, help="the experiment's folder")
    for name, field in ExperimentSettings.model_fields.items():
        kind = int if name in ("held_out", "seeds", "steps", "free", "varied", "takes", *_LISTS[1:]) else str
        kind = Path if name in ("dataset", "structures", "reference", "embeddings") else kind
        options: dict[str, Any] = {"type": kind, "default": None, "help": field.description, "dest": name}
        if name in _LISTS:
            options["nargs"] = "+"
        parser.add_argument(f"--{name.replace('_', '-')}", required=name == "dataset", **options)
    parser.set_defaults(handler=_run)


def _run(options: argparse.Namespace) -> None:
    from evaluation.experiment.running import REPORT_FILE, Stopped, run_experiment
    from evaluation.experiment.settings import ExperimentError, ExperimentSettings, make_settings

    given = {name: getattr(options, name) for name in ExperimentSettings.model_fields}
    try:
        results = run_experiment(make_settings(**given), options.output, say=lambda words: print(words, flush=True))
    except (Stopped, KeyboardInterrupt):
        raise ExperimentError("Stopped. The same command goes on where it was.") from None
    print(results["answer"]["sentence"])
    print(options.output / REPORT_FILE)
