"""The handler on the starter: a song and all that made it, warm, in every format; an error is an answer too."""

import base64
import io

import numpy as np
import pytest
import soundfile

from generation.jobs import make_job
from generation.service import generate_song
from handler import EndpointHandler

ASKED = {"structure": "intro 0-1, verse 1-2", "prompt": "warm synthwave", "steps": 2}


@pytest.fixture(scope="module")
def handler() -> EndpointHandler:
    return EndpointHandler("")


def samples_of(answer: dict) -> tuple[np.ndarray, int]:
    audio = base64.b64decode(answer[f"audio_base64_{answer['format']}"])
    return soundfile.read(io.BytesIO(audio), always_2d=True)


def test_the_song_is_what_generate_makes_of_it(handler: EndpointHandler, tmp_path):
    answer = handler({"inputs": {**ASKED, "seed": 7, "id": "one"}})
    song = generate_song(make_job({**ASKED, "seed": 7}), output=tmp_path / "song.wav")
    samples, rate = samples_of(answer)
    assert np.array_equal(samples, soundfile.read(song.audio, always_2d=True)[0])
    assert (answer["sample_rate"], answer["duration_sec"], answer["seed"], answer["id"]) == (rate, 2.0, 7, "one")
    assert answer["events"] == [
        {"type": "intro", "start": 0.0, "end": 1.0},
        {"type": "verse", "start": 1.0, "end": 2.0},
    ]
    assert answer["versions"]["model_hash"] == song.made["model_hash"] and answer["timings"]["generate"] > 0
    assert answer["meta"]["adapter"] == "default" and str(tmp_path) not in str(answer)


@pytest.mark.parametrize(("form", "rate"), [("flac", None), ("mp3", 44_100), ("ogg", 48_000), ("wav", 16_000)])
def test_every_format_and_rate_lasts_as_long(handler: EndpointHandler, form: str, rate: int | None):
    answer = handler({"inputs": {**ASKED, "format": form, "sample_rate": rate}})
    samples, found = samples_of(answer)
    assert found == answer["sample_rate"] == (rate or answer["sample_rate"])
    assert len(samples) / found == pytest.approx(2.0, abs=0.08)  # MP3 pads


def test_the_second_request_loads_nothing(handler: EndpointHandler, monkeypatch: pytest.MonkeyPatch):
    handler({"inputs": ASKED})
    monkeypatch.setattr("acestep.loading.load_pipeline", lambda *_: pytest.fail("loaded a second time"))
    monkeypatch.setattr("acestep.pipeline.read_lora", lambda *_: pytest.fail("an adapter was loaded a second time"))
    assert "error" not in handler({"inputs": {**ASKED, "seed": 2}})


@pytest.mark.parametrize("payload", [None, 5, {}, {"inputs": {"steps": "many"}}, {"inputs": {"adapter": "/etc"}}])
def test_a_wrong_request_is_answered(handler: EndpointHandler, payload: object):
    answer = handler(payload)
    assert list(answer) == ["error"] and answer["error"].endswith(".")


def test_a_fault_of_ours_is_answered_too_and_told_to_the_log(
    handler: EndpointHandler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("serving.service.make_samples", lambda *_, **__: 1 / 0)
    answer = handler({"inputs": ASKED})
    assert "fault of the server" in answer["error"] and "ZeroDivision" not in answer["error"]
    assert "ZeroDivisionError" in capsys.readouterr().err
