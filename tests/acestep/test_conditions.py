"""Training's view of a request equals what the pipeline itself shows its transformer."""

import torch

from acestep.conditioning import masked_cross_attention
from acestep.conditions import WordEncoder, pad_conditions, source_context
from acestep.pipeline import SongRequest

WORDS = {"prompt": "warm house", "lyrics": "[Verse]\nla la", "bpm": 120, "keyscale": "A minor", "timesignature": "4"}


def test_condition_and_source_are_the_tensors_that_generation_uses(pipeline):
    seen = {}

    def remember(module, args, kwargs):
        seen.update(kwargs)

    handle = pipeline.pipe.transformer.register_forward_pre_hook(remember, with_kwargs=True)
    pipeline.generate(SongRequest(**WORDS, duration=3.4, steps=1, guidance_scale=1.0))
    handle.remove()
    condition = WordEncoder(pipeline.pipe)(**WORDS, duration=3.4)
    torch.testing.assert_close(seen["encoder_hidden_states"], condition.hidden, rtol=0, atol=0)
    torch.testing.assert_close(seen["context_latents"], source_context(pipeline.pipe, 85), rtol=0, atol=0)


def test_a_padded_batch_equals_its_songs_one_by_one(pipeline):
    encode = WordEncoder(pipeline.pipe)
    conditions = [encode(**WORDS), encode(prompt="drums")]
    assert conditions[0].hidden.shape != conditions[1].hidden.shape
    hidden, mask = pad_conditions(conditions)
    torch.manual_seed(0)
    noisy, t = torch.randn(2, 60, 32), torch.tensor([0.3, 0.9])
    context = source_context(pipeline.pipe, 60)
    transformer = pipeline.pipe.transformer

    def velocity(rows, condition, batch):
        return transformer(
            hidden_states=noisy[rows], timestep=t[rows], timestep_r=t[rows], encoder_hidden_states=condition,
            context_latents=context.expand(batch, -1, -1), return_dict=False,
        )[0]  # fmt: skip

    with torch.no_grad():
        with masked_cross_attention(transformer, mask):
            together = velocity(slice(None), hidden, 2)
        alone = [velocity(slice(i, i + 1), c.hidden, 1) for i, c in enumerate(conditions)]
    torch.testing.assert_close(together, torch.cat(alone), atol=2e-5, rtol=1e-4)


def test_what_was_encoded_before_is_used_again_and_forgotten_beyond_the_limit(pipeline):
    fresh = {lyrics: WordEncoder(pipeline.pipe)(prompt="drums", lyrics=lyrics).hidden for lyrics in ("[Verse]", "la")}
    calls = []
    handle = pipeline.pipe.text_encoder.register_forward_hook(lambda *_: calls.append(1))
    roomy, tight = WordEncoder(pipeline.pipe), WordEncoder(pipeline.pipe, most_bytes=1)
    counts = []
    for encode in (roomy, tight):
        for lyrics in ("[Verse]", "la", "[Verse]", "la"):
            assert torch.equal(encode(prompt="drums", lyrics=lyrics).hidden, fresh[lyrics])
        counts.append(len(calls))
        calls.clear()
    handle.remove()
    assert counts == [1, 4]


def test_lyrics_that_are_too_long_are_cut_where_the_pipeline_cuts_them(pipeline):
    long = "[Verse]\n" + "la la la " * 1500
    seen = {}
    handle = pipeline.pipe.transformer.register_forward_pre_hook(lambda m, a, k: seen.update(k), with_kwargs=True)
    pipeline.generate(SongRequest(prompt="x " * 400, lyrics=long, duration=2, steps=1, guidance_scale=1.0))
    handle.remove()
    condition = WordEncoder(pipeline.pipe)(prompt="x " * 400, lyrics=long, duration=2, timesignature="4")
    assert torch.equal(condition.hidden, seen["encoder_hidden_states"])
    assert condition.hidden.shape[1] == 2048 + 1 + 256
