"""Procedural songs: the same seed the same song, forms that cannot be guessed, sections that can be heard."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from acestep.starter.captions import PHRASES, WORDS, caption, parts
from acestep.starter.moments import STARTER_MOMENTS
from acestep.starter.songs import (
    KEYS,
    LONGEST,
    SAMPLE_RATE,
    SECTION_BARS,
    SHORTEST,
    STARTER_TYPES,
    STYLES,
    SongError,
    make_song,
    random_structure,
    render,
    write_songs,
)
from acestep.starter.sounds import loudness
from structure.events import Event, label_at, moments, problems, sections


def _structures(count: int) -> list[list[Event]]:
    rng = np.random.default_rng(5)
    return [random_structure(rng, None, int(rng.integers(80, 151))) for _ in range(count)]


@pytest.fixture(scope="module")
def songs():
    return [make_song(seed, duration=20) for seed in range(32)]


def test_the_same_seed_is_the_same_song_and_another_seed_another():
    first, again, other = make_song(3, 8), make_song(3, 8), make_song(4, 8)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.sidecar == again.sidecar
    assert first.sidecar["events"] != other.sidecar["events"] or first.sidecar["bpm"] != other.sidecar["bpm"]


def test_sections_fill_the_song_on_bar_lines_and_neighbours_differ():
    for bpm in (80, 97, 150):
        for duration in (SHORTEST, 9.0, 20.0, 33.3, 60.0, LONGEST):
            events = random_structure(np.random.default_rng(int(duration)), duration, bpm)
            bar = 240 / bpm
            assert problems(events, events[-1].end) == []
            assert events[0].start == 0
            assert abs(events[-1].end - duration) <= max(bar / 2, 2 * bar - duration) + 1e-3
            for event in events:
                assert min(abs(event.duration / bar - n) for n in SECTION_BARS) < 1e-3
            for left, right in pairwise(events):
                assert left.end == right.start
                assert left.type != right.type


def test_another_songs_structure_is_right_on_few_frames():
    structures = _structures(200)
    shares = []
    for mine, other in zip(structures, structures[1:] + structures[:1], strict=True):
        times = (np.arange(int(mine[-1].end * 25)) + 0.5) / 25
        shares.append(np.mean([a == b for a, b in zip(label_at(mine, times), label_at(other, times), strict=True)]))
    print(f"another song's structure is right on {np.mean(shares):.3f} of the frames")
    assert np.mean(shares) <= 0.35


def test_forms_differ_and_no_type_is_favoured():
    structures = _structures(400)
    seconds = Counter()
    for events in structures:
        for event in events:
            seconds[event.type] += event.duration
    shares = np.array([seconds[kind] for kind in STARTER_TYPES]) / seconds.total()
    assert shares.min() > 0.08
    assert shares.max() < 0.15
    assert {len(events) for events in structures} >= {3, 4, 5, 6, 7, 8}
    assert 0.3 < np.mean([events[0].type == "intro" for events in structures]) < 0.5
    assert 0.25 < np.mean([events[-1].type == "outro" for events in structures]) < 0.45


def test_the_master_is_loud_enough_and_never_clips(songs):
    for song in songs:
        assert song.sample_rate == SAMPLE_RATE
        assert song.samples.dtype == np.float32
        assert np.isfinite(song.samples).all()
        assert np.abs(song.samples).max() <= 10 ** (-1 / 20) + 1e-4
        assert abs(song.samples.mean()) < 1e-3
        assert -18 <= loudness(song.samples) <= -14
        power = np.abs(np.fft.rfft(song.samples)) ** 2
        assert power[np.fft.rfftfreq(len(song.samples), 1 / SAMPLE_RATE) < 60].sum() < 0.25 * power.sum()


def test_the_sidecar_tells_what_is_played(songs):
    assert {song.sidecar["genre"] for song in songs} == set(STYLES)
    for song in songs:
        sidecar = song.sidecar
        root, mode = sidecar["keyscale"].split()
        low, high = STYLES[sidecar["genre"]].tempo
        assert root in KEYS
        assert mode in ("major", "minor")
        assert low <= sidecar["bpm"] <= high
        assert sidecar["duration"] == pytest.approx(len(song.samples) / SAMPLE_RATE, abs=1e-3)
        assert max(event["end"] for event in sidecar["events"]) == pytest.approx(sidecar["duration"], abs=1e-3)
        assert abs(sidecar["duration"] - 20) < 1.6
        assert len(sidecar["caption"]) > 30


def test_moments_lie_in_the_song_on_bar_lines_more_often_at_boundaries_than_elsewhere():
    at_boundary, elsewhere, lines = Counter(), Counter(), Counter()
    for seed in range(60):
        sidecar = make_song(seed, duration=30).sidecar
        events, bar = [Event(**event) for event in sidecar["events"]], 240 / sidecar["bpm"]
        starts = {round(event.start / bar) for event in sections(events)}
        for line in range(1, round(sidecar["duration"] / bar)):
            lines[line in starts] += 1
        for moment in moments(events):
            assert moment.type in STARTER_MOMENTS
            assert 0 <= moment.start <= moment.end <= sidecar["duration"] + 1e-3
            line = (moment.start if moment.type == "crash" else moment.end) / bar
            assert abs(line - round(line)) < 1e-3
            (at_boundary if round(line) in starts else elsewhere)[moment.type] += 1
    for kind in STARTER_MOMENTS:
        often, seldom = at_boundary[kind] / lines[True], elsewhere[kind] / lines[False]
        assert 0.08 < often < 0.6
        assert 0.01 < seldom < often / 2


VERSE = Event(type="verse", start=0, end=8)


def _level(samples: np.ndarray, start: float, end: float) -> float:
    return 10 * np.log10((samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] ** 2).mean() + 1e-12)


@pytest.mark.parametrize("style", ["pop-rock", "trap", "techno"])
def test_every_moment_is_heard_where_it_is_and_nowhere_else(style):
    def play(*on_top):
        return render([VERSE, *on_top], 8, 120, "A minor", style, 1)

    plain = play()
    spans = {"riser": (2, 4), "fill": (3.5, 4), "drop-out": (3.5, 4), "crash": (4, 4)}
    for kind, (start, end) in spans.items():
        song = play(Event(type=kind, start=start, end=end))
        gain = np.sqrt((plain[: 2 * SAMPLE_RATE - 500] ** 2).sum() / (song[: 2 * SAMPLE_RATE - 500] ** 2).sum())
        rest = song * gain - plain  # the master moves the whole song a little
        inside, before = _level(rest, start, max(end, start + 0.3)), _level(rest, 0.1, 1.9)
        assert inside > before + 20, kind
    quiet = play(Event(type="drop-out", start=3.5, end=4))
    assert _level(quiet, 3.6, 3.95) < _level(plain, 3.6, 3.95) - 12


def test_intensity_is_loudness_within_a_song():
    halves = [Event(type="verse", start=0, end=8, intensity=0.2), Event(type="verse", start=8, end=16, intensity=0.9)]
    song = render(halves, 16, 120, "C major", "house", 2)
    assert 7 < _level(song, 9, 15) - _level(song, 1, 7) < 10  # 12 dB for the whole range, here 0.7 of it
    usual = render([VERSE], 8, 120, "C major", "house", 2)
    named = render([VERSE.model_copy(update={"intensity": 0.6})], 8, 120, "C major", "house", 2)
    np.testing.assert_array_equal(usual, named)


def test_captions_name_what_plays_and_differ():
    song = make_song(3, 8)
    rng = np.random.default_rng(0)
    _, mode = song.sidecar["keyscale"].split()
    told = [caption(rng, song.sidecar["genre"], song.band, song.sidecar["bpm"], mode) for _ in range(60)]
    assert len(set(told)) > 50
    for instrument in vars(song.band).values():
        assert any(instrument.removeprefix("a ") in text for text in told)
    words = parts(rng, ["intro", "drop"], song.band)
    assert words.startswith("First ") and ", then " in words and words.endswith(".")
    assert set(PHRASES) == set(WORDS) == set(STARTER_TYPES)


def test_the_key_moves_the_notes_and_keeps_the_rhythm():
    events = [Event(type="intro", start=0, end=4), Event(type="outro", start=4, end=8)]
    c, d = (render(events, 8, 120, key, "folk-ballad", 1) for key in ("C major", "D major"))
    assert c.shape == d.shape == (8 * SAMPLE_RATE,)
    assert np.abs(c - d).max() > 0.05


def _second_features(song, width: int = 12) -> tuple[np.ndarray, list[str]]:
    """Mean and deviation of the log-mel spectrum over a second round each 40 ms frame, and the frames' labels."""
    import librosa

    mel = librosa.feature.melspectrogram(y=song.samples, sr=SAMPLE_RATE, n_fft=2048, hop_length=960, n_mels=40)
    mel = np.log(mel + 1e-5)[:, :-1]
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(mel, ((0, 0), (width, width)), "edge"), 2 * width + 1, axis=1
    )
    times = np.minimum((np.arange(mel.shape[1]) + 0.5) * 0.04, song.sidecar["duration"] - 0.01)
    events = [Event(**event) for event in song.sidecar["events"]]
    return np.concatenate([around.mean(-1), around.std(-1)]).T, label_at(events, times)


def test_a_linear_probe_hears_the_sections_of_unseen_songs(songs):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    features = [_second_features(song) for song in songs]
    x, y = np.concatenate([f for f, _ in features[:24]]), np.concatenate([label for _, label in features[:24]])
    probe = LinearDiscriminantAnalysis().fit(x, y)
    accuracy = np.mean(np.concatenate([probe.predict(f) == np.array(label) for f, label in features[24:]]))
    print(f"the probe labels {accuracy:.3f} of the frames")
    assert accuracy >= 0.75  # of nine types, through fills, drop-outs and any intensity


def test_written_songs_read_back(tmp_path):
    paths = write_songs(tmp_path / "new", count=2, seed=9)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == sorted(
        name for path in paths for name in (path.name, path.with_suffix(".json").name)
    )
    samples, rate = soundfile.read(paths[1], dtype="float32")
    sidecar = json.loads(paths[1].with_suffix(".json").read_text(encoding="utf-8"))
    assert rate == SAMPLE_RATE
    assert soundfile.info(paths[1]).subtype == "PCM_16"
    assert len(samples) / rate == pytest.approx(sidecar["duration"], abs=1e-3)
    assert "CC0" in sidecar["rights"]


def test_mistakes_get_a_sentence(tmp_path):
    verse = [Event(type="verse", start=0, end=4)]
    with pytest.raises(SongError, match="6 to 120 s"):
        make_song(1, duration=3)
    with pytest.raises(SongError, match="seed"):
        make_song(-1)
    with pytest.raises(SongError, match=r"Event 1 \(post-chorus\)"):
        render([Event(type="post-chorus", start=0, end=4)], 4, 120, "C major", "house", 1)
    with pytest.raises(SongError, match="style 'polka'"):
        render(verse, 4, 120, "C major", "polka", 1)
    with pytest.raises(SongError, match="key 'H minor'"):
        render(verse, 4, 120, "H minor", "house", 1)
    with pytest.raises(SongError, match="seed"):
        write_songs(tmp_path, count=1, seed=-1)
    with pytest.raises(SongError, match="count"):
        write_songs(tmp_path, count=0, seed=1)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SongError, match="Choose another folder"):
        write_songs(tmp_path / "file", count=1, seed=1)


def test_importing_the_songs_leaves_torch_alone():
    import subprocess
    import sys

    code = "import sys, acestep, acestep.starter.songs; sys.exit('torch' in sys.modules or 'librosa' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
