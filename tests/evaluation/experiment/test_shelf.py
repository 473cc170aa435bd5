"""Experiments as the page finds them on the disk: broken files give a sentence, and no verdict."""

from pathlib import Path

import pytest

from evaluation.experiment.settings import ExperimentError
from evaluation.experiment.shelf import folder_of, made_experiments, report_of, results_of, state_of


def test_one_that_has_not_ended_has_no_result(begun: Path):
    assert made_experiments() == ["mine"]
    assert (results_of("mine"), report_of("mine"), state_of("mine")) == (None, None, {})


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b"\xff\xfe\x00", b""])
def test_a_broken_result_is_said_and_how_to_mend_it(content: bytes, begun: Path):
    (begun / "results.json").write_bytes(content)
    with pytest.raises(ExperimentError, match=r"results\.json.*judges its songs anew"):
        results_of("mine")


@pytest.mark.parametrize("name", [None, "", "gone", "../mine"])
def test_a_name_that_is_no_experiment_leads_nowhere(name: str | None, begun: Path):
    with pytest.raises(ExperimentError, match="no such experiment"):
        folder_of(name)
