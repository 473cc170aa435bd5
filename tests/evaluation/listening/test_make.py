"""Making a test: songs matched and made alike, and a folder in which only the key names an arm."""

import json

import numpy as np
import pytest
import soundfile

from evaluation.listening.make import make_test, match_songs
from evaluation.listening.sound import loudness, true_peak
from evaluation.listening.store import KEY_FILE, SOUNDS, ListeningError, open_test, read_key
from structure.errors import StudioError
from tests.evaluation.listening.people import SECONDS, write_song


def test_all_sounds_are_alike_in_all_but_the_music(made):
    files = sorted((made.folder / SOUNDS).iterdir())
    assert len(files) == 8
    sounds = [soundfile.read(file, always_2d=True) for file in files]
    assert {(rate, samples.shape) for samples, rate in sounds} == {(22_050, (round(SECONDS * 22_050), 2))}
    levels = [loudness(samples, rate) for samples, rate in sounds]
    assert np.ptp(levels) < 0.02
    assert max(true_peak(samples) for samples, _ in sounds) < -0.9
    assert len({file.stat().st_mtime_ns for file in files}) == 1


def test_only_the_key_names_an_arm_or_a_song(made):
    secrets = ("ours", "theirs", "hushed")
    for path in made.folder.rglob("*"):
        assert not any(word in str(path.relative_to(made.folder)) for word in secrets)
        if path.is_file() and path.name != KEY_FILE:
            assert not any(word.encode() in path.read_bytes() for word in secrets), path
    assert all(word in (made.folder / KEY_FILE).read_text() for word in secrets)


def test_every_clip_has_an_id_of_its_own_and_links_are_secret(made):
    clips = [clip.id for sheet in made.sheets for trial in sheet.trials for clip in trial.clips]
    assert len(clips) == len(set(clips)) == 2 * 6 * 2
    assert all(len(sheet.token) >= 20 for sheet in made.sheets)
    assert made.sheet(made.sheets[1].token).name == "Bob"
    with pytest.raises(ListeningError, match="belongs to no listener"):
        made.sheet("guess")


def test_the_key_says_what_the_sheets_play(made):
    key = read_key(made)
    sounds: dict[tuple[str, str], set[str]] = {}
    for sheet in made.sheets:
        for trial in sheet.trials:
            was = key.trials[trial.id]
            for arm, clip in zip(was.sides, trial.clips, strict=True):
                sounds.setdefault((was.song, arm), set()).add(clip.sound)
    assert len(sounds) == 8 and all(len(names) == 1 for names in sounds.values())


def test_in_an_abx_test_x_is_one_of_the_two_by_another_name(arms, tmp_path):
    test = make_test(arms, tmp_path / "test", kind="abx", trials=8)
    key = read_key(test)
    for trial in test.sheets[0].trials:
        x = trial.clips[2]
        same = trial.clips[key.trials[trial.id].x]
        assert x.sound == same.sound and x.id != same.id and x.dither != same.dither


def test_the_order_is_the_seeds_and_the_ids_are_nobodys(arms, tmp_path):
    first, second = (make_test(arms, tmp_path / name, seed=5) for name in ("first", "second"))

    def plan(test):
        key = read_key(test)
        return [key.trials[trial.id].sides for trial in test.sheets[0].trials]

    assert plan(first) == plan(second)
    assert first.sheets[0].token != second.sheets[0].token
    assert {t.id for t in first.sheets[0].trials}.isdisjoint(t.id for t in second.sheets[0].trials)


def test_songs_that_an_arm_lacks_are_left_out_and_noted(tmp_path):
    for arm, songs in (("p", "ab"), ("q", "bc")):
        for song in songs:
            write_song(tmp_path / arm / f"{song}.wav", 1)
    songs, notes = match_songs({"p": tmp_path / "p", "q": tmp_path / "q"})
    assert list(songs) == ["b"]
    assert notes == [f"1 songs of {arm} are left out, since another arm lacks them." for arm in "pq"]


def test_a_song_that_loses_its_end_is_noted(tmp_path):
    write_song(tmp_path / "p" / "a.wav", 1)
    write_song(tmp_path / "q" / "a.wav", 1, seconds=6)
    test = make_test({"p": tmp_path / "p", "q": tmp_path / "q"}, tmp_path / "test")
    assert read_key(test).notes == ["a is much longer in one arm than in another, and loses its end there."]


def test_what_cannot_be_compared_is_said_in_a_sentence_and_leaves_nothing(tmp_path):
    write_song(tmp_path / "p" / "a.wav", 1)
    write_song(tmp_path / "short" / "a.wav", 1, seconds=1)
    write_song(tmp_path / "silent" / "a.wav", 1, gain=0)
    write_song(tmp_path / "other" / "b.wav", 1)
    write_song(tmp_path / "twice" / "a.wav", 1)
    write_song(tmp_path / "twice" / "a.flac", 1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "a.wav").write_bytes(b"not audio at all")
    for name, says in {
        "short": "1.0 s long",
        "silent": "is silent",
        "other": "No song is in every folder",
        "twice": "two songs named `a`",
        "empty": "holds no songs",
        "noise": "is not audio",
        "gone": "There is no folder",
        "p": "the same folder",
    }.items():
        with pytest.raises(StudioError, match=says):
            make_test({"p": tmp_path / "p", "q": tmp_path / name}, tmp_path / "test")
    with pytest.raises(StudioError, match="two or more folders"):
        make_test({"p": tmp_path / "p"}, tmp_path / "test")
    assert not [path for path in tmp_path.iterdir() if "test" in path.name]


def test_listeners_need_names_of_their_own(arms, tmp_path):
    for listeners in ([], ["Ann", "Ann"], ["Ann", " "], 0):
        with pytest.raises(ListeningError, match="a name of their own"):
            make_test(arms, tmp_path / "test", listeners=listeners)


def test_a_folder_in_use_is_left_alone(made, arms):
    with pytest.raises(ListeningError, match="not empty"):
        make_test(arms, made.folder)


def test_a_broken_or_foreign_key_is_said(made):
    path = made.folder / KEY_FILE
    whole = json.loads(path.read_text())
    path.write_text("{")
    with pytest.raises(ListeningError, match="broken"):
        read_key(made)
    path.write_text(json.dumps(whole | {"trials": {}}))
    with pytest.raises(ListeningError, match="not the key of this test"):
        read_key(made)
    first, second = list(whole["trials"])[:2]
    for harm in ({"sides": ["a third", "ours"]}, {"repeats": "nothing"}, {"repeats": first}):
        path.write_text(json.dumps(whole | {"trials": whole["trials"] | {first: whole["trials"][first] | harm}}))
        with pytest.raises(ListeningError, match="not the key of this test"):
            read_key(made)
    path.write_text(json.dumps(whole | {"trials": whole["trials"] | {second: whole["trials"][second] | {"x": 7}}}))
    with pytest.raises(ListeningError, match="broken at trials"):
        read_key(made)
    (made.folder / "test.json").unlink()
    with pytest.raises(ListeningError, match="holds no listening test"):
        open_test(made.folder)
