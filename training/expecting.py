"""A run's estimate in words: before the click, against the device's memory, and beside what the run then used."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from structure.errors import StudioError
from training.estimate import Estimate, Songs, estimate
from training.machine import find_device, peak_memory
from training.run_folder import RunState
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from training.dataset import DatasetReport
    from training.runs import Run


class TooLarge(StudioError):
    """A run that plainly cannot fit into the device's memory."""


def expected(settings: TrainingSettings, report: "DatasetReport", earlier: "Iterable[Run]") -> Estimate:
    """What a run on these songs will need on the device that its settings name."""
    return estimate(settings, Songs.of(report, settings), find_device(settings.device), earlier)


def noted(found: Estimate, settings: TrainingSettings, report: "DatasetReport") -> dict[str, Any]:
    """What the run's state keeps of its estimate; no time for one that goes on where another stopped."""
    songs = Songs.of(report, settings)
    return {
        "estimated_seconds": None if settings.resume_from else found.seconds,
        "estimated_memory": found.memory,
        "songs": (songs.one_pass, songs.count, songs.mean, songs.longest),
    }


def used(state: RunState, device: str, now: float) -> dict[str, Any]:
    """What the state keeps of what the run has taken; `now` in seconds since 1970."""
    return {"peak_memory": peak_memory(device), "took": now - (state.started or now)}


def require_memory(found: Estimate, settings: TrainingSettings) -> None:
    """Refuse a run that cannot fit, unless its settings say to try or nobody knows how large the model is.

    Raises:
        TooLarge: the device holds less than the run needs, by a margin.
    """
    if settings.memory_check and found.known and not found.fits:
        raise TooLarge(
            f"This run needs about {gigabytes(found.room)}, and {found.device.name} has "
            f"{gigabytes(found.device.memory)}: {_ways_out(settings)}, or choose a smaller base model. "
            "--no-memory-check tries it all the same."
        )


def in_words(found: Estimate) -> str:
    """`about 6 min, 1.2 GB`, and where that comes from."""
    if found.seconds is None:
        first = f"about {gigabytes(found.memory)}; how long it takes can be told after the first run here"
    else:
        first = f"about {rough_time(found.seconds)}, {gigabytes(found.memory)}"
        first += "" if found.like_before else ", by a short trial of this machine"
    if not found.known:
        first += "; the model's files are not here yet, so its size is taken from its name"
    if not found.fits:
        return f"{first}. It does not fit: {found.device.name} has {gigabytes(found.device.memory)}."
    if found.room > found.device.free:
        return f"{first}. Only {gigabytes(found.device.free)} are free now; other programs or a run hold the rest."
    return first + "."


def compared(state: RunState) -> str:
    """`Estimated 6 min, took 7 min; 1.2 GB, used 1.1 GB.`; empty where a run has no estimate or did not end well."""
    if state.status != "done" or state.peak_memory is None or state.estimated_memory is None or state.took is None:
        return ""
    time = f"took {rough_time(state.took)}"
    if state.estimated_seconds is not None:
        time = f"estimated {rough_time(state.estimated_seconds)}, {time}"
    return f"{time[0].upper()}{time[1:]}; {gigabytes(state.estimated_memory)}, used {gigabytes(state.peak_memory)}."


def gigabytes(count: float) -> str:
    """Bytes as `1.2 GB`, `24 GB`."""
    return f"{count / 1e9:.1f} GB" if count < 9.95e9 else f"{count / 1e9:.0f} GB"


def rough_time(seconds: float) -> str:
    """`40 s`, `6 min`, `2.5 h`: no finer than an estimate is."""
    if seconds < 90:
        return f"{max(1, round(seconds / 5)) * 5} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min" if seconds < 570 else f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72_000 else f"{seconds / 3600:.0f} h"


def _ways_out(settings: TrainingSettings) -> str:
    ways = [] if settings.gradient_checkpointing else ["turn on --gradient-checkpointing"]
    ways += [f"lower --batch-size (now {settings.batch_size})"] if settings.batch_size > 1 else []
    ways += ["shorten the crops (--crop-min-sec, --crop-max-sec)"] if settings.crops is None else []
    return ", ".join([*ways, f"lower --lora-rank (now {settings.lora_rank})"])
