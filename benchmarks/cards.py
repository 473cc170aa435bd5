"""What graphics cards can compute at most: dense bf16 with float32 sums, in TFLOPS, from their makers' data sheets.

Data sheets of recent cards print the figure with sparsity, which is twice this one.
"""

from __future__ import annotations

PEAKS: tuple[tuple[str, float, str], ...] = (
    ("H200", 989.0, "NVIDIA H200 data sheet, SXM: 1,979 with sparsity"),
    ("H100 PCIe", 756.0, "NVIDIA H100 data sheet, PCIe: 1,513 with sparsity"),
    ("H100", 989.0, "NVIDIA H100 data sheet, SXM: 1,979 with sparsity"),
    ("A100", 312.0, "NVIDIA A100 data sheet"),
    ("L40S", 362.0, "NVIDIA L40S data sheet: 733 with sparsity"),
    ("L4", 121.0, "NVIDIA L4 data sheet: 242 with sparsity"),
    ("RTX 4090", 165.0, "NVIDIA Ada whitepaper, float32 sums"),
)
"""Part of the name that torch gives a card, its peak and where that stands; the first that fits counts."""
_SLOWER = {"NVL", "Laptop", "D"}  # words of cards that share a name in the table but not its figure


def peak_of(card: str) -> tuple[float, str] | None:
    """Peak in TFLOPS and its source; None for a card that is not in the table.

    Args:
        card: as torch names it, such as `NVIDIA H100 80GB HBM3`.
    """
    words = card.replace("-", " ").split()
    if _SLOWER & set(words):
        return None
    for name, peak, source in PEAKS:
        wanted = name.split()
        if all(word in words for word in wanted):
            return peak, source
    return None
