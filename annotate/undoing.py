"""What undo reaches after a reload: the last states of a song's sidecar, as the timeline keeps them."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

from structure.history import states
from structure.sidecar import Sidecar, SidecarError, read_sidecar

STEPS = 30
MOST_BYTES = 256 << 10  # of all steps: a page should not wait for them


def undo_steps(sidecar: Sidecar) -> str:
    """Events and beats that a sidecar held before, oldest first, as JSON: `[{"events": […], "beats": …}, …]`.

    States that differ in other fields alone are one step.
    """
    steps: list[str] = []
    room = MOST_BYTES
    after = _step(sidecar)
    for state in islice(states(sidecar.path), STEPS):
        room -= state.size
        if room < 0:
            break
        step = _read(state.path)
        if step is not None and step != after:
            steps.append(after := step)
    return f"[{', '.join(reversed(steps))}]"


def _read(path: Path) -> str | None:
    try:
        return _step(read_sidecar(path))
    except SidecarError:  # damaged when it was kept
        return None


def _step(sidecar: Sidecar) -> str:
    told: dict[str, Any] = {"events": [event.to_dict() for event in sidecar.events]}
    return json.dumps(told | {"beats": sidecar.beats and sidecar.beats.to_dict()}, ensure_ascii=False)
