"""Bands: what the loss is at much noise and at little, which are different things to learn.

The model is asked at times t from 0 (music) to 1 (noise). A band is a third of the times that a run trains at: at much
noise the outline of a song is decided (its form, its beat), at little noise only its fine sound is left to get right.
Nothing here needs torch: the page reads it too.
"""

import math
from statistics import NormalDist

from training.settings import TrainingSettings

BANDS = ("fine", "middle", "outline")  # from little noise to much
IN_WORDS = {
    "fine": "fine sound (little noise)",
    "middle": "in between",
    "outline": "outline: form and beat (much noise)",
}


def band_key(loss: str, band: str) -> str:
    """The name of a band's loss in `metrics.jsonl`, `held_out_loss_outline` say."""
    return f"{loss}_{band}"


def band_edges(settings: TrainingSettings) -> tuple[float, float]:
    """The two times between the three bands: each band holds a third of the times that training draws."""
    edges = []
    for share in (1 / 3, 2 / 3):
        if settings.timesteps == "schedule":
            t = share
        else:
            t = 1 / (1 + math.exp(-NormalDist(settings.timestep_mu, settings.timestep_sigma).inv_cdf(share)))
        edges.append(settings.shift * t / (1 + (settings.shift - 1) * t))  # as `acestep.flow.shifted`
    return edges[0], edges[1]
