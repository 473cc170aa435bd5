"""The event encoder: silent until trained, and small at real sizes."""

import torch

from acestep.event_encoder import HIDDEN, EventEncoder
from structure.plan import plan_channels


def test_an_untrained_encoder_adds_exactly_nothing_at_every_place():
    encoder = EventEncoder(plan_channels(), width=64, patch_size=2, n_blocks=3, hidden=16)
    residual = encoder(torch.rand(2, 51, plan_channels()))
    assert residual.patch.shape == (2, 26, 64)
    assert len(residual.blocks) == 2  # the patch embedding feeds the first of three
    assert not any(r.any() for r in (residual.patch, *residual.blocks))


def test_the_event_path_of_the_xl_model_stays_under_twenty_million_parameters():
    with torch.device("meta"):
        encoder = EventEncoder(plan_channels(), width=2560, patch_size=2, n_blocks=24, hidden=HIDDEN)
    assert sum(p.numel() for p in encoder.parameters()) < 20e6


def test_rows_that_are_to_hear_nothing_get_nothing_and_the_others_all():
    torch.manual_seed(0)
    encoder = EventEncoder(plan_channels(), width=64, patch_size=2, n_blocks=1, hidden=16)
    torch.nn.init.normal_(encoder.to_places.weight)
    plan = torch.rand(2, 40, plan_channels())
    kept = encoder(plan, torch.tensor([True, False])).patch
    assert torch.equal(kept[0], encoder(plan).patch[0])
    assert not kept[1].any()


def test_tokens_hear_the_frames_that_they_stand_for():
    torch.manual_seed(0)
    encoder = EventEncoder(plan_channels(), width=64, patch_size=2, n_blocks=1, hidden=16)
    torch.nn.init.normal_(encoder.to_places.weight)
    quiet, marked = torch.zeros(2, 1, 80, plan_channels())
    marked[0, 40:42] = 1
    changed = (encoder(quiet).patch != encoder(marked).patch).any(-1)[0].nonzero()[:, 0].tolist()
    assert changed == list(range(17, 24))  # token 20, three to each side
