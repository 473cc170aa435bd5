"""What a request may say: the ancestor's forms, the generation room's fields, limits, and a sentence for all else."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.requests import LONGEST_SENTENCE, read_body, read_payload, sentence_of
from serving.settings import EndpointError, ServingSettings, read_environment
from structure.errors import StudioError

SETTINGS = ServingSettings(adapters={"rock": Path("/somewhere/rock")}, max_duration=60, max_steps=20)


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        ("warm synthwave", {"caption": "warm synthwave", "duration": 12.0, "seed": 42}),
        ({"inputs": "warm synthwave"}, {"caption": "warm synthwave"}),
        ({"inputs": {"query": "a", "duration_sec": 10, "inference_steps": 9}}, {"caption": "a", "steps": 9}),
        ({"inputs": {"text": "a", "guidance_scale": 7, "bpm": 92}}, {"guidance": 7.0, "bpm": 92}),
        ({"inputs": {"description": "a", "instrumental": True}}, {"lyrics": "[Instrumental]"}),
        ({"inputs": "a", "parameters": {"seed": 7, "duration": 3}}, {"seed": 7, "duration": 3.0}),
        ({"inputs": {"structure": "intro 0-4, verse 4-12"}}, {"structure": "intro 0-4, verse 4-12", "duration": None}),
        ({"inputs": {"key": "A minor", "duration": 2, "lyrics": None}}, {"keyscale": "A minor", "lyrics": ""}),
    ],
)
def test_the_ancestor_s_requests_still_mean_what_they_meant(payload: object, wanted: dict):
    job = read_payload(payload, SETTINGS).job
    assert {name: getattr(job, name) for name in wanted} == wanted


def test_a_structure_may_be_a_list_of_events():
    asked = read_payload({"inputs": {"structure": [{"type": "verse", "start": 0, "end": 4}]}}, SETTINGS)
    assert [(event.type, event.end) for event in asked.job.timed_events()] == [("verse", 4.0)]


def test_form_rate_and_id_are_the_answer_s():
    asked = read_payload({"inputs": {"duration": 2, "format": "mp3", "sample_rate": 44100, "id": "song-1"}}, SETTINGS)
    assert (asked.form, asked.sample_rate, asked.id) == ("mp3", 44100, "song-1")


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"adapter": "../../etc"}, "this endpoint serves default, none, rock"),
        ({"adapter": "/somewhere/rock"}, "this endpoint serves"),
        ({"duration": 2, "beside": [{"adapter": "/etc"}]}, "this endpoint serves"),
        ({"duration": 61}, "at most 60 s"),
        ({"structure": "verse 0-61"}, "at most 60 s"),
        ({"steps": 21}, "at most 20"),
        ({"format": "exe"}, "choose one of wav, flac, mp3, ogg"),
        ({"sample_rate": 1}, "choose one of 8000"),
        ({"sample_rate": True}, "choose one of 8000"),
        ({"id": 5}, "`id` is a text"),
        ({"prompt": "a", "caption": "b"}, "says something else"),
        ({"output": "/tmp/x.wav"}, "the song is in the answer"),
        ({"sead": 7}, "no field of a request"),
        ({"structure": "verse 8-4"}, "verse"),
        ({"events": [{"type": "verse", "start": 0, "end": 1}] * 2001}, "at most 2000"),
        ({"prompt": "\ud800"}, "half a character"),
        ([], "`inputs` is list"),
    ],
)
def test_what_cannot_be_is_one_sentence(inputs: object, sentence: str):
    with pytest.raises(StudioError) as refused:
        read_payload({"inputs": inputs}, SETTINGS)
    assert sentence in sentence_of(refused.value)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_json_is_one_sentence(body: bytes):
    with pytest.raises(StudioError, match="not JSON|inputs"):
        read_payload(read_body(body), SETTINGS)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["structure", "events", "prompt", "lyrics", "duration", "bpm", "seed", "steps", "adapter", "beside", "format", "id",
     "sample_rate", "event_guidance", "event_interval", "timesignature", "instrumental", "keyscale", "strength"]
)  # fmt: skip


@given(payload=ODD | st.fixed_dictionaries({"inputs": ODD | st.dictionaries(NAMES, ODD, max_size=6)}))
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_sent_is_understood_or_refused_in_a_sentence(payload: object):
    try:
        asked = read_payload(payload, SETTINGS)
    except StudioError as refused:
        said = sentence_of(refused)
        assert said and "\n" not in said and len(said) <= LONGEST_SENTENCE
    else:
        assert asked.job.adapter in ("default", "none", "/somewhere/rock")
        json.dumps(asked.job.model_dump(mode="json"))


def test_the_environment_says_what_is_served(tmp_path: Path):
    assert read_environment("", {}) == ServingSettings()
    (tmp_path / "model_index.json").touch()
    assert read_environment(str(tmp_path), {}).model == str(tmp_path)
    named = read_environment("", {"ACE_ADAPTERS": f"rock={tmp_path}", "ACE_MAX_STEPS": "8", "ACE_MODEL_REPO": "a/b@v2"})
    assert (named.names, named.max_steps, named.model, named.revision) == (["default", "none", "rock"], 8, "a/b", "v2")
    assert named.adapter("default") == named.adapter("rock") == str(tmp_path)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ACE_ADAPTERS": "rock"}, "NAME=FOLDER"),
        ({"ACE_ADAPTERS": "none=/tmp"}, "neither `default` nor `none`"),
        ({"ACE_ADAPTERS": "a=/nowhere at all"}, "there is no folder"),
        ({"ACE_MAX_STEPS": "many"}, "ACE_MAX_STEPS"),
        ({"ACE_MAX_DURATION": "nan"}, "ACE_MAX_DURATION"),
    ],
)
def test_an_environment_that_cannot_be_served_is_one_sentence(variables: dict[str, str], sentence: str):
    with pytest.raises(EndpointError, match=sentence):
        read_environment("", variables)
