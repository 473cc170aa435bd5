"""Whether a device stopped working under a program: driver errors, a card that fell off its bus, failed assertions."""

import torch

_OF_DEVICES = ("cuda error", "hip error", "cudnn error", "cudnn_status", "cublas_status", "nccl error", "mps backend")


def is_broken_device(problem: BaseException) -> bool:
    """Newer torch has a class for it, older torch and libraries below it say it in words only."""
    if isinstance(problem, torch.AcceleratorError):
        return True
    said = str(problem).lower()
    return isinstance(problem, RuntimeError) and any(words in said for words in _OF_DEVICES)


def first_words(problem: BaseException) -> str:
    """What failed; torch adds a paragraph on how to debug kernels."""
    return str(problem).strip().partition("\n")[0].rstrip(". ")
