"""What the base model does that was taught to it in words, without any adapter."""

from __future__ import annotations

import numpy as np
import torch

from acestep.pipeline import StructuredPipeline
from acestep.starter.captions import PHRASES
from acestep.starter.songs import StarterSong
from benchmarks.structure.trial import NO_EVENTS, held_out_songs, judge, request
from evaluation.features import log_mel
from structure.events import label_at

SECONDS = 8.0  # of a song that is one section from end to end
REPAINT_OF, REPAINTED = 17.0, (6.0, 12.0)  # seconds: of a song, and those of them that are made anew


def sections_by_words(pipeline: StructuredPipeline, songs: int) -> dict[str, float]:
    """Share of frames heard as the section that a tag in the lyrics, or a phrase in the caption, asks for."""
    made = held_out_songs(songs)
    shares: dict[str, list[float]] = {"by a section tag": [], "by a phrase in the caption": [], "unasked": []}
    for kind, phrases in PHRASES.items():
        for number, song in enumerate(made):
            said = phrases[number % len(phrases)].format(**vars(song.band))
            shares["by a section tag"].append(_heard_as(pipeline, kind, song, number, lyrics=f"[{kind.title()}]"))
            prompt = f"{song.sidecar['caption']} {said[0].upper()}{said[1:]}."
            shares["by a phrase in the caption"].append(_heard_as(pipeline, kind, song, number, prompt=prompt))
            shares["unasked"].append(_heard_as(pipeline, kind, song, number))
    return {name: float(np.mean(found)) for name, found in shares.items()}


def _heard_as(pipeline: StructuredPipeline, kind: str, song: StarterSong, seed: int, **changes: str) -> float:
    asked = request(song.sidecar, NO_EVENTS, seed, **({"events": [], "duration": SECONDS, "lyrics": ""} | changes))
    made = pipeline.generate(asked)
    heard = judge().listener.probe.label_mel(log_mel(made.samples, made.sample_rate), SECONDS)
    labels = label_at(heard, np.arange(0.5, SECONDS - 0.5, 0.1))
    return float(np.mean([label == kind for label in labels]))


def repainted(pipeline: StructuredPipeline, songs: int) -> dict[str, float]:
    """Correlation of a repainted song's mel levels with its source's, where it was kept and where it was made anew."""
    kept, new = [], []
    for number, song in enumerate(held_out_songs(songs, 18.0)):
        samples = song.samples[: int(REPAINT_OF * song.sample_rate)]  # whole latent frames, as the pipeline counts them
        source = torch.from_numpy(samples)[None]
        result = pipeline.pipe(
            prompt=song.sidecar["caption"], lyrics="", audio_duration=REPAINT_OF, num_inference_steps=25,
            guidance_scale=2.0, shift=2.0, task_type="repaint", src_audio=source, repainting_start=REPAINTED[0],
            repainting_end=REPAINTED[1], bpm=song.sidecar["bpm"], keyscale=song.sidecar["keyscale"],
            generator=torch.Generator().manual_seed(number),
        ).audios  # fmt: skip
        heard = log_mel(result[0].cpu().numpy().reshape(-1, 1), pipeline.sample_rate)
        there = log_mel(samples[:, None], song.sample_rate)
        n = min(len(heard), len(there))
        inside = np.linspace(0, REPAINT_OF, n)
        inside = (inside >= REPAINTED[0]) & (inside < REPAINTED[1])
        kept.append(np.corrcoef(heard[:n][~inside].ravel(), there[:n][~inside].ravel())[0, 1])
        new.append(np.corrcoef(heard[:n][inside].ravel(), there[:n][inside].ravel())[0, 1])
    return {"repaint, kept span": float(np.mean(kept)), "repaint, new span": float(np.mean(new))}
