"""The tenth of the trial of an endpoint that dies which every test run makes."""

from pathlib import Path

import pytest

from trials.endpoint import EndpointTrial


@pytest.mark.slow
def test_a_batch_ends_with_every_song_once_though_server_and_batch_were_killed(tmp_path: Path):
    outcome = EndpointTrial(tmp_path / "trial", songs=6, seed=3).run(kills=1)
    assert (outcome.whole, outcome.wrong, outcome.strange, outcome.status) == (6, (), (), 0), outcome
