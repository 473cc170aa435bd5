"""The structure language: what people type, what they get, and what they are told when it cannot be meant."""

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structure.events import MOMENT_TYPES, SECTION_TYPES, Event, problems
from structure.language import (
    PromptError,
    format_description,
    format_lyrics,
    format_structure,
    parse_structure,
)
from structure.prompt.fields import split_description
from structure.prompt.times import format_time
from structure.tempo import Tempo


def spans(text: str) -> list[tuple[str, float, float]]:
    return [(e.type, e.start, e.end) for e in parse_structure(text)]


@pytest.mark.parametrize(
    "text",
    [
        "intro 0-4, verse 4-12, chorus 12-20",
        "intro 0-4; verse 4-12; chorus 12-20;",
        "intro 0-4\nverse 4-12\n\n  chorus 12-20\n",
        "intro 4s, verse 8s, chorus 8 seconds",
        "Intro 0:00-0:04, Verse 0:04 – 0:12, Refrain 0:12.0 to 20s",
        "intro: 0s - 4s, verse from 4 to 12, [Chorus] 12—20.",
        '"intro" 0-4, verse 4 sec-12 sec, chorus 8s',
        '[{"type": "intro", "start": 0, "end": 4}, {"type": "verse", "start": 4, "end": 12},'
        ' {"type": "refrain", "start": 12, "end": 20}]',
        '{"bpm": 90, "events": [{"type": "intro", "start": 0, "end": 4}, {"type": "verse", "start": 4, "end": 12},'
        ' {"type": "chorus", "start": 12, "end": 20}]}',
    ],
)
def test_one_structure_in_many_spellings(text: str) -> None:
    assert spans(text) == [("intro", 0, 4), ("verse", 4, 12), ("chorus", 12, 20)]


@pytest.mark.parametrize(
    ("time_text", "seconds"),
    [
        *[("8", 8), ("8.5", 8.5), ("8.", 8), (".5", 0.5), ("8s", 8), ("8 sec", 8), ("8.1234567", 8.123457)],
        *[("1:04", 64), ("1:04.5", 64.5), ("0:08", 8), ("61:00", 3660), ("1:01:00", 3660)],
    ],
)
def test_times(time_text: str, seconds: float) -> None:
    assert spans(f"intro {time_text}-9999, crash @{time_text}") == [
        ("intro", seconds, 9999),
        ("crash", seconds, seconds),
    ]


def test_labels_intensity_and_family() -> None:
    events = parse_structure(
        'Chorus 2 32-48 "full drums; wide, \\"huge\\" pads" intensity=0.9, outro 8s (slow (very), soft) '
        "intensity=.5, drop @32 family=moment, riser 28-32 “up”, crash at 1:00"
    )
    assert [e.to_dict() for e in events] == [
        {
            "type": "chorus",
            "start": 32,
            "end": 48,
            "label": 'full drums; wide, "huge" pads',
            "intensity": 0.9,
            "text": "Chorus 2",
        },
        {"type": "outro", "start": 48, "end": 56, "label": "slow (very), soft", "intensity": 0.5},
        {"type": "drop", "start": 32, "end": 32, "family": "moment"},
        {"type": "riser", "start": 28, "end": 32, "label": "up"},
        {"type": "crash", "start": 60, "end": 60},
    ]


def test_lengths_follow_the_section_written_before_and_moments_do_not_count() -> None:
    assert spans("intro 4s, crash @2, riser 3-9, verse 8s, outro 30-40, solo 1:00s")[-3:] == [
        ("verse", 4, 12),
        ("outro", 30, 40),
        ("solo", 40, 100),
    ]


def test_any_word_may_be_a_type_and_gaps_stay_free() -> None:
    assert spans("🎸 jam 0-4, مقطع 8-12, part 2 12-16, chrous 20-24") == [
        ("🎸 jam", 0, 4),
        ("مقطع", 8, 12),
        ("part 2", 12, 16),
        ("chrous", 20, 24),
    ]


def test_parts_without_a_length_share_what_is_left() -> None:
    song = parse_structure("intro 8s, verse, chorus, bridge 40-48, chorus, outro 4s", duration=72)
    assert [(e.type, e.start, e.end) for e in song] == [
        *[("intro", 0, 8), ("verse", 8, 24), ("chorus", 24, 40), ("bridge", 40, 48)],
        *[("chorus", 48, 68), ("outro", 68, 72)],
    ]
    thirds = parse_structure("Verse 1, Chorus 2, Verse 2", duration=10)
    assert [(e.name, e.end) for e in thirds] == [("Verse 1", 3.333333), ("Chorus 2", 6.666667), ("Verse 2", 10)]


def test_bars_and_beats() -> None:
    tempo = Tempo(bpm=120, beats_per_bar=4)  # a bar is 2 s
    song = "intro 4 bars, verse bars 5-8, chorus bar 9 – bar 17, fill @bar 16, solo 16 beats, outro 2.5 bars"
    assert [(e.type, e.start, e.end) for e in parse_structure(song, tempo=tempo)] == [
        *[("intro", 0, 8), ("verse", 8, 16), ("chorus", 16, 32), ("fill", 30, 30), ("solo", 32, 40), ("outro", 40, 45)]
    ]
    waltz = Tempo(bpm=90, beats_per_bar=3)
    assert [(e.start, e.end) for e in parse_structure("verse 2 measures, outro bar 5 to 0:20", tempo=waltz)] == [
        (0, 4),
        (8, 20),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("verse bar 0 - bar 4", "bars count from 1"),
        ("verse bars 8-1", "ends at 2.0 s, before it starts at 14.0 s"),
        ("verse 1:04 bars", "`1:04 bars` is no length. Expected `8s`, `8 bars` or `16 beats`."),
        ("verse 99999999 bars", "is too long for a song"),
    ],
)
def test_bars_that_no_song_has(text: str, told: str) -> None:
    with pytest.raises(PromptError, match=re.escape(told)):
        parse_structure(text, tempo=Tempo(120))


def test_what_is_repeated_follows_on() -> None:
    assert spans("intro 4s, (verse 8s, chorus 8s) x2, outro 4s x 2") == [
        *[("intro", 0, 4), ("verse", 4, 12), ("chorus", 12, 20), ("verse", 20, 28), ("chorus", 28, 36)],
        *[("outro", 36, 40), ("outro", 40, 44)],
    ]
    assert spans("[verse 4-8, chorus 8-16] ×2") == spans("verse 4-8, chorus 8-16, verse 16-20, chorus 20-28")
    assert spans("((verse 1s, fill @0.5, chorus 1s) 2x, bridge 2s) x2") == [
        *[("verse", 0, 1), ("fill", 0.5, 0.5), ("chorus", 1, 2), ("verse", 2, 3), ("fill", 2.5, 2.5)],
        *[("chorus", 3, 4), ("bridge", 4, 6)],
        *[("verse", 6, 7), ("fill", 6.5, 6.5), ("chorus", 7, 8), ("verse", 8, 9), ("fill", 8.5, 8.5)],
        *[("chorus", 9, 10), ("bridge", 10, 12)],
    ]
    shared = parse_structure("(verse, chorus x2) x2", duration=60)
    assert [(e.type, e.duration) for e in shared] == [("verse", 10), ("chorus", 10), ("chorus", 10)] * 2


def test_time_and_label_may_stand_where_people_put_them() -> None:
    usual = parse_structure('verse 0-8, chorus 8-16 "full drums, wide"')
    assert parse_structure('0-8 verse, chorus "full drums, wide" 8-16') == usual
    assert spans("8s of verse, 16 s chorus") == [("verse", 0, 8), ("chorus", 8, 24)]


def test_a_start_alone_lasts_until_the_next() -> None:
    chapters = parse_structure("0:00 Intro\n0:08 - Verse 1\nChorus 0:24", duration=32)
    assert [(e.name, e.start, e.end) for e in chapters] == [("Intro", 0, 8), ("Verse 1", 8, 24), ("Chorus", 24, 32)]


def test_lyrics_whose_tags_say_when() -> None:
    text = "[Verse 1 0:08-0:32]\nFirst line\n[softly]\n\nSecond line\n\n[Chorus 16s]\nAll of us\n\n[Outro 8s x2]"
    song = parse_structure(text)
    assert [(e.name, e.start, e.end, e.sung) for e in song] == [
        ("Verse 1", 8, 32, "First line\n[softly]\n\nSecond line"),
        ("Chorus", 32, 48, "All of us"),
        ("Outro", 48, 56, ""),
        ("Outro", 56, 64, ""),
    ]
    assert format_lyrics(song).startswith(
        "[Verse 1 0:08-0:32]\nFirst line\n[softly]\n\nSecond line\n\n[Chorus 0:32-0:48]"
    )
    assert parse_structure(format_lyrics(song)) == song
    with pytest.raises(PromptError, match=r"Item 2 `Chorus` \(line 3, character 2\): has no length"):
        parse_structure("[Verse 8s]\nwords\n[Chorus]\nmore words")


def test_more_parts_than_a_song_can_have() -> None:
    with pytest.raises(PromptError, match="The structure has 10000 parts and moments; 1000 is the most"):
        parse_structure("(verse 1s x100) x100")
    with pytest.raises(PromptError, match="groups stand in groups 8 deep at most"):
        parse_structure("(" * 500 + "verse 8s" + ")" * 500)


def test_empty_text_has_no_events() -> None:
    assert parse_structure(" \n,; ") == []


@pytest.mark.parametrize(
    ("text", "item", "place", "expected"),
    [
        ("intro 0-4, verse 4-", 2, (1, 12), "Item 2 `verse 4-` (character 12): expected a time in seconds after `4-`."),
        ("verse 8 - sixteen", 1, (1, 1), "expected a time in seconds after `8 -`, not `sixteen`."),
        (
            "intro 0-4,\n  chrous 8",
            2,
            (2, 3),
            "Item 2 `chrous 8` (line 2, character 3): has no length (`8` is read as its number). Give it one, such as",
        ),
        (
            "chrous",
            1,
            (1, 1),
            "has no length. Give it one, such as `chrous 8s` or `chrous 0-8`, or give the length of the song",
        ),
        ("chrous", 1, (1, 1), "Did you mean `chorus`?"),
        ("vers 2 4-", 1, (1, 1), "expected a time in seconds after `4-`."),
        ("bidge @8", 1, (1, 7), "Did you mean `bridge`?"),
        ("crash 32", 1, (1, 1), "say when, such as `crash @32` or `crash 28-32`."),
        ("crash", 1, (1, 1), "say when, such as `crash @32`"),
        ("riser 4s", 1, (1, 7), "say when, such as `riser @4` or `riser 28-32`."),
        ("chorus @8", 1, (1, 8), "Expected a section's start and end, such as `chorus 8-16`"),
        ("intro -2-8", 1, (1, 1), "times start at 0"),
        ("intro 0,5-8", 1, (1, 1), "write decimals with a point"),
        ("intro 0-12,5, verse 12,5-20", 2, (1, 12), "write decimals with a point"),
        ("intro 8s, chorus 0:08,5-0:16", 3, (1, 23), "write decimals with a point"),
        ("chorus 0-8 intensity=0,9, outro 8-12", 2, (1, 24), "write decimals with a point"),
        ("verse 16-8", 1, (1, 7), "ends at 8.0 s, before it starts at 16.0 s. Swap the times."),
        ("verse 8-8", 1, (1, 7), "A section needs a length."),
        ("verse 8 bars", 1, (1, 7), "`8 bars` counts bars or beats, so the tempo is needed: give the BPM, or seconds."),
        ("verse bar 1 - bar 9", 1, (1, 7), "so the tempo is needed"),
        ("verse x0", 1, (1, 1), "is played 0 times. Expected 1 to 100"),
        ("verse 8s x2 x3", 1, (1, 13), "has two repeats. Keep one."),
        ("(verse 8s, chorus 8s", 1, (1, 1), "this bracket is not closed: expected `)`"),
        ("(verse 8s, chorus 8s) again", 1, (1, 22), "did not understand `again` after the group."),
        ("crash @4 x2", 1, (1, 1), "a moment follows nothing, so it cannot be repeated."),
        ("(verse 0-8, chorus 8s) x2", 1, (1, 1), "give every part its start and end, or every part its length"),
        ("intro, verse 0-8", 1, (1, 1), "no time is left for it before item 2 `verse 0-8` at 0.0 s. Shorten another"),
        ("verse 0:08", 1, (1, 1), "has no end. Give it one, such as `verse 8s`"),
        ("8-16", 1, (1, 1), "expected a type before the time, such as `verse 8-16`."),
        ("verse 1:75-2:00", 1, (1, 7), "`1:75` is no time"),
        ("verse 0-99999999", 1, (1, 9), "is too long for a song"),
        ("verse 0-4 loud", 1, (1, 11), "did not understand `loud`."),
        ("verse 0-4 verse 4-8", 1, (1, 11), "Expected a comma and the next item"),
        ('verse 0-4 "loud, outro 4-8', 1, (1, 11), "this quotation mark is not closed"),
        ("verse 0-4 (loud", 1, (1, 11), "this parenthesis is not closed"),
        ('verse 0-4 "a" "b"', 1, (1, 15), "has two of `label`"),
        ('verse "at 3-4"', 1, (1, 1), "has no length."),
        ("verse 0-4 intensity=2", 1, (1, 11), "expected an intensity from 0 to 1, such as `intensity=0.9`, not `2`."),
        ("verse 0-4 intensity=nan", 1, (1, 11), "expected an intensity from 0 to 1"),
        ("verse 0-4 tempo=2", 1, (1, 11), "`tempo` is nothing that an item has."),
        ("verse 0-4 family=both", 1, (1, 11), "expected `family=section` or `family=moment`"),
        ("a 0-8, b 8-9, verse 6-7", 3, (1, 15), "starts at 6.0 s, before item 1 `a 0-8` ends at 8.0 s."),
        ('[{"type": "verse", "start": 0, "end":}]', None, (1, 38), "not JSON: Expecting value at line 1, character 38"),
        ('[{"type": "verse", "start": 0, "end": NaN}]', None, (1, 1), "event 1 (verse) has the number nan as `end`"),
        ('{"caption": "x"}', None, (1, 1), "holds no list `events`"),
    ],
)
def test_an_error_names_item_place_and_what_was_expected(
    text: str, item: int | None, place: tuple[int, int], expected: str
) -> None:
    with pytest.raises(PromptError) as caught:
        parse_structure(text)
    assert expected in str(caught.value)
    assert (caught.value.item, (caught.value.line, caught.value.column)) == (item, place)


def test_nothing_may_end_after_the_song() -> None:
    assert spans("verse 0-20.04") == [(e.type, e.start, e.end) for e in parse_structure("verse 0-20.04", duration=20)]
    with pytest.raises(PromptError, match=r"Item 2 .* ends at 21.0 s, but the song is 20.0 s long"):
        parse_structure("verse 0-19, outro 2s", duration=20)
    with pytest.raises(PromptError, match="after the song does"):
        parse_structure('[{"type": "crash", "start": 30, "end": 30}]', duration=20)


times = st.floats(0, 5000, allow_nan=False)
words = st.sampled_from(SECTION_TYPES + MOMENT_TYPES) | st.text(min_size=1, max_size=12)


@st.composite
def structures(draw: st.DrawFn) -> list[Event]:
    """Sections one after another with gaps, and moments anywhere; odd types, labels and all."""
    events, at = [], 0.0
    for _ in range(draw(st.integers(0, 5))):
        family = draw(st.sampled_from([None, "section", "moment"]))
        name = draw(words.filter(lambda w: Event(type=w, start=0, end=0).type))
        event = Event(type=name, start=0, end=0, family=family)
        start = round(at + draw(st.floats(0, 9)), 6)
        end = round(start + draw(st.floats(0 if event.is_moment else 0.01, 90)), 6)
        extras = {
            "label": draw(st.none() | st.text(max_size=20)),
            "intensity": draw(st.none() | st.floats(0, 1).map(lambda x: round(x, 6))),
        }
        events.append(Event(type=name, start=start, end=end, family=family, **extras))
        at = end if event.is_section else at
    return events


@given(structures())
def test_what_is_written_is_read_back(events: list[Event]) -> None:
    text = format_structure(events)
    assert parse_structure(text) == events
    assert format_structure(parse_structure(text)) == text


@given(structures())
def test_json_and_text_agree(events: list[Event]) -> None:
    assert parse_structure(json.dumps([e.to_dict() for e in events])) == parse_structure(format_structure(events))


@given(structures())
def test_descriptions_are_read_back(events: list[Event]) -> None:
    for event in events:
        name, fields = split_description(format_description(event))
        again = Event(type=name, start=event.start, end=event.end, **fields)
        assert again == event


@given(st.text(alphabet=st.sampled_from('verse 0123456789-–:.,;@s\n"()=“”[]{}\\xtobar'), max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        events = parse_structure(text, 300, Tempo(120))
    except PromptError as problem:
        assert problem.line >= 1 and problem.column >= 1 and str(problem)
    else:
        assert problems(events) == []
        assert parse_structure(format_structure(events)) == events


def test_free_labels_of_other_programs_stay_whole() -> None:
    assert split_description("Verse (quiet)") == ("Verse", {"label": "quiet"})
    assert split_description("verse (quiet") == ("verse (quiet", {})
    assert split_description("(quiet)") == ("(quiet)", {})


def test_times_are_written_as_people_write_them() -> None:
    assert [format_time(t) for t in (0, 8, 8.5, 0.1 + 0.2, 100)] == ["0", "8", "8.5", "0.3", "100"]


@pytest.mark.parametrize(
    "text", ["9" * 20_000, "verse " * 4_000, '"' * 20_001, "verse 0-" + "1:" * 9_000, "a " + " " * 20_000]
)
def test_a_wall_of_text_is_refused_at_once(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(PromptError) as caught:
        parse_structure(text)
    assert time.process_time() - begin < 2
    assert len(str(caught.value)) < 400


def test_five_hundred_sections_follow_the_typist() -> None:
    text = ", ".join(f"verse {2 * i}-{2 * i + 2}" for i in range(500))
    begin = time.process_time()
    assert len(parse_structure(text)) == 500
    assert time.process_time() - begin < 0.5
