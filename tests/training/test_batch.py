"""Batches: the same tensors as the pipeline builds for the same request, and the same loss however they are grouped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.bands import BANDS, band_edges, band_key
from training.batch import BatchMaker, groups_of_equal_length
from training.crops import Crop, crop_words, draw_crops
from training.dataset import TrainingSong, read_dataset
from training.model import make_trainable, vocabulary_of
from training.processes import Processes
from training.settings import make_settings
from training.step import BandSums, backward, band_losses, frames_of, told, weighted_error
from training.training_set import TrainingSet
from training.validation import held_out_batches, held_out_losses

pytestmark = pytest.mark.training


@pytest.fixture
def pipeline(tiny_model: Path):
    from acestep.loading import load_pipeline

    return load_pipeline(str(tiny_model), device="cpu")


@pytest.fixture
def made(pipeline, songs: Path):
    """A pipeline ready to learn whose event encoder already says something, its batch maker and its parameters."""
    settings = make_settings("starter", dataset_dir=songs, lora_rank=2)
    found = read_dataset(songs).songs
    vocabulary = vocabulary_of(found)
    learned = make_trainable(pipeline, vocabulary, settings)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in learned.values():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    channels = pipeline.pipe.transformer.config.audio_acoustic_hidden_dim
    latents = [torch.randn(500 + 50 * i, channels, generator=generator) for i in range(len(found))]
    training_set = TrainingSet(found, [[one] for one in latents], pipeline.frame_rate)
    return pipeline, BatchMaker(pipeline, training_set, vocabulary, settings), learned, settings


def seen_by_transformer(pipeline, request: dict) -> dict[str, torch.Tensor]:
    """What the diffusers pipeline itself gives its transformer for a request, in its first step."""
    seen: dict[str, torch.Tensor] = {}

    def note(module, args, kwargs):
        seen.setdefault("condition", kwargs["encoder_hidden_states"])
        seen.setdefault("context", kwargs["context_latents"])

    handle = pipeline.pipe.transformer.register_forward_pre_hook(note, with_kwargs=True)
    pipeline.pipe(**request, num_inference_steps=1, guidance_scale=1.0, output_type="latent")
    handle.remove()
    return seen


def test_training_conditions_are_those_of_the_pipeline_also_in_a_batch_of_several_songs(made):
    pipeline, maker, _, _ = made
    crops = [Crop(0, 0, 400), Crop(1, 50, 400), Crop(2, 100, 400)]
    batch = maker.batch(crops, torch.zeros(3, 400, 32), torch.full((3,), 0.5))
    for row, crop in enumerate(crops):
        song: TrainingSong = maker.training_set.songs[crop.song]
        lyrics = crop_words(song, crop, 25.0, section_tags=True).lyrics
        request = {
            "prompt": song.caption,
            "lyrics": lyrics,
            "audio_duration": 16.0,
            "bpm": song.bpm,
            "keyscale": song.keyscale,
            "timesignature": song.timesignature,
            "vocal_language": song.vocal_language,
        }
        seen = seen_by_transformer(pipeline, request)
        tokens = seen["condition"].shape[1]
        assert torch.equal(batch.condition[row : row + 1, :tokens], seen["condition"])
        assert torch.equal(batch.context[row : row + 1], seen["context"])
        if batch.condition_mask is not None:
            assert batch.condition_mask[row].sum() == tokens


def test_the_source_is_silence_and_never_the_song(made):
    pipeline, maker, _, _ = made
    batch = maker.batch([Crop(0, 0, 400)], torch.zeros(1, 400, 32), torch.ones(1))
    channels = batch.x_0.shape[2]
    silence = pipeline.pipe.condition_encoder.silence_latent[:, :400]
    assert torch.equal(batch.context[..., :channels], silence)
    assert torch.equal(batch.context[..., channels:], torch.ones_like(silence))


def test_dropped_text_becomes_the_models_own_null_embedding(made):
    pipeline, maker, _, _ = made
    kept, dropped = maker.condition(Crop(0, 0, 400)), maker.condition(Crop(0, 0, 400, drop_text=True))
    assert kept.hidden.shape == dropped.hidden.shape
    null = pipeline.pipe.condition_encoder.null_condition_emb
    assert torch.equal(dropped.hidden, null.expand_as(dropped.hidden))


def test_dropped_events_leave_the_model_as_if_there_were_none(made):
    pipeline, maker, _, _settings = made
    noise, t = torch.randn(1, 400, 32, generator=torch.Generator().manual_seed(1)), torch.full((1,), 0.6)
    with torch.no_grad():
        dropped = maker.batch([Crop(0, 0, 400, drop_events=True)], noise, t)
        heard = maker.batch([Crop(0, 0, 400)], noise, t)
        without = weighted_error(pipeline, dropped)
        with told(pipeline, dropped):
            assert torch.equal(weighted_error(pipeline, dropped), without)
        with told(pipeline, heard):
            assert not torch.allclose(weighted_error(pipeline, heard), without)


def test_a_batch_of_unequal_songs_learns_what_the_same_songs_teach_one_by_one(made):
    pipeline, maker, learned, settings = made
    crops = [Crop(0, 0, 400), Crop(1, 30, 400, drop_text=True), Crop(2, 0, 250), Crop(1, 10, 400, drop_events=True)]
    together = maker.step_batches(crops, step=3)
    assert len(together) == 2
    loss = backward(pipeline, together)
    gradients = {name: p.grad.clone() for name, p in learned.items()}
    for parameter in learned.values():
        parameter.grad = None
    alone_settings = settings.model_copy(update={"batch_size": 1})
    maker.settings = alone_settings
    alone = maker.step_batches(crops, step=3)
    assert len(alone) == 4
    torch.testing.assert_close(backward(pipeline, alone), loss, rtol=1e-5, atol=1e-6)
    for name, parameter in learned.items():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_what_processes_see_of_a_step_is_what_one_sees_and_their_gradients_add_up_to_its_own(made, count: int):
    pipeline, maker, learned, _ = made
    crops = [Crop(0, 0, 400), Crop(1, 30, 400), Crop(2, 0, 250), Crop(1, 10, 400, drop_events=True)]

    def rows(batches) -> list[tuple[float, float, float]]:
        return sorted(
            (float(t), float(x.sum()), float(e.sum()))
            for b in batches
            for t, x, e in zip(b.t, b.x_0, b.noise, strict=True)
        )

    whole = maker.step_batches(crops, step=3)
    loss = backward(pipeline, whole)
    gradients = {name: p.grad.clone() for name, p in learned.items()}
    for parameter in learned.values():
        parameter.grad = None
    parts, losses = [], []
    for rank in range(count):
        maker.processes = Processes(rank, count)
        part = maker.step_batches(crops, step=3)
        losses.append(backward(pipeline, part, frames_of(whole)))  # gradients add up over the calls
        parts += part
    assert rows(parts) == rows(whole)
    torch.testing.assert_close(sum(losses), loss, rtol=1e-5, atol=1e-6)
    for name, parameter in learned.items():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-3, atol=1e-6, msg=name)


def test_every_crop_lands_in_one_group_of_its_length():
    crops = [Crop(0, 0, n) for n in (400, 250, 400, 400, 250)]
    assert groups_of_equal_length(crops, largest=2) == [[0, 2], [3], [1, 4]]


def test_only_lora_and_event_encoder_learn(made):
    pipeline, maker, learned, _settings = made
    backward(pipeline, maker.step_batches([Crop(0, 0, 400)], step=0))
    pipe = pipeline.pipe
    for part in (pipe.transformer, pipe.condition_encoder, pipe.text_encoder, pipe.vae):
        for name, parameter in part.named_parameters():
            assert (parameter.grad is not None) == ("lora_" in name), name
    assert any(name.startswith("events.") and p.grad.abs().sum() > 0 for name, p in learned.items())


def test_gradient_checkpointing_changes_memory_and_nothing_else(made):
    pipeline, maker, learned, _settings = made
    batches = maker.step_batches([Crop(0, 0, 200), Crop(1, 0, 200)], step=0)
    backward(pipeline, batches)
    plain = {name: p.grad.clone() for name, p in learned.items()}
    for parameter in learned.values():
        parameter.grad = None
    pipeline.pipe.transformer.train()
    pipeline.pipe.transformer.enable_gradient_checkpointing()
    backward(pipeline, batches)
    for name, parameter in learned.items():
        torch.testing.assert_close(parameter.grad, plain[name], rtol=1e-4, atol=1e-7, msg=name)


def test_a_song_whose_words_are_cut_off_is_named(made):
    _, maker, _, _ = made
    assert maker.cut_off() == []
    songs = maker.training_set.songs
    songs[0] = replace(songs[0], caption="guitars " * 300)
    songs[1] = replace(songs[1], lyrics="[Verse]\n" + "la la la " * 1200)
    text, lyrics = maker.cut_off()
    assert songs[0].name in text and "256 tokens" in text
    assert songs[1].name in lyrics and "2048 tokens" in lyrics


def test_frames_that_do_not_count_teach_nothing_and_a_weight_scales_what_a_song_teaches(made):
    pipeline, maker, learned, _ = made
    crops = [Crop(0, 0, 400), Crop(1, 30, 400)]
    gradients = {}

    def learn(case: str, **changes) -> float:
        (batch,) = maker.step_batches(crops, step=1)
        loss = float(backward(pipeline, [replace(batch, **changes)]))
        gradients[case] = torch.cat([p.grad.flatten() for p in learned.values()])
        for parameter in learned.values():
            parameter.grad = None
        return loss

    (batch,) = maker.step_batches(crops, step=1)
    assert batch.mask.min() == 1 and batch.frames == 800
    half = batch.mask.clone()
    half[0] = 0
    first, second = (learn(str(row), mask=half if row else 1 - half + (half - half), frames=400.0) for row in (0, 1))
    both = learn("both")
    assert both == pytest.approx((first + second) / 2, rel=1e-4)
    weighted = learn("weighted", weight=torch.tensor([3.0, 1.0]))
    assert weighted == pytest.approx((3 * first + second) / 2, rel=1e-4)
    torch.testing.assert_close(gradients["weighted"], (3 * gradients["0"] + gradients["1"]) / 2, rtol=1e-3, atol=1e-6)


def test_a_rearranged_song_is_heard_with_the_plan_and_the_words_of_its_new_order(made):
    _pipeline, maker, _, settings = made
    maker.settings = settings.model_copy(update={"rearrange": 1.0})
    seen = 0
    for step in range(8):
        crops = draw_crops(maker.training_set, step, 2, maker.settings)
        assert all(crop.arrangement is not None for crop in crops)
        for crop in crops:
            arranged = maker.training_set.heard(crop.song, crop.arrangement)
            assert crop.start_frame + crop.n_frames <= len(arranged.latents)
        batches = maker.step_batches(crops, step)
        seen += sum(float((batch.mask == 0).sum()) for batch in batches)
        for batch in batches:
            assert batch.frames == float(batch.mask.sum())
    assert seen > 0


@pytest.mark.parametrize("preset", ["real", "turbo"])
def test_turbo_learns_at_the_times_of_its_sampler_and_nowhere_else(made, preset: str):
    pipeline, maker, _, _ = made
    maker.settings = make_settings(preset, dataset_dir="songs")
    times = maker.timesteps(4000, torch.Generator().manual_seed(0))
    if preset == "real":
        assert len(times.unique()) == len(times)
        assert torch.logit(times).mean() == pytest.approx(0.4, abs=0.05)
        assert torch.logit(times).std() == pytest.approx(1.0, abs=0.05)
    else:
        pipe = pipeline.pipe
        asked = pipe._get_timestep_schedule(8, shift=3.0, device="cpu", dtype=torch.float32)
        np.testing.assert_allclose(sorted(times.unique().tolist()), sorted(asked.tolist()), atol=1e-6)


def test_the_loss_on_held_out_songs_is_the_same_each_time_and_its_bands_are_those_of_the_examples_alone(made):
    pipeline, maker, _, settings = made
    maker.training_set = TrainingSet(maker.training_set.songs, maker.training_set.latents, 25.0, n_held_out=1)
    assert maker.training_set.one_pass == [0, 1]
    (batch,) = held_out_batches(maker)
    measured = [held_out_losses(pipeline, held_out_batches(maker), settings) for _ in range(2)]
    assert measured[0] == measured[1] and measured[0]["held_out_loss"] > 0
    low, high = band_edges(settings)
    for band, rows in zip(BANDS, (batch.t < low, (batch.t >= low) & (batch.t < high), batch.t >= high), strict=True):
        part = replace(
            batch, frames=float(batch.mask[rows].sum()),
            **{name: getattr(batch, name)[rows] for name in ("x_0", "noise", "t", "condition", "context", "mask")},
            plan=replace(batch.plan, numbers=batch.plan.numbers[rows], which=batch.plan.which[rows]),
            weight=batch.weight[rows],
        )  # fmt: skip
        assert rows.any()
        alone = held_out_losses(pipeline, [part], settings)
        assert alone["held_out_loss"] == pytest.approx(measured[0][band_key("held_out_loss", band)], rel=1e-5)
        assert set(alone) == {"held_out_loss", band_key("held_out_loss", band)}  # no other band was asked about


def test_the_bands_of_a_training_step_make_its_loss_and_leave_its_gradients_alone(made):
    pipeline, maker, learned, settings = made
    batches = maker.step(2)
    bands = BandSums(torch.tensor(band_edges(settings)))
    loss = backward(pipeline, batches, bands=bands)
    noted = {name: p.grad.clone() for name, p in learned.items()}
    for parameter in learned.values():
        parameter.grad = None
    assert torch.equal(backward(pipeline, batches), loss)
    assert all(torch.equal(p.grad, noted[name]) for name, p in learned.items())
    error, frames = bands.sums.sum(1).tolist()
    assert error / frames == pytest.approx(float(loss), rel=1e-5)
    assert band_losses("loss", [[1.0, 0.0, 6.0], [2.0, 0.0, 3.0]]) == {"loss_fine": 0.5, "loss_outline": 2.0}


@pytest.mark.parametrize("preset", ["real", "turbo", "starter"])
def test_each_band_holds_a_third_of_the_times_that_training_draws(made, preset: str):
    _, maker, _, _ = made
    maker.settings = make_settings(preset, dataset_dir="songs", schedule_steps=9)
    times = maker.timesteps(6000, torch.Generator().manual_seed(0))
    low, high = band_edges(maker.settings)
    shares = [(times < low).float().mean(), ((times >= low) & (times < high)).float().mean()]
    slack = 0.13 if preset == "turbo" else 0.03  # few different times
    assert shares == pytest.approx([1 / 3, 1 / 3], abs=slack)
