"""Are moments heard where they were asked for, and does loudness follow the asked intensity?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from acestep.pipeline import GeneratedSong
from acestep.starter.songs import SAMPLE_RATE, make_song, song_seed
from benchmarks.structure.trial import REFERENCE_SEED
from evaluation.features import log_mel
from evaluation.loudness import intensity_agreement, section_levels
from evaluation.moments import MomentProbe, MomentScore, fit_moment_probe, moments_found
from evaluation.probe import JudgedSong
from structure.events import Event

JUDGE_SONGS = 130


@lru_cache(maxsize=1)
def moment_judge() -> MomentProbe:
    """Who hears crashes, fills, drop-outs and risers."""
    songs = []
    for number in range(JUDGE_SONGS):
        song = make_song(song_seed(REFERENCE_SEED, 3000 + number))
        events = [Event.model_validate(event) for event in song.sidecar["events"]]
        songs.append(JudgedSong.from_samples(str(number), song.samples, SAMPLE_RATE, events))
    return fit_moment_probe(songs)


def moments_and_intensity(songs: Sequence[GeneratedSong]) -> dict[str, Any]:
    """Shares of moments found and of those heard that were asked for, for each type, and intensity against loudness.

    `another song's` is the share found of the moments asked for in the next song: chance.
    """
    score, swapped, levels = MomentScore({}), MomentScore({}), []
    for song, other in zip(songs, [*songs[1:], songs[0]], strict=True):
        heard = moment_judge().find_mel(log_mel(song.samples, song.sample_rate), song.request.duration)
        score += moments_found(song.request.events, heard)
        swapped += moments_found(other.request.events, heard)
        events = song.request.events
        levels.append((events, section_levels(song.samples[:, 0], song.sample_rate, events)))
    agreement = intensity_agreement(levels)
    return {
        "moments found": score.overall.recall,
        "of those heard": score.overall.precision,
        "another song's": swapped.overall.recall,
        **{f"{kind} found": count.recall for kind, count in score.by_type.items()},
        "intensity r": agreement.r,
        "dB for intensity 0 to 1": agreement.slope_db,
    }
