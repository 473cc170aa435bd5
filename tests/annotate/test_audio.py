"""One reader for all formats; what it refuses, it names."""

import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from annotate.audio import AudioError, audio_blocks, audio_info, content_hash, read_audio, write_audio

RATE = 22_050


def tone(seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_every_format_gives_back_the_song(tmp_path: Path, suffix: str):
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, tone(), RATE)
    samples, rate = read_audio(path)
    assert (rate, samples.shape[1], samples.dtype) == (RATE, 1, np.float32)
    assert abs(len(samples) - RATE) <= 0.1 * RATE  # MP3 pads
    spectrum = np.abs(np.fft.rfft(samples[: RATE // 2, 0]))
    assert np.argmax(spectrum) * RATE / (RATE // 2) == pytest.approx(440, abs=4)


def test_a_format_that_libsndfile_does_not_know_is_read_too(tmp_path: Path):
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(2.0)[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    assert audio_info(path).duration == pytest.approx(2.0, abs=0.1)
    samples, rate = read_audio(path)
    assert (rate, len(samples) / RATE) == (RATE, pytest.approx(2.0, abs=0.1))
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_blocks_joined_are_the_whole_file(tmp_path: Path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.stack([tone(), -tone()], axis=1), RATE, subtype="FLOAT")
    blocks = list(audio_blocks(path, block_frames=1000))
    assert {len(b) for b in blocks[:-1]} == {1000}
    np.testing.assert_array_equal(np.concatenate(blocks), read_audio(path)[0])


def test_resampled_and_mixed_to_mono_it_lasts_as_long_and_sounds_the_same(tmp_path: Path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.stack([tone(), tone()], axis=1), RATE, subtype="FLOAT")
    samples, rate = read_audio(path, sample_rate=16_000, mono=True)
    assert (rate, samples.shape) == (16_000, (16_000, 1))
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    assert np.argmax(spectrum) == 440


def test_written_audio_reads_back_and_too_loud_is_clipped(tmp_path: Path):
    path = tmp_path / "new" / "song.wav"
    write_audio(path, np.array([0.0, 0.5, 2.0, -2.0]), 8000)
    samples, rate = read_audio(path)
    assert rate == 8000
    np.testing.assert_allclose(samples[:, 0], [0, 0.5, 1, -1], atol=2 / 32768)
    assert [p.name for p in path.parent.iterdir()] == ["song.wav"]  # nothing half-written stays


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of a file")
def test_a_disk_without_room_says_so_and_keeps_the_song_before(tmp_path: Path):
    import resource

    path = tmp_path / "song.wav"
    write_audio(path, tone(0.1), RATE)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_audio(path, tone(), RATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["song.wav"]


def test_a_hash_is_of_the_content_not_of_the_name(tmp_path: Path):
    one, two, three = (tmp_path / f"{name}.wav" for name in "abc")
    for path, hertz in ((one, 440.0), (two, 440.0), (three, 441.0)):
        soundfile.write(path, tone(hertz=hertz), RATE)
    assert content_hash(one) == content_hash(two) != content_hash(three)


@pytest.mark.parametrize("content", [b"", b"this is not music", b"RIFF\x00\x00\x00\x00WAVE"])
def test_what_is_not_audio_is_refused_by_name(tmp_path: Path, content: bytes):
    path = tmp_path / "noise.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"`noise\.wav`"):
        audio_info(path)
    with pytest.raises(AudioError, match=r"`noise\.wav`"):
        read_audio(path)


def test_a_file_without_samples_is_called_empty(tmp_path: Path):
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros((0, 1)), RATE)
    with pytest.raises(AudioError, match="holds no sound"):
        read_audio(path)


def test_a_file_without_bytes_is_called_empty_not_of_a_wrong_kind(tmp_path: Path):
    path = tmp_path / "cut-off.mp3"
    path.touch()
    with pytest.raises(AudioError, match=r"`cut-off\.mp3` is empty"):
        audio_info(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(AudioError, match=r"There is no file .*gone\.wav"):
        read_audio(tmp_path / "gone.wav")


def test_a_flac_that_does_not_say_how_long_it_is_is_read_to_its_end(tmp_path: Path):
    """As recorders and `ffmpeg … -f flac -` write it: the header's count of samples is 0."""
    path = tmp_path / "piped.flac"
    samples = np.random.default_rng(0).normal(0, 0.1, (3 * RATE, 2)).astype(np.float32)
    soundfile.write(path, samples, RATE)
    whole = read_audio(path)[0]
    header = bytearray(path.read_bytes())
    header[21] &= 0xF0  # STREAMINFO: 36 bits from here are the count
    header[22:26] = bytes(4)
    path.write_bytes(header)
    assert audio_info(path).duration == pytest.approx(3.0)
    assert np.array_equal(read_audio(path)[0], whole)
