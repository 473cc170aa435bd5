"""Sections at other levels: the sound and the intensity that is told move together."""

from pathlib import Path

import torch

from structure.events import Event
from training.dataset import TrainingSong
from training.training_set import TrainingSet

RATE, GAINS = 25.0, (0.0, -3.0, -6.0)
RATED = Event(type="verse", start=0, end=8, intensity=0.9, label="full")
SOFT = Event(type="chorus", start=8, end=16, intensity=0.1)
UNRATED = Event(type="outro", start=16, end=24)
FILL = Event(type="fill", start=7, end=8, intensity=0.5)
SONG = TrainingSong(audio=Path("song.wav"), duration=24.0, events=(RATED, SOFT, UNRATED, FILL))
COPIES = [torch.full((600, 1), gain) for gain in GAINS]


def songs() -> TrainingSet:
    return TrainingSet([SONG], [COPIES], RATE, gains_db=GAINS)


def test_a_quieter_section_is_told_so_by_a_twelfth_of_its_decibels():
    told = set()
    for levels in range(40):
        heard = songs().heard(0, levels=levels)
        verse = heard.song.events[0]
        (gain,) = heard.latents[:200].unique().tolist()
        assert round(verse.intensity - 0.9, 6) == round(gain / 12, 6)
        assert verse == RATED.model_copy(update={"intensity": verse.intensity})
        told.add(gain)
    assert told == set(GAINS)


def test_what_has_no_intensity_or_would_fall_below_none_stays_as_it_is():
    for levels in range(40):
        heard = songs().heard(0, levels=levels)
        assert heard.song.events[1:] == (SOFT, UNRATED, FILL)
        assert torch.all(heard.latents[200:] == 0)


def test_levels_are_drawn_by_their_seed_and_go_with_their_sections_when_those_move():
    first, again = (songs().heard(0, arrangement=3, levels=5) for _ in range(2))
    assert first.song == again.song and torch.equal(first.latents, again.latents)
    assert torch.equal(songs().heard(0).latents, COPIES[0])
