"""What this machine has for training: its device, the memory there, and what a run has used of it. No torch."""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Device:
    """Where a run computes.

    Attributes:
        kind: cpu, cuda or mps.
        name: as a person knows it.
        memory: bytes in all.
        free: bytes that nobody uses now.
    """

    kind: str
    name: str
    memory: int
    free: int

    @property
    def gigabytes(self) -> float:
        """Of memory in all, 10^9 bytes each."""
        return self.memory / 1e9


def find_device(asked: str = "auto") -> Device:
    """The device that `--device` names; `auto` takes a GPU that torch can use, then Apple's, then the processor."""
    kind, _, index = asked.partition(":")
    if kind in ("auto", "cuda") and (gpus := _gpus()):
        return gpus[min(int(index) if index.isdigit() else 0, len(gpus) - 1)]
    memory = psutil.virtual_memory()
    is_apple = sys.platform == "darwin" and os.uname().machine == "arm64"
    if kind == "mps" or (kind == "auto" and is_apple):
        return Device("mps", "Apple GPU", memory.total, memory.available)
    return Device("cpu", "this machine", memory.total, memory.available)


def peak_memory(device: str) -> int:
    """Bytes that this process has used at most: of CUDA what tensors took, else all that lay in the machine's memory.

    Args:
        device: as torch names it: cpu, mps, cuda, cuda:1.

    Linux counts for the program alone; the peak that `getrusage` tells begins with that of the process it came from.
    """
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    used = psutil.Process().memory_info()
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return getattr(used, "peak_wset", used.rss)


def _gpus() -> list[Device]:
    """Every NVIDIA GPU that this process may use, asked now; none where torch was built without CUDA."""
    if not _torch_has_cuda():
        return []
    query = ["nvidia-smi", "--query-gpu=index,uuid,name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
        rows = [[cell.strip() for cell in line.split(",")] for line in said.splitlines() if line.strip()]
        return [Device("cuda", name, int(total) * 2**20, int(free) * 2**20) for _, _, name, total, free in _seen(rows)]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def _seen(rows: list[list[str]]) -> list[list[str]]:
    """Rows of index, UUID, name, total and free memory, in the order in which CUDA numbers cards for this process.

    CUDA counts from the fastest unless CUDA_DEVICE_ORDER says as the driver does; of cards that differ, the one with
    the most memory is taken for it. CUDA_VISIBLE_DEVICES names some of that order, or UUIDs.
    """
    if os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        rows = sorted(rows, key=lambda row: -int(row[3]))
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return rows
    found = []
    for one in wanted.split(","):
        name = one.strip()
        if name.isdigit():
            named = rows[int(name) : int(name) + 1]
        elif name.startswith("MIG-"):  # a slice of a card that is not told here: nothing is refused for what fits there
            named = rows[:1]
        else:
            named = [row for row in rows if name and row[1].startswith(name)][:1]
        if not named:
            break  # CUDA too sees none of those after the first that is not there
        found += named
    return found


@lru_cache(maxsize=1)
def _torch_has_cuda() -> bool:
    """By its version, since importing it takes seconds; `+cpu` is what the wheels without CUDA are called."""
    try:
        return not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False
