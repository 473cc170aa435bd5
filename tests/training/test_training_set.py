"""The training set: a song as it is, in another order, and quieter, always with the words that belong to it."""

import re
from pathlib import Path

import torch

from structure.events import Event, sections
from training.dataset import TrainingSong
from training.training_set import TrainingSet

RATE = 25.0
PARTS = ("intro", "verse", "chorus", "verse", "bridge", "outro")
SONG = TrainingSong(
    audio=Path("song.wav"),
    duration=24.0,
    lyrics="first verse\n\nthe chorus\n\nsecond verse\n\nthe bridge",
    events=tuple(Event(type=kind, start=4 * n, end=4 * n + 4) for n, kind in enumerate(PARTS)),
)


def whole(**changes: object) -> TrainingSet:
    return TrainingSet([SONG], [[torch.arange(600.0)[:, None]]], RATE, **changes)


def test_without_an_arrangement_a_song_is_itself():
    songs = whole()
    heard = songs.heard(0)
    assert heard.song is SONG and heard.latents is songs.latents[0][0]
    assert heard.mask.min() == 1


def test_an_arrangement_is_the_same_each_time_and_another_one_differs():
    first, again, other = (whole().heard(0, arrangement) for arrangement in (1, 1, 2))
    assert first.song == again.song and torch.equal(first.latents, again.latents)
    assert first.song.events != other.song.events


def test_words_without_tags_stay_with_their_section_when_it_moves():
    for arrangement in range(20):
        song = whole().heard(0, arrangement).song
        said = dict(re.findall(r"\[(Chorus|Bridge)\]\n(.+)", song.lyrics))
        assert all(said[kind] == f"the {kind.lower()}" for kind in said)
        assert re.findall(r"\[(\w+)\]", song.lyrics) == [part.type.capitalize() for part in sections(song.events)]


def test_without_tags_wanted_nobody_adds_any():
    assert "[" not in whole(section_tags=False).heard(0, 1).song.lyrics


def test_held_out_songs_are_in_no_pass():
    songs = TrainingSet([SONG] * 3, [[torch.zeros(600, 1)]] * 3, RATE, n_held_out=1)
    assert (songs.one_pass, list(songs.held_out), songs.longest) == ([0, 1], [2], 600)
