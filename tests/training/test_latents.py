"""Latents: encoded once, found again by content, and the same in blocks as in one piece."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from training.latents import LatentCache, LatentError, encode_in_tiles


@pytest.fixture(scope="module")
def codec():
    from acestep.starter.codec import StarterCodec

    torch.manual_seed(0)
    return StarterCodec(decoder_blocks=1, decoder_width=32).eval()


@pytest.fixture
def cache(codec, tmp_path: Path) -> LatentCache:
    return LatentCache(codec, 24000, 25.0, max_seconds=240, folder=tmp_path / "cache")


def write_noise(path: Path, seconds: float = 2.0, seed: int = 0, channels: int = 1, rate: int = 24000) -> Path:
    rng = np.random.default_rng(seed)
    soundfile.write(path, 0.1 * rng.standard_normal((round(seconds * rate), channels)), rate)
    return path


def test_a_changed_sidecar_a_new_name_and_a_new_folder_cost_nothing(cache: LatentCache, tmp_path: Path):
    song = write_noise(tmp_path / "song.wav")
    first = cache.load(song)
    song.with_suffix(".json").write_text(json.dumps({"caption": "new"}))
    (tmp_path / "moved").mkdir()
    moved = Path(shutil.move(song, tmp_path / "moved" / "renamed.wav"))
    assert torch.equal(cache.load(moved), first)
    assert cache.encoded == 1


def test_changed_audio_another_codec_and_another_length_are_encoded_anew(codec, cache: LatentCache, tmp_path: Path):
    from acestep.starter.codec import StarterCodec

    song = write_noise(tmp_path / "song.wav")
    paths = {cache.path(song), cache.path(write_noise(tmp_path / "other.wav", seed=1))}
    paths.add(LatentCache(codec, 24000, 25.0, max_seconds=10, folder=cache.folder).path(song))
    torch.manual_seed(1)
    other = StarterCodec(decoder_blocks=1, decoder_width=32)
    paths.add(LatentCache(other, 24000, 25.0, max_seconds=240, folder=cache.folder).path(song))
    assert len(paths) == 4


def test_a_spoilt_cache_file_is_made_anew(cache: LatentCache, tmp_path: Path):
    song = write_noise(tmp_path / "song.wav")
    first = cache.load(song)
    cache.path(song).write_bytes(b"half a file")
    assert torch.equal(cache.load(song), first)
    assert cache.encoded == 2


def test_stereo_at_another_rate_gives_one_frame_per_forty_milliseconds(cache: LatentCache, tmp_path: Path):
    latents = cache.load(write_noise(tmp_path / "song.flac", seconds=3.0, channels=2, rate=44100))
    assert latents.shape == (75, 32)
    assert latents.dtype == torch.float32


def test_only_the_first_seconds_are_encoded_where_a_song_is_too_long(codec, tmp_path: Path):
    short = LatentCache(codec, 24000, 25.0, max_seconds=1.0, folder=tmp_path / "cache")
    assert len(short.load(write_noise(tmp_path / "song.wav", seconds=3.0))) == 25


def test_tiles_with_context_join_to_what_one_piece_gives(codec):
    samples = 0.1 * np.random.default_rng(0).standard_normal((24000 * 65, 1)).astype(np.float32)
    whole = codec.encode(torch.from_numpy(samples.T)[None]).latent_dist.mode()[0].T
    uneven = np.split(samples, [700, 40_000, 1_200_001])  # tiles do not depend on how the file was read
    tiles = encode_in_tiles(codec, uneven, 960, 24000)
    assert tiles.shape == (65 * 25, 32)
    torch.testing.assert_close(tiles, whole[: len(tiles)], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("seconds", [0.001, 0.03])
def test_a_song_shorter_than_a_frame_is_refused(cache: LatentCache, tmp_path: Path, seconds: float):
    with pytest.raises(LatentError, match=r"song\.wav"):
        cache.load(write_noise(tmp_path / "song.wav", seconds=seconds))


def test_samples_that_are_no_numbers_are_refused(cache: LatentCache, tmp_path: Path):
    path = tmp_path / "song.wav"
    samples = np.zeros(24000, dtype=np.float32)
    samples[100] = np.nan
    soundfile.write(path, samples, 24000, subtype="FLOAT")
    with pytest.raises(LatentError, match="not numbers"):
        cache.load(path)


def test_a_quieter_copy_is_kept_apart_from_the_song_itself(cache: LatentCache, tmp_path: Path):
    song = write_noise(tmp_path / "song.wav")
    itself, quieter = cache.load(song), cache.load(song, gain_db=-6.0)
    assert not torch.allclose(itself, quieter)
    half = tmp_path / "half.wav"
    samples, rate = soundfile.read(song, dtype="float32")
    soundfile.write(half, samples * 10 ** (-6 / 20), rate, subtype="FLOAT")
    torch.testing.assert_close(cache.load(half), quieter, rtol=1e-4, atol=1e-4)


def test_three_hours_at_eight_channels_stay_small_in_memory(codec, tmp_path: Path):
    """Only what is wanted is read: the peak of allocated arrays is far below the 8 GB of all samples at 24 kHz."""
    import tracemalloc

    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", samplerate=2400, channels=8) as file:
        for minute in range(180):
            file.write(0.1 * np.random.default_rng(minute).standard_normal((2400 * 60, 8)).astype(np.float32))
    cache = LatentCache(codec, 24000, 25.0, max_seconds=60, folder=tmp_path / "cache")
    tracemalloc.start()
    latents = cache.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(latents) == 60 * 25
    assert peak < 300e6
