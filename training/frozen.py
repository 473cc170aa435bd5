"""What can be done to the frozen blocks before training: numbers of half the size, and code made for them."""

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def quantise(transformer: "nn.Module") -> None:
    """Keep the weights of every linear layer in the blocks as int8, each row with a scale of its own.

    What learns stays as it is. torchao does it, and peft lays its LoRA over such layers.
    """
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    warnings.filterwarnings("ignore", message="TorchaoLoraLinear was instantiated", category=UserWarning)
    quantize_(transformer.layers, Int8WeightOnlyConfig())


def compile_blocks(transformer: "nn.Module") -> str:
    """Compile each block's forward pass for any length; what hooks it, as the events do, stays outside.

    Returns:
        a sentence where no compiler can be found, and then nothing is changed; else "".
    """
    import torch

    try:
        torch.compile(lambda x: x * 2 + 1)(torch.ones(2, device=next(transformer.parameters()).device))
    except Exception as problem:  # each backend has errors of its own for a compiler that is missing or too old
        first = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        return f"torch.compile does not work here ({first}): training goes on without."
    for block in transformer.layers:
        block.forward = torch.compile(block.forward, dynamic=True)
    return ""
