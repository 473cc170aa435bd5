"""The text follows the timeline, and what was typed elsewhere in it stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structure.events import SECTION_TYPES, Event
from structure.language import format_structure, parse_structure
from structure.rewriting import SAME, carry_asides, rewrite_structure
from structure.tempo import Tempo

TEMPO = Tempo(120)  # a bar is 2 s
TYPED = 'Intro: 0:00-0:04,\n  verse 8s (low, quiet)\nchorus 4 bars "wide", crash @12;  outro 20-24'


def events_of(text: str, duration: float | None = None) -> list[Event]:
    return parse_structure(text, duration, TEMPO)


def changed(events: list[Event], place: int, **fields: object) -> list[Event]:
    return [Event.model_validate(e.to_dict() | fields) if n == place else e for n, e in enumerate(events)]


def rewrite(text: str, events: list[Event], duration: float | None = None) -> str:
    return rewrite_structure(text, events, duration, TEMPO)


def test_what_did_not_change_stays_as_it_was_typed():
    assert rewrite(TYPED, events_of(TYPED)) == TYPED
    rounded = [e.model_copy(update={"start": round(e.start, 2)}) for e in events_of("verse, solo, outro", 10)]
    assert rewrite("verse, solo, outro", rounded, 10) == "verse, solo, outro"


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        ({0: {"end": 3.5}}, TYPED.replace("0:00-0:04", "0:00-0:03.5").replace("verse 8s", "verse 4-12")),
        ({0: {"end": 3.5}, 1: {"start": 3.5}}, TYPED.replace("0:00-0:04", "0:00-0:03.5").replace("8s", "8.5s")),
        ({1: {"end": 10}, 2: {"start": 10}}, TYPED.replace("8s", "6s").replace("4 bars", "5 bars")),
        ({1: {"end": 11.3}, 2: {"start": 11.3}}, TYPED.replace("8s", "7.3s").replace("4 bars", "8.7s")),
        ({3: {"start": 13, "end": 13}}, TYPED.replace("@12", "@13")),
        ({4: {"end": 30}}, TYPED.replace("20-24", "20-30")),
        ({2: {"label": "thin"}}, TYPED.replace('"wide"', '"thin"')),
        ({1: {"type": "bridge"}}, TYPED.replace("verse 8s (low, quiet)", 'bridge 8s "low, quiet"')),
    ],
)
def test_one_edit_changes_one_place(edit: dict[int, dict], wanted: str):
    events = events_of(TYPED)
    for place, fields in edit.items():
        events = changed(events, place, **fields)
    assert rewrite(TYPED, events) == wanted


def test_parts_come_and_go():
    events = events_of(TYPED)
    assert rewrite(TYPED, events[:1] + events[2:]) == TYPED.replace(",\n  verse 8s (low, quiet)", "").replace(
        "4 bars", "12-20"
    )
    more = [*events, Event(type="solo", start=24, end=30), Event(type="fill", start=3, end=4)]
    written = rewrite(TYPED, more)
    assert written.endswith("outro 20-24,\n  solo 24-30") and "fill 3-4" in written
    assert rewrite("verse 0-8", []) == "" and rewrite("", events[:1]) == "Intro 0-4"


def test_bars_and_shares_and_starts_keep_their_way():
    text = "intro bars 1-2, verse bar 3 - bar 7, chorus"
    events = events_of(text, 24)
    later = changed(changed(changed(events, 0, end=6), 1, start=6, end=14), 2, start=14)
    assert rewrite(text, later, 24) == "intro bar 1 - bar 4, verse bar 4 - bar 8, chorus"
    chapters = "0:00 Intro\n0:08 Verse"
    moved = changed(changed(events_of(chapters, 30), 0, end=9), 1, start=9)
    assert rewrite(chapters, moved, 30) == "0:00 Intro\n0:09 Verse"


def test_a_repeat_is_written_out_only_when_one_of_its_times_changes():
    text = "intro 4s, (verse 4s, chorus 4s) x2, outro 20-24"
    events = events_of(text)
    assert rewrite(text, changed(events, 5, end=28)) == text.replace("20-24", "20-28")
    assert rewrite(text, changed(events, 1, label="soft")) == (
        'intro 4s, verse 4-8 "soft", chorus 8-12, verse 12-16, chorus 16-20, outro 20-24'
    )


def test_other_forms_stay_in_their_form():
    lyrics = "[Verse 0:00-0:08]\nLa la\n\n[Chorus 0:08-0:16]\nOh"
    assert rewrite(lyrics, changed(events_of(lyrics), 1, end=20.5)) == lyrics.replace("0:16", "0:20.5")
    events = events_of("verse 0-8")
    assert parse_structure(rewrite('[{"type": "intro", "start": 0, "end": 4}]', events)) == events
    assert rewrite("this is ( no structure 0-", events) == "verse 0-8"


def test_what_the_text_cannot_say_stays_with_its_event():
    known = [
        Event(type="verse", start=0, end=8, lyrics="La la", comment="mine"),
        Event(type="chorus", start=8, end=16, lyrics="Oh"),
    ]
    typed = parse_structure('intro 0-2, bridge 2-9, chorus 9-16 "loud"')
    assert [e.sung for e in carry_asides(typed, known)] == ["", "La la", "Oh"]
    assert carry_asides(known, known) == known


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Structures in mixed styles, each section after the one before."""
    at, items = 0, []
    for _ in range(draw(st.integers(1, 6))):
        bars, name = draw(st.integers(1, 8)), draw(st.sampled_from(SECTION_TYPES))
        end = at + 2 * bars
        items.append(
            draw(
                st.sampled_from(
                    [
                        *[
                            f"{name} {at}-{end}",
                            f"{name} {2 * bars}s",
                            f"{name} {bars} bars",
                            f"{name} {4 * bars} beats",
                        ],
                        *[f'{name} {at}-{end} "words"', f"{at}-{end} {name}", f"{name} bars {at // 2 + 1}-{end // 2}"],
                        f"crash @{at + 1}, {name} {2 * bars}s intensity=0.5",
                    ]
                )
            )
        )
        at = end
    return draw(st.sampled_from([", ", "\n", " ;  "])).join(items)


@given(texts(), st.data())
def test_the_text_says_what_the_timeline_shows_whatever_was_done_to_it(text: str, data: st.DataObject):
    events = events_of(text)
    spans = [n for n, e in enumerate(events) if e.is_section]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(spans) - 1))
        what = data.draw(st.sampled_from(["edge", "drop", "name", "split"]))
        part = events[spans[at]]
        if what == "edge" and at + 1 < len(spans):
            edge = round(data.draw(st.floats(part.start + 0.1, events[spans[at + 1]].end - 0.1)), 2)
            events = changed(changed(events, spans[at], end=edge), spans[at + 1], start=edge)
        elif what == "drop" and len(spans) > 1:
            events = [e for n, e in enumerate(events) if n != spans[at]]
        elif what == "name":
            events = changed(events, spans[at], type=data.draw(st.sampled_from(SECTION_TYPES)))
        elif what == "split":
            middle = round((part.start + part.end) / 2, 2)
            events = [*changed(events, spans[at], end=middle), part.model_copy(update={"start": middle})]
        spans = [n for n, e in sorted(enumerate(events), key=lambda item: item[1].start) if e.is_section]
    read = sorted(events_of(rewrite(text, events)), key=lambda e: (e.start, e.end, e.type))
    asked = sorted(events, key=lambda e: (e.start, e.end, e.type))
    assert [(e.type, e.label, e.intensity) for e in read] == [(e.type, e.label, e.intensity) for e in asked]
    for ours, theirs in zip(read, asked, strict=True):
        assert abs(ours.start - theirs.start) < SAME and abs(ours.end - theirs.end) < SAME


def test_a_long_structure_follows_at_once():
    import time

    text = ", ".join(f"verse {n % 7 + 1}s" for n in range(100))
    events = changed(events_of(text), 50, label="loud")
    begin = time.process_time()
    assert rewrite(text, events) == format_structure(events) or '"loud"' in rewrite(text, events)
    assert time.process_time() - begin < 1
