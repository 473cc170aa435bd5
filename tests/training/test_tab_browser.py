"""The Train tab in a browser: what is heard in the songs is told without asking."""

import json

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.browser


def test_the_card_tells_what_listening_to_the_songs_found_and_stays(studio, browser, tmp_path):
    songs = tmp_path / "songs"
    songs.mkdir()
    noise = 0.1 * np.random.default_rng(0).standard_normal(48_000)
    for name, samples in (("good", noise), ("silent", 0 * noise), ("wide", np.repeat(noise[::-1, None], 4, axis=1))):
        soundfile.write(songs / f"{name}.wav", samples, 24_000)
        (songs / f"{name}.json").write_text(json.dumps({"events": [{"type": "verse", "start": 0, "end": 2}]}))
    page = browser.new_context().new_page()
    url = studio("--dataset", str(songs)).url
    for _ in range(2):  # heard for the first time, and remembered
        page.goto(url)
        page.get_by_role("tab", name="Train").click()
        page.get_by_text("silent.wav: is silent from start to end.").wait_for()
        page.get_by_text("wide.wav: its 4 channels are mixed down.").wait_for()
        page.wait_for_timeout(1500)
        assert page.get_by_text("2 songs · ").is_visible()
    page.context.close()
