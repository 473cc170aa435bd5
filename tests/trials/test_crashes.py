"""The tenth of the trial of crashes that every test run makes."""

from pathlib import Path

import pytest

from trials.crashes import CrashTrial


@pytest.mark.training
@pytest.mark.slow
def test_an_app_that_is_killed_is_where_it_was_and_its_run_goes_on(tmp_path: Path):
    trial = CrashTrial(tmp_path / "trial", seed=3)
    try:
        for kind, all_processes in (("annotation", False), ("training", True)):
            crash = trial.crash(kind, all_processes)
            assert crash.lost == (), crash
    finally:
        trial.close()
