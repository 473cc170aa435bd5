"""Whether a device or the machine ran out of memory."""

import torch


def is_out_of_memory(problem: BaseException) -> bool:
    """Most of torch says so in words only."""
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(problem).lower()
    return isinstance(problem, RuntimeError) and any(
        words in said for words in ("out of memory", "allocate memory", "alloc_failed")
    )
