"""What the study of structure control is made of: other paths, other lessons, and rows that are kept."""

from dataclasses import replace

import pytest
import torch

from acestep.event_encoder import EventEncoder, EventPlan
from acestep.loading import load_pipeline
from benchmarks.structure import paths
from benchmarks.structure.lessons import near_boundaries, pushed, shuffled
from benchmarks.structure.rows import SCREEN
from benchmarks.structure.store import Store
from benchmarks.structure.trial import Ask
from structure.events import Event
from structure.plan import DEFAULT_VOCABULARY, frame_plan
from training.batch import Batch
from training.step import backward, told

PATHS = {
    "patch": paths.residual(n_blocks=1),
    "wide": paths.residual(hidden=40),
    "deaf": paths.without(["progress"]),
    "modulation": paths.modulation,
    "attention": paths.attention,
}
EVENTS = [Event(type="verse", start=0, end=1.0, label="quiet"), Event(type="chorus", start=1.0, end=2.0)]


@pytest.fixture
def pipeline(random_model):
    return load_pipeline(str(random_model), device="cpu")


def batch_of(pipeline, frames: int = 50) -> Batch:
    """Two crops of noise with the same events, one of them a second later."""
    torch.manual_seed(0)
    channels = pipeline.pipe.vae.config.latent_channels
    later = [event.model_copy(update={"start": event.start + 1, "end": event.end + 1}) for event in EVENTS]
    numbers = torch.stack([torch.from_numpy(frame_plan(events, frames, 25.0)) for events in (EVENTS, later)])
    words = torch.randn(1, pipeline.pipe.text_encoder.config.hidden_size)
    plan = EventPlan(numbers, words, (numbers[..., 1] > 0).long())
    width = pipeline.pipe.transformer.config.encoder_hidden_size or pipeline.pipe.transformer.config.hidden_size
    x_0, noise = torch.randn(2, 2, frames, channels)
    return Batch(
        x_0=x_0, noise=noise, t=torch.tensor([0.3, 0.8]), condition=torch.randn(2, 5, width), condition_mask=None,
        context=torch.randn(2, frames, 2 * channels), plan=plan, hears_events=None, mask=torch.ones(2, frames),
        weight=torch.ones(2), frames=2.0 * frames,
    )  # fmt: skip


def velocity_of(pipeline, batch: Batch) -> torch.Tensor:
    with told(pipeline, batch), torch.no_grad():
        return pipeline.pipe.transformer(
            hidden_states=batch.noise, timestep=batch.t, timestep_r=batch.t, encoder_hidden_states=batch.condition,
            context_latents=batch.context, return_dict=False,
        )[0]  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_another_path_starts_silent_learns_and_is_then_heard(pipeline, name):
    encoder = PATHS[name](pipeline, DEFAULT_VOCABULARY)
    pipeline.conditioning.encoder = encoder
    batch = batch_of(pipeline)
    bare = velocity_of(pipeline, replace(batch, plan=None))
    torch.testing.assert_close(velocity_of(pipeline, batch), bare, atol=1e-6, rtol=1e-5)
    for _ in range(2):  # the first step wakes what starts at zero, the second reaches what lies before it
        backward(pipeline, [batch])
        with torch.no_grad():
            for parameter in encoder.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad.sign() * 0.1
                    parameter.grad = None
    assert (velocity_of(pipeline, batch) - bare).abs().max() > 1e-4
    heard = encoder(batch.plan)
    assert type(heard.scaled(2.0).repeated(2)) is type(heard)  # stronger and guided, it acts in the same way


def test_frames_at_a_boundary_count_more_and_the_sum_stays(pipeline):
    batch = batch_of(pipeline)
    changed = near_boundaries(3.0)(pipeline, DEFAULT_VOCABULARY, batch)
    assert changed.mask.sum() == pytest.approx(batch.mask.sum().item(), rel=1e-5)
    assert changed.mask[0, 25] > 1.5 * changed.mask[0, 12]  # the one at the boundary, the other half a second away


def test_a_push_is_what_guidance_would_add_and_none_where_events_say_nothing(pipeline):
    text_width = pipeline.pipe.text_encoder.config.hidden_size
    pipeline.conditioning.encoder = EventEncoder.for_transformer(pipeline.pipe.transformer, text_width)
    batch = batch_of(pipeline)
    assert not pushed(2.0)(pipeline, DEFAULT_VOCABULARY, batch).push.any()
    torch.nn.init.normal_(pipeline.conditioning.encoder.to_places.weight, std=0.5)
    half, most = (pushed(w)(pipeline, DEFAULT_VOCABULARY, batch).push for w in (2.0, 4.0))
    torch.testing.assert_close(most, 1.5 * half)  # 1 - 1 / w
    deaf = replace(batch, hears_events=torch.tensor([True, False]))
    assert not pushed(2.0)(pipeline, DEFAULT_VOCABULARY, deaf).push[1].abs().gt(1e-5).any()


def test_rows_are_kept_replaced_and_dropped_with_other_settings(tmp_path):
    kept = Store("study", {"structures": 8}, tmp_path)
    kept.keep("recipe", 0, Ask(1.0), {"control": 0.5})
    kept.keep("recipe", 1, Ask(1.0), {"control": 0.7})
    kept.keep("recipe", 1, Ask(3.0), {"control": 0.9})
    kept.keep("recipe", 1, Ask(1.0), {"control": 0.8})
    again = Store("study", {"structures": 8}, tmp_path)
    assert again.has("recipe", 0, Ask(1.0)) and not again.has("recipe", 2, Ask(1.0))
    assert len(again.rows) == 3 and "0.65" in again.table()
    assert Store("study", {"structures": 24}, tmp_path).rows == []


def test_control_stands_with_its_interval_over_songs_whatever_the_seed_of_training(tmp_path):
    store = Store("study", {}, tmp_path)
    for seed, songs in enumerate(([0.8, 1.0], [1.0, 0.6])):  # means of each song: 0.9 and 0.8
        store.keep("recipe", seed, Ask(1.0), {"control": 0.85, "control of songs": songs})
    assert "0.85 (0.80 to 0.90)" in store.table()


def test_shuffled_events_are_a_neighbours_and_nothing_else_changes(pipeline):
    batch = batch_of(pipeline)
    changed = shuffled(pipeline, DEFAULT_VOCABULARY, batch)
    assert torch.equal(changed.plan.numbers, batch.plan.numbers.flip(0))
    assert torch.equal(changed.plan.which, batch.plan.which.flip(0))
    assert changed.x_0 is batch.x_0 and changed.condition is batch.condition


def test_every_row_of_the_screen_has_its_own_name():
    assert len({trial.name for trial in SCREEN}) == len(SCREEN)
