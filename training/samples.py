"""Songs while a run trains: what its weights make of one and the same request, to be heard and judged.

The song is made by the pipeline that trains, as Generate would make it with the adapter so far. Training does not
notice: random numbers, modes of the layers and memory are given back as they were, so the weights at the end are those
of a run without songs. A song that cannot be made or written costs the run a line of its log.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from acestep.adapter import AdapterCard
from acestep.pipeline import Cancelled, SongRequest
from acestep.starter.demo import demo_folder, make_demo
from annotate.audio import write_audio
from evaluation.hearing import Heard, hear, judge_of
from structure.errors import StudioError
from structure.events import Event, clip, rebase, sections
from structure.language import parse_structure
from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields
from structure.tempo import Tempo, read_meter
from training.crops import SLIVER, Crop, crop_words
from training.dataset import DatasetReport, TrainingSong
from training.learner import Learner
from training.model import adapter_card
from training.progress import Progress
from training.sample_files import JUDGED, sample_path
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from acestep.pipeline import GeneratedSong, StructuredPipeline
    from evaluation.probe import Probe

LONGEST = 20.0  # seconds of a song of the dataset whose structure is asked for
_PER_SECOND = 1000  # a crop counts in frames: here in milliseconds


def sample_request(settings: TrainingSettings, report: DatasetReport) -> SongRequest | None:
    """The one request of a run; None where it makes no songs.

    Unless the settings say otherwise, it is the stretch of the first held-out song, else of the first song, with the
    most changes of part in twenty seconds.

    Raises:
        PromptError: `sample_structure` is no structure.
    """
    if not settings.sample_every_steps and settings.best_by != "structure":
        return None
    song = (report.held_out or report.songs)[0]
    if settings.sample_structure.strip():
        tempo = Tempo(song.bpm, read_meter(song.timesignature)) if song.bpm else None
        asked = SongRequest(events=parse_structure(settings.sample_structure, None, tempo), prompt=song.caption)
        for name in ("bpm", "keyscale", "timesignature", "vocal_language"):
            asked = asked.model_copy(update={name: getattr(song, name)})
    else:
        asked = _stretch_of(song, settings)
    named = {"prompt": settings.sample_caption} if settings.sample_caption.strip() else {}
    told = {"seed": settings.seed, "section_tags": settings.section_tags, "use_events": settings.events}
    return asked.model_copy(update={**told, **named})


def busiest(events: Sequence[Event], duration: float, longest: float = LONGEST) -> tuple[float, float]:
    """Start and end of the stretch of a song, at most `longest` seconds, in which most sections begin; the earliest."""
    starts = [event.start for event in sections(events)]
    last = max(0.0, duration - longest)
    places = sorted({min(max(0.0, at), last) for start in starts for at in (start, start - longest / 2)} | {0.0})
    start = max(places, key=lambda at: sum(at < start < at + longest for start in starts))
    return start, min(duration, start + longest)


def _stretch_of(song: TrainingSong, settings: TrainingSettings) -> SongRequest:
    """What a request for the busiest stretch of a song would say, in the words that training uses."""
    start, end = busiest(song.events, song.duration)
    crop = Crop(0, round(start * _PER_SECOND), round((end - start) * _PER_SECOND))
    words = crop_words(song, crop, _PER_SECOND, settings.section_tags and settings.events)
    inside = clip(rebase(song.events, start), end - start)
    events = [e for e in inside if e.is_moment or e.duration >= SLIVER]
    return SongRequest(events=events if settings.events else [], **vars(words))


@dataclass
class Sampler:
    """Makes the run's song again and again.

    Args:
        pipeline: that trains.
        request: what is asked for each time.
        card: of the adapter, for its vocabulary.
        settings: of the run.
        progress: where sentences go, and who asks for an end.
        reference: folder of annotated songs that teach the judge; None: nobody judges.
    """

    pipeline: "StructuredPipeline"
    request: SongRequest
    card: AdapterCard
    settings: TrainingSettings
    progress: Progress
    reference: Path | None = None
    _probe: "Probe | None" = field(default=None, init=False)  # one for the whole run: scores are compared

    @classmethod
    def of(
        cls,
        pipeline: "StructuredPipeline",
        report: DatasetReport,
        songs: Sequence[TrainingSong],
        vocabulary: tuple[str, ...],
        settings: TrainingSettings,
        progress: Progress,
    ) -> "Sampler | None":
        """What makes the songs that the settings ask for, if any; its judge has heard the demo songs."""
        request = sample_request(settings, report)
        if request is None:
            return None
        card = adapter_card(pipeline, songs, vocabulary, settings, {})
        reference = demo_folder() if settings.base_model == "starter" else None  # nobody knows another model's sound
        return cls(pipeline, request, card, settings, progress, reference)

    def due(self, step: int, saving: bool) -> bool:
        """Whether a song is made at this step: each so many, and at every checkpoint where the best is chosen by it."""
        every = self.settings.sample_every_steps
        by_song = saving and self.settings.best_by == "structure"
        return step > 0 and (by_song or (every > 0 and step % every == 0))

    def make(self, step: int, learner: Learner) -> float | None:
        """Make, write and judge the song of a step.

        Returns:
            its structure score from 0 to 1; None where none was made, or nobody could judge it.
        """
        began = time.perf_counter()
        try:
            with in_use(self.pipeline, self.card), learner.averaged():
                song = self.pipeline.generate(self.request, cancelled=self.progress.stopping)
            audio = sample_path(self.settings.output_dir, step)
            audio.with_suffix(".json").unlink(missing_ok=True)  # of a song of before: this one is not finished yet
            write_audio(audio, song.samples, song.sample_rate, form="FLAC")
            heard, said = self._judge(audio)
            self._write_sidecar(audio, song, step, heard, said)
        except Cancelled:
            return None
        except Exception as problem:  # hours of training are worth more than a song, whatever is wrong with it
            why = getattr(problem, "strerror", None) or problem
            self.progress.log(f"Step {step}: no song could be made or written ({why}); training goes on without it.")
            return None
        took = time.perf_counter() - began
        self.progress.log(f"Step {step}: made a song of {song.request.duration:.0f} s in {took:.1f} s. {said}")
        return None if heard is None else heard.rank

    def _judge(self, audio: Path) -> tuple[Heard | None, str]:
        """What the judge heard and says; None and the reason where nobody judges."""
        if not sections(self.request.events) or not self.request.use_events:
            return None, "Not judged: it was told no sections."
        if self.reference is None:
            return None, "Not judged: the judge knows the starter's sound alone."
        try:
            if self._probe is None:
                if self.reference == demo_folder():
                    make_demo(self.reference)  # there already, unless the page was never opened
                self._probe = judge_of(self.reference)
            heard = hear(audio, self.request.events, self._probe)
        except StudioError as problem:
            return None, f"Not judged: {problem}"
        return heard, heard.sentence()

    def _write_sidecar(self, audio: Path, song: "GeneratedSong", step: int, heard: Heard | None, said: str) -> None:
        request = song.request
        judged = {
            "step": step,
            "structure_score": None if heard is None else round(heard.rank, 4),
            "said": said,
            "heard": [event.to_dict() for event in heard.events] if heard else [],
        }
        made = {"model": self.pipeline.model_name, "seed": request.seed, "steps": request.steps}
        made |= {"shift": request.shift, "guidance_scale": request.guidance_scale, "gain_db": float(song.gain_db)}
        made |= {"event_guidance": request.event_guidance, "section_tags": request.section_tags}
        fields = {
            "caption": request.prompt,
            "lyrics": request.lyrics,
            "bpm": request.bpm,
            "keyscale": request.keyscale,
            "timesignature": request.timesignature or None,
            "vocal_language": request.vocal_language,
            "duration": round(len(song.samples) / song.sample_rate, 3),
            "generation": made,
            JUDGED: judged,
        }
        save_sidecar(with_events(with_fields(read_sidecar(audio), **fields), request.events), overwrite=True)


@contextmanager
def in_use(pipeline: "StructuredPipeline", card: AdapterCard) -> Iterator[None]:
    """Within the block the pipeline makes songs with the adapter that it trains; after it, it trains as before."""
    encoder = pipeline.conditioning.encoder
    parts = [pipeline.pipe.transformer, *([encoder] if encoder is not None else [])]
    modes = [(module, module.training) for part in parts for module in part.modules()]
    device = pipeline.device
    before = pipeline.card
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for part in parts:
            part.eval()
        pipeline.card = card
        try:
            yield
        finally:
            pipeline.card = before
            for module, mode in modes:
                module.training = mode
            if device.type == "cuda":
                torch.cuda.empty_cache()
