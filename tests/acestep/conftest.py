"""A pipeline with random weights in the starter's layout: the real classes, in a second, with nothing trained."""

import pytest


@pytest.fixture(scope="session")
def random_model(tmp_path_factory):
    """Folder of an untrained starter."""
    from acestep.starter.base_training import train_tokenizer, untrained_pipeline
    from acestep.starter.codec import StarterCodec

    texts = ["# Caption warm house track # Metas bpm 120 keyscale A minor [Verse] [Chorus]"] * 20
    pipe = untrained_pipeline(StarterCodec(decoder_blocks=1, decoder_width=32), train_tokenizer(texts, 300), 64, seed=0)
    folder = tmp_path_factory.mktemp("random-model")
    pipe.save_pretrained(folder)
    return folder


@pytest.fixture
def pipeline(random_model):
    """The untrained starter as the product loads it."""
    from acestep.loading import load_pipeline

    return load_pipeline(str(random_model), device="cpu")
