"""A caption that a song keeps away from: in the guidance it takes the place of "nothing was said".

The pipeline compares what the text makes of a song with what the learned null condition makes of it. Within
`away_from` the second is what another caption makes of it, as in Stable Diffusion's negative prompts.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


@contextmanager
def away_from(transformer: nn.Module, hidden: Tensor) -> Iterator[None]:
    """Within the block, the unconditional row of a call hears `hidden` instead of the null condition.

    The two rows' conditions differ in length, so both are padded, and what was padded is masked: cross-attention would
    hear it. Enter this before other hooks that add rows: theirs are conditional ones, as long as the first.

    Args:
        transformer: that the pipeline calls with one row, or with two where text guides.
        hidden: the caption's condition (1, tokens, width).
    """
    masks: list[Tensor] = []  # of the call under way, bool (2, tokens); empty in a call without text guidance

    def before(module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        masks.clear()
        told = kwargs["encoder_hidden_states"]
        if len(told) != 2:
            return args, kwargs
        lengths = told.shape[1], hidden.shape[1]
        longest = max(lengths)
        rows = [pad(row, (0, 0, 0, longest - row.shape[1])) for row in (told[:1], hidden.to(told.device, told.dtype))]
        tokens = torch.arange(longest, device=told.device)
        masks.append(torch.stack([tokens < length for length in lengths]))
        return args, {**kwargs, "encoder_hidden_states": torch.cat(rows)}

    def mask_padding(module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        if not masks:
            return args, kwargs
        added = len(kwargs["hidden_states"]) - 2
        mask = torch.cat([masks[0], masks[0][:1].expand(added, -1)])[:, None, None, :]
        return args, {**kwargs, "attention_mask": mask}

    handles = [transformer.register_forward_pre_hook(before, with_kwargs=True)]
    handles += [b.cross_attn.register_forward_pre_hook(mask_padding, with_kwargs=True) for b in transformer.layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
