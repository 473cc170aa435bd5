"""The tenth of the trial of disturbed saves that every test run makes."""

import shutil
from pathlib import Path

import pytest

from trials.saving import SavingTrial, disturbances, fill_a_disk


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace here: `make test` installs it where it can")
def test_a_save_that_is_killed_or_refused_leaves_the_old_version_or_the_new_one(tmp_path: Path):
    trial = SavingTrial(tmp_path / "trial" / "songs")
    try:
        found = list(disturbances(trial, every=12))
    finally:
        trial.close()
    assert len(found) > 30
    assert [(what, loss) for what, loss in found if loss] == []


def test_a_disk_that_fills_up_or_goes_costs_nothing():
    assert [(what, loss) for what, loss in fill_a_disk() if loss] == []  # nothing where no disk may be mounted
