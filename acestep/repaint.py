"""One span of a song made anew by the model, which hears the rest of the song while it does so.

The diffusers pipeline would hand back a whole song, encoded, decoded and normalised once more. Here only the span
leaves the model, decoded with as much context as the codec can hear; whoever asks puts it into the song's own samples.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from acestep.pipeline import RequestError, SongRequest, StructuredPipeline

CONTEXT = 2.0  # seconds of latents on either side of what is decoded


@dataclass(frozen=True)
class Span:
    """Samples made anew: float32 (n, channels) at the level of `source`, to be laid at sample `first` of the song."""

    first: int
    samples: np.ndarray


def repaint(
    pipeline: StructuredPipeline,
    request: SongRequest,
    source: np.ndarray,
    start: float,
    end: float,
    margin: float = 0.0,
    on_step: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Span:
    """Make the seconds from `start` to `end` of a song anew.

    Args:
        pipeline: loaded, with the adapter that is to steer.
        request: of the whole song; its events say what the span shall be, its length is that of `source`.
        source: float (n, channels) at the pipeline's sample rate and at the codec's own level, that is before the gain
            of peak normalisation; what lies in the span does not matter.
        start: seconds.
        end: seconds.
        margin: seconds more on either side that are handed back, for a cross-fade.
        on_step: told (steps done, steps in all).
        cancelled: asked after each step.

    Raises:
        RequestError: the span does not lie in the song, or is shorter than a latent frame.
        Cancelled: `cancelled` said so.
    """
    rate, frame_rate = pipeline.sample_rate, pipeline.frame_rate
    per_frame = round(rate / frame_rate)
    duration = len(source) / rate
    first_frame, last_frame = (
        int(start * frame_rate),
        min(math.ceil(end * frame_rate), math.ceil(duration * frame_rate)),
    )
    if not 0 <= start < end <= duration + 1 / frame_rate or last_frame <= first_frame:
        raise RequestError(
            f"The span from {start:g} to {end:g} s cannot be made anew in a song of {duration:g} s: give a span of the "
            f"song of at least {1 / frame_rate:g} s."
        )
    n_frames = math.ceil(len(source) / per_frame)
    padded = np.zeros((n_frames * per_frame, source.shape[1]), np.float32)
    padded[: len(source)] = source
    request = pipeline.complete(request.model_copy(update={"duration": n_frames / frame_rate}))
    with torch.random.fork_rng():
        torch.manual_seed(request.seed)  # the pipeline encodes the source with torch's own randomness
        latents = pipeline.sample(
            request,
            on_step,
            cancelled,
            task_type="repaint",
            src_audio=torch.from_numpy(padded.T.copy()),
            repainting_start=first_frame / frame_rate + 1e-6,
            repainting_end=last_frame / frame_rate + 1e-6,
        )
    begin, stop = max(0, round((start - margin) * rate)), min(len(source), round((end + margin) * rate))
    return Span(begin, _decoded(pipeline, latents, begin, stop, per_frame))


@torch.no_grad()
def _decoded(pipeline: StructuredPipeline, latents: torch.Tensor, begin: int, stop: int, per_frame: int) -> np.ndarray:
    """Samples `begin` to `stop` of latents (1, frames, channels), as decoding all of them would give."""
    context = math.ceil(CONTEXT * pipeline.frame_rate)
    low = max(0, begin // per_frame - context)
    high = min(latents.shape[1], math.ceil(stop / per_frame) + context)
    audio = pipeline.pipe.vae.decode(latents[:, low:high].transpose(1, 2).to(pipeline.pipe.vae.dtype)).sample.float()
    samples = functional.pad(audio[0], (0, max(0, stop - low * per_frame - audio.shape[-1]))).T
    return samples[begin - low * per_frame : stop - low * per_frame].cpu().numpy()
