"""Songs spoilt on purpose fall below the sound ones, and a subset is chosen of what is sound."""

import argparse
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acestep.starter.songs import write_songs
from annotate.dataset import DatasetError
from evaluation.curation import (
    CuratedSong,
    CurationError,
    Ranking,
    add_command,
    propose_subset,
    rank_dataset,
    subset_sentence,
)
from structure.events import Event, sections

Parts = list[dict]
SPOILT = {"late": (0, 1), "swapped": (3, 4), "half": (6, 7)}


def spoil(audio: Path, how: Callable[[Parts, float], Parts]) -> None:
    file = audio.with_suffix(".json")
    sidecar = json.loads(file.read_text(encoding="utf-8"))
    parts = [part.to_dict() for part in sections(Event.model_validate(event) for event in sidecar["events"])]
    sidecar["events"] = how(parts, sidecar["duration"])
    file.write_text(json.dumps(sidecar), encoding="utf-8")


def late(parts: Parts, duration: float) -> Parts:
    """Every boundary inside the song 0.7 s later."""
    for before, after in itertools.pairwise(parts):
        before["end"] = after["start"] = round(after["start"] + 0.7, 3)
    return parts


def swapped(parts: Parts, duration: float) -> Parts:
    """Each section under the next one's name."""
    names = [part["type"] for part in parts]
    return [part | {"type": name} for part, name in zip(parts, [*names[1:], names[0]], strict=True)]


def half(parts: Parts, duration: float) -> Parts:
    """Nothing marked after the middle."""
    return [part | {"end": min(part["end"], duration / 2)} for part in parts if part["start"] < duration / 2]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen songs: two late, two swapped, two half marked, and one there twice."""
    folder = tmp_path_factory.mktemp("curated")
    songs = write_songs(folder, count=16, seed=2_000)
    for name, how in (("late", late), ("swapped", swapped), ("half", half)):
        for number in SPOILT[name]:
            spoil(songs[number], how)
    for suffix in (".wav", ".json"):
        shutil.copy(songs[10].with_suffix(suffix), folder / f"again{suffix}")
    return folder


@pytest.fixture(scope="module")
def ranking(dataset: Path) -> Ranking:
    return rank_dataset(dataset)


def song(name: str, quality: float, *types: str, copy_of: str | None = None) -> CuratedSong:
    return CuratedSong(name, quality, types=types, copy_of=copy_of)


def named(ranking: Ranking, number: int) -> CuratedSong:
    return next(song for song in ranking.songs if song.name == f"song-2000-{number:04d}.wav")


def test_spoilt_songs_rank_below_the_sound_ones(ranking: Ranking):
    spoilt = {f"song-2000-{number:04d}.wav" for numbers in SPOILT.values() for number in numbers}
    sound = [song.quality for song in ranking.songs if song.name not in spoilt and not song.copy_of]
    bad = [song.quality for song in ranking.songs if song.name in spoilt]
    assert (len(sound), len(bad)) == (10, 6)
    # a judge errs now and then: a sound song that it mishears may fall among the spoilt ones
    assert np.mean([good > poor for good in sound for poor in bad]) > 0.95
    assert max(bad) < np.quantile(sound, 0.25)
    assert [song.quality for song in ranking.songs] == sorted((song.quality for song in ranking.songs), reverse=True)


def test_reasons_say_what_was_spoilt(ranking: Ranking):
    assert "the judge hears no change near 3 of 3 boundaries" in named(ranking, 0).reasons
    assert "3 of 3 boundaries off the beat" in named(ranking, 0).reasons
    assert any("is written, 60% of the time" in why for why in named(ranking, 3).reasons)
    assert named(ranking, 6).reasons[0] == "50% of the song belongs to no section"
    assert named(ranking, 6).coverage == pytest.approx(0.5, abs=0.01)


def test_of_two_equal_files_one_counts(ranking: Ranking):
    copy = next(song for song in ranking.songs if song.copy_of)
    assert (copy.name, copy.quality, copy.copy_of) == ("song-2000-0010.wav", 0.0, "again.wav")
    assert copy.reasons == ("copy of again.wav",)
    assert "copy" not in " ".join(next(song for song in ranking.songs if song.name == "again.wav").reasons)


def test_a_subset_leaves_out_spoilt_songs_and_copies_and_keeps_the_types(ranking: Ranking):
    best = propose_subset(ranking, 9)
    spoilt = {f"song-2000-{number:04d}.wav" for numbers in SPOILT.values() for number in numbers}
    assert len(best) == 9
    assert not spoilt & {song.name for song in best}
    assert {kind for song in best for kind in song.types} == {kind for song in ranking.songs for kind in song.types}
    assert subset_sentence(ranking, best).startswith("The best 9 of 17 songs, with every section type of the dataset")
    assert propose_subset(ranking, 9) == best
    everything = propose_subset(ranking, 99)
    assert not any(song.copy_of for song in everything)


def test_a_type_that_is_missing_is_worth_more_than_a_little_quality():
    songs = [
        song("a", 0.9, "verse", "chorus"),
        song("b", 0.8, "verse"),
        song("c", 0.7, "bridge"),
        song("d", 0.1, "solo"),
        song("e", 0.0, "drop", copy_of="a"),
    ]
    assert [one.name for one in propose_subset(Ranking(songs, []), 3)] == ["a", "c", "b"]
    assert [one.name for one in propose_subset(Ranking(songs, []), 9)] == ["a", "c", "b", "d"]
    with pytest.raises(CurationError, match="at least one song, got 0"):
        propose_subset(Ranking(songs, []), 0)


def test_the_same_song_through_a_codec_is_a_copy_and_the_better_annotation_stays(tmp_path: Path):
    from annotate.audio import read_audio, write_audio

    songs = write_songs(tmp_path, count=8, seed=77)
    samples, sample_rate = read_audio(songs[2])
    write_audio(tmp_path / "a-cut.flac", 0.7 * samples[sample_rate:], sample_rate)
    shutil.copy(songs[2].with_suffix(".json"), tmp_path / "a-cut.json")
    spoil(tmp_path / "a-cut.flac", half)
    copies = {song.name: song.copy_of for song in rank_dataset(tmp_path).songs if song.copy_of}
    assert copies == {"a-cut.flac": "song-77-0002.wav"}


def test_few_songs_are_ranked_without_a_judge_by_their_own_beats(tmp_path: Path):
    songs = write_songs(tmp_path, count=3, seed=78)
    for audio in songs:
        file = audio.with_suffix(".json")
        sidecar = json.loads(file.read_text(encoding="utf-8"))
        beats = [round(i * 60 / sidecar["bpm"], 3) for i in range(int(sidecar["duration"] * sidecar["bpm"] / 60) + 1)]
        file.write_text(json.dumps(sidecar | {"beats": {"times": beats, "ones": []}}), encoding="utf-8")
    spoil(songs[1], half)
    songs[2].with_suffix(".json").unlink()
    ranking = rank_dataset(tmp_path)
    assert [song.quality for song in ranking.songs] == [1.0, pytest.approx(0.5, abs=0.01), 0.0]
    assert [song.right_type for song in ranking.songs] == [None] * 3
    assert ranking.songs[2].reasons == ("no sections are marked",)
    assert ranking.notes[0].startswith("Only equal files count as copies")
    assert "The judge's part is left out. The judge needs at least 4 songs" in ranking.notes[1]


def test_the_command_prints_a_table_or_json(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    parser = argparse.ArgumentParser()
    add_command(parser.add_subparsers())
    write_songs(tmp_path, count=2, seed=79)
    for extra in ([], ["--json"]):
        options = parser.parse_args(["curate", str(tmp_path), "--best", "1", *extra])
        options.handler(options)
    printed = capsys.readouterr().out
    table, data = printed[: printed.index("\n{")], json.loads(printed[printed.index("\n{") :])
    assert " ".join(table.splitlines()[0].split()) == "song quality covered on the beat right type boundary F why"
    assert table.splitlines()[-1] == data["best"][0] == data["songs"][0]["name"]
    with pytest.raises(CurationError, match="got 0"):
        options = parser.parse_args(["curate", str(tmp_path), "--best", "0"])
        options.handler(options)
    with pytest.raises(DatasetError, match="no folder"):
        options = parser.parse_args(["curate", str(tmp_path / "nowhere")])
        options.handler(options)
