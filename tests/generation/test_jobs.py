"""Requests: whatever they come from, they are checked in one place and before a model loads."""

import json

import pytest

from generation.jobs import RequestError, make_job, read_jobs
from structure.errors import StudioError


def test_a_structure_in_text_and_one_in_data_ask_for_the_same_events():
    text = make_job({"structure": "intro 0-4, verse 4-12, crash @4"})
    data = make_job({"events": [event.to_dict() for event in text.timed_events()]})
    assert {e.model_dump_json() for e in text.timed_events()} == {e.model_dump_json() for e in data.timed_events()}


def test_names_of_the_older_tools_are_understood():
    job = make_job({"structure": "verse 0-8", "prompt": "slow blues", "key": "A minor", "guidance_scale": 5})
    assert (job.caption, job.keyscale, job.guidance) == ("slow blues", "A minor", 5)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"structure": "verse 0-8", "bmp": 90}, "`bmp` is no field"),
        ({"structure": "verse 0-8", "bpm": "fast"}, "`bpm` is 'fast'"),
        ({"structure": "verse 0-8", "duration": 0}, "`duration` is 0"),
        ({"structure": "verse 0-8", "seed": -1}, "`seed` is -1"),
    ],
)
def test_a_wrong_field_is_named(fields, says):
    with pytest.raises(RequestError, match=says):
        make_job(fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Neither a structure nor a length"),
        ({"structure": "verse 0-8", "events": [{"type": "verse", "start": 0, "end": 9}]}, "say different things"),
        ({"events": [{"type": "verse", "start": 0, "end": 8}, {"type": "chorus", "start": 6, "end": 9}]}, "(?i)chorus"),
        ({"structure": "verse 0-8, chorus 6-9"}, "overlap"),
        ({"structure": "verse 0-20", "duration": 10}, "10"),
    ],
)
def test_what_cannot_be_a_song_is_refused_with_a_sentence(fields, says):
    with pytest.raises(StudioError, match=says):
        make_job(fields).timed_events()


def test_lines_take_what_they_leave_out_from_the_flags(tmp_path):
    path = tmp_path / "songs.jsonl"
    path.write_text('{"structure": "verse 0-8", "seed": 3}\n\n{"events": [{"type": "intro", "start": 0, "end": 4}]}\n')
    first, second = read_jobs(path, {"structure": "outro 0-2", "caption": "folk", "seed": 1})
    assert (first.structure, first.seed, first.caption) == ("verse 0-8", 3, "folk")
    assert (second.timed_events()[0].type, second.seed) == ("intro", 1)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("", "holds no request"),
        ("{not json}", "songs.jsonl, line 1, column 2"),
        ("[1]", "line 1: expected a JSON object"),
        (json.dumps({"structure": "verse 0-8"}) + '\n{"structure": "verse 8-0"}', "songs.jsonl, line 2: .*verse"),
    ],
)
def test_a_bad_line_is_named(tmp_path, lines, says):
    path = tmp_path / "songs.jsonl"
    path.write_text(lines)
    with pytest.raises(RequestError, match=says):
        read_jobs(path, {})


def test_bars_are_counted_at_the_tempo_that_is_asked_for():
    job = make_job({"structure": "intro 4 bars, verse", "bpm": 120, "timesignature": "3/4", "duration": 20})
    assert [(e.type, e.start, e.end) for e in job.timed_events()] == [("intro", 0, 6), ("verse", 6, 20)]
    with pytest.raises(StudioError, match="the tempo is needed"):
        make_job({"structure": "intro 4 bars"}).timed_events()
    with pytest.raises(StudioError, match="is no meter"):
        make_job({"structure": "intro 4 bars", "bpm": 120, "timesignature": "free"}).timed_events()
