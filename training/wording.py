"""Which sections an example names by their type and which in words alone, so that words come to mean something."""

from collections.abc import Sequence

import numpy as np

from structure.events import Event

LABELS_LEFT_OUT = 0.3  # share of the labels beside a type, so that neither leans on the other


def in_other_words(events: Sequence[Event], share: float, rng: np.random.Generator) -> list[Event]:
    """The events with some types hidden behind words, as a request with a type of its own would tell them.

    A section in words alone is told by its label, or else as `chorus section`; its times stay.

    Args:
        events: of a song or crop.
        share: of sections that are told in words alone, 0 to 1.
        rng: draws them.
    """
    told = []
    for event in events:
        if not event.is_moment:
            alone, left_out = rng.random(2) < (share, LABELS_LEFT_OUT)
            if alone:
                words = event.label or f"{event.type} section"
                event = event.model_copy(update={"type": words, "label": None, "family": "section"})
            elif left_out:
                event = event.model_copy(update={"label": None})
        told.append(event)
    return told
