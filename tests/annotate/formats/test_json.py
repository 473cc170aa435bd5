"""JAMS, allin1, the ancestor's timelines and sidecars as sources."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from annotate.formats import jams
from annotate.formats.annotation import Annotation, Asked, FormatError
from annotate.formats.machine import (
    read_af3,
    read_allin1,
    read_music_analysis,
    read_sidecar_text,
    write_af3,
    write_allin1,
)
from structure.events import Event

Reader = Callable[[str, Asked], Annotation]

ALLIN1 = {
    "path": "/music/song.mp3",
    "bpm": 100,
    "beats": [0.33, 0.75],
    "downbeats": [0.33],
    "beat_positions": [1, 2],
    "segments": [
        {"start": 0.0, "end": 0.33, "label": "start"},
        {"start": 0.33, "end": 13.13, "label": "intro"},
        {"start": 13.13, "end": 37.53, "label": "inst"},
        {"start": 37.53, "end": 40, "label": "end"},
    ],
}


def told(annotation: Annotation) -> list[tuple[str, float, float]]:
    return [(e.type, e.start, e.end) for e in annotation.events]


def observations(*rows: tuple[float, float, Any]) -> list[dict[str, Any]]:
    return [{"time": t, "duration": d, "value": v, "confidence": 1} for t, d, v in rows]


def jams_text(*annotations: dict[str, Any]) -> str:
    return json.dumps({"annotations": annotations, "file_metadata": {"title": "A song", "duration": 30}})


def test_allin1_keeps_tempo_and_beats() -> None:
    found = read_allin1(json.dumps(ALLIN1), Asked())
    assert told(found) == [("intro", 0.33, 13.13), ("instrumental", 13.13, 37.53)]
    assert found.extras == {key: ALLIN1[key] for key in ("bpm", "beats", "downbeats", "beat_positions")}
    again = json.loads(write_allin1(found))
    assert again | {"path": ALLIN1["path"], "segments": None} == ALLIN1 | {"segments": None}
    assert again["segments"] == ALLIN1["segments"][1:3]


def test_unusable_beats_are_left_out() -> None:
    text = json.dumps(ALLIN1 | {"bpm": None, "beats": [], "downbeats": ["x"], "beat_positions": 3})
    assert read_allin1(text, Asked()).extras == {}


def test_jams_prefers_the_layer_that_says_most() -> None:
    letters = {"namespace": "segment_salami_upper", "data": observations((0, 10, "A"), (10, 20, "B"))}
    functions = {
        "namespace": "segment_salami_function",
        "data": observations((0, 10, "no_function"), (10, 20, "fade-out"), (30, 0, "End")),
    }
    beats = {"namespace": "beat", "data": observations((0, 0, 1))}
    found = jams.read(jams_text(beats, letters, functions), Asked())
    assert told(found) == [("outro", 10, 30)]
    assert (found.title, found.duration) == ("A song", 30)
    assert found.notes == ["Only the layer `segment_salami_function` was read; --layer reads `segment_salami_upper` "
                           "instead."]  # fmt: skip
    second = jams.read(jams_text(letters, letters), Asked(layer="segment_salami_upper #2"))
    assert [e.name for e in second.events] == ["A", "B"]


def test_jams_levels_and_columns() -> None:
    rows = [
        (0, 30, {"label": "A", "level": 0}),
        (0, 9, {"label": "x", "level": 1}),
        (9, 21, {"label": "y", "level": 1}),
    ]
    multi = {"namespace": "multi_segment", "data": observations(*rows)}
    assert told(jams.read(jams_text(multi), Asked())) == [("a", 0, 30)]
    assert told(jams.read(jams_text(multi), Asked(layer="multi_segment 1"))) == [("x", 0, 9), ("y", 9, 30)]
    columns = {"time": [0, 8], "duration": [8, 2], "value": ["intro", "verse"], "confidence": [1, 1]}
    assert told(jams.read(jams_text({"namespace": "segment_open", "data": columns}), Asked())) == [
        ("intro", 0, 8),
        ("verse", 8, 10),
    ]


def test_foreign_tags_count_where_they_name_moments() -> None:
    tags = {"namespace": "tag_open", "data": observations((0, 30, "rock"), (4, 0, "Crash"))}
    spans = {"namespace": "segment_open", "data": observations((0, 30, "verse"))}
    assert told(jams.read(jams_text(tags, spans), Asked())) == [("verse", 0, 30), ("crash", 4, 4)]


def test_the_ancestors_timelines() -> None:
    rows = [
        {"start_sec": 0, "end_sec": 30, "section_label": "Intro", "segment_summary": "soft keys"},
        {"start_sec": 28, "end_sec": 58, "section_label": "Verse 1", "segment_summary": ""},
    ]
    found = read_music_analysis(json.dumps({"caption": "x", "music_analysis": {"timeline": rows}}), Asked())
    assert told(found) == [("intro", 0, 28), ("verse", 28, 58)]
    assert found.events[0].label == "soft keys"


def test_audio_flamingo_summaries_begin_with_their_type() -> None:
    given = [Event(type="Verse 2", start=0, end=8, label="sparse"), Event(type="build-up", start=8, end=12)]
    text = write_af3(Annotation(given))
    assert [row["summary"] for row in json.loads(text)["sections"]] == ["Verse 2: sparse", "build-up"]
    back = read_af3(text, Asked())
    assert told(back) == [("verse", 0, 8), ("build-up", 8, 12)]
    assert write_af3(back) == text


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (read_allin1, "{oops", "Line 1, column 2: this is not JSON"),
        (read_allin1, "[]", "The file holds no JSON object"),
        (read_allin1, "[" * 100_000, "This JSON cannot be read"),
        (read_allin1, '{"segments": 3}', "`segments` is no list."),
        (read_allin1, '{"segments": [3]}', "`segments`, entry 1: expected an object"),
        (read_allin1, '{"segments": [{"start": 0, "label": "x"}]}', "Segment 1 has no `end`. Give seconds"),
        (read_allin1, '{"segments": [{"start": 0, "end": NaN, "label": "x"}]}', "Segment 1 has `NaN` as `end`."),
        (read_allin1, '{"segments": [{"start": 0, "end": true, "label": "x"}]}', "Segment 1 has `true` as `end`."),
        (read_allin1, '{"segments": [{"start": 0, "end": 9}]}', "Segment 1 has no `label`."),
        (read_music_analysis, '{"music_analysis": {}}', "`music_analysis.timeline` is no list."),
        (read_af3, '{"sections": [{"start_sec": 4, "end_sec": 2}]}', "`sections`, entry 1 goes from 4.0 s to 2.0 s."),
        (read_sidecar_text, '{"events": {}}', "`events` is no list."),
        (read_sidecar_text, '{"events": [{"type": "verse", "start": 0}]}', "event 1 (verse) has no `end`."),
        (jams.read, '{"annotations": 1, "file_metadata": {}}', "`annotations` is no list."),
        (jams.read, jams_text({"namespace": "beat", "data": []}), "No annotation has sections."),
        (
            jams.read,
            jams_text({"namespace": "segment_open", "data": observations((0, 8, 3))}),
            "Annotation 1 (`segment_open`), observation 1 has no text as its value.",
        ),
        (
            jams.read,
            jams_text({"namespace": "segment_open", "data": observations((0, -8, "x"))}),
            "Annotation 1 (`segment_open`), observation 1 begins at 0.0 s and lasts -8.0 s.",
        ),
        (
            jams.read,
            jams_text({"namespace": "multi_segment", "data": observations((0, 8, "x"))}),
            "Annotation 1 (`multi_segment`), observation 1 has no `label` and `level` as its value.",
        ),
        (jams.read, jams_text({"namespace": "segment_open", "data": 4}), "`annotation 1 (segment_open), data` is no"),
        (
            jams.read,
            jams_text({"namespace": "segment_open", "data": {"time": [1], "duration": [], "value": []}}),
            "Annotation 1 (`segment_open`): expected columns",
        ),
    ],
)
def test_what_does_not_fit_is_named(read: Reader, text: str, sentence: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(text, Asked())
    assert str(caught.value).startswith(sentence)
