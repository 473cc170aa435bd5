"""Levels against the standard's own figures, and intensity against songs whose levels are known."""

import numpy as np
import pytest

from acestep.starter.songs import INTENSITY_DB, make_song
from evaluation.loudness import SILENCE, LoudnessError, intensity_agreement, k_weighting, section_levels
from structure.events import Event, sections

RATES = (16_000, 22_050, 24_000, 44_100, 48_000, 96_000)


def sine(frequency: float, seconds: float, sample_rate: int) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * sample_rate)) / sample_rate)


def random_songs(rng: np.random.Generator, noise_db: float) -> list[tuple[list[Event], list[float]]]:
    """Twenty songs of eight sections: level = song + type + 9 dB times intensity + noise."""
    loud = {"verse": -16.0, "chorus": -12.0, "breakdown": -22.0}
    songs = []
    for song_db in rng.normal(0, 4, 20):
        kinds, wanted = rng.choice(list(loud), 8), rng.uniform(0, 1, 8)
        events = [
            Event(type=str(kind), start=4.0 * i, end=4.0 * i + 4, intensity=float(intensity))
            for i, (kind, intensity) in enumerate(zip(kinds, wanted, strict=True))
        ]
        noise = rng.normal(0, noise_db, 8)
        songs.append(
            (events, [song_db + loud[e.type] + 9 * e.intensity + d for e, d in zip(events, noise, strict=True)])
        )
    return songs


def test_at_48_khz_the_filter_is_the_standards():
    # ITU-R BS.1770-4, annex 1, tables 1 and 2
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    high_pass = [1, -2, 1, 1, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, high_pass], atol=1e-8)


@pytest.mark.parametrize("sample_rate", RATES)
def test_the_standards_reference_tone_reads_3_db_below_full_scale(sample_rate: int):
    events = [Event(type="verse", start=0, end=3)]
    tone = sine(997, 3, sample_rate)
    assert section_levels(tone, sample_rate, events)[0] == pytest.approx(-3.01, abs=0.05)
    assert section_levels(tone / 10, sample_rate, events)[0] == pytest.approx(-23.01, abs=0.05)
    both = np.stack([tone, tone], axis=1)  # two loudspeakers are twice the power
    assert section_levels(both, sample_rate, events)[0] == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("sample_rate", RATES)
def test_the_filter_weighs_alike_at_any_rate(sample_rate: int):
    from scipy.signal import sosfreqz

    frequencies = np.geomspace(20, 7_000, 100)
    here, standard = (
        20 * np.log10(np.abs(sosfreqz(k_weighting(rate), frequencies, fs=rate)[1])) for rate in (sample_rate, 48_000)
    )
    np.testing.assert_allclose(here, standard, atol=0.07)


def test_a_section_is_measured_inside_its_edges_and_outside_its_moments():
    tone = 0.1 * sine(997, 12, 24_000)
    tone[: 4 * 24_000] *= 0.5  # the verse is 6 dB softer
    tone[int(3.9 * 24_000) : int(4.1 * 24_000)] *= 9  # a bang on the boundary
    tone[6 * 24_000 : 7 * 24_000] *= 5  # a fill
    tone[9 * 24_000 :] = 0
    events = [
        Event(type="outro", start=9.5, end=12),
        Event(type="verse", start=0, end=4),
        Event(type="chorus", start=4, end=9),
        Event(type="fill", start=6, end=7),
        Event(type="crash", start=4, end=4),
    ]
    assert section_levels(tone, 24_000, events) == pytest.approx([-29.05, -23.03, SILENCE], abs=0.02)  # by start


def test_a_section_of_which_nothing_is_left_has_no_level():
    tone = sine(997, 6, 24_000)
    covered = [Event(type="verse", start=0, end=3), Event(type="riser", start=0.3, end=2.7)]
    brief = [Event(type="drop", start=3, end=3.7)]
    late = [Event(type="outro", start=6, end=9)]  # the song ended before
    assert np.isnan(section_levels(tone, 24_000, [*covered, *brief, *late])).all()


def test_scaling_a_section_moves_its_level_and_no_others():
    song = make_song(7_200)
    parts = sections(Event.model_validate(event) for event in song.sidecar["events"])
    before = section_levels(song.samples, song.sample_rate, parts)
    scaled = song.samples.copy()
    second = parts[1]
    scaled[round(second.start * song.sample_rate) : round(second.end * song.sample_rate)] *= 0.5
    moved = np.subtract(section_levels(scaled, song.sample_rate, parts), before)
    np.testing.assert_allclose(np.delete(moved, 1), 0, atol=0.01)
    assert moved[1] == pytest.approx(-6.02, abs=0.01)


def test_procedural_songs_are_as_loud_as_asked():
    pairs = []
    for seed in range(7_200, 7_216):
        song = make_song(seed)
        events = [Event.model_validate(event) for event in song.sidecar["events"]]
        pairs.append((events, section_levels(song.samples, song.sample_rate, events)))
    found = intensity_agreement(pairs)
    assert found.r > 0.95
    assert found.slope_db == pytest.approx(INTENSITY_DB, abs=1.0)
    rated = [e for events, levels in pairs for e, db in zip(sections(events), levels, strict=True) if not np.isnan(db)]
    assert found.sections == sum(event.intensity is not None for event in rated)


def test_song_and_type_do_not_count_however_loud_they_are():
    found = intensity_agreement(random_songs(np.random.default_rng(0), noise_db=0))
    assert found.r == pytest.approx(1)
    assert found.slope_db == pytest.approx(9)
    assert found.sections == 160


def test_the_slope_is_that_of_the_whole_least_squares_fit():
    songs = random_songs(np.random.default_rng(1), noise_db=3)
    rows = [
        (number, event.type, event.intensity, level)
        for number, (events, levels) in enumerate(songs)
        for event, level in zip(events, levels, strict=True)
    ]
    types = sorted({kind for _, kind, _, _ in rows})
    design = [[*np.eye(20)[n], *np.eye(len(types))[types.index(kind)], intensity] for n, kind, intensity, _ in rows]
    whole = np.linalg.lstsq(np.array(design), np.array([row[3] for row in rows]))[0]
    found = intensity_agreement(songs)
    assert found.slope_db == pytest.approx(whole[-1])
    assert 0.5 < found.r < 0.9  # 9 dB over 0..1 deviate by 2.6 dB, the noise by 3 dB: r = 0.65
    deaf = [(events, list(np.random.default_rng(n).permutation(levels))) for n, (events, levels) in enumerate(songs)]
    assert abs(intensity_agreement(deaf).r) < 0.3


def test_levels_that_never_differ_follow_nothing():
    songs = [(events, [-20.0] * len(events)) for events, _ in random_songs(np.random.default_rng(2), 0)]
    assert intensity_agreement(songs).r == 0
    assert intensity_agreement(songs).slope_db == 0


def test_sections_without_intensity_or_level_are_left_out():
    songs = random_songs(np.random.default_rng(3), noise_db=1)
    extra = [Event(type="solo", start=40, end=44), Event(type="verse", start=44, end=48, intensity=0.2)]
    more = [([*events, *extra], [*levels, 50.0, float("nan")]) for events, levels in songs]
    assert intensity_agreement(more) == intensity_agreement(songs)


def test_mistakes_are_explained():
    tone = sine(997, 2, 24_000)
    with pytest.raises(LoudnessError, match="from 8000 Hz on, got a sample rate of 48"):
        section_levels(tone, 48, [])
    with pytest.raises(LoudnessError, match="0 sections with an intensity are too few to compare"):
        intensity_agreement([])
    pair = [Event(type=kind, start=0, end=4, intensity=0.5) for kind in ("verse", "chorus")]
    with pytest.raises(LoudnessError, match="2 sections .* songs and types explain 2 of them"):
        intensity_agreement([(pair, [-20.0, -18.0])])
    alike = [
        ([e.model_copy(update={"intensity": 0.7}) for e in events], db)
        for events, db in random_songs(np.random.default_rng(4), 1)
    ]
    with pytest.raises(LoudnessError, match="cannot be told from that of song and type"):
        intensity_agreement(alike)
