"""Songs that were made here: found, liked, deleted, and kept within a size."""

import json
import time

import numpy as np
import pytest

from annotate.audio import write_audio
from generation.history import (
    Take,
    delete_take,
    find_take,
    keep_heard,
    limit_mb,
    list_takes,
    set_favourite,
    set_limit_mb,
    tidy,
)
from generation.take_cards import cards_html
from structure.errors import StudioError
from structure.events import Event
from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields

SOUND = np.zeros((400_000, 2), np.float32)  # 1.6 MB as PCM of 16 bit


def make(folder, name: str, minute: int, caption: str = "folk", **made) -> Take:
    audio = folder / f"{name}.wav"
    write_audio(audio, SOUND, 44_100)
    facts = {"made": f"2026-11-25T10:{minute:02d}:00+00:00", "seed": minute, "adapter": None} | made
    sidecar = with_fields(read_sidecar(audio), caption=caption, duration=9.0, generation=facts)
    save_sidecar(with_events(sidecar, [Event(type="verse", start=0, end=9)]))
    return find_take(folder, name)


@pytest.fixture
def folder(tmp_path):
    for minute, name in enumerate(("one", "two", "three")):
        make(tmp_path, name, minute, caption="slow folk" if name == "two" else "loud rock")
    return tmp_path


def test_the_newest_comes_first_and_other_files_do_not_count(folder):
    write_audio(folder / "mine.wav", SOUND, 44_100)
    (folder / "notes.json").write_text("{")
    (folder / "list.json").write_text("[1]")
    assert [take.name for take in list_takes(folder)] == ["three", "two", "one"]
    assert list_takes(folder / "nowhere") == []


def test_words_that_all_occur(folder):
    assert [take.name for take in list_takes(folder, "FOLK verse")] == ["two"]
    assert [take.name for take in list_takes(folder, "seed 2")] == ["three"]
    assert list_takes(folder, "folk rock") == []


def test_what_was_heard_and_liked_stands_in_the_sidecar(folder):
    heard = [Event(type="verse", start=0, end=8.5)]
    take = set_favourite(keep_heard(find_take(folder, "one"), heard, 0.9), True)
    assert (take.heard, take.score, take.favourite) == (heard, 0.9, True)
    assert read_sidecar(take.audio).get("generation")["seed"] == 0  # the rest is as it was
    assert set_favourite(take, False).favourite is False


def test_the_oldest_make_room_and_favourites_stay(folder):
    set_favourite(find_take(folder, "one"), True)
    set_limit_mb(folder, 10)
    for minute in range(3, 8):
        make(folder, f"more{minute}", minute)
    gone = tidy(folder, keep=["three"])
    assert gone == ["two", "more3"] and sum(take.size for take in list_takes(folder)) <= 10_000_000
    assert {"one", "three", "more7"} <= {take.name for take in list_takes(folder)}
    assert not list(folder.glob("two*"))


def test_a_size_that_makes_no_sense_is_refused(folder):
    for wrong in (0, 1e9, float("nan")):
        with pytest.raises(StudioError, match="megabytes"):
            set_limit_mb(folder, wrong)
    (folder / "history.json").write_text('{"limit_mb": "much"}')
    assert limit_mb(folder) == 4000


@pytest.mark.parametrize("name", ["../one", "..", "one/../two", "nowhere", "", "/etc/passwd"])
def test_only_takes_can_be_named(folder, name):
    with pytest.raises(StudioError):
        find_take(folder / "sub", name)
    with pytest.raises(StudioError):
        find_take(folder, name)


def test_deleting_leaves_nothing(folder):
    take = set_favourite(find_take(folder, "two"), True)
    delete_take(take)
    assert not list(folder.glob("two*"))
    delete_take(take)  # twice does no harm


def test_markup_in_a_caption_is_text(tmp_path):
    take = make(tmp_path, "x", 1, caption="<script>alert(1)</script>")
    assert "<script>" not in cards_html([take]) and "&lt;script&gt;" in cards_html([take], "x")
    assert cards_html([]) == ""


def test_a_thousand_takes_are_listed_at_once(folder):
    text = json.dumps({"duration": 9, "events": [], "generation": {"made": "x", "seed": 1}})
    for n in range(1000):
        (folder / f"t{n}.json").write_text(text)
        (folder / f"t{n}.wav").write_bytes(b"")
    list_takes(folder)
    begin = time.process_time()
    assert len(list_takes(folder, "seed")) == 1003
    assert time.process_time() - begin < 1
