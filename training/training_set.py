"""Songs with their latents, and what augmentation makes of them: the one place that knows how a song sounds."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from training.crops import words_with_tags
from training.dataset import TrainingSong
from training.levels import at_other_levels
from training.rearrange import Arranged, rearrange


class TrainingSet:
    """What crops are cut from.

    Args:
        songs: to train on, then those held out.
        latents: of each song, one tensor (frames, channels) a gain; of those held out, the song itself.
        frame_rate: latent frames per second.
        n_held_out: how many songs at the end are only measured with.
        section_tags: whether lyrics without tags get those of their sections.
        gains_db: at which sections can be heard; 0, the song itself, first.
    """

    def __init__(
        self,
        songs: Sequence[TrainingSong],
        latents: Sequence[Sequence[Tensor]],
        frame_rate: float,
        n_held_out: int = 0,
        section_tags: bool = True,
        gains_db: Sequence[float] = (0.0,),
    ) -> None:
        self.songs = list(songs)
        self.latents = [list(copies) for copies in latents]
        self.frame_rate = frame_rate
        self.section_tags = section_tags
        self.gains_db = tuple(gains_db)
        self.held_out = range(len(songs) - n_held_out, len(songs))
        learned = range(len(songs) - n_held_out)
        self.one_pass = [number for number in learned for _ in range(songs[number].repeats)]
        self._arranged = lru_cache(maxsize=64)(self._arrange)  # a crop is measured when drawn and cut when made

    @property
    def channels(self) -> int:
        """Of the latents."""
        return self.latents[0][0].shape[1]

    @property
    def longest(self) -> int:
        """Latent frames of the longest song."""
        return max(len(copies[0]) for copies in self.latents)

    def heard(self, song: int, arrangement: int | None = None, levels: int | None = None) -> Arranged:
        """A song as one example hears it.

        Args:
            song: its number.
            arrangement: seed of a new order of its sections; None: as it is.
            levels: seed of its sections' levels; None: as they are.
        """
        if arrangement is not None or levels is not None:
            return self._arranged(song, arrangement, levels)
        latents = self.latents[song][0]
        return Arranged(self.songs[song], latents, torch.ones(len(latents)))

    def _arrange(self, song: int, arrangement: int | None, levels: int | None) -> Arranged:
        heard, latents = self.songs[song], self.latents[song][0]
        if levels is not None:
            rng = np.random.default_rng(levels)
            heard, latents = at_other_levels(heard, self.latents[song], self.gains_db, self.frame_rate, rng)
        if arrangement is None:
            return Arranged(heard, latents, torch.ones(len(latents)))
        if self.section_tags:  # while words and sections are in the order in which they were written
            heard = replace(heard, lyrics=words_with_tags(heard))
        return rearrange(heard, latents, self.frame_rate, np.random.default_rng(arrangement))
