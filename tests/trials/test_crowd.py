"""The tenth of the trial of a crowd that every test run makes."""

from pathlib import Path

import pytest

from trials.crowd import CrowdTrial
from trials.dispute import CHOICES, RIVALS


@pytest.mark.browser
@pytest.mark.slow
def test_three_people_lose_nothing_and_see_nothing_of_one_another(tmp_path: Path):
    pytest.importorskip("playwright.async_api")
    outcome = CrowdTrial(tmp_path / "trial", people=3, seed=3).run(30, RIVALS[2:], CHOICES[1:2])
    for what in ("lost", "strange", "mixed", "conflicts", "errors"):
        assert outcome.all(what) == []
    assert (outcome.disputes, outcome.unseen, outcome.crashes) == (1, [], 0)
    assert outcome.edits.total() >= 3
