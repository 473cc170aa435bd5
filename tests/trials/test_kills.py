"""The tenth of the trial of kills that every test run makes."""

from pathlib import Path

import pytest

from trials.kills import KillTrial


@pytest.mark.training
@pytest.mark.slow
def test_a_run_that_is_killed_five_times_ends_with_the_weights_of_one_left_alone(tmp_path: Path, random_model: Path):
    trial = KillTrial(tmp_path, model=str(random_model), seed=3)
    end = trial.disturb(0, kills=5)
    assert end.lost == "", end
    assert set(end.signals) == {"SIGTERM", "SIGKILL"}
