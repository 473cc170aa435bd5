"""Puts timed events into the transformer by hooks, and gives them a guidance scale of their own.

The diffusers pipeline keeps its sampling loop and its APG to itself; three kinds of hook reach the
transformer from outside, live only inside a `with` block, and leave nothing behind. Inside the
guidance interval each call runs the conditional rows twice, without and with events, and adds
guidance * (v(text, events) - v(text)) to every row that the pipeline sees, then brings the row back
to the level that it has at guidance 1: a push makes velocities larger, and songs that started too
large sound less like real ones (docs/structure-control.md). So APG still compares text with no
text, and the push of the events is not cut by APG's norm limit.

Source of the rescaling: Lin et al., "Common Diffusion Noise Schedules and Sample Steps Are Flawed", 2024, section 3.4.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from acestep.event_encoder import EventEncoder, EventPlan

PER_ROW_INPUTS = ("hidden_states", "timestep", "timestep_r", "encoder_hidden_states", "context_latents")


class EventConditioning:
    """A transformer together with the encoder of the events that steer it."""

    def __init__(self, transformer: nn.Module, encoder: EventEncoder | None):
        self.transformer = transformer
        self.encoder = encoder

    @contextmanager
    def training(self, plan: EventPlan, keep: Tensor | None = None) -> Iterator[None]:
        """Within the block, the transformer hears `plan`, with gradients.

        Args:
            keep: bool (batch,); rows where it is false hear no events at all (event dropout).
        """
        with self.encoder(plan, keep).on(self.transformer):
            yield

    @contextmanager
    def sampling(
        self, plan: EventPlan, guidance: float = 1.0, interval: tuple[float, float] = (0.0, 1.0), strength: float = 1.0
    ) -> Iterator[None]:
        """Within the block, the pipeline's calls of the transformer follow `plan`.

        The pipeline calls with n rows, or with 2n where text guidance adds n unconditional ones; n is
        the plan's batch. Where t lies in `interval`, n rows with events join them for the guidance;
        elsewhere events simply act on every row, which is guidance 1 at no cost.

        Args:
            plan: of n songs.
            guidance: scale of v(text, events) - v(text), whose level stays that of guidance 1; 0 switches events off.
            interval: lowest and highest t (1 is noise, 0 is music) at which `guidance` acts.
            strength: factor on the residual itself.
        """
        if guidance == 0 or strength == 0:
            yield
            return
        with torch.no_grad():
            residual = self.encoder(plan.to(self.encoder.device)).scaled(strength)
        n = len(plan.numbers)
        running: list[
            tuple[ExitStack, int]
        ] = []  # the call under way: its hooks, and the rows that the pipeline asked for

        def before(module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
            low, high = interval
            rows = kwargs["hidden_states"].shape[0]
            guided = guidance != 1 and low <= float(kwargs["timestep"][0]) <= high
            stack = ExitStack()
            running.append((stack, rows))
            if not guided:
                stack.enter_context(residual.repeated(rows // n).on(module))
                return args, kwargs
            stack.enter_context(residual.on(module, slice(rows, None)))
            repeated = {k: torch.cat([kwargs[k], kwargs[k][:n]]) for k in PER_ROW_INPUTS}
            return args, {**kwargs, **repeated}

        def after(module: nn.Module, args: tuple, kwargs: dict, output: Any) -> Any:
            stack, asked = running.pop()
            stack.close()
            velocity = output[0]
            if velocity.shape[0] == asked:
                return output
            told = (velocity[asked:] - velocity[:n]).repeat(asked // n, 1, 1)  # what events change
            pushed = velocity[:asked] + guidance * told
            return (pushed * (_level(velocity[:asked] + told) / _level(pushed)),)

        handles = [
            self.transformer.register_forward_pre_hook(before, with_kwargs=True),
            self.transformer.register_forward_hook(after, with_kwargs=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            for stack, _ in running:  # a call that raised on its way
                stack.close()


def _level(velocity: Tensor) -> Tensor:
    """Standard deviation of each row, (batch, 1, 1)."""
    return velocity.std(dim=(1, 2), keepdim=True)


@contextmanager
def masked_cross_attention(transformer: nn.Module, mask: Tensor) -> Iterator[None]:
    """Within the block, padding in the condition has no effect: a padded batch equals its songs one by one.

    The transformer itself passes no mask to cross-attention.

    Args:
        mask: bool (batch, condition tokens), true where a token is real.
    """
    attention_mask = mask[:, None, None, :]

    def set_mask(module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        return args, {**kwargs, "attention_mask": attention_mask}

    handles = [b.cross_attn.register_forward_pre_hook(set_mask, with_kwargs=True) for b in transformer.layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
