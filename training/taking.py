"""A run takes its device, and waits for a song that is being generated there."""

import time

from training.device_lock import DeviceBusy, DeviceLock, holder, try_lock
from training.progress import Progress, Stopped

WAIT_FOR_DEVICE = 120.0  # seconds; a song being generated is done by then


def take_device(device: str, progress: Progress) -> DeviceLock:
    """Wait for a song that is being generated there; another run would take too long.

    Raises:
        DeviceBusy: the device is not to be had.
        Stopped: somebody asked the run to stop meanwhile.
    """
    deadline = time.monotonic() + WAIT_FOR_DEVICE
    while (lock := try_lock(device, f"training {progress.folder.name}", lasting=True)) is None:
        owner = holder(device)
        if owner is not None:
            if owner.lasting or time.monotonic() > deadline:
                raise DeviceBusy(f"{owner.sentence()} Wait for it to end, stop it, or choose another --device.")
            if progress.state.status != "waiting":
                progress.at("waiting", owner.sentence())
        if progress.stopping():
            raise Stopped
        time.sleep(0.2)
    return lock
