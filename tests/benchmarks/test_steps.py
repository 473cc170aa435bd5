"""The arithmetic behind a card's share: FLOPs by hand, peaks by name, and a row for every way."""

import pytest

from benchmarks.cards import peak_of
from benchmarks.steps import Way, every_way, measure_ways, printed, step_flops


@pytest.fixture
def pipeline(random_model):
    from acestep.loading import load_pipeline

    return load_pipeline(str(random_model), device="cpu")


def test_flops_of_a_step_are_those_counted_by_hand(pipeline):
    transformer, frames, words, rank = pipeline.pipe.transformer, 100, 30, 2
    config = transformer.config
    tokens, layers = frames // config.patch_size, config.num_hidden_layers
    width, inner = config.hidden_size, config.num_attention_heads * config.head_dim
    narrow = config.num_key_value_heads * config.head_dim
    attention = 4 * layers * inner * (tokens * tokens + tokens * words)
    lora = 2 * rank * layers * (
        3 * tokens * (width + inner) + tokens * (inner + width)  # to_q twice, to_out twice
        + 2 * tokens * (width + narrow) + 2 * words * (width + narrow)  # to_k and to_v, of the song and of the words
    )  # fmt: skip
    more = step_flops(transformer, frames, words, rank) - step_flops(transformer, frames, words, 2 * rank)
    assert -more == pytest.approx(3 * lora)  # forward, backward to the inputs, backward to the weights
    longer = step_flops(transformer, 2 * frames, words, rank) - 2 * step_flops(transformer, frames, words, rank)
    square = 3 * 4 * layers * inner * (4 - 2) * tokens * tokens
    assert longer < square  # what belongs to the words and to t does not double
    assert step_flops(transformer, frames, words, rank) > 3 * attention


@pytest.mark.parametrize(
    ("card", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989.0),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA H200", 989.0),
        ("NVIDIA H100 NVL", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("NVIDIA A100-SXM4-80GB", 312.0),
        ("NVIDIA L40S", 362.0),
        ("NVIDIA L4", 121.0),
        ("NVIDIA GeForce RTX 4090", 165.0),
        ("cpu", None),
    ],
)
def test_a_card_is_known_by_its_name(card, peak):
    found = peak_of(card)
    assert (found and found[0]) == peak


def test_each_way_is_a_row_and_one_that_fails_says_why(pipeline):
    ways = every_way(["real"], [10.0], ["bf16", "fp32"], [False])
    rows = measure_ways(pipeline, [ways[0], ways[-1], Way("no such preset", 10.0, "fp32", False, False)], rounds=1)
    assert [("failed" in row) for row in rows] == [False, False, True]
    assert "There is no preset" in rows[2]["failed"]
    assert rows[0]["step_tflop"] == rows[1]["step_tflop"] and rows[0]["lora_parameters"] > 0
    assert "There is no preset" in printed(rows)
    assert not getattr(pipeline.pipe.transformer, "peft_config", {})  # bare again
