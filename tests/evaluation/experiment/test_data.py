"""What each arm learns from and is asked for."""

import itertools
import json
import shutil
from pathlib import Path

import pytest

from annotate.dataset import scan
from evaluation.experiment.data import shuffled_events, split_songs, words, write_data
from evaluation.experiment.requests import Wanted, request, wanted_songs, write_requests
from evaluation.experiment.settings import ARMS, ExperimentError, make_settings
from structure.events import Event, sections
from structure.lyrics import has_section_tags
from structure.sidecar import read_sidecar

BY_KEY = {arm.key: arm for arm in ARMS}


def times(events: list[Event]) -> list[tuple[str, float, float]]:
    return [(event.type, event.start, event.end) for event in events]


def test_held_out_songs_are_spread_and_train_nothing(reference: Path):
    split = split_songs(make_settings(dataset=reference, held_out=4))
    assert (len(split.training), len(split.held_out)) == (16, 4)
    assert not {song.name for song in split.training} & {song.name for song in split.held_out}
    order = [song.name for song in scan(reference)]
    places = [order.index(song.name) for song in split.held_out]
    assert max(b - a for a, b in itertools.pairwise(places)) <= 6


def test_structures_of_another_folder_are_asked_for_unless_they_were_learned(
    reference: Path, generated: Path, tmp_path: Path
):
    split = split_songs(make_settings(dataset=reference, structures=generated))
    assert (len(split.training), len(split.held_out)) == (20, 3)
    for path in [*generated.iterdir(), *sorted(reference.iterdir())[:2]]:
        shutil.copy(path, tmp_path)
    assert len(split_songs(make_settings(dataset=reference, structures=tmp_path)).held_out) == 3
    with pytest.raises(ExperimentError, match="not in"):
        split_songs(make_settings(dataset=reference, structures=reference))


def test_the_copies_differ_only_in_how_they_tell_time(reference: Path, tmp_path: Path):
    split = split_songs(make_settings(dataset=reference, held_out=4))
    write_data(split, tmp_path)
    for number, song in enumerate(split.training):
        own = read_sidecar(song.audio)
        copies = {}
        for name in ("plain", "tagged", "shuffled"):
            audio = tmp_path / name / f"song-{number + 1:03d}.wav"
            assert audio.read_bytes() == song.audio.read_bytes()
            copies[name] = read_sidecar(audio)
            for key in ("caption", "bpm", "keyscale", "duration"):
                assert copies[name].get(key) == own.get(key)
        assert copies["plain"].events == []
        assert not has_section_tags(copies["plain"].get("lyrics", ""))
        assert times(copies["tagged"].events) == times(own.events)
        assert has_section_tags(copies["tagged"].get("lyrics"))
        assert copies["shuffled"].get("lyrics") == copies["tagged"].get("lyrics")
        assert times(copies["shuffled"].events) != times(own.events)
        assert sections(copies["shuffled"].events)[-1].end == pytest.approx(song.duration, abs=0.2)
    assert json.loads((tmp_path / "plain" / "song-001.json").read_text("utf-8"))["events"] == []


def test_shuffled_events_are_stretched_to_the_song():
    a = [Event(type="verse", start=0, end=10), Event(type="chorus", start=10, end=20)]
    b = [Event(type="intro", start=0, end=10), Event(type="crash", start=10, end=10)]
    first, second = shuffled_events([a, b], [20.0, 10.0])
    assert times(first) == [("intro", 0, 20), ("crash", 20, 20)]
    assert times(second) == [("verse", 0, 5), ("chorus", 5, 10)]


def test_words_lose_their_tags_and_keep_their_lines():
    events = [Event(type="verse", start=0, end=10), Event(type="chorus", start=10, end=20)]
    bare, tagged = words({"lyrics": "[Verse]\nonce upon\n\n[Chorus]\na time"}, events)
    assert bare == "once upon\n\na time"
    assert tagged == "[Verse]\nonce upon\n\n[Chorus]\na time"
    bare, tagged = words({"lyrics": "[Instrumental]"}, events)
    assert bare == "[Instrumental]"
    assert has_section_tags(tagged)


def test_every_arm_is_asked_for_the_same_in_its_own_way(reference: Path, tmp_path: Path):
    song = split_songs(make_settings(dataset=reference, held_out=4)).held_out[0]
    lines = {key: request(arm, song, Wanted("asked", 0, 1)) for key, arm in BY_KEY.items()}
    for key in ("caption", "bpm", "keyscale", "duration", "seed", "events", "output"):
        assert len({json.dumps(line[key]) for line in lines.values()}) == 1
    assert {key for key, line in lines.items() if line["use_events"]} == {"events", "shuffled"}
    assert {key for key, line in lines.items() if has_section_tags(line["lyrics"])} == {"events", "shuffled", "tags"}
    free = request(BY_KEY["events"], song, Wanted("free", 0, 5000))
    assert "events" not in free
    assert not free["use_events"]
    assert not has_section_tags(free["lyrics"])
    file = write_requests(
        BY_KEY["events"], [song], [Wanted("asked", 0, 1), Wanted("again", 0, 2)], tmp_path / "r.jsonl"
    )
    assert [json.loads(line)["output"] for line in file.read_text("utf-8").splitlines()] == [
        "asked/structure-01.seed-1.wav",
        "again/structure-01.seed-2.wav",
    ]


def test_only_the_first_seed_makes_songs_beside_those_asked(reference: Path):
    settings = make_settings(dataset=reference, free=3, varied=2, takes=4)
    first, second = wanted_songs(settings, 5, 1), wanted_songs(settings, 5, 2)
    assert [sum(one.set == name for one in first) for name in ("asked", "free", "again")] == [5, 3, 8]
    assert {one.set for one in second} == {"asked"}
    assert len({one.name for one in first + second}) == 16 + 5


@pytest.mark.parametrize(
    ("events", "held_out", "words"),
    [
        ([{"type": "verse", "start": 0, "end": 9}], 1, "one type"),
        ([{"type": "verse", "start": 0, "end": 4}, {"type": "chorus", "start": 4, "end": 9}], 1, "same structure"),
        (None, 18, "an experiment needs 4"),
    ],
)
def test_datasets_that_can_teach_nothing_are_refused(
    events: list | None, held_out: int, words: str, reference: Path, tmp_path: Path
):
    for path in reference.iterdir():
        shutil.copy(path, tmp_path)
        if events and path.suffix == ".json":
            data = json.loads(path.read_text("utf-8")) | {"events": events}
            (tmp_path / path.name).write_text(json.dumps(data), "utf-8")
    with pytest.raises(ExperimentError, match=words):
        split_songs(make_settings(dataset=tmp_path, held_out=held_out))
