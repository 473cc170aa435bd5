"""A long recording at the page: seen at once, marked while it is read, then played."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from annotate.apart import Decoders
from annotate.track import CACHE_DIR
from structure.sidecar import read_sidecar

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot stop a process for a while")
def test_parts_are_marked_while_the_sound_is_read_and_it_plays_afterwards(
    serve: Callable[..., str], visit: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    patient = Decoders(deadline=120.0)  # longer than the person below takes
    monkeypatch.setattr("annotate.track.page_decoders", lambda: patient)
    monkeypatch.setattr("annotate.track.LONG", 60.0)
    root = tmp_path / "songs"
    root.mkdir()
    noise = 0.2 * np.random.default_rng(5).standard_normal(44_100).astype(np.float32)
    with soundfile.SoundFile(root / "long.flac", "w", 44_100, 1) as file:
        for second in range(1200):
            file.write(noise * (second % 60) / 60)
    soundfile.write(root / "short.wav", noise, 44_100)
    visitor = visit(serve(root))
    deadline = time.monotonic() + 30
    while not list(CACHE_DIR.glob(".studio-*")):  # until the copy is begun
        assert time.monotonic() < deadline
        time.sleep(0.005)
    for pid in patient.pids():
        os.kill(pid, signal.SIGSTOP)
    try:
        visitor.opened("long.flac")
        visitor.page.wait_for_function(
            "document.querySelector('#annotate-timeline .sst-note').innerText.startsWith('Reading the sound: ')"
        )
        assert visitor.root.evaluate("root => root.querySelector('audio').getAttribute('src')") is None
        visitor.click(300.0)
        visitor.saved()
        assert read_sidecar(root / "long.flac").events[0].end == pytest.approx(300, abs=2)
    finally:
        for pid in patient.pids():
            os.kill(pid, signal.SIGCONT)
    visitor.page.wait_for_function("document.querySelector('#annotate-timeline audio').readyState >= 1", timeout=60_000)
    assert visitor.root.locator(".sst-note").inner_text() == ""
    visitor.press("Space")
    visitor.page.wait_for_selector('#annotate-timeline .sst[data-playing="yes"]')
    assert len(visitor.boundaries()) == 1
    patient.close()
