"""Songs with their latents, and what augmentation makes of them: the one place that knows how a song sounds."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from training.crops import words_with_tags
from training.dataset import TrainingSong
from training.rearrange import Arranged, rearrange


class TrainingSet:
    """What crops are cut from.

    Args:
        songs: to train on, then those held out.
        latents: of each song, one tensor (frames, channels) a copy: the song itself, then quieter copies if any.
        frame_rate: latent frames per second.
        n_held_out: how many songs at the end are only measured with.
        section_tags: whether lyrics without tags get those of their sections.
    """

    def __init__(
        self,
        songs: Sequence[TrainingSong],
        latents: Sequence[Sequence[Tensor]],
        frame_rate: float,
        n_held_out: int = 0,
        section_tags: bool = True,
    ) -> None:
        self.songs = list(songs)
        self.latents = [list(copies) for copies in latents]
        self.frame_rate = frame_rate
        self.section_tags = section_tags
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

    def copies(self, song: int) -> int:
        """How many copies of a song there are, itself included."""
        return len(self.latents[song])

    def heard(self, song: int, arrangement: int | None = None, copy: int = 0) -> Arranged:
        """A song as one example hears it.

        Args:
            song: its number.
            arrangement: seed of a new order of its sections; None: as it is.
            copy: which of its copies.
        """
        if arrangement is not None:
            return self._arranged(song, arrangement, copy)
        latents = self.latents[song][copy]
        return Arranged(self.songs[song], latents, torch.ones(len(latents)))

    def _arrange(self, song: int, arrangement: int, copy: int) -> Arranged:
        rng = np.random.default_rng(arrangement)
        original = self.songs[song]
        if self.section_tags:  # while words and sections are in the order in which they were written
            original = replace(original, lyrics=words_with_tags(original))
        return rearrange(original, self.latents[song][copy], self.frame_rate, rng)
