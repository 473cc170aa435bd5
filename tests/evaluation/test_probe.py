"""The judge on procedural songs, whose truth is exact, and its refusals."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from acestep.starter.songs import make_song
from annotate.audio import read_audio
from evaluation.features import N_BANDS
from evaluation.probe import JudgedSong, ProbeError, best_path, check_trust, fit_probe, fit_sound_space, held_out_labels
from evaluation.reference import read_folder
from evaluation.scores import boundary_f, frame_accuracy, merge_repeats, section_order, transition_errors
from structure.events import Event


@pytest.fixture(scope="module")
def songs(reference: Path) -> list[JudgedSong]:
    return read_folder(reference).songs


def test_a_judge_hears_songs_that_it_was_not_fitted_on(songs: list[JudgedSong]):
    heard = held_out_labels(songs)
    check_trust(songs, heard)
    truth = [merge_repeats(song.events) for song in songs]
    assert np.mean([frame_accuracy(t, e) for t, e in zip(truth, heard, strict=True)]) > 0.8
    assert np.mean([boundary_f(t, e, 0.5).f for t, e in zip(truth, heard, strict=True)]) > 0.75
    assert np.mean([section_order(t, e) for t, e in zip(truth, heard, strict=True)]) > 0.8
    errors = np.concatenate([transition_errors(t, e) for t, e in zip(truth, heard, strict=True)])
    assert np.median(errors) < 0.03


def test_labels_cover_the_song_without_gaps_or_repeats(songs: list[JudgedSong], generated: Path):
    probe = fit_probe(songs)
    samples, sample_rate = read_audio(sorted(generated.glob("*.wav"))[0])
    heard = probe.label(samples, sample_rate)
    assert heard[0].start == 0
    assert heard[-1].end == pytest.approx(len(samples) / sample_rate, abs=1e-3)
    for before, after in itertools.pairwise(heard):
        assert before.end == after.start
        assert before.type != after.type


def test_level_hiss_and_stereo_do_not_change_what_is_heard(songs: list[JudgedSong]):
    probe = fit_probe(songs)
    song = make_song(9_105)
    truth = [Event.model_validate(event) for event in song.sidecar["events"]]
    hiss = 0.02 * np.random.default_rng(0).normal(size=len(song.samples)).astype(np.float32)
    stereo = np.stack([song.samples, 0.5 * song.samples], axis=1)
    for samples in (song.samples, 0.1 * song.samples, song.samples + hiss, stereo):
        assert frame_accuracy(truth, probe.label(samples, song.sample_rate)) > 0.85


def test_even_a_fraction_of_a_second_gets_a_label(songs: list[JudgedSong]):
    heard = fit_probe(songs).label(np.zeros(800, np.float32), 16_000)
    assert len(heard) == 1
    assert heard[0].end == pytest.approx(0.05)


def test_a_distance_compares_songs_over_half_a_second_either_way_and_nothing_else(songs: list[JudgedSong]):
    space = fit_sound_space(songs)
    features = [space.features(song) for song in songs]
    assert {part.shape[1] for part in features} == {2 * N_BANDS}
    assert abs(np.vstack(features).mean()) < 0.5  # the judge also heard hiss and tilt, so not quite standard


def test_two_types_are_enough():
    rng = np.random.default_rng(5)

    def song(number: int) -> JudgedSong:
        dark = 0.3 * np.sin(2 * np.pi * 200 * np.arange(4 * 16_000) / 16_000)
        bright = 0.3 * rng.normal(size=5 * 16_000)
        events = [Event(type="verse", start=0, end=4), Event(type="drop", start=4, end=9)]
        return JudgedSong.from_samples(str(number), np.concatenate([dark, bright]).astype(np.float32), 16_000, events)

    songs = [song(number) for number in range(4)]
    for heard in held_out_labels(songs):
        assert [event.type for event in heard] == ["verse", "drop"]
        assert heard[0].end == pytest.approx(4.0, abs=0.1)


def test_a_path_changes_only_where_it_pays():
    log_p = np.log(np.array([[0.9, 0.1]] * 5 + [[0.4, 0.6]] + [[0.9, 0.1]] * 4 + [[0.01, 0.99]] * 6))
    assert best_path(log_p, change_cost=3.0).tolist() == [0] * 10 + [1] * 6
    assert best_path(log_p, change_cost=0.0).tolist() == log_p.argmax(axis=1).tolist()
    assert best_path(log_p, change_cost=1e6).tolist() == [log_p.sum(axis=0).argmax()] * 16


def test_too_few_songs_are_refused(songs: list[JudgedSong]):
    with pytest.raises(ProbeError, match=r"at least 4 songs with annotated sections, got 3\."):
        fit_probe(songs[:3])


def test_one_type_only_is_refused(songs: list[JudgedSong]):
    same = [JudgedSong(s.name, s.mel, s.duration, [Event(type="verse", start=0, end=s.duration)]) for s in songs]
    with pytest.raises(ProbeError, match=r"one type \(verse\)"):
        fit_probe(same)


def test_annotations_that_do_not_fit_the_sound_make_no_judge(songs: list[JudgedSong]):
    rng = np.random.default_rng(2)

    def annotated_blindly(song: JudgedSong) -> JudgedSong:
        edges = np.linspace(0, song.duration, 9)
        types = rng.permutation(["verse", "chorus"] * 4)
        events = [
            Event(type=str(t), start=float(a), end=float(b))
            for t, a, b in zip(types, edges[:-1], edges[1:], strict=True)
        ]
        return JudgedSong(song.name, song.mel, song.duration, events)

    blind = [annotated_blindly(song) for song in songs]
    with pytest.raises(ProbeError, match="no better than a guess"):
        check_trust(blind, held_out_labels(blind))
