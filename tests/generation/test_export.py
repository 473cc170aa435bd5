"""What is taken home: the same sound in every form, tags that say a model made it, sections for other programs."""

import numpy as np
import pytest
import soundfile

from annotate.audio import write_audio
from generation.export import SECTIONS, export_sections, export_sound
from generation.history import Take, find_take
from structure.errors import StudioError
from structure.events import Event
from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields

RATE = 44_100


@pytest.fixture
def take(tmp_path) -> Take:
    t = np.arange(3 * RATE) / RATE
    audio = tmp_path / "song.wav"
    write_audio(audio, 0.5 * np.stack([np.sin(2 * np.pi * 220 * t), np.sin(2 * np.pi * 330 * t)], axis=1), RATE)
    made = {"product": "Structure Studio", "model": "starter", "adapter": None, "seed": 7}
    events = [Event(type="verse", start=0, end=2, lyrics="La la"), Event(type="crash", start=2, end=2)]
    sidecar = with_fields(read_sidecar(audio), caption="slow folk", duration=3.0, generation=made)
    save_sidecar(with_events(sidecar, events))
    return find_take(tmp_path, "song")


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3", "OGG"])
def test_every_form_holds_the_song(take, tmp_path, form):
    file = export_sound(take, form, tmp_path)
    assert file.suffix == f".{form.lower()}"
    (song, rate), (original, _) = soundfile.read(file), soundfile.read(take.audio)
    assert rate == RATE
    if form in ("WAV", "FLAC"):
        np.testing.assert_array_equal(song, original)
    else:  # lossy: the same tone on each side, as loud
        n = min(len(song), len(original))
        for side in (0, 1):
            peak = np.abs(np.fft.rfft(song[:n, side])).argmax() * RATE / n
            assert peak == pytest.approx((220, 330)[side], abs=1)
        assert np.sqrt((song**2).mean()) == pytest.approx(np.sqrt((original**2).mean()), rel=0.05)


@pytest.mark.parametrize("form", ["FLAC", "MP3", "OGG"])
def test_the_file_says_that_a_model_made_it(take, tmp_path, form):
    with soundfile.SoundFile(export_sound(take, form, tmp_path)) as file:
        assert file.comment == "Made by a model: ACE-Step starter, no adapter, seed 7."
        assert file.title == "slow folk"


@pytest.mark.parametrize("form", SECTIONS)
def test_sections_go_to_other_programs(take, tmp_path, form):
    file, missing = export_sections(take, form, tmp_path)
    text = file.read_text()
    assert "verse" in text.lower()
    assert ("left out" in missing) == ("crash" not in text or "La la" not in text)


def test_words_and_times_go_together_into_lrc(take, tmp_path):
    file, _ = export_sections(take, "LRC, words with their times", tmp_path)
    assert "La la" in file.read_text() and "[00:00" in file.read_text()


def test_forms_that_are_none_are_refused(take, tmp_path):
    for export in (export_sound, export_sections):
        with pytest.raises(StudioError, match="is no form"):
            export(take, "EXE", tmp_path)
