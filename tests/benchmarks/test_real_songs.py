"""The annotations of real songs: whole, and noticed when the audio is not what was annotated."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from annotate.audio import read_audio, write_audio
from benchmarks.real_songs import ANNOTATIONS, RealSong, RealSongError, by_chance, real_songs, same_name, scores
from structure.events import SECTION_TYPES, Event
from structure.sidecar import read_sidecar

RATE = 8_000
PARTS = [Event(type="verse", start=0, end=10), Event(type="chorus", start=10, end=20)]


@pytest.mark.parametrize("path", sorted(ANNOTATIONS.rglob("*.json")), ids=lambda path: path.stem)
def test_annotations_are_whole(path: Path):
    sidecar = read_sidecar(path)
    parts = sidecar.events
    assert not sidecar.problems()
    assert (parts[0].start, parts[-1].end) == (0, sidecar.data["duration"])
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]
    assert {part.type for part in parts} <= set(SECTION_TYPES)
    assert all(len(sha256) == 64 for sha256 in sidecar.data["source"]["sha256"].values())


def test_eight_songs_are_annotated_and_two_of_them_twice():
    assert [song.again is not None for song in real_songs()].count(True) == 2
    assert len(real_songs()) == 8


def installed_song(folder: Path) -> RealSong:
    """Two seconds in two files: a steady 0.75 and 0.5, whose sum would clip."""
    hashes = {}
    for name, level in (("song.wav", 0.75), ("guitar.wav", 0.5)):
        write_audio(folder / "here" / name, np.full(2 * RATE, level), RATE)
        hashes[name] = hashlib.sha256((folder / "here" / name).read_bytes()).hexdigest()
    return RealSong("here", PARTS, None, "songs-package", "here", hashes)


def test_a_song_is_the_sum_of_its_files_and_does_not_clip(tmp_path: Path):
    mixed = installed_song(tmp_path).mixed(tmp_path / "mix.wav", installed=tmp_path)
    samples, sample_rate = read_audio(mixed)
    assert (len(samples), sample_rate) == (2 * RATE, RATE)
    assert np.abs(samples).max() == pytest.approx(1, abs=0.001)
    assert np.ptp(samples) < 0.001


def test_a_song_that_is_not_installed_or_another_version_is_refused_with_what_to_do(tmp_path: Path):
    song = installed_song(tmp_path)
    write_audio(tmp_path / "here" / "guitar.wav", np.zeros(2 * RATE), RATE)
    with pytest.raises(RealSongError, match="another version than was annotated"):
        song.mixed(tmp_path / "mix.wav", installed=tmp_path)
    (tmp_path / "here" / "song.wav").unlink()
    with pytest.raises(RealSongError, match="apt-get install songs-package"):
        song.mixed(tmp_path / "mix.wav", installed=tmp_path)


def test_scores_are_full_for_the_truth_and_lower_by_chance():
    song = real_songs()[0]
    assert set(scores(song.parts, song.parts).values()) == {1.0}
    chance = by_chance(song.parts, song.parts, seed=0)
    assert all(value < 0.8 for value in chance.values())
    assert chance["F 0.5 s"] < chance["F 3 s"]


def test_the_share_under_the_same_name_is_of_the_time():
    other = [Event(type="verse", start=0, end=15), Event(type="chorus", start=15, end=20)]
    assert same_name(PARTS, other) == pytest.approx(0.75)
