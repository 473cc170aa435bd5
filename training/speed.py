"""How fast a device is, where no run has told it yet: a trial of matrix products, kept for a day.

`python -m training.speed WIDTH` is the trial on CUDA, a process of its own, since the page holds no torch.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from structure.files import write_whole
from structure.json_reading import read_json
from training.latents import default_cache
from training.machine import Device

ROWS = 2000  # tokens, as a batch of training has them
_FILE = "speed.json"
_KEPT_SECONDS = 86_400.0
_TRIAL_SECONDS = 0.3
_SHARE = {"cpu": 0.34, "cuda": 0.25}
"""What training reaches of the products tried: on a CPU by 30 starter steps on two idle cores, on CUDA assumed."""


def trial_rate(device: Device, width: int) -> float | None:
    """Multiplications and additions a second that training will reach; None where it cannot be tried.

    Args:
        device: a processor or a CUDA device.
        width: of the model's tokens: small products are slower.
    """
    if device.kind not in _SHARE:
        return None
    path, key = default_cache() / _FILE, f"{device.kind} {device.name} {width}"
    kept = _read(path)
    try:
        found = kept[key]["rate"] if time.time() - kept[key]["when"] < _KEPT_SECONDS else None
    except (KeyError, TypeError):
        found = None
    if found is None:
        found = products_on_cpu(width) if device.kind == "cpu" else _asked_elsewhere(width)
        if found is None:
            return None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps({**kept, key: {"rate": found, "when": time.time()}}).encode(), durable=False)
        except OSError:  # then it is tried again
            pass
    return found * _SHARE[device.kind]


def products_on_cpu(width: int) -> float:
    """The fastest of some products of tokens with a layer's weights on one core, times the cores; operations a second.

    On one core, since threads that wait for one another are many times slower where other programs are at work.
    """
    from threadpoolctl import threadpool_limits

    tokens = np.ones((ROWS, width), dtype=np.float32)
    weights = np.ones((width, 2 * width), dtype=np.float32)
    with threadpool_limits(1):
        fastest = _fastest(lambda: tokens @ weights)
    return 4 * ROWS * width * width / fastest * (os.cpu_count() or 1)


def products_on_cuda(width: int) -> float:
    """The same in bfloat16 on CUDA."""
    import torch

    tokens = torch.ones(ROWS, width, device="cuda", dtype=torch.bfloat16)
    weights = torch.ones(width, 2 * width, device="cuda", dtype=torch.bfloat16)

    def product() -> None:
        tokens @ weights
        torch.cuda.synchronize()

    product()  # the first one sets CUDA up
    return 4 * ROWS * width * width / _fastest(product)


def _fastest(product: Callable[[], object]) -> float:
    """Seconds of the fastest of at least five, however long the machine keeps them waiting."""
    taken: list[float] = []
    until = time.perf_counter() + _TRIAL_SECONDS
    while len(taken) < 5 or time.perf_counter() < until:
        begin = time.perf_counter()
        product()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def _asked_elsewhere(width: int) -> float | None:
    command = [sys.executable, "-m", "training.speed", str(width)]
    root = Path(__file__).resolve().parent.parent
    try:
        return float(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=root).stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _read(path: Path) -> dict:
    try:
        found = read_json(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    print(products_on_cuda(int(sys.argv[1])))
