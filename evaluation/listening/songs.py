"""The songs of a listening test: matched across arms by name, trimmed alike, made equally loud."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import soundfile

from annotate.audio import AUDIO_SUFFIXES, AudioInfo, audio_info
from evaluation.listening.sound import SHORTEST, loudness, read_song, safe_target, true_peak
from evaluation.listening.store import ListeningError

HIGHEST_RATE = 48_000  # Hz; above it nobody hears more
_CUT = 0.1  # share of a song beyond which it is noted that its partner was shorter

Songs = dict[str, dict[str, Path]]  # by song, then by arm


def match_songs(arms: Mapping[str, Path]) -> tuple[Songs, list[str]]:
    """Songs that every arm has, and notes on those that are left out.

    Raises:
        ListeningError: fewer than two arms, an arm without songs, two songs of one name, or none that all have.
    """
    if len(arms) < 2 or not all(name.strip() for name in arms):
        raise ListeningError("A listening test compares two or more folders, each with a name, as in `ours=/path`.")
    if len({path.resolve() for path in arms.values()}) < len(arms):
        raise ListeningError("Two arms are the same folder, so there would be nothing to hear. Name another folder.")
    found = {arm: _songs(arm, path) for arm, path in arms.items()}
    common = set.intersection(*(set(songs) for songs in found.values()))
    if not common:
        some = ", ".join(f"{arm} has `{min(songs)}`" for arm, songs in found.items())
        raise ListeningError(f"No song is in every folder: {some}. Songs are matched by file name.")
    notes = [
        f"{len(songs.keys() - common)} songs of {arm} are left out, since another arm lacks them."
        for arm, songs in found.items()
        if songs.keys() - common
    ]
    return {name: {arm: songs[name] for arm, songs in found.items()} for name in sorted(common)}, notes


def write_sounds(
    songs: Songs, folder: Path, on_song: Callable[[int, int], None] | None = None
) -> tuple[dict[tuple[str, str], str], float, list[str]]:
    """All songs under random names, each as long as the shortest of its arms, all equally loud.

    Returns:
        Names by (song, arm), the loudness in LUFS, and notes on songs that lost much of their length.

    Raises:
        StudioError: a song is no audio, too short or silent.
    """
    headers = {(song, arm): audio_info(path) for song, of in songs.items() for arm, path in of.items()}
    sample_rate = min(HIGHEST_RATE, max(header.sample_rate for header in headers.values()))
    channels = min(2, max(header.channels for header in headers.values()))
    seconds = {song: min(headers[song, arm].duration for arm in of) for song, of in songs.items()}
    levels = {}
    for number, (song, of) in enumerate(songs.items(), 1):
        for arm, path in of.items():
            if seconds[song] < SHORTEST:
                raise ListeningError(
                    f"{song} is {seconds[song]:.1f} s long in {arm} or its partner; {SHORTEST:g} s are least."
                )
            samples = read_song(path, sample_rate, channels, seconds[song])
            levels[song, arm] = loudness(samples, sample_rate), true_peak(samples)
            if levels[song, arm][0] == float("-inf"):
                raise ListeningError(f"`{path}` is silent, so nobody can compare it. Take it out of the folder.")
        if on_song:
            on_song(number, 2 * len(songs))
    target = safe_target(list(levels.values()))
    names = {}
    for number, (song, of) in enumerate(songs.items(), 1):
        for arm, path in of.items():
            names[song, arm] = secrets.token_hex(8)
            gain = 10 ** ((target - levels[song, arm][0]) / 20)
            samples = read_song(path, sample_rate, channels, seconds[song]) * gain
            written = folder / f"{names[song, arm]}.flac"
            soundfile.write(written, samples, sample_rate, subtype="PCM_24")
            os.utime(written, (0, 0))  # their order would tell the arm
        if on_song:
            on_song(len(songs) + number, 2 * len(songs))
    return names, target, _cut_notes(songs, headers, seconds)


def _songs(arm: str, folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ListeningError(f"There is no folder `{folder}` for {arm}.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in AUDIO_SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise ListeningError(f"`{folder}` has two songs named `{path.stem}`. Leave one of them in.")
        found[path.stem] = path
    if not found:
        raise ListeningError(f"`{folder}` holds no songs for {arm}. Choose a folder of WAV, FLAC or OGG files.")
    return found


def _cut_notes(songs: Songs, headers: Mapping[tuple[str, str], AudioInfo], seconds: Mapping[str, float]) -> list[str]:
    longest = {song: max(headers[song, arm].duration for arm in of) for song, of in songs.items()}
    cut = [song for song in songs if longest[song] > seconds[song] * (1 + _CUT)]
    return [f"{song} is much longer in one arm than in another, and loses its end there." for song in cut]
