"""One visitor's desk: saving, and meeting somebody else's save."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.desk import Desk, DeskError
from structure.errors import StudioError
from structure.sidecar import SidecarConflict

VERSE = {"type": "verse", "start": 0.0, "end": 1.0}
CHORUS = {"type": "chorus", "start": 1.0, "end": 2.0}


@pytest.fixture
def desk(song: Callable[..., Path]) -> Desk:
    made = Desk()
    made.open_dataset(song("one.wav").parent)
    made.open_song("one.wav")
    return made


def on_disk(desk: Desk, stem: str = "one") -> dict:
    return json.loads((desk.root / f"{stem}.json").read_text(encoding="utf-8"))


def test_an_edit_is_on_disk_with_the_songs_length(desk: Desk):
    said = desk.save_events("one.wav", [VERSE, CHORUS, {"type": "crash", "start": 1.0, "end": 1.0}])
    assert said.endswith("2 sections, 1 moment")
    assert on_disk(desk)["events"][1] == CHORUS
    assert on_disk(desk)["duration"] == 2.0
    assert [event[0] for event in json.loads(desk.songs["one.wav"].row)["events"]] == ["verse", "chorus", "crash"]


def test_fields_and_events_live_side_by_side(desk: Desk):
    desk.save_events("one.wav", [VERSE])
    assert desk.save_field("one.wav", "caption", "warm <b>pads</b>")
    assert desk.save_field("one.wav", "bpm", 92.0)
    assert desk.save_field("one.wav", "bpm", 92) is None  # it holds that already
    desk.save_events("one.wav", [VERSE, CHORUS])
    held = on_disk(desk)
    assert (held["caption"], held["bpm"], len(held["events"])) == ("warm <b>pads</b>", 92, 2)
    assert isinstance(held["bpm"], int)
    desk.save_field("one.wav", "bpm", None)
    assert on_disk(desk)["bpm"] is None


def test_fields_left_as_they_are_write_nothing(desk: Desk):
    for field, empty in (("caption", ""), ("bpm", None), ("timesignature", None)):
        assert desk.save_field("one.wav", field, empty) is None
    assert not (desk.root / "one.json").exists()


def test_a_meter_kept_as_a_number_is_not_rewritten_by_looking_at_it(song: Callable[..., Path]):
    root = song("one.wav").parent
    (root / "one.json").write_text('{"timesignature": 4}')
    desk = Desk()
    desk.open_dataset(root)
    desk.open_song("one.wav")
    assert desk.field_value("one.wav", "timesignature") == "4"
    assert desk.save_field("one.wav", "timesignature", "4") is None


def test_what_a_machine_heard_fills_what_is_empty_and_is_marked_until_a_person_changes_it(desk: Desk):
    desk.save_field("one.wav", "bpm", 92)
    assert desk.fill_fields("one.wav", {"bpm": 120, "keyscale": "A minor"})
    assert (on_disk(desk)["bpm"], on_disk(desk)["keyscale"], on_disk(desk)["heard"]) == (92, "A minor", ["keyscale"])
    assert desk.heard("one.wav") == ["keyscale"]
    assert desk.fill_fields("one.wav", {"bpm": 120, "keyscale": "C major"}) is None
    desk.save_field("one.wav", "keyscale", "C major")
    assert (on_disk(desk)["keyscale"], on_disk(desk)["heard"]) == ("C major", None)


def test_somebody_elses_save_is_never_overwritten_unasked(desk: Desk):
    other = Desk()
    other.open_dataset(desk.root)
    other.open_song("one.wav")
    other.save_field("one.wav", "caption", "theirs")
    with pytest.raises(SidecarConflict):
        desk.save_events("one.wav", [VERSE])
    with pytest.raises(SidecarConflict):  # and nothing of this song is saved until the visitor has chosen
        desk.save_events("one.wav", [VERSE, CHORUS])
    assert "events" not in on_disk(desk)
    desk.keep_mine("one.wav")
    assert on_disk(desk)["caption"] == "theirs"  # what the visitor did not touch stays theirs
    assert on_disk(desk)["events"] == [VERSE, CHORUS]
    assert desk.conflicts == {}


def test_theirs_can_be_taken_instead(desk: Desk):
    (desk.root / "one.json").write_text(json.dumps({"events": [CHORUS]}))
    with pytest.raises(SidecarConflict):
        desk.save_events("one.wav", [VERSE])
    desk.load_theirs("one.wav")
    assert [e.type for e in desk.open_song("one.wav").sidecar.events] == ["chorus"]
    with pytest.raises(DeskError, match="nothing to choose"):
        desk.load_theirs("one.wav")


def test_both_are_kept_where_they_do_not_collide(desk: Desk):
    crash, solo = {"type": "crash", "start": 1.0, "end": 1.0}, {"type": "solo", "start": 0.5, "end": 2.0}
    (desk.root / "one.json").write_text(json.dumps({"caption": "theirs", "events": [VERSE, crash, solo]}))
    with pytest.raises(SidecarConflict):
        desk.save_events("one.wav", [VERSE, CHORUS])
    left = desk.merge_both("one.wav")
    assert [event["type"] for event in on_disk(desk)["events"]] == ["verse", "chorus", "crash"]
    assert (len(left), on_disk(desk)["caption"]) == (1, "theirs")
    assert "solo" in left[0]


def test_what_one_of_two_took_away_does_not_come_back(desk: Desk):
    crash, riser = ({"type": kind, "start": at, "end": at} for kind, at in (("crash", 1.0), ("riser", 0.5)))
    desk.save_events("one.wav", [VERSE, CHORUS, crash])
    (desk.root / "one.json").write_text(json.dumps({"caption": "theirs", "events": [VERSE, CHORUS]}))
    with pytest.raises(SidecarConflict):
        desk.save_events("one.wav", [{**VERSE, "label": "sparse"}, CHORUS, crash, riser])
    assert desk.merge_both("one.wav") == []
    assert on_disk(desk)["events"] == [{**VERSE, "label": "sparse"}, CHORUS, riser]
    assert on_disk(desk)["caption"] == "theirs"


def test_a_file_that_a_text_editor_changed_is_noticed_and_nothing_is_written(desk: Desk):
    desk.save_events("one.wav", [VERSE])
    assert not desk.look("one.wav")
    text = json.dumps({"caption": "typed", "events": [CHORUS]})
    (desk.root / "one.json").write_text(text)
    assert desk.look("one.wav") and not desk.look("one.wav")
    assert (desk.root / "one.json").read_text() == text
    assert [event["type"] for event in desk.held("one.wav")["events"]] == ["verse"]
    desk.load_theirs("one.wav")
    # what was on the page before is found among the earlier states
    assert [event.type for event in desk.earlier("one.wav", desk.states("one.wav")[0].number).events] == ["verse"]


def test_what_the_page_shows_can_be_put_back_over_a_text_editors_change(desk: Desk):
    desk.save_events("one.wav", [VERSE])
    (desk.root / "one.json").write_text(json.dumps({"caption": "typed", "events": [CHORUS]}))
    assert desk.look("one.wav")
    desk.keep_mine("one.wav")
    assert on_disk(desk)["events"] == [VERSE] and "caption" not in on_disk(desk)
    assert desk.earlier("one.wav", desk.states("one.wav")[0].number).get("caption") == "typed"


def test_an_edit_that_waits_for_a_choice_waits_on_while_another_song_is_open(song: Callable[..., Path]):
    song("two.wav")
    desk = Desk()
    desk.open_dataset(song("one.wav").parent)
    for name in ("one.wav", "two.wav"):
        desk.open_song(name)
        (desk.root / name).with_suffix(".json").write_text(json.dumps({"caption": "theirs"}))
        with pytest.raises(SidecarConflict):
            desk.save_events(name, [VERSE])
    desk.open_song("one.wav")
    for name in ("one.wav", "two.wav"):
        desk.keep_mine(name)
        assert (on_disk(desk, name[:3])["events"], on_disk(desk, name[:3])["caption"]) == ([VERSE], "theirs")


def test_every_state_can_be_brought_back_by_a_desk_that_comes_later(desk: Desk):
    desk.save_events("one.wav", [VERSE])
    desk.save_field("one.wav", "caption", "warm")
    desk.save_events("one.wav", [VERSE, CHORUS])
    later = Desk()
    later.open_dataset(desk.root)
    later.open_song("one.wav")
    newest, oldest = later.states("one.wav")
    assert abs(newest.saved - time.time()) < 60
    assert later.earlier("one.wav", newest.number).get("caption") == "warm"
    later.bring_back("one.wav", oldest.number)
    assert on_disk(desk) == {"events": [VERSE], "duration": 2.0}
    later.bring_back("one.wav", later.states("one.wav")[0].number)  # and that can be taken back as well
    assert (on_disk(desk)["caption"], on_disk(desk)["events"]) == ("warm", [VERSE, CHORUS])
    with pytest.raises(DeskError, match="no longer kept"):
        later.bring_back("one.wav", 99)


def test_a_damaged_sidecar_is_shown_and_left_alone(song: Callable[..., Path]):
    root = song("one.wav").parent
    (root / "one.json").write_text("{oops")
    desk = Desk()
    desk.open_dataset(root)
    opened = desk.open_song("one.wav")
    assert "not JSON" in opened.trouble
    assert opened.track  # it can still be heard
    with pytest.raises(DeskError, match="not JSON"):
        desk.save_events("one.wav", [VERSE])
    assert (root / "one.json").read_text() == "{oops"


def test_unreadable_audio_is_a_sentence(song: Callable[..., Path]):
    root = song("one.wav").parent
    (root / "two.wav").write_bytes(b"nothing")
    desk = Desk()
    desk.open_dataset(root)
    assert "`two.wav`" in desk.open_song("two.wav").trouble


@pytest.mark.parametrize("name", ["../one.wav", "/etc/passwd", "", None, 3, "two.wav"])
def test_only_songs_of_the_dataset_can_be_named(desk: Desk, name: object):
    with pytest.raises(DeskError):
        desk.save_events(name, [VERSE])
    with pytest.raises(DeskError):
        desk.open_song(name)


@pytest.mark.parametrize("events", [[{"type": "verse", "start": 1, "end": 0}], [VERSE, VERSE], ["x"], [{"start": 1}]])
def test_wrong_events_are_refused_and_the_file_stays(desk: Desk, events: list):
    desk.save_events("one.wav", [CHORUS])
    with pytest.raises(StudioError, match="event"):
        desk.save_events("one.wav", events)
    assert on_disk(desk)["events"] == [CHORUS]


def test_a_wrong_tempo_is_refused_by_a_sentence(desk: Desk):
    with pytest.raises(StudioError, match="bpm"):
        desk.save_field("one.wav", "bpm", -3)
    with pytest.raises(DeskError, match="no field"):
        desk.save_field("one.wav", "events", "x")


def test_the_first_song_is_one_that_waits(song: Callable[..., Path]):
    root = song("a.wav").parent
    song("b.wav")
    (root / "a.json").write_text(json.dumps({"events": [VERSE]}))
    desk = Desk()
    desk.open_dataset(root)
    assert desk.first_to_mark() == "b.wav"
