"""One trial: train an adapter in this process, ask it for held-out structures, judge what is heard.

Everything is the product's own (settings, crops, batches, event path, sampling); a trial may swap one part for another
and says which. Songs come from seeds: twelve to train on, sixty to fit the judge on, and structures of songs that are
in neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acestep.loading import STARTER
from acestep.starter.songs import StarterSong, make_song, song_seed, write_songs
from benchmarks.record import WORK
from evaluation.judging import Judge
from evaluation.probe import JudgedSong
from evaluation.reference import JudgedFolder, read_folder
from evaluation.report import ScoreReport, report_on
from structure.events import Event

if TYPE_CHECKING:
    from acestep.event_encoder import EventEncoder
    from acestep.pipeline import GeneratedSong, StructuredPipeline
    from benchmarks.structure.lessons import Lesson

TRAINING_SEED, REFERENCE_SEED, HELD_OUT_SEED = 16_180, 31_415, 27_182
REFERENCE_SONGS = 60
SECONDS = 20.0
FRESH = 100
"""The first structure that chose nothing: those before it served the screen and what was confirmed of it."""


@dataclass(frozen=True)
class Trial:
    """One way to train.

    Attributes:
        name: of its row.
        songs: how many of the training songs.
        settings: what differs from the starter's recipe.
        encoder: makes the event encoder for a pipeline and a vocabulary; None: the product's.
        lesson: changes each batch before its gradients; None: the product's own.
    """

    name: str
    songs: int = 12
    settings: dict[str, Any] = field(default_factory=dict)
    encoder: Callable[[StructuredPipeline, tuple[str, ...]], EventEncoder] | None = None
    lesson: Lesson | None = None


@dataclass(frozen=True)
class Trained:
    """What a trial left: the model that holds the adapter, and what that took."""

    pipeline: StructuredPipeline
    seconds: float
    steps: int
    event_parameters: int


@dataclass(frozen=True)
class Ask:
    """How songs are asked for: guidance on events, when it acts, strength of events, guidance on text; the starter's
    unless told."""

    guidance: float = STARTER.event_guidance
    interval: tuple[float, float] = STARTER.event_interval
    strength: float = STARTER.event_strength
    text: float = STARTER.guidance_scale
    use_events: bool = True


ONE_PASS, STRONG, GUIDED, FIRM = Ask(1.0), Ask(1.0, strength=1.4), Ask(), Ask(5.0)
NO_EVENTS = Ask(use_events=False)


def training_songs(count: int) -> Path:
    """The folder of the first `count` songs to train on."""
    folder = WORK / "structure" / f"train-{count}"
    if len(list(folder.glob("*.wav"))) < count:
        write_songs(folder, count, TRAINING_SEED)
    return folder


@lru_cache(maxsize=1)
def judge() -> Judge:
    """Who listens, fitted on sixty real songs."""
    folder = WORK / "structure" / "reference"
    if len(list(folder.glob("*.wav"))) < REFERENCE_SONGS:
        write_songs(folder, REFERENCE_SONGS, REFERENCE_SEED)
    return Judge(read_folder(folder))


def held_out_songs(count: int, seconds: float = SECONDS, first: int = FRESH) -> list[StarterSong]:
    """Songs that nothing was trained on."""
    return [make_song(song_seed(HELD_OUT_SEED, first + number), seconds) for number in range(count)]


def held_out(count: int, seconds: float = SECONDS, first: int = FRESH) -> list[dict[str, Any]]:
    """Their sidecars: what to ask for."""
    return [song.sidecar for song in held_out_songs(count, seconds, first)]


def starter() -> StructuredPipeline:
    """The starter without an adapter, in float32, on the GPU where there is one."""
    import torch

    from acestep.loading import load_pipeline

    return load_pipeline("starter", dtype=torch.float32)


def train(trial: Trial, seed: int) -> Trained:
    """Train one adapter and leave it in its pipeline, ready to generate."""
    import torch

    from acestep.conditioning import EventConditioning
    from training.batch import BatchMaker
    from training.dataset import read_dataset
    from training.latents import LatentCache
    from training.learner import Learner
    from training.model import adapter_card, learning_rate_factor, make_optimizer, make_trainable, vocabulary_of
    from training.settings import make_settings
    from training.step import backward
    from training.training_set import TrainingSet

    folder = training_songs(trial.songs)
    given = {
        "dataset_dir": folder,
        "output_dir": WORK / "structure" / "run",
        "held_out": 0,
        "seed": seed,
        "precision": "fp32",
    }
    settings = make_settings("starter", **given, **trial.settings)
    pipeline = starter()
    songs = read_dataset(folder, settings.events, held_out=0).songs
    cache = LatentCache(
        pipeline.pipe.vae, pipeline.sample_rate, pipeline.frame_rate, 240.0, WORK / "structure" / "latents"
    )
    latents = [[cache.load(song.audio, gain) for gain in settings.gains_db] for song in songs]
    training_set = TrainingSet(songs, latents, pipeline.frame_rate, gains_db=settings.gains_db)
    vocabulary = vocabulary_of(songs)
    learned = make_trainable(pipeline, vocabulary, settings)
    if trial.encoder and settings.events:
        encoder = trial.encoder(pipeline, vocabulary).to(pipeline.device)
        pipeline.conditioning = EventConditioning(pipeline.pipe.transformer, encoder)
        learned = {name: p for name, p in learned.items() if not name.startswith("events.")}
        learned |= {f"events.{name}": p for name, p in encoder.named_parameters()}
    optimizer, _ = make_optimizer(learned, settings)
    learner = Learner.of(learned, optimizer, settings)
    maker = BatchMaker(pipeline, training_set, vocabulary, settings)
    transformer = pipeline.pipe.transformer.train()
    total = settings.total_steps(len(training_set.one_pass))
    began = time.perf_counter()
    for step in range(total):
        torch.manual_seed(step)
        batches = maker.step(step)
        if trial.lesson:
            batches = [trial.lesson(pipeline, vocabulary, batch) for batch in batches]
        backward(pipeline, batches)
        learner.update(learning_rate_factor(step, total, settings), settings.max_grad_norm)
    seconds = time.perf_counter() - began
    if learner.average is not None:
        learner.average.copy_to(learner.parameters.values())
    transformer.eval()
    pipeline.card = adapter_card(pipeline, songs, vocabulary, settings, {})
    count = sum(p.numel() for name, p in learned.items() if name.startswith("events."))
    return Trained(pipeline, seconds, total, count)


def generate(
    pipeline: StructuredPipeline, asked: Sequence[dict[str, Any]], ask: Ask, seed: int = 0, **changes: Any
) -> list[GeneratedSong]:
    """One song for each sidecar.

    Args:
        pipeline: with or without an adapter.
        asked: sidecars; their structure and description are asked for.
        ask: guidance.
        seed: song i gets seed + i.
        changes: fields of the request that differ.
    """
    return [pipeline.generate(request(sidecar, ask, seed + i, **changes)) for i, sidecar in enumerate(asked)]


def real_songs(pipeline: StructuredPipeline, count: int, seconds: float = SECONDS) -> list[GeneratedSong]:
    """The songs whose structures are held out, through the codec: what no adapter of this model can surpass."""
    import torch

    from acestep.pipeline import GeneratedSong

    songs = []
    for song in held_out_songs(count, seconds):
        with torch.no_grad():
            wave = torch.from_numpy(song.samples)[None, None].to(pipeline.device)
            latents = pipeline.pipe.vae.encode(wave).latent_dist.mode()
            heard = pipeline.pipe.vae.decode(latents).sample[0, :, : len(song.samples)].T.cpu().numpy()
        songs.append(GeneratedSong(heard, song.sample_rate, 0.0, request(song.sidecar, Ask(), 0), 0.0))
    return songs


def request(sidecar: dict[str, Any], ask: Ask, seed: int, **changes: Any) -> Any:
    """What a person would ask for who wants a song with this sidecar."""
    from acestep.pipeline import SongRequest

    asked = {
        "events": [Event.model_validate(event) for event in sidecar["events"]],
        "prompt": sidecar["caption"],
        "lyrics": sidecar["lyrics"],
        "duration": sidecar["duration"],
        "bpm": sidecar["bpm"],
        "keyscale": sidecar["keyscale"],
        "seed": seed,
        "event_guidance": ask.guidance,
        "event_interval": ask.interval,
        "event_strength": ask.strength,
        "guidance_scale": ask.text,
        "use_events": ask.use_events,
    }
    return SongRequest(**(asked | changes))


def score(songs: Sequence[GeneratedSong]) -> ScoreReport:
    """The judge's report on generated songs."""
    heard = [
        JudgedSong.from_samples(str(number), song.samples, song.sample_rate, song.request.events)
        for number, song in enumerate(songs)
    ]
    return report_on(judge(), judge().score(JudgedFolder(heard)))


def figures(report: ScoreReport) -> dict[str, Any]:
    """What a row of the log shows of a report."""
    chance, ceiling = report.mean("frame_accuracy", "chance"), report.mean("frame_accuracy", "ceiling")
    return {
        "frames": report.mean("frame_accuracy"),
        "control": report.mean("frame_accuracy", "control"),
        "control of songs": [(s.score.frame_accuracy - chance) / (ceiling - chance) for s in report.songs],
        "boundary F": report.mean("boundary_f_500ms"),
        "F of ceiling": report.mean("boundary_f_500ms") / report.mean("boundary_f_500ms", "ceiling"),
        "median error": report.mean("median_error"),
        "order": report.mean("section_order"),
        "order right": sum(s.score.section_order == 1 for s in report.songs) / len(report.songs),
        "distance": report.judged.distance,
    }
