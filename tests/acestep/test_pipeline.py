"""The structured pipeline against the bare diffusers pipeline: equal where nothing is asked, different where it is."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from acestep.event_encoder import EventEncoder, EventPlan
from acestep.pipeline import Cancelled, RequestError, SongRequest
from structure.events import Event
from structure.plan import plan_channels
from structure.sidecar import read_sidecar

EVENTS = [Event(type="intro", start=0, end=1), Event(type="chorus", start=1, end=3)]
REQUEST = SongRequest(events=EVENTS, prompt="warm house", bpm=120, steps=4, seed=3)


def bare_song(pipeline, **changes):
    """The same request through diffusers alone, (samples, channels)."""
    arguments = {
        "prompt": "warm house", "lyrics": "[Intro]\n[Chorus]", "audio_duration": 3.0, "num_inference_steps": 4,
        "guidance_scale": 2.0, "shift": 2.0, "bpm": 120, "keyscale": "", "timesignature": "4", **changes,
    }  # fmt: skip
    audio = pipeline.pipe(**arguments, generator=torch.Generator().manual_seed(3)).audios
    return audio[0].T.numpy()


def untrained_encoder(pipeline):
    text_width = pipeline.pipe.text_encoder.config.hidden_size
    pipeline.conditioning.encoder = EventEncoder.for_transformer(pipeline.pipe.transformer, text_width)


def trained_encoder(pipeline):
    untrained_encoder(pipeline)
    torch.manual_seed(0)
    torch.nn.init.normal_(pipeline.conditioning.encoder.to_places.weight, std=0.5)


def random_plan(pipeline, n):
    """A plan of n songs that says something in words about some frames."""
    words = torch.randn(2, pipeline.pipe.text_encoder.config.hidden_size)
    return EventPlan(torch.rand(n, 50, plan_channels()), words, torch.randint(3, (n, 50)))


def test_a_song_may_be_as_long_as_makes_diffusers_round_twice(pipeline):
    rate = pipeline.frame_rate
    n_frames = next(n for n in range(2 * round(rate), 100 * round(rate)) if math.ceil(n / rate * rate) > n)
    song = pipeline.generate(SongRequest(duration=n_frames / rate, steps=1))
    assert len(song.samples) == round(n_frames / rate * pipeline.sample_rate)


def test_without_an_adapter_every_sample_equals_the_bare_pipeline(pipeline):
    song = pipeline.generate(REQUEST)
    np.testing.assert_array_equal(song.samples, bare_song(pipeline))
    assert song.samples.shape == (3 * pipeline.sample_rate, 1)
    assert np.abs(song.samples).max() == pytest.approx(10 ** (-1 / 20), rel=1e-5)


@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_an_untrained_encoder_changes_nothing_bit_for_bit_at_equal_batching(pipeline, guidance):
    untrained_encoder(pipeline)
    song = pipeline.generate(REQUEST.model_copy(update={"event_guidance": guidance}))
    np.testing.assert_array_equal(song.samples, bare_song(pipeline))


def test_an_untrained_encoder_with_guidance_changes_nothing_but_rounding(pipeline):
    untrained_encoder(pipeline)
    np.testing.assert_allclose(pipeline.generate(REQUEST).samples, bare_song(pipeline), atol=2e-4)


def test_events_switched_off_leave_a_trained_adapter_at_the_bare_pipeline(pipeline):
    trained_encoder(pipeline)
    off = REQUEST.model_copy(update={"use_events": False, "lyrics": "[Intro]\n[Chorus]"})
    np.testing.assert_array_equal(pipeline.generate(off).samples, bare_song(pipeline))


@pytest.mark.parametrize("text_guidance", [1.0, 3.0])
def test_events_steer_with_and_without_text_guidance_and_leave_no_hook(pipeline, text_guidance):
    trained_encoder(pipeline)
    request = REQUEST.model_copy(update={"guidance_scale": text_guidance})
    song = pipeline.generate(request)
    other = pipeline.generate(request.model_copy(update={"events": [Event(type="verse", start=0, end=3)]}))
    assert np.abs(song.samples - other.samples).max() > 1e-2
    transformer = pipeline.pipe.transformer
    hooked = [transformer, transformer.proj_in_conv, *transformer.layers]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in hooked)


def test_a_label_and_a_type_that_no_column_has_are_heard_as_words(pipeline):
    trained_encoder(pipeline)
    verse = Event(type="verse", start=0, end=3)
    songs = [
        pipeline.generate(REQUEST.model_copy(update={"events": [event], "section_tags": False})).samples
        for event in (
            verse,
            verse.model_copy(update={"label": "full drums"}),
            Event(type="whale song", start=0, end=3),
            Event(type="vocoder part", start=0, end=3),
        )
    ]
    for i, song in enumerate(songs):
        for other in songs[i + 1 :]:
            assert np.abs(song - other).max() > 1e-3


def test_guidance_one_is_the_velocity_with_events_and_more_moves_on_at_the_same_level(pipeline):
    """Two routes, one answer: the hook's sum against velocities computed one by one."""
    trained_encoder(pipeline)
    transformer, conditioning = pipeline.pipe.transformer, pipeline.conditioning
    torch.manual_seed(1)
    width = transformer.config.encoder_hidden_size or transformer.config.hidden_size
    inputs = {
        "hidden_states": torch.randn(2, 50, 32), "timestep": torch.full((2,), 0.8), "timestep_r": torch.full((2,), 0.8),
        "encoder_hidden_states": torch.randn(2, 9, width), "context_latents": torch.randn(2, 50, 64),
        "return_dict": False,
    }  # fmt: skip
    plan = random_plan(pipeline, 1)
    with torch.no_grad():
        plain = transformer(**inputs)[0]
        with conditioning.sampling(plan, guidance=1.0):
            steered = transformer(**inputs)[0]
        with conditioning.sampling(plan, guidance=3.0, interval=(0.5, 1.0)):
            pushed = transformer(**inputs)[0]
    one, three = (plain + guidance * (steered[:1] - plain[:1]) for guidance in (1.0, 3.0))
    expected = three * (one.std(dim=(1, 2)) / three.std(dim=(1, 2)))[:, None, None]
    torch.testing.assert_close(pushed, expected, atol=2e-5, rtol=1e-4)


def test_gradient_reaches_every_parameter_of_the_event_path(pipeline):
    trained_encoder(pipeline)
    transformer, conditioning = pipeline.pipe.transformer, pipeline.conditioning
    plan = random_plan(pipeline, 2)
    with conditioning.training(plan, keep=torch.tensor([True, False])):
        velocity = transformer(
            hidden_states=torch.randn(2, 50, 32), timestep=torch.rand(2), timestep_r=torch.rand(2),
            encoder_hidden_states=torch.randn(2, 9, 64), context_latents=torch.randn(2, 50, 64), return_dict=False,
        )[0]  # fmt: skip
    velocity.square().mean().backward()
    missing = [n for n, p in conditioning.encoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert missing == []


def test_a_song_can_be_cancelled_within_a_step(pipeline):
    done = []
    with pytest.raises(Cancelled):
        pipeline.generate(REQUEST, on_step=lambda step, of: done.append(step), cancelled=lambda: len(done) == 2)
    assert done == [1, 2]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"events": [], "duration": None}, "length is unknown"),
        ({"duration": 2.0}, "chorus ends at 3 s, after the song's end at 2 s"),
        ({"duration": 6000.0}, "from 1 to 600 seconds"),
        ({"steps": 0}, "0 steps make no sense"),
    ],
)
def test_a_senseless_request_is_refused_with_a_sentence(pipeline, changes, sentence):
    with pytest.raises(RequestError, match=sentence):
        pipeline.generate(REQUEST.model_copy(update=changes))


def test_the_readme_s_python_makes_a_song_with_its_parts(tmp_path, monkeypatch):
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(from acestep.*?)```", text, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 5
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert soundfile.info("song.wav").duration == 20.0
    assert [(e.type, e.start, e.end) for e in read_sidecar(tmp_path / "song.wav").events] == [
        ("intro", 0, 4), ("verse", 4, 12), ("chorus", 12, 20),
    ]  # fmt: skip


def test_a_misspelt_field_of_a_call_is_named():
    from acestep.loading import load_pipeline

    with pytest.raises(RequestError, match="`sead` is no field of a song"):
        load_pipeline("starter")("a song", duration=2, sead=1)
