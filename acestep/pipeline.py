"""The structured pipeline: diffusers' ACE-Step pipeline plus timed events and an adapter.

Sampling, guidance and prompt template stay diffusers'; this adds the frame plan around a call, keeps
the gain that peak normalisation applied, and loads adapters with a check that they fit.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import torch

from acestep.adapter import (
    ENCODER_FILE,
    LORA_NAME,
    AdapterCard,
    AdapterError,
    dora_magnitudes,
    read_card,
    read_lora,
    require_base,
    require_numbers,
)
from acestep.conditioning import EventConditioning
from acestep.conditions import WordEncoder, event_plan
from acestep.event_encoder import EventEncoder
from acestep.loading import SamplingDefaults
from acestep.lokr import is_lokr, load_lokr
from acestep.negative import away_from
from structure.errors import StudioError, in_short
from structure.events import Event
from structure.language import parse_structure
from structure.lyrics import lyrics_with_tags, song_lyrics
from structure.plan import DEFAULT_VOCABULARY
from structure.sidecar import read_sidecar, save_sidecar, with_events, with_fields
from structure.tempo import Tempo, read_meter

if TYPE_CHECKING:
    from diffusers import AceStepPipeline

PEAK = 10 ** (-1 / 20)  # the pipeline normalises to a peak of -1 dBFS


class RequestError(StudioError):
    """A request that cannot become a song."""


class Cancelled(Exception):
    """The caller asked a running generation to stop."""


class SongRequest(pydantic.BaseModel):
    """All that makes a song; None takes the checkpoint's default."""

    events: list[Event] = []
    prompt: str = ""
    negative: str = ""  # a caption to keep away from
    lyrics: str = ""
    duration: float | None = None  # seconds; the last event's end when None
    bpm: int | None = None
    keyscale: str = ""
    timesignature: str = "4"
    vocal_language: str = "en"
    seed: int = 0
    steps: int | None = None
    shift: float | None = None
    guidance_scale: float | None = None
    event_guidance: float | None = None
    event_interval: tuple[float, float] | None = None
    event_strength: float | None = None
    section_tags: bool = True
    use_events: bool = True


@dataclass
class GeneratedSong:
    """A finished song: `samples` float32 (n, channels) with a peak of -1 dBFS, reached by `gain_db`."""

    samples: np.ndarray
    sample_rate: int
    gain_db: float
    request: SongRequest
    seconds: float

    def save(self, path: str | Path) -> Path:
        """Write the song (16 bit; the format by the name's ending) and, beside it, a sidecar with its events.

        Raises:
            SidecarError: a sidecar that lies there cannot be read.
            soundfile.LibsndfileError: the ending names no format, or the disk refuses.
        """
        import soundfile

        path = Path(path)
        soundfile.write(path, self.samples, self.sample_rate)
        words = ("lyrics", "bpm", "keyscale", "timesignature", "vocal_language")
        fields = {name: getattr(self.request, name) for name in words}
        sidecar = with_fields(read_sidecar(path), caption=self.request.prompt, duration=self.request.duration, **fields)
        save_sidecar(with_events(sidecar, self.request.events), overwrite=True)
        return path


class StructuredPipeline:
    """One loaded checkpoint, with an adapter and LoRAs beside it.

    For one thread at a time: the diffusers pipeline keeps state.
    """

    def __init__(self, pipe: "AceStepPipeline", model_name: str, model_hash: str, defaults: SamplingDefaults):
        self.pipe = pipe
        self.model_name = model_name
        self.model_hash = model_hash
        self.defaults = defaults
        self.conditioning = EventConditioning(pipe.transformer, None)
        self.card: AdapterCard | None = None
        self.adapter_folder: Path | None = None
        self.strength = 1.0
        self.beside: list[Path] = []  # adapters of which only the LoRA acts
        # of each LoRA that is a DoRA: magnitudes in use, at strength 0, at 1
        self._magnitudes: dict[str, list[tuple[torch.nn.Parameter, torch.Tensor, torch.Tensor]]] = {}

    @property
    def device(self) -> torch.device:
        return self.pipe._execution_device

    @property
    def sample_rate(self) -> int:
        return self.pipe.sample_rate

    @property
    def frame_rate(self) -> float:
        """Latent frames per second."""
        return self.pipe.latents_per_second

    def __call__(self, prompt: str = "", structure: str = "", **more: Any) -> GeneratedSong:
        """Make one song: `pipe("warm synthwave", structure="intro 0-4, verse 4-12", seed=7)`.

        Args:
            prompt: what it should sound like.
            structure: sections and moments in seconds, or in bars where `bpm` is given; empty: see `more`.
            more: other fields of `SongRequest`: `duration`, `lyrics`, `bpm`, `seed`, `steps`, `event_guidance` …

        Raises:
            PromptError: the structure has a typing mistake.
            RequestError: the request makes no sense.
        """
        if wrong := set(more) - set(SongRequest.model_fields):
            raise RequestError(f"`{min(wrong)}` is no field of a song: {', '.join(SongRequest.model_fields)}.")
        if structure:
            bpm = more.get("bpm")
            tempo = None if bpm is None else Tempo(bpm, read_meter(more.get("timesignature", "4")))
            more["events"] = parse_structure(structure, more.get("duration"), tempo)
        return self.generate(SongRequest(prompt=prompt, **more))

    def load_adapter(self, folder: Path) -> None:
        """Replace the adapter, and all beside it, by the one in `folder`.

        Raises:
            AdapterError: it is of another base, plan version or shape, or not whole.
        """
        folder = Path(folder)
        card = self._checked_card(folder)
        encoder = self._read_encoder(folder, card)
        if is_lokr(folder):
            self.unload_adapter()
            self._load_lokr(folder)
        else:
            lora = read_lora(folder, self.pipe.transformer)
            self.unload_adapter()
            self._load_lora(folder, LORA_NAME, *lora)
        self.conditioning = EventConditioning(self.pipe.transformer, encoder)
        self.card, self.adapter_folder = card, folder

    def add_adapter(self, folder: Path) -> None:
        """Load one more LoRA beside the adapter; times are told by the adapter's own event encoder alone.

        Raises:
            AdapterError: it is of another base or shape, or not whole; what was loaded before is unloaded.
        """
        folder = Path(folder)
        self._checked_card(folder)
        if is_lokr(folder) or (self.adapter_folder is not None and is_lokr(self.adapter_folder)):
            raise AdapterError(f"{folder.name}: a LoKr acts alone; nothing can lie beside it.")
        self._load_lora(folder, f"beside_{len(self.beside)}", *read_lora(folder, self.pipe.transformer))
        self.beside.append(folder)

    def _checked_card(self, folder: Path) -> AdapterCard | None:
        card = read_card(folder)
        if card is not None:
            require_base(card, folder.name, self.model_name, self.model_hash)
        return card

    def _load_lora(self, folder: Path, name: str, lora: dict[str, torch.Tensor], settings: dict | None) -> None:
        transformer = self.pipe.transformer
        try:
            transformer.load_lora_adapter(lora, metadata=settings, adapter_name=name)
        except (OSError, TypeError, ValueError, RuntimeError, KeyError) as problem:
            self.unload_adapter()
            raise AdapterError(f"{folder.name}: the LoRA cannot be loaded ({in_short(problem)}).") from problem
        transformer.eval()  # its new layers come in training mode, where dropout of another's LoRA would act
        found = dora_magnitudes(transformer, name)
        self._magnitudes[name] = [(m, frozen, m.detach().clone()) for m, frozen in found]

    def _load_lokr(self, folder: Path) -> None:
        try:
            load_lokr(folder, self.pipe.transformer, LORA_NAME)
        except AdapterError:
            self.unload_adapter()
            raise
        self.pipe.transformer.eval()
        self._magnitudes[LORA_NAME] = []

    def _read_encoder(self, folder: Path, card: AdapterCard | None) -> EventEncoder | None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if card is None or not card.has_events:
            return None
        text_width = self.pipe.text_encoder.config.hidden_size
        try:
            tensors = load_file(folder / ENCODER_FILE)
            hidden = len(tensors["to_hidden.bias"])  # adapters of before have a narrower one
            with torch.device("meta"):  # without memory: only what fits the weights that are there may take some
                encoder = EventEncoder.for_transformer(self.pipe.transformer, text_width, card.vocabulary, hidden)
            gains = {"gain": torch.ones(encoder.n_blocks)}  # as they are where an older file names none
            encoder.load_state_dict(gains | tensors, assign=True)
            require_numbers(folder / ENCODER_FILE, tensors)
        except AdapterError:
            raise
        except (KeyError, TypeError, RuntimeError) as problem:  # torch lists every tensor
            raise AdapterError(
                f"{folder.name}: {ENCODER_FILE} is of another version or model. Train the adapter again."
            ) from problem
        except (OSError, ValueError, SafetensorError) as problem:
            raise AdapterError(
                f"{folder.name}: {ENCODER_FILE} is damaged ({in_short(problem)}). Copy it again."
            ) from problem
        return encoder.float().to(self.device).eval().requires_grad_(False)

    def unload_adapter(self) -> None:
        """Back to the bare checkpoint."""
        if hasattr(self.pipe.transformer, "peft_config"):
            self.pipe.transformer.unload_lora()
        self._magnitudes = {}
        self.beside = []
        self.conditioning = EventConditioning(self.pipe.transformer, None)
        self.card = self.adapter_folder = None
        self.strength = 1.0

    def set_strength(self, strength: float, beside: Sequence[float] = ()) -> None:
        """Scale the adapter, LoRA and events alike; 0 is the bare checkpoint, 1 the adapter as trained.

        peft scales only A and B of a DoRA; its magnitudes go here from the frozen layer's own to the trained ones.

        Args:
            strength: of the adapter.
            beside: of each LoRA that `add_adapter` loaded, in order; those not named act as trained.
        """
        strengths = {LORA_NAME: strength}
        for place in range(len(self.beside)):
            strengths[f"beside_{place}"] = beside[place] if place < len(beside) else 1.0
        names = [name for name in strengths if name in getattr(self.pipe.transformer, "peft_config", {})]
        if names:
            self.pipe.transformer.set_adapters(names, [strengths[name] for name in names])
        for name in names:
            for magnitude, frozen, trained in self._magnitudes[name]:
                magnitude.data = torch.lerp(frozen, trained, strengths[name])
        self.strength = strength

    def complete(self, request: SongRequest) -> SongRequest:
        """The request with every default filled in.

        Raises:
            RequestError: no length is given and no event tells one, or a value makes no sense.
        """
        duration = request.duration or max((e.end for e in request.events), default=None)
        if duration is None:
            raise RequestError(
                "The song's length is unknown: write a structure such as `verse 0-8`, or give a duration."
            )
        if not 1 <= duration <= 600:
            raise RequestError(f"A song of {duration:g} s cannot be made: give a length from 1 to 600 seconds.")
        late = [e for e in request.events if e.end > duration + 0.05]
        if late:
            raise RequestError(
                f"The {late[0].type} ends at {late[0].end:g} s, after the song's end at {duration:g} s. "
                "Lengthen the song or shorten the structure."
            )
        short = [e for e in request.events if e.is_section and e.duration < 1 / self.frame_rate - 1e-6]
        if short:
            raise RequestError(
                f"The {short[0].type} at {short[0].start:g} s lasts {short[0].duration:g} s, less than one of the "
                f"model's frames ({1 / self.frame_rate:g} s): it would not be heard. Make it longer, or a moment."
            )
        if request.steps is not None and not 1 <= request.steps <= 200:
            raise RequestError(f"{request.steps} steps make no sense: give 1 to 200.")
        if request.negative and self.pipe.is_turbo:
            raise RequestError(
                "A turbo checkpoint takes no guidance, so it cannot keep away from a caption: leave it out."
            )
        filled = {"duration": float(duration)}
        for name in ("steps", "shift", "guidance_scale", "event_guidance", "event_interval", "event_strength"):
            if getattr(request, name) is None:
                filled[name] = getattr(self.defaults, name)
        completed = request.model_copy(update=filled)
        if completed.negative and completed.guidance_scale <= 1:
            raise RequestError(
                f"A song keeps away from a caption by its guidance, which is off at {completed.guidance_scale:g}. Give "
                "more than 1."
            )
        return completed

    def generate(
        self,
        request: SongRequest,
        on_step: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> GeneratedSong:
        """Make one song.

        Args:
            on_step: told (steps done, steps in all) after each step.
            cancelled: asked after each step; true stops the song.

        Raises:
            RequestError: the request makes no sense.
            Cancelled: `cancelled` said so.
        """
        request = self.complete(request)
        begin = time.perf_counter()
        latents = self.sample(request, on_step, cancelled)
        samples, gain_db = self._decode(latents, request.duration)
        return GeneratedSong(samples, self.sample_rate, gain_db, request, time.perf_counter() - begin)

    def sample(
        self,
        request: SongRequest,
        on_step: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        **task: Any,
    ) -> torch.Tensor:
        """Latents (1, frames, channels) of a completed request.

        Args:
            on_step, cancelled: as for `generate`.
            task: what the diffusers pipeline takes for another task than making a song of nothing.

        Raises:
            Cancelled: `cancelled` said so.
        """

        def after_step(pipe: Any, step: int, timestep: float, tensors: dict) -> dict:
            if on_step:
                on_step(step + 1, request.steps)
            if cancelled and cancelled():
                raise Cancelled
            return tensors

        lyrics = song_lyrics(request.lyrics, request.events) if request.use_events else request.lyrics
        if request.section_tags and request.use_events:
            lyrics = lyrics_with_tags(lyrics, request.events)
        n_frames = math.ceil(request.duration * self.frame_rate)
        steered = self._steered(request, n_frames) if request.use_events and request.events else nullcontext()
        with self._kept_away(request), steered:
            return self.pipe(
                prompt=request.prompt,
                lyrics=lyrics,
                audio_duration=request.duration,
                vocal_language=request.vocal_language,
                num_inference_steps=request.steps,
                guidance_scale=request.guidance_scale,
                shift=request.shift,
                latents=self._noise(n_frames, request.seed),
                bpm=request.bpm,
                keyscale=request.keyscale,
                timesignature=request.timesignature,
                output_type="latent",
                callback_on_step_end=after_step,
                **task,
            ).audios

    def _noise(self, n_frames: int, seed: int) -> torch.Tensor:
        """What the pipeline would draw, (1, n_frames, channels).

        Left to itself, it turns the length into seconds and back, rounds that up, and fails for one length in twenty:
        218 / 25 * 25 is a little over 218.
        """
        from diffusers.utils.torch_utils import randn_tensor

        shape = (1, n_frames, self.pipe.transformer.config.audio_acoustic_hidden_dim)
        generator = torch.Generator().manual_seed(seed)
        return randn_tensor(shape, generator, self.device, self.pipe.transformer.dtype)

    def _kept_away(self, request: SongRequest) -> Any:
        if not request.negative:
            return nullcontext()
        return away_from(self.pipe.transformer, WordEncoder(self.pipe)(request.negative, "", request.duration).hidden)

    def _steered(self, request: SongRequest, n_frames: int) -> Any:
        if self.conditioning.encoder is None:
            return nullcontext()
        vocabulary = self.card.vocabulary if self.card else DEFAULT_VOCABULARY
        plan = event_plan([request.events], n_frames, self.frame_rate, vocabulary, WordEncoder(self.pipe))
        strength = request.event_strength * self.strength
        return self.conditioning.sampling(plan, request.event_guidance, request.event_interval, strength)

    @torch.no_grad()
    def _decode(self, latents: torch.Tensor, duration: float) -> tuple[np.ndarray, float]:
        """Samples (n, channels) normalised as the diffusers pipeline does it, and the gain that took, in dB."""
        audio = self.pipe.vae.decode(latents.transpose(1, 2).to(self.pipe.vae.dtype)).sample.float()
        gain = 1.0
        if (peak := audio.abs().max()) > 1:  # two steps, as diffusers takes them, so that every bit agrees
            audio, gain = audio / peak, 1 / peak.item()
        scale = PEAK / audio.abs().max().clamp(min=1e-6)
        samples = (audio * scale)[0].T.cpu().numpy()
        return samples[: round(duration * self.sample_rate)], 20 * math.log10(gain * scale.item())
