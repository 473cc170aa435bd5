"""Songs, a model and runs for the training tests: procedural audio, the starter's classes with random weights."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "lora_train.py"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained starter with 64 channels."""
    from acestep.starter.base_training import train_tokenizer, untrained_pipeline
    from acestep.starter.codec import StarterCodec

    texts = ["# Caption warm house track # Metas bpm 120 keyscale A minor [Verse] [Chorus]"] * 20
    codec = StarterCodec(decoder_blocks=1, decoder_width=32)
    folder = tmp_path_factory.mktemp("tiny") / "model"
    untrained_pipeline(codec, train_tokenizer(texts, 300), 64, seed=0).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three procedural songs with sidecars."""
    from acestep.starter.songs import write_songs

    folder = tmp_path_factory.mktemp("songs")
    write_songs(folder, 3, seed=11)
    return folder


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment with locks and cache of the tests' own, so that they never meet a person's running program."""
    return {
        **os.environ,
        "STRUCTURE_STUDIO_LOCK_DIR": str(tmp_path_factory.mktemp("locks")),
        "STRUCTURE_STUDIO_CACHE": str(tmp_path_factory.mktemp("cache")),
    }


@pytest.fixture
def own_machine(machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same environment for code that runs in the test's process."""
    for name in ("STRUCTURE_STUDIO_LOCK_DIR", "STRUCTURE_STUDIO_CACHE"):
        monkeypatch.setenv(name, machine[name])


@pytest.fixture
def lora_train(machine: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `lora_train.py` with these arguments, as a person would."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(PROGRAM), *(str(a) for a in arguments)]
        return subprocess.run(command, env=machine, capture_output=True, text=True, timeout=120)

    return run
