"""The judge of moments on procedural songs, whose truth is exact; counting against hand-worked truth."""

import numpy as np
import pytest

from acestep.starter.songs import StarterSong, make_song, render
from evaluation.moments import (
    MomentCount,
    MomentProbe,
    MomentScore,
    audible_edge,
    fit_moment_probe,
    moment_features,
    moments_found,
)
from evaluation.probe import JudgedSong, ProbeError
from evaluation.segments import ScoreError
from structure.events import Event, moments, sections

FRESH = range(7_100, 7_108)


def truth(song: StarterSong) -> list[Event]:
    return [Event.model_validate(event) for event in song.sidecar["events"]]


def judged(song: StarterSong, events: list[Event]) -> JudgedSong:
    return JudgedSong.from_samples("", song.samples, song.sample_rate, events)


def crash(time: float) -> Event:
    return Event(type="crash", start=time, end=time)


@pytest.fixture(scope="module")
def songs() -> list[JudgedSong]:
    return [judged(song, truth(song)) for song in map(make_song, range(7_000, 7_016))]


@pytest.fixture(scope="module")
def fresh() -> list[StarterSong]:
    return [make_song(seed) for seed in FRESH]


@pytest.fixture(scope="module")
def probe(songs: list[JudgedSong]) -> MomentProbe:
    return fit_moment_probe(songs)


def test_the_judge_hears_songs_that_it_was_not_fitted_on(probe: MomentProbe, fresh: list[StarterSong]):
    score = MomentScore({})
    for song in fresh:
        heard = probe.find(song.samples, song.sample_rate)
        assert heard == moments(heard)
        assert all(0 <= moment.start <= moment.end <= song.sidecar["duration"] for moment in heard)
        score += moments_found(truth(song), heard)
    assert score.overall.asked > 40
    assert score.overall.f > 0.75
    assert min(score.by_type[kind].f for kind in ("crash", "drop-out", "riser")) > 0.7
    assert score.by_type["fill"].f > 0.5  # the hardest: 0.85 for a judge fitted on 130 songs


def test_nothing_is_found_where_nothing_was_played(probe: MomentProbe, fresh: list[StarterSong]):
    score = MomentScore({})
    for seed, song in zip(FRESH, fresh, strict=True):
        told = song.sidecar
        plain = render(
            sections(truth(song)), told["duration"], told["bpm"], told["keyscale"], told["genre"], seed, song.band
        )
        score += moments_found(truth(song), probe.find(plain, song.sample_rate))
    assert score.overall.asked > 40
    assert score.overall.recall < 0.1


def test_held_out_quality_is_that_of_the_moments_held_out(probe: MomentProbe, songs: list[JudgedSong]):
    scores = [moments_found(song.events, heard) for song, heard in zip(songs, probe.held_out, strict=True)]
    assert sum(scores, MomentScore({})) == probe.quality
    assert probe.types == ("crash", "drop-out", "fill", "riser")
    assert 0.7 < probe.quality.overall.f < 1


def test_level_and_stereo_do_not_change_what_is_heard(probe: MomentProbe, fresh: list[StarterSong]):
    song = max(fresh, key=lambda song: len(moments(truth(song))))
    heard = probe.find(song.samples, song.sample_rate)
    quiet = np.stack([0.1 * song.samples, 0.2 * song.samples], axis=1)
    assert moments_found(heard, probe.find(quiet, song.sample_rate)).overall.f > 0.9
    assert len(heard) > 3


def test_even_a_fraction_of_a_second_can_be_heard(probe: MomentProbe):
    heard = probe.find(np.zeros(800, np.float32), 16_000)
    assert all(0 <= moment.start <= moment.end <= 0.05 for moment in heard)


def test_any_type_that_songs_hold_is_learned_and_songs_without_moments_are_not_believed():
    def song(number: int, marked: bool) -> JudgedSong:
        rng = np.random.default_rng(number)
        samples = 0.05 * np.sin(2 * np.pi * 220 * np.arange(12 * 16_000) / 16_000)
        at = 2 + 8 * rng.random()
        samples[round(at * 16_000) :][:8_000] += 0.3 * rng.normal(size=8_000)
        events = [Event(type="scratch", start=at, end=at + 0.5, family="moment")] if marked else []
        return JudgedSong.from_samples(str(number), samples.astype(np.float32), 16_000, events)

    # every second song holds a scratch that nobody marked
    probe = fit_moment_probe([song(number, marked=number % 4 < 2) for number in range(16)])
    assert probe.types == ("scratch",)
    assert probe.quality.overall == MomentCount(found=8, asked=8, heard=8)
    assert all(len(heard) == 1 for heard in probe.held_out)
    test = song(99, marked=True)
    (heard,) = probe.find_mel(test.mel, test.duration)
    assert heard.is_moment
    assert heard.start == pytest.approx(test.events[0].start, abs=0.05)
    assert heard.duration == pytest.approx(0.5, abs=0.01)


def test_features_compare_with_the_level_around():
    mel = np.random.default_rng(0).normal(size=(400, 48)).astype(np.float32)
    frames = np.array([0, 200, 399])
    features, louder = moment_features(mel, frames), moment_features(mel + 1, frames)
    np.testing.assert_allclose(louder[:, :13], features[:, :13] + 1, atol=1e-4)
    np.testing.assert_allclose(louder[:, 13:], features[:, 13:], atol=1e-4)
    np.testing.assert_allclose(features[1, 0], mel[100:301, 0].mean(), atol=1e-4)


def test_counting_by_hand():
    asked = [
        crash(4.0),
        crash(8.0),
        Event(type="riser", start=4, end=8),
        Event(type="fill", start=11, end=12),
        Event(type="verse", start=0, end=12),
    ]
    heard = [
        crash(4.25),  # just within
        crash(8.26),  # just not
        Event(type="riser", start=6.5, end=8.1),  # lands in time, wherever it starts
        Event(type="drop-out", start=11, end=12),  # not the type asked for
        Event(type="chorus", start=0, end=12),
    ]
    score = moments_found(asked, heard)
    assert score.by_type == {
        "crash": MomentCount(found=1, asked=2, heard=2),
        "drop-out": MomentCount(found=0, asked=0, heard=1),
        "fill": MomentCount(found=0, asked=1, heard=0),
        "riser": MomentCount(found=1, asked=1, heard=1),
    }
    assert (score.overall.found, score.overall.asked, score.overall.heard) == (2, 4, 4)
    assert moments_found(asked, heard, tolerance=0.3).by_type["crash"].found == 2


def test_every_moment_is_matched_once_and_as_many_as_can_be():
    assert moments_found([crash(1.0)], [crash(0.9), crash(1.1)]).overall == MomentCount(found=1, asked=1, heard=2)
    # the nearest pair, 1.2 and 1.25, would leave the other two alone
    assert moments_found([crash(1.0), crash(1.2)], [crash(1.25), crash(1.44)]).overall.found == 2


def test_shares():
    count = MomentCount(found=3, asked=4, heard=6)
    assert (count.precision, count.recall, count.f) == (0.5, 0.75, 0.6)
    missed = MomentCount(asked=2)
    assert (missed.precision, missed.recall, missed.f) == (None, 0, 0)
    nothing = moments_found([], []).overall
    assert (nothing.precision, nothing.recall, nothing.f) == (None, None, None)


def test_scores_of_songs_add_up():
    one = moments_found([crash(1)], [crash(1), Event(type="fill", start=2, end=3)])
    other = moments_found([crash(5), Event(type="riser", start=1, end=4)], [])
    assert (one + other).by_type == {
        "crash": MomentCount(1, 2, 1),
        "fill": MomentCount(0, 0, 1),
        "riser": MomentCount(0, 1, 0),
    }


def test_a_moment_is_heard_where_it_lands_or_starts():
    assert audible_edge(Event(type="riser", start=2, end=6)) == 6
    assert audible_edge(Event(type="Drum fill", start=2, end=3)) == 3
    assert audible_edge(Event(type="crash", start=2, end=3)) == 2
    assert audible_edge(Event(type="key change", start=2, end=9)) == 2


def test_mistakes_are_explained(songs: list[JudgedSong]):
    with pytest.raises(ScoreError, match="must be positive, got 0"):
        moments_found([crash(1)], [crash(1)], tolerance=0)
    with pytest.raises(ProbeError, match="at least 4 songs, spread over the dataset; the commonest is in 3"):
        fit_moment_probe(songs[:3])
    with pytest.raises(ProbeError, match="the commonest is in 0"):
        fit_moment_probe([JudgedSong(s.name, s.mel, s.duration, sections(s.events)) for s in songs])
