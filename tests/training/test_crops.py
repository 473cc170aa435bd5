"""Crops: re-based times, words that fit, and the same draw for the same seed and step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from structure.events import Event
from structure.plan import frame_plan
from training.crops import Crop, crop_events, crop_words, cut_lyrics, draw_crops
from training.dataset import TrainingSong
from training.settings import make_settings
from training.training_set import TrainingSet

RATE = 25.0
SONG = TrainingSong(
    audio=Path("song.wav"),
    duration=40.0,
    caption="Rock",
    lyrics="[Instrumental]",
    bpm=120,
    events=(
        Event(type="intro", start=0, end=8),
        Event(type="verse", start=8, end=24),
        Event(type="chorus", start=24, end=40),
    ),
)


def test_a_crop_hears_what_the_whole_song_says_about_its_frames():
    whole = frame_plan(SONG.events, 1000, RATE)
    crop = Crop(song=0, start_frame=137, n_frames=400)
    np.testing.assert_allclose(frame_plan(crop_events(SONG, crop, RATE), 400, RATE), whole[137:537], atol=1e-5)


def test_tags_are_those_of_the_crop_and_its_length_is_its_own():
    words = crop_words(SONG, Crop(0, start_frame=250, n_frames=500), RATE, section_tags=True)  # 10 s to 30 s
    assert "[Verse]" in words.lyrics and "[Chorus]" in words.lyrics and "[Intro]" not in words.lyrics
    assert (words.duration, words.prompt, words.bpm) == (20.0, "Rock", 120)


def test_tags_can_be_switched_off():
    words = crop_words(SONG, Crop(0, start_frame=0, n_frames=1000), RATE, section_tags=False)
    assert words.lyrics == "[Instrumental]"


def test_a_section_that_a_crop_hardly_holds_gets_no_tag():
    words = crop_words(SONG, Crop(0, start_frame=190, n_frames=250), RATE, section_tags=True)  # 7.6 s to 17.6 s
    assert "[Intro]" not in words.lyrics


def test_lyrics_are_cut_to_the_sections_heard():
    lyrics = "[Intro]\n[Verse]\nMorning light\nOver town\n[Chorus]\nSing it loud"
    assert cut_lyrics(lyrics, SONG.events, 10.0, 20.0) == "[Verse]\nMorning light\nOver town"
    assert cut_lyrics(lyrics, SONG.events, 20.0, 40.0).endswith("Sing it loud")


def test_lyrics_whose_blocks_do_not_match_the_sections_stay_whole():
    lyrics = "[Verse]\nMorning light\n[Chorus]\nSing it loud"
    assert cut_lyrics(lyrics, SONG.events, 10.0, 20.0) == lyrics
    assert cut_lyrics("no tags at all", SONG.events, 10.0, 20.0) == "no tags at all"


def test_untagged_words_go_with_their_section():
    sung = SONG.__class__(**{**vars(SONG), "lyrics": "Morning light\n\nSing it loud"})
    words = crop_words(sung, Crop(0, start_frame=650, n_frames=300), RATE, section_tags=True)  # inside the chorus
    assert words.lyrics == "[Chorus]\nSing it loud"


def heard(*frames: int, **song: object) -> TrainingSet:
    """Songs of so many latent frames."""
    songs = [TrainingSong(audio=Path(f"{n}.wav"), duration=length / RATE, **song) for n, length in enumerate(frames)]
    return TrainingSet(songs, [[torch.zeros(length, 1)] for length in frames], RATE)


def test_a_step_is_drawn_from_its_seed_and_number_alone():
    settings = make_settings("starter", dataset_dir="songs")
    songs = heard(600, 700, 800)
    first = [draw_crops(songs, step, 2, settings) for step in range(20)]
    assert draw_crops(heard(600, 700, 800), 13, 2, settings) == first[13]
    other = make_settings("starter", dataset_dir="songs", seed=1)
    assert draw_crops(songs, 13, 2, other) != first[13]


def test_crops_lie_in_their_song_and_every_song_comes_equally_often():
    settings = make_settings("starter", dataset_dir="songs")
    frames = [300, 700, 800, 900]
    crops = [crop for step in range(50) for crop in draw_crops(heard(*frames), step, 2, settings)]
    assert all(c.start_frame >= 0 and c.start_frame + c.n_frames <= frames[c.song] for c in crops)
    assert np.bincount([c.song for c in crops]).tolist() == [100] * 4
    assert all(c.n_frames == 300 for c in crops if c.song == 0)  # shorter than any crop: whole
    assert {c.n_frames % 2 for c in crops} == {0}
    lengths = [c.n_frames / RATE for c in crops if c.song]
    assert min(lengths) >= 16 and max(lengths) <= 20


def test_a_song_comes_as_often_as_its_repeats_say_and_in_every_pass():
    settings = make_settings("starter", dataset_dir="songs", batch_size=4)
    songs = heard(600, 700)
    songs = TrainingSet([replace(songs.songs[0], repeats=3), songs.songs[1]], songs.latents, RATE)
    assert songs.one_pass == [0, 0, 0, 1]
    for step in range(10):  # a step is one pass here
        assert sorted(crop.song for crop in draw_crops(songs, step, 2, settings)) == [0, 0, 0, 1]


def test_text_and_events_are_dropped_apart_from_each_other_and_about_as_often_as_asked():
    settings = make_settings("starter", dataset_dir="songs", event_dropout=0.3, condition_dropout=0.2)
    crops = [crop for step in range(300) for crop in draw_crops(heard(600, 700), step, 2, settings)]
    text, events = np.array([(c.drop_text, c.drop_events) for c in crops]).T
    assert abs(text.mean() - 0.2) < 0.03 and abs(events.mean() - 0.3) < 0.03
    assert abs((text & events).mean() - 0.06) < 0.02


def test_songs_are_taken_whole_without_crop_lengths_or_when_asked_to():
    for settings in (make_settings("real", dataset_dir="songs"), make_settings(dataset_dir="s", whole_songs=True)):
        crops = draw_crops(heard(900, 901), 0, 2, settings)
        assert {(c.song, c.start_frame, c.n_frames) for c in crops} <= {(0, 0, 900), (1, 0, 901)}


def test_crops_draw_levels_only_where_there_are_quieter_copies():
    settings = make_settings("starter", dataset_dir="songs", quieter_db=12)
    assert settings.gains_db == (0.0, -6.0, -12.0)
    quiet = TrainingSet(heard(600).songs, [[torch.zeros(600, 1)] * 3], RATE, gains_db=settings.gains_db)
    assert all(crop.levels is not None for crop in draw_crops(quiet, 0, 2, settings))
    assert all(crop.levels is None for crop in draw_crops(heard(600), 0, 2, settings))


def test_rearranging_asks_for_as_many_crops_as_the_settings_say_and_none_by_default():
    songs = TrainingSet([SONG], [[torch.zeros(1000, 1)]], RATE)
    for share in (0.0, 0.4):
        settings = make_settings("starter", dataset_dir="songs", rearrange=share)
        crops = [crop for step in range(60) for crop in draw_crops(songs, step, 2, settings)]
        assert np.mean([crop.arrangement is not None for crop in crops]) == pytest.approx(share, abs=0.07)
