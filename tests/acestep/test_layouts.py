"""The event path on the layouts of the real checkpoints, with few and narrow layers and random weights."""

import pytest
import torch
from diffusers import AceStepTransformer1DModel

from acestep.conditioning import EventConditioning
from acestep.event_encoder import EventEncoder, EventPlan, stream_levels
from structure.events import Event
from structure.plan import DEFAULT_VOCABULARY, frame_plan, frame_words

LAYOUTS = {
    "2 B": {"hidden_size": 64, "intermediate_size": 192, "num_attention_heads": 4},
    "XL": {"hidden_size": 80, "intermediate_size": 304, "num_attention_heads": 8, "encoder_hidden_size": 64},
}
"""XL: attention wider than the stream, and a condition narrower than it."""

FRAMES, CHANNELS, TEXT_WIDTH = 51, 8, 24
EVENTS = [
    Event(type="verse", start=0, end=1, label="low and calm"),
    Event(type="chorus", start=1, end=2, intensity=0.9),
    Event(type="crash", family="moment", start=1, end=1),
]


@pytest.fixture(params=LAYOUTS)
def transformer(request) -> AceStepTransformer1DModel:
    torch.manual_seed(0)
    common = {"num_hidden_layers": 8, "num_key_value_heads": 2, "head_dim": 16, "in_channels": 3 * CHANNELS}
    made = AceStepTransformer1DModel(**common, **LAYOUTS[request.param], audio_acoustic_hidden_dim=CHANNELS)
    return made.requires_grad_(False)


def inputs(transformer: AceStepTransformer1DModel) -> dict[str, torch.Tensor]:
    width = transformer.config.encoder_hidden_size or transformer.config.hidden_size
    generator = torch.Generator().manual_seed(1)
    return {
        "hidden_states": torch.randn(1, FRAMES, CHANNELS, generator=generator),
        "timestep": torch.tensor([0.7]),
        "timestep_r": torch.tensor([0.7]),
        "encoder_hidden_states": torch.randn(1, 5, width, generator=generator),
        "context_latents": torch.zeros(1, FRAMES, 2 * CHANNELS),
    }


def plan() -> EventPlan:
    texts, which = frame_words(EVENTS, FRAMES, 25.0)
    words = torch.randn(len(texts), TEXT_WIDTH, generator=torch.Generator().manual_seed(2))
    numbers = torch.from_numpy(frame_plan(EVENTS, FRAMES, 25.0, DEFAULT_VOCABULARY))
    return EventPlan(numbers[None], words, torch.from_numpy(which)[None])


def conditioned(transformer: AceStepTransformer1DModel) -> EventConditioning:
    encoder = EventEncoder.for_transformer(transformer, TEXT_WIDTH)
    encoder.calibrate(stream_levels(transformer, inputs(transformer), encoder.n_blocks))
    return EventConditioning(transformer, encoder)


def test_untrained_it_is_the_bare_model_bit_for_bit(transformer):
    bare = transformer(**inputs(transformer), return_dict=False)[0]
    with conditioned(transformer).training(plan()):
        assert torch.equal(transformer(**inputs(transformer), return_dict=False)[0], bare)


def test_gradient_reaches_all_of_it_and_nothing_else(transformer):
    conditioning = conditioned(transformer)
    assert conditioning.encoder.n_blocks == 6  # three quarters
    torch.nn.init.normal_(conditioning.encoder.to_places.weight, std=0.1)
    with conditioning.training(plan()):
        transformer(**inputs(transformer), return_dict=False)[0].square().mean().backward()
    width = transformer.config.hidden_size
    for place in conditioning.encoder.to_places.weight.grad.split(width):
        assert place.any()
    assert all(parameter.grad.any() for parameter in conditioning.encoder.parameters())
    assert all(parameter.grad is None for parameter in transformer.parameters())


def test_what_is_added_is_scaled_to_the_stream_that_it_joins(transformer):
    conditioning = conditioned(transformer)
    torch.nn.init.normal_(conditioning.encoder.to_places.weight, std=0.1)
    levels = stream_levels(transformer, inputs(transformer), conditioning.encoder.n_blocks)
    residual = conditioning.encoder(plan())
    conditioning.encoder.calibrate(3 * levels)
    louder = conditioning.encoder(plan())
    for place, other in zip((residual.patch, *residual.blocks), (louder.patch, *louder.blocks), strict=True):
        torch.testing.assert_close(other, 3 * place)
