"""The event encoder: silent until trained, and small at real sizes."""

import torch

from acestep.event_encoder import EventEncoder
from structure.plan import plan_channels


def test_an_untrained_encoder_adds_exactly_nothing_at_every_place():
    encoder = EventEncoder(plan_channels(), width=64, patch_size=2, n_blocks=3)
    residual = encoder(torch.rand(2, 51, plan_channels()))
    assert residual.patch.shape == (2, 26, 64)
    assert len(residual.blocks) == 3
    assert not any(r.any() for r in (residual.patch, *residual.blocks))


def test_the_event_path_of_the_xl_model_stays_under_twenty_million_parameters():
    with torch.device("meta"):
        encoder = EventEncoder(plan_channels(), width=2560, patch_size=2, n_blocks=24)
    assert sum(p.numel() for p in encoder.parameters()) < 20e6
