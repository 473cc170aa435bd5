"""Sections at other levels: what an intensity means, heard from more examples than a dozen songs hold.

In a few songs a section's type tells its loudness nearly as well as its intensity does, so a model learns to read the
type. Here a section that has an intensity is heard as it is or quieter, and its intensity says so.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from structure.plan import first_frame
from training.dataset import TrainingSong

INTENSITY_DB = 12.0
"""By how much a section of intensity 1 is louder than one of 0; the starter's songs are made so."""


def at_other_levels(
    song: TrainingSong, copies: Sequence[Tensor], gains_db: Sequence[float], frame_rate: float, rng: np.random.Generator
) -> tuple[TrainingSong, Tensor]:
    """The song with each section at a level of its own.

    A section without an intensity stays as it is, and none goes below intensity 0.

    Args:
        song: events past the end of the latents are left as they are.
        copies: latents (frames, channels) of the whole song, one for each gain; the first is the song as it is.
        gains_db: 0 first, then below it.
        frame_rate: latent frames per second.
        rng: all the randomness there is.
    """
    latents = copies[0].clone()
    heard = []
    for event in song.events:
        if event.is_moment or event.intensity is None:
            heard.append(event)
            continue
        told = [event.intensity + gain / INTENSITY_DB for gain in gains_db]
        copy = int(rng.choice([i for i, intensity in enumerate(told) if i == 0 or intensity >= 0]))
        first, last = (first_frame(time, frame_rate) for time in (event.start, event.end))
        latents[first:last] = copies[copy][first:last]
        heard.append(event.model_copy(update={"intensity": told[copy]}))
    return replace(song, events=tuple(heard)), latents
