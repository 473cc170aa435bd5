"""Decoders in processes of their own: they read as this one would, and may die."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from annotate.apart import Decoders
from annotate.decoding import AudioError, AudioInfo, read_blocks, read_info

ROOT = Path(__file__).resolve().parents[2]
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to die of")


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    """With a deadline that a busy machine keeps."""
    made = Decoders(most=2, deadline=3.0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five minutes of stereo: more than a pipe holds."""
    path = tmp_path_factory.mktemp("apart") / "minutes.wav"
    noise = 0.1 * np.random.default_rng(3).standard_normal((44_100, 2))
    soundfile.write(path, np.tile(noise, (300, 1)), 44_100)
    return path


def test_what_is_read_apart_is_what_is_read_here(decoders: Decoders, song: Callable[..., Path], tmp_path: Path):
    flac, text = song("a.flac", seconds=3.0), tmp_path / "b.mp3"
    text.write_text("no music")
    blocks = np.concatenate(list(decoders.blocks(flac, 1000)))
    np.testing.assert_array_equal(blocks, np.concatenate(list(read_blocks(flac))))
    here, missing, refused = decoders.infos([flac, tmp_path / "gone.wav", text])
    assert here == read_info(flac)
    assert "There is no file" in str(missing)
    assert str(refused) == "`b.mp3` is not audio that can be read here. Convert it to WAV, FLAC, OGG or MP3."
    with pytest.raises(AudioError, match="`b.mp3` is not audio that can be read here."):  # not that it crashed
        list(decoders.blocks(text, 1000))


@needs_signals
def test_a_decoder_that_crashes_costs_its_own_file_alone(decoders: Decoders, minutes: Path):
    blocks = decoders.blocks(minutes, 10_000)
    next(blocks)
    (pid,) = decoders.pids()
    os.kill(pid, signal.SIGSEGV)
    with pytest.raises(AudioError, match="`minutes.wav`: its decoder crashed. Convert it to WAV."):
        list(blocks)
    assert decoders.infos([minutes]) == [read_info(minutes)]
    assert decoders.pids() != [pid]


@needs_signals
def test_a_decoder_that_hangs_is_ended_and_keeps_nobody_waiting(decoders: Decoders, minutes: Path):
    blocks = decoders.blocks(minutes, 10_000)
    next(blocks)
    os.kill(decoders.pids()[0], signal.SIGSTOP)
    ended: list[str] = []

    def hang() -> None:
        with pytest.raises(AudioError) as refused:
            list(blocks)
        ended.append(str(refused.value))

    waiting = threading.Thread(target=hang)
    waiting.start()
    assert decoders.infos([minutes]) == [read_info(minutes)]  # somebody else's file
    assert not ended
    waiting.join(30)
    assert ended == ["`minutes.wav`: its decoder did not end. Convert it to WAV."]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to a limit of address space")
def test_a_decoder_that_grows_is_refused_the_memory(minutes: Path):
    small = Decoders(most=1, memory=250)
    with pytest.raises(AudioError, match="`minutes.wav`: its decoder asked for too much memory. Convert it to WAV."):
        list(small.blocks(minutes, 1 << 30))
    assert sum(map(len, small.blocks(minutes, 1 << 16))) == 300 * 44_100
    small.close()


@needs_signals
def test_of_many_headers_a_crash_costs_one(decoders: Decoders, minutes: Path):
    decoders.infos([minutes])
    threading.Timer(0.1, lambda: os.kill(decoders.pids()[0], signal.SIGKILL)).start()
    found = decoders.infos([minutes] * 4_000)
    assert len(found) == 4_000
    assert [str(one) for one in found if not isinstance(one, AudioInfo)] == [
        "`minutes.wav`: its decoder crashed. Convert it to WAV."
    ]


def test_one_that_is_not_read_to_its_end_leaves_nothing_running(decoders: Decoders, minutes: Path):
    blocks = decoders.blocks(minutes, 10_000)
    next(blocks)
    (pid,) = decoders.pids()
    blocks.close()
    assert not psutil.pid_exists(pid)
    assert decoders.infos([minutes]) == [read_info(minutes)]


@needs_signals
def test_a_page_that_is_killed_leaves_no_decoder_behind(minutes: Path):
    program = (
        "import sys; from pathlib import Path; from annotate.apart import Decoders\n"
        "made = Decoders(); blocks = made.blocks(Path(sys.argv[1]), 1000); next(blocks)\n"
        "print(made.pids()[0], flush=True); sys.stdin.read()"
    )
    page = subprocess.Popen(
        [sys.executable, "-c", program, str(minutes)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert page.stdout
    decoder = psutil.Process(int(page.stdout.readline()))
    page.kill()
    page.communicate()
    decoder.wait(10)
    assert not decoder.is_running()


def test_a_header_that_no_song_has_is_refused(tmp_path: Path):
    path = tmp_path / "a.wav"
    for offset, size, value, claimed in (
        (22, 2, 900, "900 channels"),
        (24, 4, 0x7FFFFFF0, "a sample rate of 2147483632 Hz"),
    ):
        soundfile.write(path, np.zeros(90_000), 44_100)
        content = bytearray(path.read_bytes())
        content[offset : offset + size] = value.to_bytes(size, "little")
        path.write_bytes(content)
        for read in (read_info, lambda path: list(read_blocks(path))):
            with pytest.raises(AudioError, match=rf"`a\.wav` claims {claimed}: its header is damaged."):
                read(path)
