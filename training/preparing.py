"""What a run does before it trains: listens to its songs and encodes them, with a word to whoever watches."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from structure.errors import StudioError
from training.dataset import DatasetReport, TrainingDataError, read_dataset
from training.latents import LatentCache
from training.processes import Processes
from training.progress import Progress, Stopped
from training.settings import TrainingSettings
from training.sound import Sound, listen
from training.training_set import TrainingSet

if TYPE_CHECKING:
    from torch import Tensor

    from acestep.pipeline import StructuredPipeline


def listening(cache: Path, progress: Progress) -> Callable[[Path], Sound]:
    """What reads a song's samples for the report, with a word to whoever watches."""

    def hear(audio: Path) -> Sound:
        if progress.stopping():
            raise Stopped
        progress.step(message=f"Listening to {audio.name}.")
        return listen(audio, cache)

    return hear


def listen_together(settings: TrainingSettings, hear: Callable[[Path], Sound], processes: Processes) -> None:
    """Share the listening out where there are several processes; what one has heard, the others find in the cache."""
    if processes.several:
        report = read_dataset(settings.dataset_dir, settings.events)
        for _, song in processes.deal("listen", report.everything):
            with suppress(StudioError):  # said of the song when the dataset is read
                hear(song.audio)
    processes.exchange(None)


def encode_songs(
    pipeline: "StructuredPipeline",
    report: DatasetReport,
    settings: TrainingSettings,
    progress: Progress,
    processes: Processes,
) -> TrainingSet:
    """Songs with their latents; a song whose audio cannot be encoded is named in the log and left out.

    Several processes encode what none of the others has begun, and then all read the cache.

    Raises:
        TrainingDataError: none could be encoded.
        Stopped: somebody asked the run to stop.
        OSError: the cache cannot be written.
    """
    cache = LatentCache(
        pipeline.pipe.vae, pipeline.sample_rate, pipeline.frame_rate, settings.max_duration_sec, settings.cache_dir
    )
    progress.at("preparing", f"Encoding {len(report.everything)} songs.")

    def load(number: int) -> list["Tensor"]:
        if progress.stopping():
            raise Stopped
        gains = (0.0,) if number >= len(report.songs) else settings.gains_db
        found = [cache.load(report.everything[number].audio, gain) for gain in gains]
        progress.step(message=f"Encoded {number + 1} of {len(report.everything)} songs.")
        return found

    n_encoded = 0
    if processes.several:
        for number, _ in processes.deal("encode", report.everything):
            before = cache.encoded
            with suppress(StudioError):  # said below
                load(number)
            n_encoded += cache.encoded > before
    n_encoded = sum(processes.exchange(n_encoded))
    songs, latents = [], []
    n_held_out = 0
    for number, song in enumerate(report.everything):
        before = cache.encoded
        try:
            latents.append(load(number))
        except StudioError as problem:
            progress.log(f"Left out: {problem}")
            continue
        n_encoded += cache.encoded > before
        songs.append(song)
        n_held_out += number >= len(report.songs)
    progress.log(f"{n_encoded} songs encoded, {len(songs) - n_encoded} found in the cache.")
    if len(songs) == n_held_out:
        raise TrainingDataError(f"{report.root}: no song could be encoded; the log names each with its reason.")
    tags = settings.section_tags and settings.events
    return TrainingSet(songs, latents, pipeline.frame_rate, n_held_out, tags, settings.gains_db)


def name_of(training_set: TrainingSet) -> str:
    """Sixteen hexadecimal digits of what is learned from: the songs' words, events and lengths, wherever they lie."""
    digest = hashlib.blake2b(digest_size=8)
    for song, copies in zip(training_set.songs, training_set.latents, strict=True):
        digest.update(repr((replace(song, audio=Path(song.name)), [len(copy) for copy in copies])).encode())
    return digest.hexdigest()
