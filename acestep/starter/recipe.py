"""How the starter is made, from seeds alone: songs, codec, base model, event adapter, scores.

Each stage leaves its result in the build folder, so that a stage can be made again by itself; the
finished weights go to `acestep/starter/weights`, stored in half precision.
"""

import copy
import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acestep.loading import STARTER_ADAPTER, STARTER_DIR
from acestep.starter.demo import make_demo
from acestep.starter.songs import StarterSong, make_song

if TYPE_CHECKING:
    from torch import Tensor

    from acestep.starter.base_batches import LatentSong

CODEC_SONGS = range(100_000, 100_300)
BASE_SONGS = range(200_000, 203_000)
LONG_SONGS = 0.3  # share of the base's songs that last 48 to 120 s, all others 20 to 40
CODEC_STEPS = 6000
WORD_STEPS = 1500
BASE_WIDTH = 192
SEED = 1


def _logger(name: str, steps: int, every: int = 50) -> "Callable[[int, float | Tensor], None]":
    begin = time.time()
    recent: list[float | Tensor] = []

    def log(step: int, loss: "float | Tensor") -> None:
        recent.append(loss)
        if (step + 1) % every == 0 or step + 1 == steps:
            left = (time.time() - begin) / (step + 1) * (steps - step - 1)
            mean = np.mean([float(loss) for loss in recent])  # waits for the device, so only now and then
            print(f"{name} {step + 1}/{steps} loss {mean:.4f}, {left:.0f} s left", flush=True)
            recent.clear()

    return log


def make_codec(build: Path, steps: int = CODEC_STEPS) -> None:
    """Train the codec and leave it in `build/vae`."""
    from acestep.starter.codec_training import train_codec

    songs = [make_song(seed).samples.astype(np.float16) for seed in CODEC_SONGS]
    codec = train_codec(songs, steps, SEED, _logger("codec", steps))
    codec.save_pretrained(build / "vae")


def encode_songs(build: Path) -> None:
    """Latents and facts of the songs that the base model learns from, in `build/latents`."""
    import torch
    from safetensors.torch import save_file

    from acestep.loading import choose_device
    from acestep.starter.codec import StarterCodec

    device = choose_device()
    codec = StarterCodec.from_pretrained(build / "vae", use_safetensors=True).to(device)
    rng = np.random.default_rng(SEED)
    durations = [float(rng.uniform(48, 120)) if rng.random() < LONG_SONGS else None for _ in BASE_SONGS]
    latents, facts = {}, {}
    with multiprocessing.get_context("spawn").Pool() as others:
        made = others.imap(_song, zip(BASE_SONGS, durations, strict=True), chunksize=4)
        for seed, song in zip(BASE_SONGS, made, strict=True):
            with torch.no_grad():
                samples = torch.from_numpy(song.samples)[None, None].to(device)
                encoded = codec.encode(samples).latent_dist.mode()
            latents[str(seed)] = encoded[0].T.contiguous().half().cpu()
            facts[str(seed)] = song.sidecar | {"band": vars(song.band)}
    folder = build / "latents"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(latents, folder / "latents.safetensors")
    (folder / "facts.json").write_text(json.dumps(facts))


def _song(told: tuple[int, float | None]) -> StarterSong:
    return make_song(*told)


def make_base(build: Path) -> None:
    """Teach words, then music, on `build/latents`, and install the model, codec included, as the starter."""
    import torch

    from acestep.loading import choose_device
    from acestep.starter.base_batches import sample_words
    from acestep.starter.base_training import COURSE, train_base, train_tokenizer, untrained_pipeline
    from acestep.starter.codec import StarterCodec
    from acestep.starter.word_training import train_words

    device = choose_device()
    codec = StarterCodec.from_pretrained(build / "vae", use_safetensors=True)
    songs = latent_songs(build)
    tokenizer = train_tokenizer(sample_words(songs[:1200], SEED))
    unused = copy.deepcopy(tokenizer)  # its use leaves padding and truncation behind
    pipe = untrained_pipeline(codec, tokenizer, BASE_WIDTH, SEED).to(device)
    train_words(pipe, songs, WORD_STEPS, SEED, _logger("words", WORD_STEPS))
    train_base(pipe, songs, COURSE, SEED, _logger("base", COURSE.steps))
    partial = STARTER_DIR.with_name("model.part")
    shutil.rmtree(partial, ignore_errors=True)
    pipe.to("cpu", torch.float16).save_pretrained(partial)
    unused.save_pretrained(partial / "tokenizer")
    shutil.rmtree(STARTER_DIR, ignore_errors=True)
    partial.rename(STARTER_DIR)


def latent_songs(build: Path) -> "list[LatentSong]":
    """The songs that the base learns from."""
    from safetensors.torch import load_file

    from acestep.starter.base_batches import LatentSong

    facts = json.loads((build / "latents" / "facts.json").read_text())
    latents = load_file(build / "latents" / "latents.safetensors")
    return [LatentSong(latents[k].float(), facts[k]) for k in facts]


def make_adapter(build: Path) -> None:
    """Train the shipped event adapter with the product's own command on the demo songs, and install it."""
    songs, run = build / "demo", build / "starter-events"
    make_demo(songs)
    shutil.rmtree(run, ignore_errors=True)
    command = [
        sys.executable,
        "lora_train.py",
        "--dataset-dir",
        songs,
        "--output-dir",
        run,
        "--model-config",
        "starter",
    ]
    subprocess.run([str(part) for part in command], check=True, cwd=Path(__file__).parents[2])
    shutil.rmtree(STARTER_ADAPTER, ignore_errors=True)
    STARTER_ADAPTER.mkdir(parents=True)
    for name in ("pytorch_lora_weights.safetensors", "event_encoder.safetensors", "adapter.json"):
        shutil.copy(run / name, STARTER_ADAPTER / name)


STAGES: dict[str, Callable[[Path], None]] = {
    "codec": make_codec,
    "latents": encode_songs,
    "base": make_base,
    "adapter": make_adapter,
}
