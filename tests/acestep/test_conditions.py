"""Training's view of a request equals what the pipeline itself shows its transformer."""

import torch

from acestep.conditioning import masked_cross_attention
from acestep.conditions import encode_condition, pad_conditions, source_context
from acestep.pipeline import SongRequest

WORDS = {"prompt": "warm house", "lyrics": "[Verse]\nla la", "bpm": 120, "keyscale": "A minor", "timesignature": "4"}


def test_condition_and_source_are_the_tensors_that_generation_uses(pipeline):
    seen = {}

    def remember(module, args, kwargs):
        seen.update(kwargs)

    handle = pipeline.pipe.transformer.register_forward_pre_hook(remember, with_kwargs=True)
    pipeline.generate(SongRequest(**WORDS, duration=3.4, steps=1, guidance_scale=1.0))
    handle.remove()
    condition = encode_condition(pipeline.pipe, **WORDS, duration=3.4)
    torch.testing.assert_close(seen["encoder_hidden_states"], condition.hidden, rtol=0, atol=0)
    torch.testing.assert_close(seen["context_latents"], source_context(pipeline.pipe, 85), rtol=0, atol=0)


def test_a_padded_batch_equals_its_songs_one_by_one(pipeline):
    conditions = [encode_condition(pipeline.pipe, **WORDS), encode_condition(pipeline.pipe, prompt="drums")]
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
