"""What learns: the trained tensors, their optimizer, and the moving average of them that becomes the adapter."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor

from training.settings import TrainingSettings


@dataclass
class Learner:
    """`parameters` by name, all of them in `optimizer`; `average` is None where the adapter is the last weights."""

    parameters: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    average: EMAModel | None = None

    @classmethod
    def of(
        cls, parameters: dict[str, Tensor], optimizer: torch.optim.Optimizer, settings: TrainingSettings
    ) -> "Learner":
        """A learner with the average that the settings ask for."""
        average = EMAModel(parameters.values(), decay=settings.ema_decay) if settings.ema_decay else None
        return cls(parameters, optimizer, average)

    def update(self, rate: float, max_grad_norm: float) -> Tensor:
        """Take one step along the gradients, clipped to a norm of `max_grad_norm`, at `rate` of each peak rate.

        Returns:
            the norm before it was clipped, a scalar that nobody has waited for yet.
        """
        norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.step(self.parameters.values())
        return norm

    def digest(self) -> str:
        """Sixteen hexadecimal digits of every number that is learned and averaged."""
        found = hashlib.blake2b(digest_size=8)
        averages = [] if self.average is None else self.average.shadow_params
        for tensor in (*self.parameters.values(), *averages):
            found.update(tensor.detach().cpu().contiguous().numpy())
        return found.hexdigest()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block, the model works with the averaged weights, where there are any."""
        if self.average is None:
            yield
            return
        self.average.store(self.parameters.values())
        self.average.copy_to(self.parameters.values())
        try:
            yield
        finally:
            self.average.restore(self.parameters.values())
