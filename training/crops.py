"""Which part of which song a step sees, and what is said about that part.

Nothing here keeps state: step `n` of a run with one seed always draws the same crops, so a resumed run goes on as if it
had never stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from structure.events import Event, clip, rebase, sections
from structure.lyrics import lyric_blocks, lyrics_with_tags
from training.dataset import TrainingSong
from training.settings import TrainingSettings
from training.wording import in_other_words

if TYPE_CHECKING:
    from training.training_set import TrainingSet

SONG_ORDER, CROPS, NOISE, DROPOUT = 1, 2, 3, 4  # what a stream of random numbers is for
EDGE_SHARES = (0.25, 0.15, 0.6)  # crops at the song's very start, its very end, anywhere: requests begin at a start
SLIVER = 0.5  # seconds; a section of which a crop holds less gets no tag


@dataclass(frozen=True)
class Crop:
    """`n_frames` latent frames of song number `song` from `start_frame` on; what it is not told is drawn with it.

    `arrangement` and `levels` say how the song is heard: see `TrainingSet.heard`. `wording` draws which sections are
    told in words alone; None: each as its sidecar has it.
    """

    song: int
    start_frame: int
    n_frames: int
    drop_text: bool = False
    drop_events: bool = False
    arrangement: int | None = None
    levels: int | None = None
    wording: int | None = None


@dataclass(frozen=True)
class Words:
    """What the pipeline would be asked for this crop: the arguments of `WordEncoder`; `duration` in seconds."""

    prompt: str
    lyrics: str
    duration: float
    bpm: int | None
    keyscale: str
    timesignature: str
    vocal_language: str


def stream(seed: int, purpose: int, number: int) -> np.random.Generator:
    """Randomness number `number` for one purpose: the same for the same three, whatever was drawn before."""
    return np.random.default_rng([seed, purpose, number])


def draw_crops(training_set: "TrainingSet", step: int, patch_size: int, settings: TrainingSettings) -> list[Crop]:
    """The crops of one optimizer step, each song as often as its `repeats` say.

    Args:
        training_set: the songs.
        step: counted from 0.
        patch_size: latent frames per token; crops are whole tokens long where the song is.
        settings: seed, sizes, augmentation and drop-out shares.

    Returns:
        `batch_size * grad_accum` crops; a song shorter than the drawn length is taken whole.
    """
    rng = stream(settings.seed, CROPS, step)
    longest: int | None = None
    if settings.crops is not None:
        seconds = rng.uniform(*settings.crops)
        longest = max(patch_size, round(seconds * training_set.frame_rate / patch_size) * patch_size)
    count = settings.batch_size * settings.grad_accum
    crops = []
    for song in _songs_in_turn(training_set.one_pass, step * count, count, settings.seed):
        arrangement = int(rng.integers(2**31)) if rng.random() < settings.rearrange else None
        levels = int(rng.integers(2**31)) if len(training_set.gains_db) > 1 else None
        frames = len(training_set.heard(song, arrangement, levels).latents)
        n_frames = min(longest or frames, frames)
        room = frames - n_frames
        start_frame = int(rng.choice([0, room, rng.integers(room + 1)], p=EDGE_SHARES))
        drop_text, drop_events = rng.random(2) < (settings.condition_dropout, settings.event_dropout)
        wording = int(rng.integers(2**31))
        dropped = bool(drop_text), bool(drop_events)
        crops.append(Crop(song, start_frame, n_frames, *dropped, arrangement, levels, wording))
    return crops


def crop_events(song: TrainingSong, crop: Crop, frame_rate: float, words_alone: float = 0.0) -> list[Event]:
    """The song's events with times from the crop's first frame; not cut off, so far boundaries keep their distance.

    Args:
        words_alone: share of sections that the crop's wording tells in words alone.
    """
    events = rebase(song.events, crop.start_frame / frame_rate)
    if crop.wording is None:
        return events
    return in_other_words(events, words_alone, np.random.default_rng(crop.wording))


def crop_words(song: TrainingSong, crop: Crop, frame_rate: float, section_tags: bool) -> Words:
    """What a request for exactly this crop would say.

    Args:
        song: the whole song.
        crop: which part.
        frame_rate: latent frames per second.
        section_tags: whether lyrics without tags get those of the crop's sections.
    """
    start, duration = crop.start_frame / frame_rate, crop.n_frames / frame_rate
    lyrics = song.lyrics
    if section_tags:
        lyrics = words_with_tags(song)  # first, so that words stay with their section
    lyrics = cut_lyrics(lyrics, song.events, start, start + duration)
    if section_tags:
        heard = clip(rebase(song.events, start), duration)
        lyrics = lyrics_with_tags(lyrics, [e for e in heard if e.duration >= min(SLIVER, duration)])
    return Words(
        prompt=song.caption,
        lyrics=lyrics,
        duration=duration,
        bpm=song.bpm,
        keyscale=song.keyscale,
        timesignature=song.timesignature,
        vocal_language=song.vocal_language,
    )


def words_with_tags(song: TrainingSong) -> str:
    """The song's lyrics with the tags of its sections, where anything is sung; else as they are."""
    if song.lyrics.strip().lower() in ("", "[instrumental]"):
        return song.lyrics
    return lyrics_with_tags(song.lyrics, song.events)


def cut_lyrics(lyrics: str, events: Sequence[Event], start: float, end: float) -> str:
    """The tagged blocks of lyrics whose sections are heard between `start` and `end` seconds.

    Blocks and sections are matched by number; where their numbers differ, or where nothing is tagged, nobody can say
    which line belongs where, and the lyrics stay whole.
    """
    parts = sections(events)
    blocks = lyric_blocks(lyrics, len(parts))
    if blocks is None:
        return lyrics
    least = min(SLIVER, end - start)
    heard = [b for b, part in zip(blocks, parts, strict=True) if min(part.end, end) - max(part.start, start) >= least]
    return "\n".join(heard)


def _songs_in_turn(one_pass: Sequence[int], first: int, count: int, seed: int) -> list[int]:
    """Places `first` to `first + count` of an endless row of passes over the songs, each in an order of its own."""
    row: list[int] = []
    while len(row) < count:
        epoch, index = divmod(first + len(row), len(one_pass))
        order = stream(seed, SONG_ORDER, epoch).permutation(len(one_pass))
        row += [one_pass[place] for place in order[index : index + count - len(row)]]
    return row
