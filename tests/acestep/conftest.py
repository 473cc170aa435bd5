"""The untrained starter as a pipeline."""

import pytest


@pytest.fixture
def pipeline(random_model):
    """The untrained starter as the product loads it."""
    from acestep.loading import load_pipeline

    return load_pipeline(str(random_model), device="cpu")
