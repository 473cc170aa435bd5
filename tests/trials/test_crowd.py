"""The tenth of the trial of a crowd that every test run makes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trials.crowd import CrowdTrial
from trials.dispute import CHOICES, RIVALS


@pytest.mark.browser
@pytest.mark.slow
def test_three_people_lose_nothing_and_see_nothing_of_one_another(tmp_path: Path):
    pytest.importorskip("playwright.async_api")
    trial = CrowdTrial(tmp_path / "trial", people=3, seed=3)
    # In a thread of its own: where other browser tests ran before, Playwright's loop is still that of this one.
    with ThreadPoolExecutor(max_workers=1) as apart:
        outcome = apart.submit(trial.run, 30, RIVALS[2:], CHOICES[1:2]).result()
    for what in ("lost", "strange", "mixed", "conflicts", "errors"):
        assert outcome.all(what) == []
    assert (outcome.disputes, outcome.unseen, outcome.crashes) == (1, [], 0)
    assert outcome.edits.total() >= 3
