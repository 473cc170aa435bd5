"""What a run measures at each step: loss, its bands, gradient norm, learning rate, pace and memory.

Reading a number waits for the device, so what a step leaves stays there, and a look reads many steps together.
"""

import time
from collections.abc import Sequence
from typing import Any

import psutil
import torch
from torch import Tensor

from training.batch import Batch
from training.processes import Processes
from training.step import BandSums, backward, band_losses, frames_of


class Meter:
    """Collects what each step measured until somebody looks.

    Args:
        device: of the model.
        edges: the times between the bands.

    Attributes:
        step_seconds: seconds a step between the last two looks; 0 before the first.
    """

    def __init__(self, device: torch.device, edges: tuple[float, float]) -> None:
        self.step_seconds = 0.0
        self._device, self._edges = device, torch.tensor(edges, device=device)
        self._steps: list[Tensor] = []
        self._rates: list[float] = []
        self._process = psutil.Process()
        self._began = time.perf_counter()

    def __len__(self) -> int:
        """Steps since the last look."""
        return len(self._steps)

    def backward(
        self, pipeline: Any, batches: Sequence[Batch], processes: Processes, parameters: Sequence[Tensor]
    ) -> None:
        """Gradients of one step, as `step.backward` makes them, and what their loss was, of all processes together.

        Args:
            pipeline: whose model learns.
            batches: what this process sees of the step.
            processes: that see it together.
            parameters: those that learn.
        """
        bands = BandSums(self._edges)
        loss = backward(pipeline, batches, sum(processes.exchange(frames_of(batches))), bands)
        crops = loss.new_tensor([float(sum(len(batch.t) for batch in batches))])
        self._steps.append(processes.add_up(parameters, torch.cat([loss[None], bands.sums.flatten(), crops])))

    def updated(self, norm: Tensor, rate: float) -> None:
        """Note the norm of the step's gradients before they were clipped, and the learning rate it was taken at."""
        self._steps[-1] = torch.cat([self._steps[-1], norm.to(self._steps[-1])[None]])
        self._rates.append(rate)

    def restart(self) -> None:
        """Count time from now on: what was done meanwhile was no step."""
        self._began = time.perf_counter()

    def look(self, step: int, total: int) -> list[dict[str, Any]]:
        """One point a step since the last look, ending with `step` of `total`; what pace and memory say is of now."""
        rows = torch.stack(self._steps).tolist()
        seconds = time.perf_counter() - self._began
        self.step_seconds = seconds / len(rows)
        now = {
            "seconds": self.step_seconds,
            "eta": self.step_seconds * (total - step),
            "crops_a_second": sum(row[-2] for row in rows) / seconds,
            "memory_mb": self._memory(),
        }
        first = step - len(rows) + 1
        points = []
        for number, (row, rate) in enumerate(zip(rows, self._rates, strict=True)):
            loss, *sums, _, norm = row
            bands = band_losses("loss", [sums[: len(sums) // 2], sums[len(sums) // 2 :]])
            points.append({"step": first + number, "loss": loss, **bands, "grad_norm": norm, "lr": rate, **now})
        self._steps.clear()
        self._rates.clear()
        self.restart()
        return points

    def _memory(self) -> float:
        """Megabytes: of the process, or on CUDA the most that this one has allocated there so far."""
        if self._device.type != "cuda":
            return self._process.memory_info().rss / 2**20
        return torch.cuda.max_memory_allocated(self._device) / 2**20
