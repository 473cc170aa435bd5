"""The event encoder: silent until trained, and small at real sizes."""

import torch

from acestep.event_encoder import HIDDEN, EventEncoder, EventPlan
from structure.plan import plan_channels

TEXT_WIDTH = 24


def plan_of(numbers: torch.Tensor) -> EventPlan:
    """A plan that says nothing in words."""
    return EventPlan(numbers, torch.zeros(0, TEXT_WIDTH), torch.zeros(numbers.shape[:2], dtype=torch.long))


def small_encoder(n_blocks: int = 1) -> EventEncoder:
    torch.manual_seed(0)
    return EventEncoder(plan_channels(), TEXT_WIDTH, width=64, patch_size=2, n_blocks=n_blocks, hidden=16)


def test_an_untrained_encoder_adds_exactly_nothing_at_every_place():
    numbers, words = torch.rand(2, 51, plan_channels()), torch.randn(3, TEXT_WIDTH)
    residual = small_encoder(3)(EventPlan(numbers, words, torch.randint(4, (2, 51))))
    assert residual.patch.shape == (2, 26, 64)
    assert len(residual.blocks) == 2  # the patch embedding feeds the first of three
    assert not any(r.any() for r in (residual.patch, *residual.blocks))


def test_the_event_path_of_the_xl_model_stays_under_twenty_million_parameters():
    with torch.device("meta"):
        encoder = EventEncoder(plan_channels(), 1024, width=2560, patch_size=2, n_blocks=24, hidden=HIDDEN)
    assert sum(p.numel() for p in encoder.parameters()) < 20e6


def test_rows_that_are_to_hear_nothing_get_nothing_and_the_others_all():
    encoder = small_encoder()
    torch.nn.init.normal_(encoder.to_places.weight)
    plan = plan_of(torch.rand(2, 40, plan_channels()))
    kept = encoder(plan, torch.tensor([True, False])).patch
    assert torch.equal(kept[0], encoder(plan).patch[0])
    assert not kept[1].any()


def test_tokens_hear_the_frames_that_they_stand_for():
    encoder = small_encoder()
    torch.nn.init.normal_(encoder.to_places.weight)
    quiet, marked = torch.zeros(2, 1, 80, plan_channels())
    marked[0, 40:42] = 1
    changed = (encoder(plan_of(quiet)).patch != encoder(plan_of(marked)).patch).any(-1)[0].nonzero()[:, 0].tolist()
    assert changed == list(range(17, 24))  # token 20, three to each side


def test_words_reach_the_tokens_of_their_section_and_no_others():
    encoder = small_encoder()
    torch.nn.init.normal_(encoder.to_places.weight)
    numbers, words = torch.rand(1, 80, plan_channels()), torch.randn(2, TEXT_WIDTH)
    which = torch.zeros(1, 80, dtype=torch.long)
    which[0, 40:60] = 2
    silent, told = encoder(plan_of(numbers)).patch, encoder(EventPlan(numbers, words, which)).patch
    assert (silent != told).any(-1)[0].nonzero()[:, 0].tolist() == list(range(20, 30))
    alike = encoder(EventPlan(numbers, 7 * words + 1, which)).patch
    torch.testing.assert_close(alike, told, atol=1e-4, rtol=1e-3)  # how loud a text encoder speaks does not matter
