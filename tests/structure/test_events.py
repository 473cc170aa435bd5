"""Events: normalised types, families, shifts and cuts, and a sentence for whatever is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from structure.errors import StudioError
from structure.events import (
    MOMENT_TYPES,
    SECTION_TYPES,
    Event,
    clip,
    label_at,
    moments,
    normalise_type,
    problems,
    read_events,
    rebase,
    replace_sections,
    sections,
)


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("Chorus 2", "chorus"),
        ("refrain", "chorus"),
        ("pre chorus", "pre-chorus"),
        ("PreChorus", "pre-chorus"),
        ("[Verse 1]", "verse"),
        ("verse1", "verse"),
        ("Verse B", "verse"),
        ("chorus II", "chorus"),
        ("inst", "instrumental"),
        ("Middle 8", "bridge"),
        ("build up", "build-up"),
        ("Guitar Solo 2", "solo"),
        ("Drop Out", "drop-out"),
        ("drop", "drop"),
        ("key-change", "key change"),
        ("  Part   2 ", "part 2"),
        ("Verse (live)", "verse (live)"),
        ("(Bridge):", "bridge"),
        ("🎸 Jam", "🎸 jam"),
    ],
)
def test_words_that_people_write_become_the_vocabulary(written: str, word: str) -> None:
    assert normalise_type(written) == word


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise_type(normalise_type(text)) == normalise_type(text)


def test_a_normalised_event_remembers_its_spelling_and_unknown_keys() -> None:
    event = Event.model_validate({"type": "Chorus 2", "start": 1, "end": 2, "singer": None, "by": ["x"]})
    assert (event.type, event.name) == ("chorus", "Chorus 2")
    assert event.to_dict() == {
        "type": "chorus",
        "start": 1.0,
        "end": 2.0,
        "text": "Chorus 2",
        "singer": None,
        "by": ["x"],
    }
    assert Event.model_validate(event.to_dict()) == event


def test_the_type_decides_the_family_unless_the_family_is_given() -> None:
    assert all(Event(type=t, start=0, end=1).is_section for t in (*SECTION_TYPES, "my own word"))
    assert all(Event(type=t, start=0, end=1).is_moment for t in MOMENT_TYPES)
    assert Event(type="drop", start=0, end=1, family="moment").is_moment


def test_sections_and_moments_come_sorted() -> None:
    events = [Event(type=t, start=s, end=s + 4) for t, s in [("outro", 8), ("crash", 6), ("intro", 0), ("fill", 2)]]
    assert [e.type for e in sections(events)] == ["intro", "outro"]
    assert [e.type for e in moments(events)] == ["fill", "crash"]


def test_clip_cuts_what_a_crop_does_not_hold() -> None:
    song = [
        Event(type="intro", start=0, end=8, label="soft"),
        Event(type="verse", start=8, end=16),
        Event(type="chorus", start=16, end=24),
        Event(type="crash", start=8, end=8),
        Event(type="crash", start=16, end=16),
    ]
    crop = clip(rebase(song, 4), 12)
    assert [(e.type, e.start, e.end) for e in crop] == [("intro", 0, 4), ("verse", 4, 12), ("crash", 4, 4)]
    assert crop[0].label == "soft"


def test_labels_at_times() -> None:
    events = [
        Event(type="verse", start=10, end=20),
        Event(type="intro", start=0, end=8),
        Event(type="fill", start=7, end=9),
    ]
    assert label_at(events, np.array([-1, 0, 7.9, 8, 9, 10, 20])) == [None, "intro", "intro", None, None, "verse", None]
    assert label_at([], np.array([1.0])) == [None]


def test_new_sections_replace_old_ones_and_moments_stay() -> None:
    old = [Event(type="verse", start=0, end=8), Event(type="crash", start=4, end=4, label="mine")]
    new = [Event(type="intro", start=0, end=4), Event(type="crash", start=4, end=4), Event(type="fill", start=3, end=4)]
    merged = replace_sections(old, new)
    assert [(e.type, e.label) for e in merged] == [("intro", None), ("fill", None), ("crash", "mine")]


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (
            [{"type": "a", "start": 0, "end": 1}, {"type": "chorus", "start": 38, "end": 37.2}],
            "event 2 (chorus) ends at 37.2 s, before it starts at 38.0 s. "
            "Swap the times or drag its edge on the waveform.",
        ),
        (
            [{"type": "verse", "start": 3, "end": 3}],
            "event 1 (verse) starts and ends at 3.0 s. A section needs a length",
        ),
        ([{"type": "verse", "start": -1, "end": 3}], "event 1 (verse) starts at -1.0 s. Times count from the start"),
        (
            [{"type": "verse", "start": 30, "end": 40.06}],
            "event 1 (verse) ends at 40.06 s, after the song does at 40.0 s.",
        ),
        ([{"type": "crash", "start": 41, "end": 41}], "event 1 (crash) ends at 41.0 s, after the song does at 40.0 s."),
        ([{"type": "verse", "start": "8", "end": 9}], 'event 1 (verse) has the text "8" as `start`.'),
        ([{"type": "verse", "start": True, "end": 9}], "event 1 (verse) has true or false as `start`."),
        ([{"type": "verse", "start": 0, "end": float("nan")}], "event 1 (verse) has the number nan as `end`."),
        ([{"type": "verse", "start": 0, "end": float("inf")}], "event 1 (verse) has the number inf as `end`."),
        ([{"type": "verse", "start": 0, "end": 10**400}], "event 1 (verse) has a number that is too large as `end`."),
        ([{"type": "verse", "start": 0}], "event 1 (verse) has no `end`."),
        ([{"start": 0, "end": 1}], "event 1 has no `type`."),
        ([{"type": " ", "start": 0, "end": 1}], "event 1 has no `type`."),
        ([{"type": "[]", "start": 0, "end": 1}], "event 1 ([]) has no `type`."),
        ([Event(type="", start=0, end=1)], "event 1 has no `type`."),
        (["verse"], 'event 1 is the text "verse".'),
        (
            [{"type": "verse", "start": 0, "end": 1, "intensity": 2}],
            "event 1 (verse) has intensity 2.0. It goes from 0",
        ),
        ([{"type": "verse", "start": 0, "end": 1, "label": 7}], "event 1 (verse) has the number 7 as `label`."),
        ([{"type": "verse", "start": 0, "end": 1, "\ud800": 1}], "event 1 (verse) has a key with half a character"),
        ([{"type": "verse", "start": 0, "end": 1, "family": "x"}], 'event 1 (verse) has the text "x" as `family`.'),
        (
            [{"type": "verse", "start": 8, "end": 16}, {"type": "intro", "start": 0, "end": 8.1}],
            "event 1 (verse) starts at 8.0 s, before event 2 (intro) ends at 8.1 s. Sections may not overlap",
        ),
    ],
)
def test_each_problem_is_one_sentence_that_names_its_event(events: list, sentence: str) -> None:
    found = problems(events, duration=40.0)
    assert len(found) == 1
    assert found[0].startswith(sentence)
    with pytest.raises(StudioError, match="event"):
        read_events(events, duration=40.0)


def test_what_is_sound_has_no_problems() -> None:
    events = [
        {"type": "intro", "start": 0, "end": 8.0009, "label": None},  # within a millisecond: they touch
        Event(type="verse", start=8, end=40.04),  # within what a codec pads
        {"type": "crash", "start": 8, "end": 8},
        {"type": "riser", "start": 4, "end": 12, "intensity": 0, "mine": {"x": 1}},
        {"type": "riser", "start": 5, "end": 12},
    ]
    assert problems(events, duration=40.0) == []
    assert [e.type for e in read_events(events)] == ["intro", "verse", "crash", "riser", "riser"]


def test_a_section_inside_another_is_found_behind_a_third() -> None:
    spans = [("verse", 0, 30), ("intro", 1, 2), ("chorus", 20, 40)]
    found = problems([{"type": t, "start": s, "end": e} for t, s, e in spans])
    assert [f.split(" starts")[0] for f in found] == ["event 2 (intro)", "event 3 (chorus)"]
    assert all("event 1 (verse)" in f for f in found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["type", "start", "end", "intensity", "label", "family", "text"]), x)
        ),
        max_leaves=20,
    )
)
def test_no_json_breaks_the_check(value: object) -> None:
    found = problems([value])  # type: ignore[list-item]
    assert found or Event.model_validate(value).end >= 0
